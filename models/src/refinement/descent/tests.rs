use calibration::so3::{exp, geodesic_angle, log};
use nalgebra::Vector3;
use proptest::prelude::*;

use super::*;

const START: Placement = Placement {
    // Trace zero: where a quaternion that was made of a matrix with rounding errors makes them larger.
    rotation: [[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]],
    scale: 5.0,
    nearness: 0.06,
    centre: [14.0, 8.0],
    slant: [0.3, 0.1],
};

/// Distance from a placement along the six numbers of a step.
fn away(placement: &Placement, from: &Placement) -> Vector6<f64> {
    let turn = log(&(rotation(placement) * rotation(from).inverse()));
    let growth = (f64::from(placement.scale) / f64::from(from.scale)).ln();
    let shift = [0, 1].map(|axis| f64::from(placement.centre[axis]) - f64::from(from.centre[axis]));
    Vector6::new(turn.x, turn.y, turn.z, growth, shift[0], shift[1])
}

/// A valley about a placement, its axes of these curvatures; turns all of one, so that its slope is exact.
fn valley(placement: &Placement, lowest: &Placement, [turn, growth, shift]: [f64; 3]) -> Cost {
    let hessian = Matrix6::from_diagonal(&Vector6::new(turn, turn, turn, growth, shift, shift));
    let away = away(placement, lowest);
    Cost { value: 0.5 * away.dot(&(hessian * away)), gradient: hessian * away, hessian }
}

fn cost(value: f64, gradient: [f64; 6], curvature: f64) -> Cost {
    Cost { value, gradient: gradient.into(), hessian: Matrix6::identity() * curvature }
}

proptest! {
    #[test]
    fn a_valley_is_descended_in_a_few_steps(
        turn in prop::array::uniform3(-0.14..0.14f32),
        growth in -0.12..0.12f32,
        shift in prop::array::uniform2(-1.3..1.3f32),
        curvatures in prop::array::uniform3(0.5..1e4f64),
    ) {
        let lowest = START.stepped(&[turn[0], turn[1], turn[2], growth, shift[0], shift[1]]);
        let mut descent = Descent::new(START, valley(&START, &lowest, curvatures));
        let mut looks = 0;
        while descent.status() == Status::Running {
            descent.step(20, |placement| {
                looks += 1;
                Some(valley(placement, &lowest, curvatures))
            });
        }
        prop_assert_eq!(descent.status(), Status::Converged);
        prop_assert!(looks <= 6 && descent.steps() == looks, "{} {}", looks, descent.steps());
        let left = away(descent.placement(), &lowest);
        prop_assert!(left.fixed_rows::<3>(0).norm() < 1e-4 && left.fixed_rows::<3>(3).norm() < 1e-3, "{}", left);
        prop_assert!((f64::from(descent.placement().nearness / lowest.nearness) - 1.0).abs() < 1e-3);
    }

    /// Whatever a cost says: the value only falls, and the placement is the one that it was said of.
    #[test]
    fn a_worse_trial_is_never_taken(
        answers in prop::collection::vec((0..5_u8, -10.0..10.0f64, prop::array::uniform6(-50.0..50.0f64), 0.1..100.0f64), 1..40),
    ) {
        let mut descent = Descent::new(START, cost(0.0, [1.0; 6], 10.0));
        let mut best = (0.0, START);
        for (kind, value, gradient, curvature) in answers {
            let before = descent;
            let mut looked = None;
            let status = descent.step(30, |placement| {
                looked = Some(*placement);
                match kind {
                    0 => None,
                    1 => Some(cost(f64::NAN, gradient, curvature)),
                    2 => Some(cost(value - 100.0, [f64::INFINITY; 6], curvature)),
                    _ => Some(cost(value, gradient, curvature)),
                }
            });
            if let Some(looked) = looked.filter(|_| kind > 2 && value < best.0) {
                best = (value, looked);
            }
            prop_assert_eq!(descent.cost().value, best.0);
            prop_assert_eq!(*descent.placement(), best.1);
            prop_assert_eq!(descent.steps() - before.steps(), u32::from(looked.is_some()));
            prop_assert_eq!(status, descent.status());
        }
    }

    /// A step is as long as it may be in the direction it was to go, and no longer.
    #[test]
    fn a_step_is_shortened_to_its_bounds(gradient in prop::array::uniform6(-1e4..1e4f64)) {
        let mut descent = Descent::new(START, cost(0.0, gradient, 1.0));
        let mut trial = START;
        descent.step(5, |placement| {
            trial = *placement;
            None
        });
        let step = away(&trial, &START);
        let parts = [
            step.fixed_rows::<3>(0).norm() / ROTATION_RAD_MAX,
            step[3].abs() / SCALE_MAX,
            step.fixed_rows::<2>(4).norm() / SHIFT_CELLS_MAX,
        ];
        let most = parts.iter().fold(0.0_f64, |most, part| most.max(*part));
        let wanted = Vector6::from(gradient).norm();
        prop_assert!(most < 1.0 + 1e-4, "{:?}", parts);
        prop_assert!(most > 1.0 - 1e-4 || wanted < 2.0 * step.norm(), "{:?}", parts);
        prop_assert!((step.normalize() + Vector6::from(gradient).normalize()).norm() < 1e-3, "{} {:?}", step, gradient);
    }
}

