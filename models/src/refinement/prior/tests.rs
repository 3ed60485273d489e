use calibration::so3::{exp, to_rows};
use nalgebra::{SVector, Vector3};
use proptest::prelude::*;

use super::super::descent::rotation;
use super::super::scene::{box_of, corners, drawn};
use super::*;

/// Central differences of a function of the six numbers of a step, in f64.
fn slopes<const N: usize>(at: impl Fn(&Vector6<f64>) -> SVector<f64, N>, sizes: [f64; 6]) -> [SVector<f64, N>; 6] {
    std::array::from_fn(|parameter| {
        let step = Vector6::from_fn(|row, _| if row == parameter { sizes[parameter] } else { 0.0 });
        (at(&step) - at(&-step)) / (2.0 * sizes[parameter])
    })
}

fn information(entries: [f64; 9]) -> Matrix3<f64> {
    let root = Matrix3::from_row_slice(&entries);
    root * root.transpose() + Matrix3::identity()
}

proptest! {
    #[test]
    fn the_rotation_prior_has_the_slope_of_its_value(
        mean in prop::array::uniform3(-3.0..3.0f64),
        away in prop::array::uniform3(-0.25..0.25f64),
        entries in prop::array::uniform9(-5.0..5.0f64),
    ) {
        let (mean, away) = (exp(&Vector3::from(mean)), Vector3::from(away));
        let prior = RotationPrior { mean, information: information(entries) };
        let here = exp(&away) * mean;
        let value = |step: &Vector6<f64>| {
            SVector::<f64, 1>::new(prior.at(&(exp(&step.fixed_rows::<3>(0).into_owned()) * here)).cost)
        };
        let quadratic = prior.at(&here);
        prop_assert!((quadratic.cost - 0.5 * away.dot(&(prior.information * away))).abs() < 1e-9 * (1.0 + quadratic.cost));
        // What is left out grows with the square of the distance.
        let most = 1e-5 + 0.6 * away.norm() * (prior.information * away).norm();
        for (parameter, slope) in slopes(value, [1e-5; 6]).into_iter().enumerate() {
            prop_assert!((quadratic.gradient[parameter] - slope[0]).abs() < most);
        }
        // Gauss-Newton: half the square of the residual `root log(..)`.
        let expected = prior.information;
        prop_assert_eq!(quadratic.hessian.fixed_view::<3, 3>(0, 0).into_owned(), expected);
        prop_assert_eq!(quadratic.hessian.sum(), expected.sum());
    }

    /// Where all axes are known equally well, the slope is exact at any distance; and it is through `Placement::stepped`.
    #[test]
    fn an_equal_rotation_prior_is_exact(
        mean in prop::array::uniform3(-3.0..3.0f64),
        away in prop::array::uniform3(-1.0..1.0f64),
        strength in 0.1..100.0f64,
    ) {
        let mean = exp(&Vector3::from(mean));
        let prior = RotationPrior { mean, information: Matrix3::identity() * strength };
        let here = exp(&Vector3::from(away)) * mean;
        let placement = Placement { rotation: to_rows(&here), scale: 5.0, nearness: 0.05, centre: [14.0, 8.0], slant: [0.4, 0.1] };
        let value = |step: &Vector6<f64>| {
            let stepped = placement.stepped(&step.map(|v| v as f32).into());
            SVector::<f64, 1>::new(prior.at(&rotation(&stepped)).cost)
        };
        let quadratic = prior.at(&here);
        for (parameter, slope) in slopes(value, [1e-2; 6]).into_iter().enumerate() {
            prop_assert!((quadratic.gradient[parameter] - slope[0]).abs() < 2e-3 * strength, "{}", parameter);
        }
    }

    #[test]
    fn the_box_prior_has_the_slope_of_its_value(
        turn in prop::array::uniform3(-3.0..3.0f64),
        half in prop::array::uniform3(0.3..3.0f64),
        (radii, scale) in (3.0..40.0f64, 2.0..12.0f64),
        shifts in prop::array::uniform4(-4.0..4.0f64),
        is_edge in prop::array::uniform4(prop::bool::ANY),
        slant in prop::array::uniform2(-0.7..0.7f64),
    ) {
        const SIGMA: f64 = 0.05;
        let (points, here) = (corners(half), exp(&Vector3::from(turn)));
        let nearness = 1.0 / (radii * Vector3::from(half).norm());
        let centre = [14.0, 8.0];
        let edges = |step: &Vector6<f64>| {
            let turned = exp(&step.fixed_rows::<3>(0).into_owned()) * here;
            let grown = step[3].exp();
            let centre = [centre[0] + step[4], centre[1] + step[5]];
            // The camera stays: what moves across is seen from another side.
            let slant = [0, 1].map(|axis| slant[axis] + step[4 + axis] * nearness / scale);
            SVector::<f64, 4>::from(drawn(&points, &turned, scale * grown, nearness * grown, centre, slant))
        };
        let at = edges(&Vector6::zeros());
        let size = [at[2] - at[0], at[3] - at[1]];
        // Edges off by up to four deviations: on both sides of Huber's bound.
        let boxed: [f64; 4] = std::array::from_fn(|edge| at[edge] + shifts[edge] * SIGMA * size[edge % 2]);
        let box_cells = box_of(boxed);
        let spans = [box_cells.x2 - box_cells.x1, box_cells.y2 - box_cells.y1].map(f64::from);
        prop_assume!(spans.iter().all(|span| *span > 0.5));
        let residuals = |step: &Vector6<f64>| {
            let at = edges(step);
            let sides = [box_cells.x1, box_cells.y1, box_cells.x2, box_cells.y2].map(f64::from);
            SVector::<f64, 4>::from_fn(|edge, _| (at[edge] - sides[edge]) / (SIGMA * spans[edge % 2]))
        };
        let (fine, coarse) = (slopes(residuals, [1e-6; 6]), slopes(residuals, [1e-3; 6]));
        // Kinks, where another corner becomes the outermost, have no slope.
        prop_assume!(fine.iter().zip(&coarse).all(|(a, b)| (a - b).norm() < 0.02 * (1.0 + a.norm())));
        let now = residuals(&Vector6::zeros());
        prop_assume!(now.iter().all(|residual| (residual.abs() - HUBER).abs() > 1e-3));

        let outline: Vec<[f32; 3]> = points.iter().map(|p| [p.x as f32, p.y as f32, p.z as f32]).collect();
        let placement = Placement { rotation: to_rows(&here), scale: scale as f32, nearness: nearness as f32, centre: [14.0, 8.0], slant: slant.map(|v| v as f32) };
        let found = BoxPrior { box_cells, is_edge, sigma: SIGMA }.at(&outline, &placement);
        let (mut cost, mut gradient, mut hessian) = (0.0, Vector6::zeros(), Matrix6::zeros());
        for edge in (0..4).filter(|edge| is_edge[*edge]) {
            let slope = Vector6::from_fn(|parameter, _| fine[parameter][edge]);
            let size = now[edge].abs();
            cost += if size <= HUBER { 0.5 * size * size } else { HUBER * (size - 0.5 * HUBER) };
            gradient += slope * now[edge].clamp(-HUBER, HUBER);
            hessian += slope * slope.transpose() * (HUBER / size).min(1.0);
        }
        prop_assert!((found.cost - cost).abs() < 2e-3 * (1.0 + cost), "{} {}", found.cost, cost);
        prop_assert!((found.gradient - gradient).norm() < 2e-3 * (1.0 + gradient.norm()), "{} {}", found.gradient, gradient);
        prop_assert!((found.hessian - hessian).norm() < 4e-3 * (1.0 + hessian.norm()), "{} {}", found.hessian, hessian);
    }

    /// The same through `Placement::stepped`, as a descent moves: rounding to f32 leaves three digits.
    #[test]
    fn the_box_prior_moves_as_placements_step(turn in prop::array::uniform3(-3.0..3.0f64), shift in -0.03..0.03f64) {
        let (points, here) = (corners([2.2, 0.9, 0.7]), exp(&Vector3::from(turn)));
        let outline: Vec<[f32; 3]> = points.iter().map(|p| [p.x as f32, p.y as f32, p.z as f32]).collect();
        let sides = drawn(&points, &here, 5.0, 0.06, [14.0, 8.0], [0.4, 0.1]).map(|side| side + 10.0 * shift);
        let prior = BoxPrior { box_cells: box_of(sides), is_edge: [true; 4], sigma: 0.05 };
        let placement = Placement { rotation: to_rows(&here), scale: 5.0, nearness: 0.06, centre: [14.0, 8.0], slant: [0.4, 0.1] };
        let value = |step: &Vector6<f64>| {
            SVector::<f64, 1>::new(prior.at(&outline, &placement.stepped(&step.map(|v| v as f32).into())).cost)
        };
        let (now, gradient) = (value(&Vector6::zeros())[0], prior.at(&outline, &placement).gradient);
        for parameter in 0..6 {
            const STEP: f64 = 5e-4;
            let to = |step: f64| value(&Vector6::from_fn(|row, _| if row == parameter { step } else { 0.0 }))[0];
            let (ahead, behind) = ((to(STEP) - now) / STEP, (now - to(-STEP)) / STEP);
            let slope = 0.5 * (ahead + behind);
            // Where another corner becomes the outermost nearby, the slope is that of one side.
            if (ahead - behind).abs() < 0.15 * (1.0 + slope.abs()) {
                let error = (gradient[parameter] - slope).abs();
                prop_assert!(error < 0.1 * (1.0 + slope.abs()), "{} {} {}", parameter, gradient[parameter], slope);
            }
        }
    }
}

