//! ROS `sensor_msgs/CameraInfo` as plain arrays -> cameras.
//!
//! The message holds two cameras: the *raw* one (`k` and `d`) and the *rectified* one (`p`), whose axes are those
//! of the raw camera turned by `r`. Which one fits depends on the image the detections were made on.

use nalgebra::{Matrix3, Rotation3, UnitQuaternion};

use crate::{CameraError, DistortedCamera, Distortion, DistortionError, PinholeCamera, Rotation};

/// Rotations printed with few digits still pass; a damaged matrix does not.
const ORTHONORMALITY_DEVIATION_MAX: f64 = 1e-3;

/// The numbers of a `CameraInfo` message, for the full, unbinned image; matrices row by row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CameraInfo<'a> {
    /// Image width, pixels.
    pub width_px: u32,
    /// Image height, pixels.
    pub height_px: u32,
    /// `plumb_bob`, `rational_polynomial`, or empty where `d` is.
    pub distortion_model: &'a str,
    /// Distortion coefficients, `k1 k2 p1 p2 k3 [k4 k5 k6]`.
    pub d: &'a [f64],
    /// Intrinsics of the raw image, 3x3. All zero: uncalibrated.
    pub k: &'a [f64; 9],
    /// `rectified_from_raw`, 3x3.
    pub r: &'a [f64; 9],
    /// Projection of the rectified image, 3x4.
    pub p: &'a [f64; 12],
}

/// Which image the pixels belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    /// As the sensor gave it: `k`.
    Raw,
    /// After `image_proc` or the like: `p`.
    Rectified,
}

/// Why a `CameraInfo` is not a camera.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CameraInfoError {
    /// The matrix is all zero, which is how ROS says that nobody calibrated.
    #[error("camera is uncalibrated: `{field}` is all zero")]
    Uncalibrated {
        /// `k`, `r` or `p`.
        field: &'static str,
    },
    /// NaN or infinite.
    #[error("`{field}[{index}]` is not finite")]
    NotFinite {
        /// `k`, `r` or `p`.
        field: &'static str,
        /// Position in the array.
        index: usize,
    },
    /// Skew, or a last row other than (0, 0, 1): no pinhole camera.
    #[error("`{field}[{index}]` is {value}, a pinhole camera has {expected} there")]
    Shape {
        /// `k` or `p`.
        field: &'static str,
        /// Position in the array.
        index: usize,
        /// What is there.
        value: f64,
        /// What belongs there.
        expected: f64,
    },
    /// `r` is no rotation.
    #[error("`r` is not a rotation matrix")]
    NotARotation,
    /// The intrinsics are out of range.
    #[error("`{field}`: {source}")]
    Camera {
        /// `k` or `p`.
        field: &'static str,
        /// Which number.
        source: CameraError,
    },
    /// The coefficients do not fit the model.
    #[error("`d`: {0}")]
    Distortion(#[from] DistortionError),
}

impl CameraInfo<'_> {
    /// The camera of raw images: `k` and `d`.
    pub fn raw_camera(&self) -> Result<DistortedCamera, CameraInfoError> {
        Ok(DistortedCamera {
            pinhole: PinholeCamera::from_camera_info(self, ImageKind::Raw)?,
            distortion: Distortion::from_model(self.distortion_model, self.d)?,
        })
    }

    /// Rotation `r`, from the axes of the raw camera to those of the rectified one.
    pub fn rectified_from_raw(&self) -> Result<Rotation, CameraInfoError> {
        check_numbers("r", self.r)?;
        let matrix = Matrix3::from_row_slice(self.r);
        let deviation = (matrix.transpose() * matrix - Matrix3::identity()).amax();
        if deviation > ORTHONORMALITY_DEVIATION_MAX || matrix.determinant() < 0.0 {
            return Err(CameraInfoError::NotARotation);
        }
        let rotation = Rotation3::from_matrix_unchecked(matrix);
        let mut unit = UnitQuaternion::from_rotation_matrix(&rotation);
        unit.renormalize();
        Ok(unit)
    }
}

impl PinholeCamera {
    /// The camera of rectified images (`p`) or, leaving the lens aside, of raw ones (`k`).
    ///
    /// Pixels of a raw image go through [`DistortedCamera::undistort_point`] first: [`CameraInfo::raw_camera`].
    /// The fourth column of `p` (the baseline of a stereo pair) does not change any viewing ray and is not used.
    pub fn from_camera_info(info: &CameraInfo<'_>, kind: ImageKind) -> Result<Self, CameraInfoError> {
        let (field, matrix) = match kind {
            ImageKind::Raw => ("k", *info.k),
            ImageKind::Rectified => {
                check_numbers("p", info.p)?;
                let [a, b, c, _, d, e, f, _, g, h, i, _] = *info.p;
                ("p", [a, b, c, d, e, f, g, h, i])
            }
        };
        check_numbers(field, &matrix)?;
        let [fx, skew, cx, lower, fy, cy, last_x, last_y, last_z] = matrix;
        let columns = if kind == ImageKind::Raw { 3 } else { 4 };
        for (index, value, expected) in [
            (1, skew, 0.0),
            (columns, lower, 0.0),
            (2 * columns, last_x, 0.0),
            (2 * columns + 1, last_y, 0.0),
            (2 * columns + 2, last_z, 1.0),
        ] {
            if value != expected {
                return Err(CameraInfoError::Shape { field, index, value, expected });
            }
        }
        Self::new(fx, fy, cx, cy, info.width_px, info.height_px)
            .map_err(|source| CameraInfoError::Camera { field, source })
    }
}

