//! How a camera is mounted on a vehicle: vehicle body axes (ROS REP-103) <-> optical axes.

use std::f64::consts::PI;

use nalgebra::{Isometry3, Quaternion, Translation3, Unit, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

use crate::Rotation;

/// From optical axes (x right, y down, z forward) to the body axes (x forward, y left, z up) of the same camera.
///
/// ROS calls these two `*_optical_frame` and `*_link`.
pub const BODY_FROM_OPTICAL: Rotation = Unit::new_unchecked(Quaternion::new(0.5, -0.5, 0.5, -0.5));

/// Where a camera sits on the vehicle and where it looks.
///
/// In a configuration file: `translation_m` = [x, y, z] of the optical centre in vehicle axes, and
/// `roll_pitch_yaw_deg` of the camera body about the vehicle's x, y, z axes (applied in this order; all zero =
/// looking straight ahead, positive pitch = looking down, positive yaw = looking left).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MountingNumbers", into = "MountingNumbers")]
pub struct Mounting {
    /// From the camera's optical axes to the vehicle's body axes, metres.
    pub vehicle_from_camera: Isometry3<f64>,
}

/// Why six numbers are not a mounting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MountingError {
    /// Not finite, or further than a kilometre from the vehicle.
    #[error("`translation_m[{index}]` must be within 1000 m")]
    Translation {
        /// Which number.
        index: usize,
    },
    /// Not finite, or more than a turn.
    #[error("`roll_pitch_yaw_deg[{index}]` must be within 360 degrees")]
    Angle {
        /// Which number.
        index: usize,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MountingNumbers {
    translation_m: [f64; 3],
    roll_pitch_yaw_deg: [f64; 3],
}

impl TryFrom<MountingNumbers> for Mounting {
    type Error = MountingError;

    fn try_from(numbers: MountingNumbers) -> Result<Self, MountingError> {
        Self::new(numbers.translation_m, numbers.roll_pitch_yaw_deg)
    }
}

impl From<Mounting> for MountingNumbers {
    fn from(mounting: Mounting) -> Self {
        let pose = mounting.vehicle_from_camera;
        let (roll, pitch, yaw) = (pose.rotation * BODY_FROM_OPTICAL.inverse()).euler_angles();
        Self {
            translation_m: pose.translation.vector.into(),
            roll_pitch_yaw_deg: [roll, pitch, yaw].map(|angle| angle * 180.0 / PI),
        }
    }
}

impl Mounting {
    /// Optical centre in vehicle axes (metres), then roll, pitch, yaw of the camera body in degrees.
    pub fn new(translation_m: [f64; 3], roll_pitch_yaw_deg: [f64; 3]) -> Result<Self, MountingError> {
        let outside = |values: &[f64; 3], bound: f64| values.iter().position(|value| !(-bound..=bound).contains(value));
        if let Some(index) = outside(&translation_m, 1000.0) {
            return Err(MountingError::Translation { index });
        }
        if let Some(index) = outside(&roll_pitch_yaw_deg, 360.0) {
            return Err(MountingError::Angle { index });
        }
        let [roll, pitch, yaw] = roll_pitch_yaw_deg.map(f64::to_radians);
        let vehicle_from_body = UnitQuaternion::from_euler_angles(roll, pitch, yaw);
        Ok(Self {
            vehicle_from_camera: Isometry3::from_parts(
                Translation3::from(Vector3::from(translation_m)),
                vehicle_from_body * BODY_FROM_OPTICAL,
            ),
        })
    }

    /// Pose of an object in vehicle axes, of its pose in the camera's optical axes.
    pub fn vehicle_from_object(&self, camera_from_object: &Isometry3<f64>) -> Isometry3<f64> {
        self.vehicle_from_camera * camera_from_object
    }

    /// Pose of an object in the camera's optical axes, of its pose in vehicle axes.
    pub fn camera_from_object(&self, vehicle_from_object: &Isometry3<f64>) -> Isometry3<f64> {
        self.vehicle_from_camera.inverse() * vehicle_from_object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sampling, so3};
    use nalgebra::{Matrix3, Point3};
    use proptest::prelude::*;

    #[test]
    fn optical_axes_become_body_axes_one_by_one() {
        for (optical, body) in [
            (Vector3::x(), -Vector3::y()), // right
            (Vector3::y(), -Vector3::z()), // down
            (Vector3::z(), Vector3::x()),  // forward
        ] {
            assert!((BODY_FROM_OPTICAL * optical - body).norm() < 1e-15);
        }
        assert!((BODY_FROM_OPTICAL.norm() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_level_camera_sees_what_is_ahead_in_front_of_it() {
        let mounting = Mounting::new([1.5, 0.2, 1.4], [0.0; 3]).unwrap();
        let ahead = Point3::new(0.5, -0.25, 20.0); // half a metre right, a quarter up
        let in_vehicle = mounting.vehicle_from_camera * ahead;
        assert!((in_vehicle - Point3::new(21.5, -0.3, 1.65)).norm() < 1e-12);
    }

    #[test]
    fn positive_yaw_looks_left_and_positive_pitch_looks_down() {
        let axis = |angles| Mounting::new([0.0; 3], angles).unwrap().vehicle_from_camera * Vector3::z();
        assert!((axis([0.0, 0.0, 90.0]) - Vector3::y()).norm() < 1e-12);
        assert!((axis([0.0, 90.0, 0.0]) + Vector3::z()).norm() < 1e-12);
    }

    /// `Rz(yaw) Ry(pitch) Rx(roll)`, written out.
    #[test]
    fn angles_apply_in_the_order_roll_pitch_yaw() {
        let (roll, pitch, yaw) = (0.1f64, -0.2f64, 0.7f64);
        let (sr, cr) = roll.sin_cos();
        let (sp, cp) = pitch.sin_cos();
        let (sy, cy) = yaw.sin_cos();
        let rx = Matrix3::new(1.0, 0.0, 0.0, 0.0, cr, -sr, 0.0, sr, cr);
        let ry = Matrix3::new(cp, 0.0, sp, 0.0, 1.0, 0.0, -sp, 0.0, cp);
        let rz = Matrix3::new(cy, -sy, 0.0, sy, cy, 0.0, 0.0, 0.0, 1.0);
        let body_from_optical = Matrix3::new(0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0);
        let degrees = [roll, pitch, yaw].map(f64::to_degrees);
        let mounting = Mounting::new([0.0; 3], degrees).unwrap();
        let ours = mounting.vehicle_from_camera.rotation.to_rotation_matrix();
        assert!((ours.matrix() - rz * ry * rx * body_from_optical).norm() < 1e-12);
    }

    #[test]
    fn numbers_that_cannot_be_are_refused_with_their_place() {
        let refused = Mounting::new([0.0, f64::NAN, 0.0], [0.0; 3]);
        assert_eq!(refused, Err(MountingError::Translation { index: 1 }));
        let refused = Mounting::new([0.0; 3], [0.0, 0.0, 1e9]);
        assert_eq!(refused, Err(MountingError::Angle { index: 2 }));
        let unknown = "translation_m = [0.0, 0.0, 0.0]\nroll_pitch_yaw_deg = [0.0, 0.0, 0.0]\nroll = 1\n";
        let refused = toml::from_str::<Mounting>(unknown);
        assert!(refused.unwrap_err().to_string().contains("roll"));
    }

    proptest! {
        #[test]
        fn poses_go_there_and_back(seed in any::<u64>(), roll in -170.0..170.0f64, yaw in -170.0..170.0f64) {
            let mut generator = sampling::generator(seed);
            let center = sampling::point_in_view_m(&mut generator);
            let pose = Isometry3::from_parts(center.into(), sampling::rotation(&mut generator));
            let mounting = Mounting::new([1.0, -0.5, 1.5], [roll, 12.0, yaw]).unwrap();
            let back = mounting.camera_from_object(&mounting.vehicle_from_object(&pose));
            prop_assert!((back.translation.vector - center).norm() < 1e-10);
            prop_assert!(so3::geodesic_angle(&back.rotation, &pose.rotation) < 1e-12);
        }

        #[test]
        fn text_goes_there_and_back(x in -5.0..5.0f64, roll in -170.0..170.0f64, pitch in -80.0..80.0f64, yaw in -170.0..170.0f64) {
            let mounting = Mounting::new([x, 0.5, 1.5], [roll, pitch, yaw]).unwrap();
            let text = toml::to_string(&mounting).unwrap();
            let back: Mounting = toml::from_str(&text).unwrap();
            let (a, b) = (mounting.vehicle_from_camera, back.vehicle_from_camera);
            prop_assert!((a.translation.vector - b.translation.vector).norm() < 1e-12);
            prop_assert!(so3::geodesic_angle(&a.rotation, &b.rotation) < 1e-12);
        }
    }
}
