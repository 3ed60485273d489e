use std::f64::consts::PI;

use nalgebra::Matrix3;
use proptest::prelude::*;
use rand::Rng;

use super::*;
use crate::sampling;

/// methods.md section 0: `arccos((tr(R1^T R2) - 1) / 2)`.
fn angle_by_trace(a: &Rotation, b: &Rotation) -> f64 {
    let (a, b) = (a.to_rotation_matrix(), b.to_rotation_matrix());
    let trace = (a.matrix().transpose() * b.matrix()).trace();
    ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos()
}

/// methods.md section 0: `2 asin(|R1 - R2|_F / (2 sqrt 2))`.
fn angle_by_chord(a: &Rotation, b: &Rotation) -> f64 {
    let (a, b) = (a.to_rotation_matrix(), b.to_rotation_matrix());
    2.0 * ((a.matrix() - b.matrix()).norm() / (2.0 * 2.0f64.sqrt())).min(1.0).asin()
}

/// Power series of the matrix exponential of the cross-product matrix.
fn exponential_by_series(w: &Vector3<f64>) -> Matrix3<f64> {
    let cross = w.cross_matrix();
    let mut term = Matrix3::identity();
    let mut sum = Matrix3::identity();
    for order in 1..60 {
        term = term * cross / f64::from(order);
        sum += term;
    }
    sum
}

#[test]
fn the_angle_equals_both_matrix_formulas() {
    let mut generator = sampling::generator(1);
    for _ in 0..1000 {
        let (a, b) = (sampling::rotation(&mut generator), sampling::rotation(&mut generator));
        let angle = geodesic_angle(&a, &b);
        assert!((0.0..=PI).contains(&angle));
        assert!((angle - angle_by_trace(&a, &b)).abs() < 1e-6);
        assert!((angle - angle_by_chord(&a, &b)).abs() < 1e-6);
        assert!((angle - geodesic_angle(&b, &a)).abs() < 1e-14);
    }
}

#[test]
fn tiny_and_half_turn_angles_keep_their_digits() {
    let axis = Vector3::new(1.0, -2.0, 0.5).normalize();
    let start = exp(&Vector3::new(0.3, 0.2, -0.9));
    for angle in [1e-12, 1e-8, 1e-3, PI - 1e-3, PI - 1e-8] {
        let turned = start * exp(&(axis * angle));
        assert!((geodesic_angle(&start, &turned) - angle).abs() < 1e-15 + 4e-15 * angle);
    }
}

#[test]
fn the_sign_of_a_quaternion_does_not_change_the_angle() {
    let turned = exp(&Vector3::new(0.4, 0.0, 0.1));
    let negated = UnitQuaternion::new_unchecked(-turned.into_inner());
    assert!(geodesic_angle(&turned, &negated) < 1e-15);
}

#[test]
fn the_mean_of_equal_rotations_with_mixed_signs_is_that_rotation() {
    let turned = exp(&Vector3::new(0.4, -1.0, 0.1));
    let negated = UnitQuaternion::new_unchecked(-turned.into_inner());
    let mean = weighted_mean(&[turned, negated, turned], &[1.0, 5.0, 2.0]).unwrap();
    assert!(geodesic_angle(&mean, &turned) < 1e-12);
}

#[test]
fn the_mean_of_two_rotations_lies_on_the_arc_between_them() {
    let mut generator = sampling::generator(2);
    for _ in 0..200 {
        let a = sampling::rotation(&mut generator);
        let w = sampling::point_in_view_m(&mut generator).normalize() * 0.8;
        let b = a * exp(&w);
        let mean = weighted_mean(&[a, b], &[3.0, 3.0]).unwrap();
        assert!(geodesic_angle(&mean, &(a * exp(&(w * 0.5)))) < 1e-9);
    }
}