fn check_numbers(field: &'static str, values: &[f64]) -> Result<(), CameraInfoError> {
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(CameraInfoError::NotFinite { field, index });
    }
    if values.iter().all(|value| *value == 0.0) {
        return Err(CameraInfoError::Uncalibrated { field });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::so3;
    use nalgebra::Vector3;

    const K: [f64; 9] = [900.0, 0.0, 640.0, 0.0, 905.0, 360.0, 0.0, 0.0, 1.0];
    const R: [f64; 9] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    const P: [f64; 12] = [850.0, 0.0, 630.0, -102.0, 0.0, 850.0, 355.0, 0.0, 0.0, 0.0, 1.0, 0.0];

    fn info<'a>(d: &'a [f64], k: &'a [f64; 9], r: &'a [f64; 9], p: &'a [f64; 12]) -> CameraInfo<'a> {
        CameraInfo { width_px: 1280, height_px: 720, distortion_model: "plumb_bob", d, k, r, p }
    }

    #[test]
    fn raw_images_use_k_and_rectified_ones_p() {
        let d = [-0.3, 0.1, 0.0, 0.0, 0.0];
        let info = info(&d, &K, &R, &P);
        let raw = info.raw_camera().unwrap();
        assert_eq!((raw.pinhole.fx_px, raw.pinhole.fy_px), (900.0, 905.0));
        assert!(!raw.distortion.is_none());
        let rectified = PinholeCamera::from_camera_info(&info, ImageKind::Rectified).unwrap();
        assert_eq!((rectified.fx_px, rectified.cx_px), (850.0, 630.0));
        assert_eq!((rectified.width_px, rectified.height_px), (1280, 720));
    }

    #[test]
    fn a_matrix_of_zeros_means_uncalibrated() {
        let info = info(&[], &[0.0; 9], &[0.0; 9], &[0.0; 12]);
        let kinds = [(ImageKind::Raw, "k"), (ImageKind::Rectified, "p")];
        for (kind, field) in kinds {
            let refused = PinholeCamera::from_camera_info(&info, kind);
            assert_eq!(refused, Err(CameraInfoError::Uncalibrated { field }));
        }
        assert!(info.rectified_from_raw().is_err());
    }

    #[test]
    fn damaged_numbers_are_refused_with_their_place() {
        let damage = |index: usize, value: f64| {
            let mut p = P;
            p[index] = value;
            let info = info(&[], &K, &R, &p);
            let refused = PinholeCamera::from_camera_info(&info, ImageKind::Rectified);
            refused.unwrap_err().to_string()
        };
        assert!(damage(6, f64::NAN).contains("`p[6]`"));
        assert!(damage(3, f64::INFINITY).contains("`p[3]`"));
        assert!(damage(1, 0.5).contains("`p[1]`"));
        assert!(damage(4, 0.5).contains("`p[4]`"));
        assert!(damage(10, 2.0).contains("`p[10]`"));
        assert!(damage(0, -850.0).contains("fx_px"));
        let bad = info(&[0.1, f64::NAN, 0.0, 0.0], &K, &R, &P);
        assert!(bad.raw_camera().unwrap_err().to_string().contains("d[1]"));
        let mut empty = info(&[], &K, &R, &P);
        empty.height_px = 0;
        assert!(empty.raw_camera().is_err());
    }

    #[test]
    fn the_rectifying_rotation_comes_back_from_its_matrix() {
        let expected = so3::exp(&Vector3::new(0.01, -0.02, 0.005));
        let matrix = expected.to_rotation_matrix();
        let mut r = [0.0; 9];
        for (index, value) in r.iter_mut().enumerate() {
            // Six digits, as a calibration file prints them.
            *value = (matrix[(index / 3, index % 3)] * 1e6).round() / 1e6;
        }
        let ours = info(&[], &K, &r, &P).rectified_from_raw().unwrap();
        assert!(so3::geodesic_angle(&ours, &expected) < 2e-6);
    }

    #[test]
    fn a_mirror_or_a_stretch_is_not_a_rotation() {
        let mirror = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
        let stretch = [1.1, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        for r in [mirror, stretch] {
            let refused = info(&[], &K, &r, &P).rectified_from_raw();
            assert_eq!(refused, Err(CameraInfoError::NotARotation));
        }
    }
}