#[test]
fn what_is_not_finite_has_diverged_at_once() {
    let mut not_finite = [cost(f64::NAN, [1.0; 6], 1.0), cost(0.0, [1.0; 6], 1.0), cost(0.0, [1.0; 6], 1.0)];
    not_finite[1].gradient[3] = f64::INFINITY;
    not_finite[2].hessian[(2, 4)] = f64::NAN;
    for start in not_finite {
        let mut descent = Descent::new(START, start);
        assert_eq!(descent.status(), Status::Diverged);
        assert_eq!(descent.step(10, |_| Some(cost(-1.0, [0.0; 6], 1.0))), Status::Diverged);
        assert_eq!((descent.steps(), *descent.placement()), (0, START));
    }
}

#[test]
fn a_slope_without_curvature_has_diverged_and_a_plain_has_converged() {
    let never = |_: &Placement| -> Option<Cost> { panic!("there is no step to look at") };
    let mut slope = Descent::new(START, cost(1.0, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0], 0.0));
    assert_eq!(slope.step(10, never), Status::Diverged);
    let mut saddle = Descent::new(START, cost(1.0, [1.0; 6], -1.0));
    assert_eq!(saddle.step(10, never), Status::Diverged);
    let mut plain = Descent::new(START, cost(1.0, [0.0; 6], 0.0));
    assert_eq!(plain.step(10, never), Status::Converged);
    // At the bottom of a valley the step is nothing, and nothing is what it can gain.
    let mut bottom = Descent::new(START, cost(1.0, [0.0; 6], 5.0));
    assert_eq!(bottom.step(10, |_| Some(cost(1.0, [0.0; 6], 5.0))), Status::Converged);
    assert_eq!((bottom.steps(), bottom.cost().value), (1, 1.0));
}

/// One direction of which nothing is known does not keep the others from being descended.
#[test]
fn a_singular_hessian_steps_along_what_it_knows() {
    let mut start = cost(1.0, [0.1, 0.0, 0.0, 0.0, 0.5, 0.0], 1.0);
    start.hessian[(1, 1)] = 0.0;
    start.hessian[(3, 3)] = 0.0;
    let mut trial = START;
    let status = Descent::new(START, start).step(10, |placement| {
        trial = *placement;
        Some(cost(0.5, [0.0; 6], 1.0))
    });
    let step = away(&trial, &START);
    assert_eq!(status, Status::Running);
    assert!((step - Vector6::new(-0.099, 0.0, 0.0, 0.0, -0.495, 0.0)).norm() < 1e-3, "{step}");
}

#[test]
fn trials_that_all_fail_end_after_a_bounded_number() {
    for answer in [None, Some(cost(f64::NAN, [0.0; 6], 1.0)), Some(cost(2.0, [0.0; 6], 1.0))] {
        let mut descent = Descent::new(START, cost(1.0, [3.0; 6], 1.0));
        while descent.step(100, |_| answer) == Status::Running {}
        assert_eq!(descent.status(), Status::Converged);
        assert!(descent.steps() <= 9, "{}", descent.steps());
        assert_eq!((*descent.placement(), descent.cost().value), (START, 1.0));
    }
}

#[test]
fn the_bound_on_steps_is_kept_and_an_end_is_an_end() {
    let better = |descent: &Descent| Some(cost(descent.cost().value - 1.0, [1.0; 6], 1.0));
    let mut descent = Descent::new(START, cost(0.0, [1.0; 6], 1.0));
    for step in 0..3 {
        let answer = better(&descent);
        assert_eq!(descent.step(3, |_| answer), Status::Running, "{step}");
    }
    assert_eq!(descent.step(3, |_| panic!("the bound is reached")), Status::StepLimit);
    assert_eq!(descent.steps(), 3);
    descent.stop(Status::DeadlineReached);
    assert_eq!(descent.status(), Status::StepLimit, "only what runs is stopped");
    let mut stopped = Descent::new(START, cost(0.0, [1.0; 6], 1.0));
    stopped.stop(Status::DeadlineReached);
    assert_eq!(stopped.step(3, |_| panic!("it was stopped")), Status::DeadlineReached);
    assert_eq!((stopped.steps(), *stopped.placement()), (0, START));
    assert_eq!(Descent::new(START, cost(0.0, [1.0; 6], 1.0)).step(0, |_| panic!("none")), Status::StepLimit);
}

#[test]
fn rotations_stay_rotations_over_many_steps() {
    let mut descent = Descent::new(START, cost(0.0, [1.0; 6], 100.0));
    for step in 1..=100_u32 {
        // To and fro about the start.
        let sign = if step.is_multiple_of(2) { 1.0 } else { -1.0 };
        let answer = cost(-f64::from(step), [sign, 0.7 * sign, -0.4 * sign, 0.0, sign, 0.0], 100.0);
        assert_eq!(descent.step(100, |_| Some(answer)), Status::Running);
        let rows = descent.placement().rotation.map(|row| Vector3::from(row.map(f64::from)));
        for (i, j) in [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)] {
            let unit = f64::from(u8::from(i == j));
            assert!((rows[i].dot(&rows[j]) - unit).abs() < 1e-6, "step {step}: {rows:?}");
        }
        assert!((descent.rotation().norm() - 1.0).abs() < 1e-12, "step {step}");
    }
}

#[test]
fn rows_and_rotations_are_the_same_in_another_form() {
    let turned = exp(&Vector3::new(0.3, -1.2, 2.0));
    let placement = Placement { rotation: to_rows(&turned), ..START };
    assert!(geodesic_angle(&rotation(&placement), &turned) < 1e-6);
    let front = to_rows(&turned).map(|row| row[0]);
    assert!(
        (turned * Vector3::x() - Vector3::from(front.map(f64::from))).norm() < 1e-6,
        "columns are the object's axes"
    );
}