#[test]
fn without_an_edge_or_a_point_in_front_nothing_is_known() {
    let box_cells = BoxPx { x1: 2.0, y1: 3.0, x2: 20.0, y2: 12.0 };
    let prior = BoxPrior { box_cells, is_edge: [true; 4], sigma: 0.05 };
    let rotation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let placement = Placement { rotation, scale: 5.0, nearness: 0.5, centre: [9.0, 7.0], slant: [0.0; 2] };
    assert_eq!(prior.at(&[], &placement), Quadratic::default());
    assert_eq!(prior.at(&[[1.0, 1.0, -1.9]], &placement), Quadratic::default(), "behind the camera");
    let cut = BoxPrior { is_edge: [false; 4], ..prior };
    assert_eq!(cut.at(&[[1.0, 1.0, 1.0]], &placement), Quadratic::default());
    // The left edge alone pulls towards it: the point is at 9, the box begins at 2.
    let left = BoxPrior { is_edge: [true, false, false, false], ..prior }.at(&[[0.0; 3]], &placement);
    assert!(left.gradient[4] > 0.0 && left.gradient[5] == 0.0);
}

#[test]
fn an_uninformed_rotation_prior_is_zero() {
    let prior = RotationPrior { mean: Rotation::identity(), information: Matrix3::zeros() };
    assert_eq!(prior.at(&exp(&Vector3::new(0.5, -1.0, 0.25))), Quadratic::default());
}
