use calibration::ray::camera_from_ray;
use calibration::so3::{exp, to_rows};
use calibration::{Rotation, Viewpoint};
use nalgebra::Vector3;
use proptest::prelude::*;

use super::super::scene::{box_of, corners, drawn};
use super::*;

/// An object drawn in f64, and the box around it.
#[derive(Debug)]
struct Drawn {
    outline: Vec<[f32; 3]>,
    /// Allocentric.
    rotation: Rotation,
    scale: f64,
    nearness: f64,
    centre: [f64; 2],
    slant: [f64; 2],
    /// Left, top, right, bottom.
    sides: [f64; 4],
    /// The object's radius as a part of its distance.
    closeness: f64,
}

impl Drawn {
    fn fit(&self, sides: [f64; 4], is_edge: [bool; 4], perspective: Perspective) -> Option<Fit> {
        fit_box(&self.outline, &self.rotation, &box_of(sides), is_edge, perspective)
    }

    fn camera(&self) -> Perspective {
        let focal = self.scale / self.nearness;
        let principal = [0, 1].map(|axis| (self.centre[axis] - focal * self.slant[axis]) as f32);
        Perspective::Camera(CellCamera { focal: focal as f32, principal })
    }

    fn size(&self) -> [f64; 2] {
        [0, 1].map(|axis| self.sides[axis + 2] - self.sides[axis])
    }

    /// Left, top, right and bottom of a fitted placement.
    fn sides_of(&self, placement: &Placement) -> [f64; 4] {
        let points: Vec<Vector3<f64>> = self.outline.iter().map(|p| Vector3::from(p.map(f64::from))).collect();
        let Placement { scale, nearness, centre, slant, .. } = *placement;
        let [centre, slant] = [centre, slant].map(|pair| pair.map(f64::from));
        drawn(&points, &rotation(placement), scale.into(), nearness.into(), centre, slant)
    }
}

/// Straight ahead.
fn ahead() -> impl Strategy<Value = Drawn> {
    any_drawn(Just([0.0; 2]))
}

/// Anywhere in a wide picture.
fn aside() -> impl Strategy<Value = Drawn> {
    any_drawn(prop::array::uniform2(-0.7..0.7f64))
}

fn any_drawn(slant: impl Strategy<Value = [f64; 2]>) -> impl Strategy<Value = Drawn> {
    let turn = prop::array::uniform3(-3.0..3.0f64);
    let half = prop::array::uniform3(0.3..3.0f64);
    // At three radii the nearest corner is seen half again as large as the middle.
    (turn, half, 3.0..40.0f64, 2.0..12.0f64, prop::array::uniform2(-5.0..40.0f64), slant).prop_map(
        |(turn, half, radii, scale, centre, slant)| {
            let points = corners(half);
            let rotation = exp(&Vector3::from(turn));
            let turned = camera_from_ray(&Vector3::new(slant[0], slant[1], 1.0)).unwrap() * rotation;
            let nearness = 1.0 / (radii * Vector3::from(half).norm());
            let sides = drawn(&points, &turned, scale, nearness, centre, slant);
            let outline = points.iter().map(|p| [p.x as f32, p.y as f32, p.z as f32]).collect();
            Drawn { outline, rotation, scale, nearness, centre, slant, sides, closeness: 1.0 / radii }
        },
    )
}