/// Independent truth: no rotation near the mean has a smaller sum of squared chordal distances.
#[test]
fn the_mean_minimises_the_weighted_chordal_distance() {
    let mut generator = sampling::generator(3);
    for _ in 0..50 {
        let rotations: Vec<_> = (0..7).map(|_| sampling::rotation(&mut generator)).collect();
        let weights: Vec<f64> = (0..7).map(|_| generator.random_range(0.0..1.0)).collect();
        let cost = |candidate: &Rotation| -> f64 {
            let chord = |r: &Rotation| {
                (r.to_rotation_matrix().matrix() - candidate.to_rotation_matrix().matrix()).norm_squared()
            };
            rotations.iter().zip(&weights).map(|(r, w)| w * chord(r)).sum()
        };
        let mean = weighted_mean(&rotations, &weights).unwrap();
        let best = cost(&mean);
        for _ in 0..200 {
            let other = sampling::rotation(&mut generator);
            let nearby = mean * exp(&(log(&other) * 0.02));
            assert!(cost(&other) >= best - 1e-9);
            assert!(cost(&nearby) >= best - 1e-9);
        }
    }
}

#[test]
fn the_mean_does_not_depend_on_the_scale_of_the_weights() {
    let mut generator = sampling::generator(4);
    let rotations: Vec<_> = (0..5).map(|_| sampling::rotation(&mut generator)).collect();
    let expected = weighted_mean(&rotations, &[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    for scale in [1e-300, 1e300] {
        let weights = [1.0, 2.0, 3.0, 4.0, 5.0].map(|w| w * scale);
        let mean = weighted_mean(&rotations, &weights).unwrap();
        assert!(geodesic_angle(&mean, &expected) < 1e-12);
    }
}

#[test]
fn weights_without_a_meaning_have_no_mean() {
    let one = [Rotation::identity()];
    assert!(weighted_mean(&[], &[]).is_none());
    assert!(weighted_mean(&one, &[]).is_none());
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(weighted_mean(&one, &[weight]).is_none(), "{weight}");
    }
    let two = [Rotation::identity(), exp(&Vector3::x())];
    assert!(weighted_mean(&two, &[2.0, -1.0]).is_none());
    assert!(weighted_mean(&two, &[f64::MAX, f64::MAX]).is_none());
    let broken = UnitQuaternion::new_unchecked(Quaternion::new(f64::NAN, 0.0, 0.0, 0.0));
    assert!(weighted_mean(&[broken], &[1.0]).is_none());
}

#[test]
fn damaged_quaternions_are_refused() {
    assert!(from_wxyz([1.0, 0.0, 0.0, 0.0]).is_some());
    for damaged in [
        [0.0; 4],
        [f32::NAN, 0.0, 0.0, 1.0],
        [f32::INFINITY, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0],
        [0.9, 0.0, 0.0, 0.0],
    ] {
        assert!(from_wxyz(damaged).is_none(), "{damaged:?}");
    }
}

#[test]
fn quaternions_come_back_with_the_scalar_first_and_positive() {
    let quarter = exp(&(Vector3::z() * (PI / 2.0)));
    let negated = UnitQuaternion::new_unchecked(-quarter.into_inner());
    let half = 0.5f64.sqrt();
    for r in [quarter, negated] {
        let wxyz = to_wxyz(&r);
        for (value, expected) in wxyz.iter().zip([half, 0.0, 0.0, half]) {
            assert!((value - expected).abs() < 1e-15);
        }
    }
}

proptest! {
    #[test]
    fn the_exponential_equals_its_matrix_series(x in -3.0..3.0f64, y in -3.0..3.0f64, z in -3.0..3.0f64) {
        let w = Vector3::new(x, y, z);
        let matrix = exp(&w).to_rotation_matrix();
        prop_assert!((matrix.matrix() - exponential_by_series(&w)).norm() < 1e-11);
    }

    #[test]
    fn the_logarithm_inverts_the_exponential(
        x in -1.0..1.0f64, y in -1.0..1.0f64, z in -1.0..1.0f64, magnitude in -14.0..0.49f64
    ) {
        let direction = Vector3::new(x, y, z);
        prop_assume!(direction.norm() > 1e-3);
        let w = direction.normalize() * 10f64.powf(magnitude);
        prop_assert!((log(&exp(&w)) - w).norm() <= 1e-13 * w.norm() + 1e-22);
    }

    #[test]
    fn wxyz_goes_there_and_back(seed in any::<u64>()) {
        let r = sampling::rotation(&mut sampling::generator(seed));
        let back = from_wxyz(to_wxyz(&r).map(|v| v as f32)).unwrap();
        prop_assert!(geodesic_angle(&r, &back) < 1e-6);
    }
}
