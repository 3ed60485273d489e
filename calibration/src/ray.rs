//! Allocentric <-> egocentric rotation: what a crop shows <-> what the camera sees.
//!
//! The virtual camera of a viewing ray is the real camera panned by `Ry(beta)`, then tilted by `Rx`, until its
//! +z axis is the ray. Pan first keeps the horizon level: an upright object has in-plane rotation 0 in it.

use nalgebra::{UnitQuaternion, Vector3};

use crate::Rotation;

/// Rotation from the axes of the virtual camera of `ray` to those of the real camera; takes +z to the ray.
///
/// `ray` is in optical axes, of any length. A vertical ray is reached without a pan.
/// `None` where it is zero or not finite.
pub fn camera_from_ray(ray: &Vector3<f64>) -> Option<Rotation> {
    let largest = ray.amax();
    // amax skips NaN, so every number is looked at; subnormal rays have lost their direction.
    if !ray.iter().all(|value| value.is_finite()) || largest < f64::MIN_POSITIVE {
        return None;
    }
    let direction = ray / largest;
    let horizontal = direction.x.hypot(direction.z);
    let pan_rad = if horizontal == 0.0 { 0.0 } else { direction.x.atan2(direction.z) };
    let tilt_rad = (-direction.y).atan2(horizontal);
    let pan = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), pan_rad);
    let tilt = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), tilt_rad);
    Some(pan * tilt)
}

/// `camera_from_object` in the real camera, of a rotation relative to the viewing ray.
///
/// `ray` points to the centre of the object's 3D box (or, without one, through the centre of its 2D box).
/// `None` where the ray is zero or not finite.
pub fn egocentric_from_allocentric(ray: &Vector3<f64>, allocentric: &Rotation) -> Option<Rotation> {
    Some(camera_from_ray(ray)? * allocentric)
}

/// Rotation relative to the viewing ray, of a `camera_from_object` in the real camera.
///
/// Inverse of [`egocentric_from_allocentric`] for the same ray. `None` where the ray is zero or not finite.
pub fn allocentric_from_egocentric(ray: &Vector3<f64>, egocentric: &Rotation) -> Option<Rotation> {
    Some(camera_from_ray(ray)?.inverse() * egocentric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling;
    use crate::so3::geodesic_angle;
    use nalgebra::Matrix3;
    use proptest::prelude::*;

    fn any_ray() -> impl Strategy<Value = Vector3<f64>> {
        (-9.0..9.0f64, -9.0..9.0f64, -9.0..9.0f64)
            .prop_map(|(x, y, z)| Vector3::new(x, y, z))
            .prop_filter("a direction", |ray| ray.norm() > 1e-3)
    }

    #[test]
    fn the_optical_axis_needs_no_turn() {
        let turn = camera_from_ray(&(Vector3::z() * 7.0)).unwrap();
        assert!(geodesic_angle(&turn, &Rotation::identity()) < 1e-15);
    }

    /// `Ry(beta) Rx(g)` written out, with `beta = atan2(x, z)` and `sin g = -y / |ray|`.
    #[test]
    fn pan_and_tilt_are_the_matrices_of_the_definition() {
        let mut generator = sampling::generator(21);
        for _ in 0..300 {
            let ray = sampling::point_in_view_m(&mut generator);
            let (sb, cb) = ray.x.atan2(ray.z).sin_cos();
            let (sg, cg) = (-ray.y / ray.norm()).asin().sin_cos();
            let pan = Matrix3::new(cb, 0.0, sb, 0.0, 1.0, 0.0, -sb, 0.0, cb);
            let tilt = Matrix3::new(1.0, 0.0, 0.0, 0.0, cg, -sg, 0.0, sg, cg);
            let ours = camera_from_ray(&ray).unwrap().to_rotation_matrix();
            assert!((ours.matrix() - pan * tilt).norm() < 1e-12);
        }
    }

    #[test]
    fn rays_without_a_direction_are_refused() {
        for bad in [
            Vector3::zeros(),
            Vector3::new(f64::NAN, 0.0, 1.0),
            Vector3::new(0.0, f64::INFINITY, 1.0),
            Vector3::new(0.0, 1e-320, 0.0),
        ] {
            assert!(camera_from_ray(&bad).is_none());
            assert!(egocentric_from_allocentric(&bad, &Rotation::identity()).is_none());
            assert!(allocentric_from_egocentric(&bad, &Rotation::identity()).is_none());
        }
    }

    #[test]
    fn extreme_but_finite_rays_are_served() {
        for ray in [
            Vector3::new(1e300, -1e300, 1e300),
            Vector3::new(1e-300, 1e-300, 1e-300),
            Vector3::y(),
            -Vector3::y(),
            -Vector3::z(),
        ] {
            let reached = camera_from_ray(&ray).unwrap() * Vector3::z();
            assert!((reached - (ray / ray.amax()).normalize()).norm() < 1e-12);
        }
    }

    proptest! {
        #[test]
        fn the_ray_is_the_axis_of_the_virtual_camera(ray in any_ray()) {
            let reached = camera_from_ray(&ray).unwrap() * Vector3::z();
            prop_assert!((reached - ray.normalize()).norm() < 1e-12);
        }

        #[test]
        fn the_horizon_stays_level(ray in any_ray()) {
            let right = camera_from_ray(&ray).unwrap() * Vector3::x();
            prop_assert!(right.y.abs() < 1e-12);
        }

        #[test]
        fn rotations_go_there_and_back(ray in any_ray(), seed in any::<u64>()) {
            let r = sampling::rotation(&mut sampling::generator(seed));
            let there = egocentric_from_allocentric(&ray, &r).unwrap();
            let back = allocentric_from_egocentric(&ray, &there).unwrap();
            prop_assert!(geodesic_angle(&r, &back) < 1e-12);
        }
    }
}
