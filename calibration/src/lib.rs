//! Where things are: coordinate systems, rotations, cameras, viewpoints, KITTI and ROS calibration.
//!
//! Four coordinate systems, all right-handed:
//!
//! | system | x | y | z | origin |
//! |---|---|---|---|---|
//! | body (object, vehicle; ROS REP-103) | forward | left | up | centre of the 3D box; the vehicle's own choice |
//! | camera (optical) | right | down | forward | optical centre |
//! | PASCAL3D+ object | left | backward | up | centre of the CAD model |
//! | PASCAL3D+ camera | right | up | backward | optical centre |
//!
//! Names are `destination_from_source`: `camera_from_object` takes object coordinates to camera coordinates.
//! Metres, radians and pixels, always in the name. Rotations cross the border of the crate as (w, x, y, z).
//!
//! *Egocentric* = in the axes of the real camera. *Allocentric* = in the axes of a virtual camera that was
//! panned and tilted until it looks at the object: all that an image crop can show. [`ray`] converts.
//!
//! This crate is a leaf: it knows no tensor, no message bytes and no file system.

pub mod angle;
mod camera;
mod camera_info;
mod distorted_camera;
mod distortion;
pub mod kitti;
pub mod ray;
mod rig;
#[cfg(test)]
mod sampling;
pub mod so3;
mod viewpoint;

pub use camera::{CameraError, PinholeCamera};
pub use camera_info::{CameraInfo, CameraInfoError, ImageKind};
pub use distorted_camera::DistortedCamera;
pub use distortion::{Distortion, DistortionError};
pub use rig::{BODY_FROM_OPTICAL, Mounting, MountingError};
pub use viewpoint::Viewpoint;

/// A rotation, `destination_from_source`, as a unit quaternion.
pub type Rotation = nalgebra::UnitQuaternion<f64>;
