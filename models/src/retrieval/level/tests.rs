use super::*;
use crate::retrieval::{Hypothesis, flipped};
use calibration::Viewpoint;
use calibration::kitti::{ObjectLabel, camera_from_object, parse_object_labels};
use calibration::so3::{exp, geodesic_angle, log};
use proptest::prelude::*;

fn deg(x: f64) -> f64 {
    x.to_radians()
}

/// Variances of 3, 5 and 4 degrees about x, y and z, with correlations.
fn covariance() -> Matrix3<f64> {
    let sigma = Matrix3::from_diagonal(&Vector3::new(deg(3.0), deg(5.0), deg(4.0)));
    sigma * Matrix3::new(1.0, 0.3, -0.2, 0.3, 1.0, 0.1, -0.2, 0.1, 1.0) * sigma
}

fn level(sigma_deg: f64) -> LevelPrior {
    LevelPrior { up: UP_OF_LEVEL_CAMERA, sigma_rad: deg(sigma_deg) }
}

fn label(center_m: [f64; 3], rotation_y_rad: f64) -> ObjectLabel {
    let [x, y, z] = center_m;
    // The label's place is the middle of the bottom, half a height below.
    let line = format!("Car 0 0 0 1 1 90 90 1.5 1.6 3.9 {x} {} {z} {rotation_y_rad}", y + 0.75);
    parse_object_labels(&line, "here").unwrap().remove(0)
}

#[test]
fn the_up_axis_of_a_kitti_label_is_the_priors() {
    for (center_m, rotation_y) in [([3.0, 1.0, 12.0], 0.4), ([-8.0, -0.7, 9.0], -2.9), ([0.0, 1.7, 4.0], 1.57)] {
        let label = label(center_m, rotation_y);
        let center = label.center_m();
        let allocentric = label.allocentric(&center).unwrap();
        let prior = LevelPrior::of_ray(&center, &UP_OF_LEVEL_CAMERA, deg(1.0)).unwrap();
        assert!((allocentric * Vector3::z() - prior.up).norm() < 1e-12);
        // And what the prior does to it is nothing.
        assert!(geodesic_angle(&prior.update(&allocentric, &covariance()).0, &allocentric) < 1e-9);
    }
    assert!(LevelPrior::of_ray(&Vector3::zeros(), &UP_OF_LEVEL_CAMERA, 0.1).is_none());
}

/// The elevation of an upright object is asin(y / |ray|), in-plane 0 (methods of the published conversions).
#[test]
fn a_strong_prior_gives_the_elevation_of_the_ray_and_keeps_the_azimuth() {
    let ray = Vector3::new(-4.0, 1.2, 11.0);
    let prior = LevelPrior::of_ray(&ray, &UP_OF_LEVEL_CAMERA, 1e-6).unwrap();
    let seen = Viewpoint::from_degrees(130.0, 9.0, -2.0);
    let (levelled, _) = prior.update(&seen.to_rotation(), &(covariance()));
    let view = Viewpoint::from_rotation(&levelled);
    assert!((view.elevation_rad - (1.2 / ray.norm()).asin()).abs() < 1e-6);
    assert!(view.in_plane_rad.abs() < 1e-6);
    assert!((view.azimuth_rad - seen.azimuth_rad).abs() < deg(0.5));
}

/// One dimension by hand: visual 4 degrees, prior 2 degrees, tilt 5 degrees about x: 16 / 20 of it is taken back.
#[test]
fn the_tilt_is_the_weighted_mean_and_the_turn_about_the_vertical_stays() {
    let truth = camera_from_object(0.7);
    let seen = exp(&Vector3::new(deg(5.0), 0.0, 0.0)) * truth;
    let visual = Matrix3::identity() * deg(4.0).powi(2);
    let (levelled, covariance) = level(2.0).update(&seen, &visual);
    let left = log(&(levelled * truth.inverse()));
    assert!((left - Vector3::new(deg(1.0), 0.0, 0.0)).norm() < 1e-12, "{left}");
    let tilt_variance = deg(4.0).powi(2) * deg(2.0).powi(2) / (deg(4.0).powi(2) + deg(2.0).powi(2));
    let expected = Matrix3::from_diagonal(&Vector3::new(tilt_variance, deg(4.0).powi(2), tilt_variance));
    assert!((covariance - expected).amax() < 1e-15, "{covariance}");
}

