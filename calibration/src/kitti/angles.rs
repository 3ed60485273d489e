//! KITTI's angles <-> rotations and azimuths.
//!
//! `rotation_y` turns an object about the camera's y axis (down): 0 = it heads along camera x, image-right.
//! `alpha = rotation_y - beta` is what the object looks like, with `beta = atan2(x, z)` of the centre of its 3D box.
//! KITTI knows no pitch and no roll of objects.

use std::f64::consts::FRAC_PI_2;

use nalgebra::{UnitQuaternion, Vector3};

use crate::Rotation;
use crate::angle::{wrap_positive_rad, wrap_signed_rad};

/// Egocentric rotation, from body axes (x forward, y left, z up) to optical axes, of an upright object.
pub fn camera_from_object(rotation_y_rad: f64) -> Rotation {
    // A quarter turn about x puts the body upright in a camera whose y points down, heading along x.
    UnitQuaternion::from_axis_angle(&Vector3::y_axis(), rotation_y_rad)
        * UnitQuaternion::from_axis_angle(&Vector3::x_axis(), FRAC_PI_2)
}

/// `rotation_y` in [-pi, pi) of an egocentric rotation: the heading of the forward axis, pitch and roll dropped.
///
/// An object that heads straight up or down has none; its result is arbitrary but finite.
pub fn rotation_y_rad(camera_from_object: &Rotation) -> f64 {
    let forward = camera_from_object * Vector3::x();
    wrap_signed_rad((-forward.z).atan2(forward.x))
}

/// `alpha` in [-pi, pi) of an object at (x, z) metres, its 3D centre in camera axes.
pub fn alpha_from_rotation_y(rotation_y_rad: f64, x_m: f64, z_m: f64) -> f64 {
    wrap_signed_rad(rotation_y_rad - x_m.atan2(z_m))
}

/// `rotation_y` in [-pi, pi) of an object at (x, z) metres, its 3D centre in camera axes.
pub fn rotation_y_from_alpha(alpha_rad: f64, x_m: f64, z_m: f64) -> f64 {
    wrap_signed_rad(alpha_rad + x_m.atan2(z_m))
}

/// PASCAL3D+ azimuth in [0, 2 pi) of `alpha`.
pub fn azimuth_from_alpha(alpha_rad: f64) -> f64 {
    wrap_positive_rad(alpha_rad - FRAC_PI_2)
}

