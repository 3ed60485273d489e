//! The pinhole camera: points in front of it <-> pixels.

use nalgebra::{Isometry3, Matrix3x4, Vector3};
use serde::{Deserialize, Serialize};

/// Focal lengths outside of this range overflow somewhere or are a unit mistake.
const FOCAL_LENGTH_PX_MIN: f64 = 1e-3;
const FOCAL_LENGTH_PX_MAX: f64 = 1e9;
const PRINCIPAL_POINT_PX_MAX: f64 = 1e9;

/// A camera without distortion, in optical axes (x right, y down, z forward).
///
/// Pixel coordinates are those of calibration files (OpenCV, ROS, KITTI): the *centre* of the first pixel is
/// (0, 0). Code that counts from the image's corner, so that pixel i covers [i, i+1), wants
/// [`PinholeCamera::with_corner_origin`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedCamera")]
pub struct PinholeCamera {
    /// Focal length along image x, pixels.
    pub fx_px: f64,
    /// Focal length along image y, pixels.
    pub fy_px: f64,
    /// Principal point, image x, pixels.
    pub cx_px: f64,
    /// Principal point, image y, pixels.
    pub cy_px: f64,
    /// Image width, pixels.
    pub width_px: u32,
    /// Image height, pixels.
    pub height_px: u32,
}

/// Why six numbers are not a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CameraError {
    /// NaN, zero, negative or absurd focal length.
    #[error("`{field}` must be a focal length between 0.001 and 1e9 pixels")]
    FocalLength {
        /// `fx_px` or `fy_px`.
        field: &'static str,
    },
    /// NaN or absurd principal point. Outside of the image is fine: images get cropped.
    #[error("`{field}` must be within 1e9 pixels of the image corner")]
    PrincipalPoint {
        /// `cx_px` or `cy_px`.
        field: &'static str,
    },
    /// The image has no pixel.
    #[error("the image must have at least one pixel each way")]
    EmptyImage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedCamera {
    fx_px: f64,
    fy_px: f64,
    cx_px: f64,
    cy_px: f64,
    width_px: u32,
    height_px: u32,
}

impl TryFrom<UncheckedCamera> for PinholeCamera {
    type Error = CameraError;

    fn try_from(c: UncheckedCamera) -> Result<Self, CameraError> {
        Self::new(c.fx_px, c.fy_px, c.cx_px, c.cy_px, c.width_px, c.height_px)
    }
}

impl PinholeCamera {
    /// Checks every number: focal lengths positive, principal point finite, image not empty.
    pub fn new(
        fx_px: f64,
        fy_px: f64,
        cx_px: f64,
        cy_px: f64,
        width_px: u32,
        height_px: u32,
    ) -> Result<Self, CameraError> {
        for (field, value) in [("fx_px", fx_px), ("fy_px", fy_px)] {
            if !(FOCAL_LENGTH_PX_MIN..=FOCAL_LENGTH_PX_MAX).contains(&value) {
                return Err(CameraError::FocalLength { field });
            }
        }
        for (field, value) in [("cx_px", cx_px), ("cy_px", cy_px)] {
            if !(-PRINCIPAL_POINT_PX_MAX..=PRINCIPAL_POINT_PX_MAX).contains(&value) {
                return Err(CameraError::PrincipalPoint { field });
            }
        }
        if width_px == 0 || height_px == 0 {
            return Err(CameraError::EmptyImage);
        }
        Ok(Self { fx_px, fy_px, cx_px, cy_px, width_px, height_px })
    }

    /// Pixel [u, v] of a point in optical axes (metres). `None` behind the camera, in its plane, or where the
    /// pixel is not finite; a pixel outside of the image is returned.
    pub fn project(&self, point_m: &Vector3<f64>) -> Option<[f64; 2]> {
        if point_m.z <= 0.0 {
            return None;
        }
        let u = self.fx_px * (point_m.x / point_m.z) + self.cx_px;
        let v = self.fy_px * (point_m.y / point_m.z) + self.cy_px;
        (u.is_finite() && v.is_finite()).then_some([u, v])
    }

    /// Unit vector in optical axes through pixel (u, v). NaN where the pixel is not finite.
    pub fn ray(&self, u: f64, v: f64) -> Vector3<f64> {
        let [x, y] = self.normalized(u, v);
        Vector3::new(x, y, 1.0).normalize()
    }

    /// Where the viewing ray of pixel (u, v) meets the plane z = 1.
    pub fn normalized(&self, u: f64, v: f64) -> [f64; 2] {
        [(u - self.cx_px) / self.fx_px, (v - self.cy_px) / self.fy_px]
    }

    /// Pixel [u, v] of the point (x, y, 1). Inverse of [`PinholeCamera::normalized`].
    pub fn pixel(&self, x: f64, y: f64) -> [f64; 2] {
        [self.fx_px * x + self.cx_px, self.fy_px * y + self.cy_px]
    }

    /// The same camera for pixel coordinates that count from the image's corner: pixel i covers [i, i+1).
    pub fn with_corner_origin(&self) -> Self {
        Self { cx_px: self.cx_px + 0.5, cy_px: self.cy_px + 0.5, ..*self }
    }

    /// The same camera for a window of its picture: pixel (0, 0) is what (`left_px`, `top_px`) was.
    ///
    /// # Errors
    /// A window without a pixel, or one so far off that the principal point is out of bounds.
    pub fn window(&self, left_px: u32, top_px: u32, width_px: u32, height_px: u32) -> Result<Self, CameraError> {
        let (cx_px, cy_px) = (self.cx_px - f64::from(left_px), self.cy_px - f64::from(top_px));
        Self::new(self.fx_px, self.fy_px, cx_px, cy_px, width_px, height_px)
    }

