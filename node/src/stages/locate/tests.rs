use super::*;
use std::f64::consts::PI;

use calibration::kitti;
use calibration::ray::{allocentric_from_egocentric, egocentric_from_allocentric};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CAR_M: [f64; 3] = [4.1, 1.7, 1.5];

/// KITTI's own numbers (camera 2 of most sequences).
fn camera() -> PinholeCamera {
    PinholeCamera::new(721.5, 721.5, 609.6, 172.9, 1242, 375).unwrap()
}

/// The tight box of a 3D box, by projecting its corners one by one; continuous coordinates, not clipped.
fn tight_box(rotation: &Rotation, center: &Vector3<f64>, [l, w, h]: [f64; 3]) -> BoxPx {
    let mut tight = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for x in [-l / 2.0, l / 2.0] {
        for y in [-w / 2.0, w / 2.0] {
            for z in [-h / 2.0, h / 2.0] {
                let [u, v] = camera().project(&(center + rotation * Vector3::new(x, y, z))).unwrap();
                tight = [tight[0].min(u), tight[1].min(v), tight[2].max(u), tight[3].max(v)];
            }
        }
    }
    let [x1, y1, x2, y2] = tight.map(|at| (at + 0.5) as f32);
    BoxPx { x1, y1, x2, y2 }
}

fn clipped(b: &BoxPx) -> BoxPx {
    BoxPx { x1: b.x1.max(0.0), y1: b.y1.max(0.0), x2: b.x2.min(1242.0), y2: b.y2.min(375.0) }
}

fn is_whole(b: &BoxPx) -> bool {
    b.x1 > 3.0 && b.y1 > 3.0 && b.x2 < 1239.0 && b.y2 < 372.0
}

fn stage() -> LocateStage {
    LocateStage::new(0.5, 300.0)
}

#[test]
fn a_known_box_is_found_again_within_two_percent() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut tried = 0;
    while tried < 500 {
        let z: f64 = rng.random_range(6.0..80.0);
        let center = Vector3::new(rng.random_range(-0.7..0.7) * z, rng.random_range(-0.5..2.0), z);
        let rotation = kitti::camera_from_object(rng.random_range(-PI..PI));
        let tight = tight_box(&rotation, &center, CAR_M);
        if !is_whole(&tight) {
            continue;
        }
        tried += 1;
        let found = stage().run(&tight, &camera(), &rotation, CAR_M).unwrap();
        let error = (found.translation_m - center).norm() / center.norm();
        assert!(error < 0.02, "{error} at {center:?}: {found:?}");
        assert!(found.residual_px < 0.5, "{found:?}");
    }
}

#[test]
fn a_box_cut_by_the_image_is_placed_by_the_sides_that_are_left() {
    let rotation = kitti::camera_from_object(-1.2);
    // One side cut, then two (left and bottom): with two sides left for three unknowns, the guess counts.
    for (center, error_max) in [
        (Vector3::new(-9.5, 1.0, 11.0), 0.02),
        (Vector3::new(9.9, 1.0, 11.5), 0.02),
        (Vector3::new(-4.3, 1.0, 5.5), 0.15),
    ] {
        let tight = tight_box(&rotation, &center, CAR_M);
        let cut = clipped(&tight);
        assert!(cut != tight, "the case must be cut: {tight:?}");
        let found = stage().run(&cut, &camera(), &rotation, CAR_M).unwrap();
        let error = (found.translation_m - center).norm() / center.norm();
        assert!(error < error_max, "{error} at {center:?}: {found:?}");
        let offset = found.translation_m - center;
        let mahalanobis = offset.dot(&(found.covariance.try_inverse().unwrap() * offset)).sqrt();
        assert!(mahalanobis < 2.0, "the answer is as sure as it may be: {mahalanobis}");
    }
}