/// `alpha` in [-pi, pi) of a PASCAL3D+ azimuth.
pub fn alpha_from_azimuth(azimuth_rad: f64) -> f64 {
    wrap_signed_rad(azimuth_rad + FRAC_PI_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Viewpoint, ray, sampling, so3};
    use nalgebra::Matrix3;
    use proptest::prelude::*;
    use rand::Rng;
    use std::f64::consts::PI;

    fn close(a: f64, b: f64) -> bool {
        wrap_signed_rad(a - b).abs() < 1e-9
    }

    /// The development kit: `R = [c 0 s; 0 1 0; -s 0 c]` on object axes x = length, y = down, z = width (left).
    #[test]
    fn the_rotation_is_the_one_of_the_development_kit() {
        for step in -18..18 {
            let rotation_y = f64::from(step) * PI / 18.0;
            let (s, c) = rotation_y.sin_cos();
            let kit = Matrix3::new(c, 0.0, s, 0.0, 1.0, 0.0, -s, 0.0, c);
            for (forward, left, up) in [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.3, -2.0, 0.7)] {
                let expected = kit * Vector3::new(forward, -up, left);
                let ours = camera_from_object(rotation_y) * Vector3::new(forward, left, up);
                assert!((ours - expected).norm() < 1e-12);
            }
        }
    }

    #[test]
    fn the_named_directions_have_their_azimuths() {
        for (alpha_deg, azimuth_deg) in [(-90.0, 180.0), (90.0, 0.0), (0.0, 270.0), (-180.0, 90.0)] {
            let azimuth = azimuth_from_alpha(f64::to_radians(alpha_deg));
            assert!(close(azimuth, f64::to_radians(azimuth_deg)), "{alpha_deg}");
            assert!(close(alpha_from_azimuth(azimuth), f64::to_radians(alpha_deg)));
        }
    }

    /// methods.md section 0: azimuth = alpha - pi/2, elevation = asin(y/|c|), in-plane = 0, and
    /// rotation_y = azimuth + pi/2 + beta, all through the allocentric rotation.
    #[test]
    fn the_allocentric_rotation_of_an_upright_object_has_the_published_angles() {
        let mut generator = sampling::generator(41);
        for _ in 0..1000 {
            let center = sampling::point_in_view_m(&mut generator);
            let rotation_y = generator.random_range(-PI..PI);
            let egocentric = camera_from_object(rotation_y);
            let allocentric = ray::allocentric_from_egocentric(&center, &egocentric).unwrap();
            let view = Viewpoint::from_rotation(&allocentric);
            let beta = center.x.atan2(center.z);
            assert!(close(view.azimuth_rad, rotation_y - beta - PI / 2.0));
            assert!(close(view.elevation_rad, (center.y / center.norm()).asin()));
            assert!(close(view.in_plane_rad, 0.0));
            assert!(close(rotation_y, view.azimuth_rad + PI / 2.0 + beta));
            let alpha = alpha_from_rotation_y(rotation_y, center.x, center.z);
            assert!(close(view.azimuth_rad, azimuth_from_alpha(alpha)));
        }
    }

    #[test]
    fn from_the_viewpoint_back_to_rotation_y() {
        let mut generator = sampling::generator(42);
        for _ in 0..1000 {
            let center = sampling::point_in_view_m(&mut generator);
            let rotation_y = generator.random_range(-PI..PI);
            let alpha = alpha_from_rotation_y(rotation_y, center.x, center.z);
            let view = Viewpoint {
                azimuth_rad: azimuth_from_alpha(alpha),
                elevation_rad: (center.y / center.norm()).asin(),
                in_plane_rad: 0.0,
            };
            let ego = ray::egocentric_from_allocentric(&center, &view.to_rotation()).unwrap();
            assert!(close(rotation_y_rad(&ego), rotation_y));
            assert!(so3::geodesic_angle(&ego, &camera_from_object(rotation_y)) < 1e-9);
        }
    }

    /// NeMo's script (methods.md section 0): `ry + pi + atan(z/x)` where that arc tangent is positive, else without pi.
    #[test]
    fn the_formula_of_the_published_script_gives_the_same_azimuth() {
        let mut generator = sampling::generator(43);
        for _ in 0..1000 {
            let center = sampling::point_in_view_m(&mut generator);
            let rotation_y = generator.random_range(-PI..PI);
            let arc = (center.z / center.x).atan();
            let published = rotation_y + arc + if arc > 0.0 { PI } else { 0.0 };
            let alpha = alpha_from_rotation_y(rotation_y, center.x, center.z);
            assert!(close(azimuth_from_alpha(alpha), published));
        }
    }

    #[test]
    fn pitch_does_not_change_the_heading() {
        let pitched = camera_from_object(0.4) * so3::exp(&Vector3::new(0.0, 0.3, 0.0));
        assert!(close(rotation_y_rad(&pitched), 0.4));
        assert!(rotation_y_rad(&so3::exp(&(Vector3::z() * PI / 2.0))).is_finite());
    }

    proptest! {
        #[test]
        fn rotation_y_goes_there_and_back(rotation_y in -PI..PI) {
            prop_assert!(close(rotation_y_rad(&camera_from_object(rotation_y)), rotation_y));
        }

        #[test]
        fn alpha_goes_there_and_back(alpha in -PI..PI, x_m in -40.0..40.0f64, z_m in 0.1..80.0f64) {
            let rotation_y = rotation_y_from_alpha(alpha, x_m, z_m);
            prop_assert!((-PI..PI).contains(&rotation_y));
            prop_assert!(close(alpha_from_rotation_y(rotation_y, x_m, z_m), alpha));
            prop_assert!(close(alpha_from_azimuth(azimuth_from_alpha(alpha)), alpha));
        }
    }
}