proptest! {
    /// Where the distance is known, one fit is exact.
    #[test]
    fn a_drawn_box_is_recovered_from_its_distance(object in ahead()) {
        let perspective = Perspective::Distance((1.0 / object.nearness) as f32);
        let fit = object.fit(object.sides, [true; 4], perspective).unwrap();
        prop_assert_eq!(fit.placement.rotation, to_rows(&object.rotation));
        prop_assert!((f64::from(fit.placement.scale) / object.scale - 1.0).abs() < 1e-4, "{:?}", fit);
        for axis in 0..2 {
            prop_assert!((f64::from(fit.placement.centre[axis]) - object.centre[axis]).abs() < 1e-3, "{:?}", fit);
            prop_assert!(fit.misfit[axis].abs() < 1e-4, "{:?}", fit);
        }
    }

    /// Each fit with a known camera takes the error down by the object's radius over its distance.
    #[test]
    fn a_drawn_box_is_recovered_from_the_camera(object in aside()) {
        let fit = object.fit(object.sides, [true; 4], object.camera()).unwrap();
        let tolerance = 1e-4 + 2.0 * object.closeness.powi(FITS as i32);
        let error = (f64::from(fit.placement.scale) / object.scale - 1.0).abs();
        prop_assert!(error < tolerance, "{} of {}", error, tolerance);
        prop_assert!((f64::from(fit.placement.nearness) / object.nearness - 1.0).abs() < 1.1 * tolerance);
        for axis in 0..2 {
            let error = (f64::from(fit.placement.centre[axis]) - object.centre[axis]).abs();
            prop_assert!(error < 1e-3 + tolerance * object.size()[axis], "{:?}", fit);
            prop_assert!(f64::from(fit.misfit[axis].abs()) < 2.0 * tolerance, "{:?}", fit);
        }
    }

    /// The picture's border cuts one side, or both of an axis: the other axis decides, and the object's own edge is met.
    #[test]
    fn a_side_that_is_whole_decides_where_the_other_is_cut(
        object in aside(),
        axis in 0..2_usize,
        cuts in prop::array::uniform2(prop::bool::ANY),
        share in 0.05..0.45f64,
    ) {
        let (mut sides, mut is_edge) = (object.sides, [true; 4]);
        for (cut, (edge, sign)) in cuts.into_iter().zip([(axis, 1.0), (axis + 2, -1.0)]) {
            if cut {
                sides[edge] += sign * share * object.size()[axis];
                is_edge[edge] = false;
            }
        }
        let fit = object.fit(sides, is_edge, object.camera()).unwrap();
        let tolerance = 1e-4 + 2.0 * object.closeness.powi(FITS as i32);
        let error = (f64::from(fit.placement.scale) / object.scale - 1.0).abs();
        prop_assert!(error < tolerance, "{:?}", fit);
        let centre = 0.5 * (sides[axis] + sides[axis + 2]);
        let (scale, size) = (f64::from(fit.placement.scale), object.size()[axis]);
        let found = object.sides_of(&fit.placement);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-3 + 1.1 * tolerance * size;
        // What is drawn uses the final perspective, the alignment that of the fit before: they differ by the tolerance.
        match cuts {
            [true, true] => prop_assert!(near(0.5 * (found[axis] + found[axis + 2]), centre)),
            _ => {
                for edge in [axis, axis + 2].into_iter().filter(|edge| is_edge[*edge]) {
                    prop_assert!(near(found[edge], object.sides[edge]), "{:?} {}", found, scale);
                }
                prop_assert!((f64::from(fit.placement.centre[axis]) - object.centre[axis]).abs() < 1e-3 + tolerance * size);
            }
        }
        // The misfit tells how much is missing.
        let kept = (sides[axis + 2] - sides[axis]) / size;
        prop_assert!((f64::from(fit.misfit[axis]) + kept.ln()).abs() < 3.0 * tolerance);
    }

    /// Cut along both axes: what is left decides the scale, and the object's own edges are still met.
    #[test]
    fn a_corner_of_the_picture_leaves_the_opposite_corner(
        object in ahead(),
        lows in prop::array::uniform2(prop::bool::ANY),
        share in 0.05..0.4f64,
    ) {
        let (mut sides, mut is_edge) = (object.sides, [true; 4]);
        for (axis, low) in lows.into_iter().enumerate() {
            let (edge, sign) = if low { (axis, 1.0) } else { (axis + 2, -1.0) };
            sides[edge] += sign * share * object.size()[axis];
            is_edge[edge] = false;
        }
        let perspective = Perspective::Distance((1.0 / object.nearness) as f32);
        let fit = object.fit(sides, is_edge, perspective).unwrap();
        // Both sides keep the same share, so that the whole is taken to be so much smaller.
        prop_assert!((f64::from(fit.placement.scale) / object.scale - (1.0 - share)).abs() < 1e-3, "{:?}", fit);
        let found = object.sides_of(&fit.placement);
        for edge in (0..4).filter(|edge| is_edge[*edge]) {
            prop_assert!((found[edge] - object.sides[edge]).abs() < 2e-3, "{:?}", found);
        }
    }

    /// Whatever comes: no panic, and what is answered can be drawn.
    #[test]
    fn nothing_that_is_answered_is_without_meaning(
        outline in prop::collection::vec(prop::array::uniform3(prop::num::f32::ANY), 0..5),
        turn in prop::array::uniform4(prop::num::f64::ANY),
        sides in prop::array::uniform4(prop::num::f32::ANY),
        is_edge in prop::array::uniform4(prop::bool::ANY),
        strength in prop::num::f32::ANY,
        is_focal in prop::bool::ANY,
    ) {
        let perspective = if is_focal { camera(strength) } else { Perspective::Distance(strength) };
        let turned = Rotation::new_unchecked(nalgebra::Quaternion::from(turn));
        let [x1, y1, x2, y2] = sides;
        for box_cells in [BoxPx { x1, y1, x2, y2 }, BoxPx { x1: 1.0, y1: 2.0, x2: 9.0, y2: 7.0 }] {
            for rotation in [turned, from_front()] {
                if let Some(fit) = fit_box(&outline, &rotation, &box_cells, is_edge, perspective) {
                    prop_assert!(fit.placement.is_valid(), "{:?}", fit);
                    prop_assert!(fit.misfit.iter().all(|misfit| misfit.is_finite()));
                }
            }
        }
    }
}