#[test]
fn what_is_far_from_level_is_not_forced_upright() {
    let visual = Matrix3::identity() * deg(4.0).powi(2);
    let limit_deg = 4.0 * f64::hypot(4.0, 3.0);
    for (tilt_deg, is_doubted) in [(limit_deg - 0.1, false), (limit_deg + 0.1, true), (90.0, true), (180.0, true)] {
        let seen = exp(&Vector3::new(0.0, 0.0, deg(tilt_deg))) * camera_from_object(-1.0);
        let (levelled, covariance) = level(3.0).update(&seen, &visual);
        assert_eq!(levelled == seen && covariance == visual, is_doubted, "{tilt_deg}");
    }
}

#[test]
fn numbers_that_are_none_change_nothing() {
    let seen = exp(&Vector3::new(0.1, 0.0, 0.0)) * camera_from_object(0.3);
    let nowhere = LevelPrior { up: Vector3::new(f64::NAN, 0.0, 0.0), sigma_rad: 0.1 };
    for prior in [level(0.0), level(f64::NAN), nowhere] {
        assert_eq!(prior.update(&seen, &covariance()), (seen, covariance()));
    }
}

#[test]
fn the_flip_stays_the_flip_and_every_alternative_is_levelled() {
    let tilted = |heading: f64| exp(&Vector3::new(deg(3.0), 0.0, deg(-2.0))) * camera_from_object(heading);
    let hypothesis = |rotation, probability| Hypothesis { rotation, probability };
    let best = tilted(0.2);
    let mut alternatives = heapless::Vec::new();
    alternatives.extend([hypothesis(flipped(&best), 0.3), hypothesis(tilted(1.5), 0.1)]);
    let mut retrieval = Retrieval {
        best: hypothesis(best, 0.6),
        covariance: covariance(),
        similarity: 0.9,
        flip_probability: 0.3,
        alternatives,
    };
    level(1e-6).apply(&mut retrieval);
    let all = std::iter::once(&retrieval.best).chain(&retrieval.alternatives);
    for hypothesis in all {
        assert!((hypothesis.rotation * Vector3::z() - UP_OF_LEVEL_CAMERA).norm() < 1e-6);
    }
    let flip = &retrieval.alternatives[0].rotation;
    assert!(geodesic_angle(flip, &flipped(&retrieval.best.rotation)) < 1e-9);
    assert_eq!(retrieval.alternatives.iter().map(|other| other.probability).collect::<Vec<_>>(), [0.3, 0.1]);
}

proptest! {
    #[test]
    fn the_covariance_stays_symmetric_positive_definite_and_never_grows(
        entries in prop::array::uniform9(-0.2..0.2f64),
        turn in prop::array::uniform3(-3.0..3.0f64),
        up in prop::array::uniform3(-1.0..1.0f64),
        sigma_rad in 1e-4..0.5f64,
    ) {
        let up = Vector3::from(up);
        prop_assume!(up.norm() > 0.1);
        let root = Matrix3::from_row_slice(&entries);
        let visual = root * root.transpose() + Matrix3::identity() * 1e-5;
        let prior = LevelPrior { up: up.normalize(), sigma_rad };
        // Turned from level, so that about half of the cases are believed.
        let to_up = UnitQuaternion::rotation_between(&Vector3::z(), &prior.up).unwrap();
        let rotation = exp(&(Vector3::from(turn) * 0.1)) * to_up;
        let (levelled, covariance) = prior.update(&rotation, &visual);
        prop_assert!((covariance - covariance.transpose()).amax() < 1e-12);
        prop_assert!(covariance.symmetric_eigenvalues().min() > 0.0);
        prop_assert!(covariance.trace() <= visual.trace() * (1.0 + 1e-9));
        prop_assert!((prior.up.dot(&(covariance * prior.up)) - prior.up.dot(&(visual * prior.up))).abs() < 1e-12);
        let tilt = |r: &Rotation| (r * Vector3::z()).angle(&prior.up);
        prop_assert!(tilt(&levelled) <= tilt(&rotation) + 1e-7);
        prop_assert!((levelled.norm() - 1.0).abs() < 1e-12);
    }
}
