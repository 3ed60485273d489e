//! A pinhole camera behind a lens that distorts: what raw (not rectified) images come from.

use nalgebra::Vector3;

use crate::{Distortion, PinholeCamera};

/// Intrinsics and distortion of raw images, in the optical axes of the raw camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistortedCamera {
    /// The camera without its lens.
    pub pinhole: PinholeCamera,
    /// The lens.
    pub distortion: Distortion,
}

impl DistortedCamera {
    /// Pixel [u, v] of the raw image of a point in optical axes (metres). `None` where it is not in front of the
    /// camera or the lens model does not reach.
    pub fn project(&self, point_m: &Vector3<f64>) -> Option<[f64; 2]> {
        self.distort_point(self.pinhole.project(point_m)?)
    }

    /// Unit vector in optical axes through pixel (u, v) of the raw image. `None` where the lens model does not reach.
    pub fn ray(&self, u: f64, v: f64) -> Option<Vector3<f64>> {
        let [u, v] = self.undistort_point([u, v])?;
        Some(self.pinhole.ray(u, v))
    }

    /// Pixel of `pinhole` that shows what pixel [u, v] of the raw image shows. `None` where the lens model does not reach.
    pub fn undistort_point(&self, [u, v]: [f64; 2]) -> Option<[f64; 2]> {
        let [x, y] = self.distortion.undistort(self.pinhole.normalized(u, v))?;
        Some(self.pinhole.pixel(x, y))
    }

    /// Pixel of the raw image that shows what pixel [u, v] of `pinhole` shows. `None` where the lens model does not reach.
    pub fn distort_point(&self, [u, v]: [f64; 2]) -> Option<[f64; 2]> {
        let [x, y] = self.distortion.distort(self.pinhole.normalized(u, v))?;
        Some(self.pinhole.pixel(x, y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera() -> DistortedCamera {
        DistortedCamera {
            pinhole: PinholeCamera::new(900.0, 905.0, 640.0, 360.0, 1280, 720).unwrap(),
            distortion: Distortion::from_model("plumb_bob", &[-0.3, 0.1, 0.001, -0.0005, 0.0]).unwrap(),
        }
    }

    #[test]
    fn barrel_distortion_pulls_pixels_towards_the_centre() {
        let point = Vector3::new(5.0, 0.0, 10.0);
        let ideal = camera().pinhole.project(&point).unwrap();
        let raw = camera().project(&point).unwrap();
        assert!(raw[0] < ideal[0] && raw[0] > 640.0);
    }

    #[test]
    fn what_is_behind_has_no_pixel() {
        assert_eq!(camera().project(&-Vector3::z()), None);
    }

    proptest! {
        #[test]
        fn every_pixel_of_the_raw_image_goes_there_and_back(u in 0.0..1280.0f64, v in 0.0..720.0f64) {
            let ray = camera().ray(u, v).unwrap();
            let [back_u, back_v] = camera().project(&(ray * 20.0)).unwrap();
            prop_assert!((back_u - u).abs() < 1e-6 && (back_v - v).abs() < 1e-6);
        }
    }
}