/// Looks along body -x.
fn from_front() -> Rotation {
    Viewpoint::from_degrees(0.0, 0.0, 0.0).to_rotation()
}

fn camera(focal: f32) -> Perspective {
    Perspective::Camera(CellCamera { focal, principal: [30.0, 2.0] })
}

const CORNERS: [[f32; 3]; 4] = [[2.0, 0.9, 0.7], [-2.0, -0.9, -0.7], [2.0, -0.9, -0.7], [-2.0, 0.9, 0.7]];

#[test]
fn what_cannot_be_fitted_is_none() {
    let good = BoxPx { x1: 3.0, y1: 3.0, x2: 9.0, y2: 9.0 };
    let fit = |outline: &[[f32; 3]], box_cells: &BoxPx, perspective: Perspective| {
        fit_box(outline, &from_front(), box_cells, [true; 4], perspective)
    };
    let far = Perspective::Distance(20.0);
    assert!(fit(&CORNERS, &good, far).is_some());
    for box_cells in [
        BoxPx { x2: 3.0, ..good },
        BoxPx { y2: 1.0, ..good },
        BoxPx { x1: f32::NAN, ..good },
        BoxPx { x1: f32::NEG_INFINITY, ..good },
        BoxPx { y2: f32::INFINITY, ..good },
    ] {
        assert_eq!(fit(&CORNERS, &box_cells, far), None, "{box_cells:?}");
    }
    assert_eq!(fit(&[], &good, far), None);
    assert_eq!(fit(&[[f32::NAN; 3]], &good, far), None);
    assert_eq!(fit(&[[f32::INFINITY, 0.0, 0.0], [0.0; 3]], &good, far), None);
    assert_eq!(fit(&[[1.0, 0.5, 0.5]], &good, far), None, "a point is as large as any box");
    assert_eq!(fit(&[[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]], &good, far), None, "a line has no height");
    for number in [0.0, -20.0, f32::NAN] {
        assert_eq!(fit(&CORNERS, &good, Perspective::Distance(number)), None, "{number}");
        assert_eq!(fit(&CORNERS, &good, camera(number)), None, "{number}");
    }
    let rotation = Rotation::new_unchecked(nalgebra::Quaternion::new(f64::NAN, 0.0, 0.0, 0.0));
    assert_eq!(fit_box(&CORNERS, &rotation, &good, [true; 4], far), None);
    // From infinitely far there is no perspective, which is a view as good as any.
    for perspective in [Perspective::Distance(f32::INFINITY), camera(f32::INFINITY)] {
        assert_eq!(fit(&CORNERS, &good, perspective).map(|fit| fit.placement.nearness), Some(0.0));
    }
}