    /// Homogeneous projection of object coordinates: rows give u w, v w and w, where w is the depth in metres.
    pub fn pixel_from_object(&self, camera_from_object: &Isometry3<f64>) -> Matrix3x4<f64> {
        let pixel_from_camera = nalgebra::Matrix3::new(
            self.fx_px, 0.0, self.cx_px, //
            0.0, self.fy_px, self.cy_px, //
            0.0, 0.0, 1.0,
        );
        let homogeneous = camera_from_object.to_homogeneous();
        pixel_from_camera * homogeneous.fixed_view::<3, 4>(0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling;
    use proptest::prelude::*;

    fn camera() -> PinholeCamera {
        PinholeCamera::new(721.5, 700.25, 609.6, 172.9, 1242, 375).unwrap()
    }

    #[test]
    fn a_window_sees_along_the_same_rays() {
        let window = camera().window(700, 100, 80, 60).unwrap();
        assert_eq!((window.width_px, window.height_px), (80, 60));
        assert!((window.ray(12.5, 30.0) - camera().ray(712.5, 130.0)).norm() < 1e-15);
        assert_eq!(camera().window(0, 0, 0, 5), Err(CameraError::EmptyImage));
    }

    #[test]
    fn the_textbook_example_projects_as_on_paper() {
        let camera = PinholeCamera::new(100.0, 200.0, 50.0, 40.0, 100, 80).unwrap();
        assert_eq!(camera.project(&Vector3::new(1.0, -1.0, 4.0)), Some([75.0, -10.0]));
        assert_eq!(camera.ray(50.0, 40.0), Vector3::z());
    }

    #[test]
    fn what_is_not_in_front_has_no_pixel() {
        for z in [0.0, -0.0, -1.0, f64::NAN, f64::MIN_POSITIVE] {
            assert_eq!(camera().project(&Vector3::new(1.0, 1.0, z)), None, "{z}");
        }
        assert_eq!(camera().project(&Vector3::new(f64::NAN, 0.0, 1.0)), None);
    }

    #[test]
    fn a_camera_that_cannot_be_is_refused_with_the_field() {
        for bad in [0.0, -700.0, f64::NAN, f64::INFINITY, 1e-9] {
            let refused = PinholeCamera::new(700.0, bad, 1.0, 1.0, 4, 4);
            assert_eq!(refused, Err(CameraError::FocalLength { field: "fy_px" }));
        }
        for bad in [f64::NAN, f64::NEG_INFINITY] {
            let refused = PinholeCamera::new(700.0, 700.0, bad, 1.0, 4, 4);
            assert_eq!(refused, Err(CameraError::PrincipalPoint { field: "cx_px" }));
        }
        let refused = PinholeCamera::new(700.0, 700.0, 1.0, 1.0, 0, 4);
        assert_eq!(refused, Err(CameraError::EmptyImage));
    }

    #[test]
    fn text_is_checked_like_numbers() {
        let text = toml::to_string(&camera()).unwrap();
        assert_eq!(toml::from_str::<PinholeCamera>(&text).unwrap(), camera());
        let refused = toml::from_str::<PinholeCamera>(&text.replace("721.5", "-721.5"));
        assert!(refused.unwrap_err().to_string().contains("fx_px"));
        let unknown = toml::from_str::<PinholeCamera>(&format!("{text}skew = 1.0\n"));
        assert!(unknown.unwrap_err().to_string().contains("skew"));
    }

    #[test]
    fn the_homogeneous_rows_project_like_the_camera() {
        let mut generator = sampling::generator(31);
        for _ in 0..100 {
            let center = sampling::point_in_view_m(&mut generator);
            let pose = Isometry3::from_parts(center.into(), sampling::rotation(&mut generator));
            let corner = Vector3::new(0.8, -0.3, 0.4);
            let row = camera().pixel_from_object(&pose) * corner.push(1.0);
            let in_camera = (pose * nalgebra::Point3::from(corner)).coords;
            let [u, v] = camera().project(&in_camera).unwrap();
            assert!((row.x / row.z - u).abs() < 1e-8 && (row.y / row.z - v).abs() < 1e-8);
            assert!((row.z - in_camera.z).abs() < 1e-12);
        }
    }

    #[test]
    fn the_corner_origin_moves_every_pixel_by_half() {
        let point = Vector3::new(1.0, 2.0, 9.0);
        let [u, v] = camera().project(&point).unwrap();
        let [cu, cv] = camera().with_corner_origin().project(&point).unwrap();
        assert!((cu - u - 0.5).abs() < 1e-12 && (cv - v - 0.5).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn pixels_go_there_and_back(u in -500.0..2000.0f64, v in -500.0..900.0f64, range_m in 0.1..200.0f64) {
            let ray = camera().ray(u, v);
            prop_assert!((ray.norm() - 1.0).abs() < 1e-14);
            let [back_u, back_v] = camera().project(&(ray * range_m)).unwrap();
            prop_assert!((back_u - u).abs() < 1e-9 && (back_v - v).abs() < 1e-9);
        }

        #[test]
        fn normalized_coordinates_go_there_and_back(u in -500.0..2000.0f64, v in -500.0..900.0f64) {
            let [x, y] = camera().normalized(u, v);
            let [back_u, back_v] = camera().pixel(x, y);
            prop_assert!((back_u - u).abs() < 1e-9 && (back_v - v).abs() < 1e-9);
        }
    }
}