#[test]
fn a_box_that_fills_the_image_still_has_a_finite_and_uncertain_place() {
    let whole = BoxPx { x1: 0.0, y1: 0.0, x2: 1242.0, y2: 375.0 };
    let found = stage().run(&whole, &camera(), &kitti::camera_from_object(0.3), CAR_M).unwrap();
    assert!(found.translation_m.z >= 0.5);
    assert!(found.covariance[(2, 2)].sqrt() > 0.2 * found.translation_m.z);
}

#[test]
fn the_range_is_never_left() {
    let stage = LocateStage::new(5.0, 50.0);
    let rotation = kitti::camera_from_object(0.0);
    let speck = BoxPx { x1: 600.0, y1: 170.0, x2: 601.0, y2: 171.0 };
    assert!((stage.run(&speck, &camera(), &rotation, CAR_M).unwrap().translation_m.z - 50.0).abs() < 1e-9);
    let huge = BoxPx { x1: 3.0, y1: 3.0, x2: 1239.0, y2: 372.0 };
    assert!(stage.run(&huge, &camera(), &rotation, CAR_M).unwrap().translation_m.z >= 5.0);
}

#[test]
fn random_boxes_and_rotations_give_finite_answers_with_positive_covariance() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for _ in 0..2000 {
        let (x1, y1) = (rng.random_range(0.0..1230.0f32), rng.random_range(0.0..366.0f32));
        let b = BoxPx { x1, y1, x2: rng.random_range(x1 + 1.0..=1242.0), y2: rng.random_range(y1 + 1.0..=375.0) };
        let axis = Vector3::new(rng.random::<f64>(), rng.random(), rng.random()) * 3.0;
        let found = stage().run(&b, &camera(), &calibration::so3::exp(&axis), CAR_M).unwrap();
        assert!((0.5..=300.0).contains(&found.translation_m.z), "{b:?}: {found:?}");
        assert!(found.covariance.symmetric_eigenvalues().min() > 0.0, "{b:?}: {found:?}");
    }
}

#[test]
fn the_covariance_covers_what_noisy_boxes_do() {
    // 4 pixels of noise would be more than stated; the stated noise itself must be covered, not more than 3 sigma off.
    let (center, rotation) = (Vector3::new(3.0, 1.0, 20.0), kitti::camera_from_object(0.7));
    let tight = tight_box(&rotation, &center, CAR_M);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut mean_mahalanobis = 0.0;
    for _ in 0..400 {
        let mut noise = || {
            let gaussian: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            (gaussian * SIDE_NOISE_PX) as f32
        };
        let noisy =
            BoxPx { x1: tight.x1 + noise(), y1: tight.y1 + noise(), x2: tight.x2 + noise(), y2: tight.y2 + noise() };
        let size = 1.0 + SIZE_SPREAD * (rng.random::<f64>() - 0.5) * 12f64.sqrt();
        let found = stage().run(&noisy, &camera(), &rotation, CAR_M.map(|x| x * size)).unwrap();
        let error = found.translation_m - center;
        mean_mahalanobis += error.dot(&(found.covariance.try_inverse().unwrap() * error)) / 400.0;
    }
    // Three degrees of freedom: the expectation is 3 when the noise is as stated (here a little less).
    assert!((1.0..4.0).contains(&mean_mahalanobis), "{mean_mahalanobis}");
}

#[test]
fn the_ray_of_the_box_turns_allocentric_into_egocentric_before_placing() {
    // A car at the left edge: its allocentric rotation differs from the egocentric one by the ray's pan.
    let center = Vector3::new(-12.0, 1.2, 18.0);
    let egocentric = kitti::camera_from_object(0.4);
    let tight = tight_box(&egocentric, &center, CAR_M);
    let [u, v] = tight.center().map(|x| f64::from(x) - 0.5);
    let ray = camera().ray(u, v);
    let allocentric = allocentric_from_egocentric(&ray, &egocentric).unwrap();
    let back = egocentric_from_allocentric(&ray, &allocentric).unwrap();
    let found = stage().run(&tight, &camera(), &back, CAR_M).unwrap();
    assert!((found.translation_m - center).norm() < 0.02 * center.norm());
}
