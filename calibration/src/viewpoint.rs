//! PASCAL3D+ viewpoints: azimuth, elevation, in-plane rotation <-> `camera_from_object`.
//!
//! `R(a, e, t) = Rz(t) Rx(-(pi/2 - e)) Rz(-a)` takes PASCAL3D+ object axes (front -y, left +x, up +z) to
//! PASCAL3D+ camera axes (right, up, back). This file adds the two constant rotations to our body and optical axes.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

use nalgebra::{Quaternion, Unit, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

use crate::Rotation;
use crate::angle::{wrap_positive_rad, wrap_signed_rad};

/// Forward is -y, left is +x: a quarter turn about z.
const PASCAL_FROM_BODY: Rotation = Unit::new_unchecked(Quaternion::new(FRAC_1_SQRT_2, 0.0, 0.0, -FRAC_1_SQRT_2));
/// y up and z back become y down and z forward: half a turn about x.
const OPTICAL_FROM_PASCAL: Rotation = Unit::new_unchecked(Quaternion::new(0.0, 1.0, 0.0, 0.0));
/// Closer than this to the pole, azimuth and in-plane rotation cannot be told apart.
const POLE_COSINE_MAX: f64 = 1e-9;

/// From where an object is seen, with the angles of PASCAL3D+.
///
/// With the allocentric rotation these are the angles of the data set; of an egocentric rotation they also
/// contain the pan and tilt of the viewing ray.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Viewpoint {
    /// 0 = we see the front, pi/2 = its left side (it heads image-left), pi = the rear, 3 pi/2 = its right side.
    pub azimuth_rad: f64,
    /// Positive = the camera is above the object.
    pub elevation_rad: f64,
    /// Rotation of the image about its centre, counter-clockwise positive.
    pub in_plane_rad: f64,
}

impl Viewpoint {
    /// Angles in degrees, kept as they are.
    pub fn from_degrees(azimuth_deg: f64, elevation_deg: f64, in_plane_deg: f64) -> Self {
        Self {
            azimuth_rad: azimuth_deg.to_radians(),
            elevation_rad: elevation_deg.to_radians(),
            in_plane_rad: in_plane_deg.to_radians(),
        }
    }

    /// [azimuth, elevation, in-plane] in degrees, as they are.
    pub fn to_degrees(&self) -> [f64; 3] {
        [self.azimuth_rad, self.elevation_rad, self.in_plane_rad].map(f64::to_degrees)
    }

    /// Angles of a rotation from body axes (x forward, y left, z up) to optical axes (x right, y down, z forward).
    ///
    /// Azimuth in [0, 2 pi), elevation in [-pi/2, pi/2], in-plane in [-pi, pi). Seen exactly from above or below,
    /// only a combination of azimuth and in-plane rotation is defined: in-plane is then 0.
    pub fn from_rotation(camera_from_object: &Rotation) -> Self {
        let pascal = OPTICAL_FROM_PASCAL.inverse() * camera_from_object * PASCAL_FROM_BODY.inverse();
        let rotation = pascal.to_rotation_matrix();
        let r = |row: usize, column: usize| rotation[(row, column)];
        // The cosine of the elevation from its own row: asin(r22) would lose half of the digits at the poles.
        let cosine = r(2, 0).hypot(r(2, 1));
        let elevation_rad = r(2, 2).atan2(cosine);
        let (azimuth_rad, in_plane_rad) = if cosine <= POLE_COSINE_MAX {
            (r(0, 1).atan2(r(0, 0)), 0.0)
        } else {
            let azimuth_rad = r(2, 0).atan2(-r(2, 1));
            // What Rz(-a) leaves of the first column is (cos t, sin t, 0). Near a pole the azimuth is rounding noise;
            // taken from here, the in-plane rotation makes up for it.
            let (sine, cosine) = azimuth_rad.sin_cos();
            let left = |row: usize| r(row, 0) * cosine + r(row, 1) * sine;
            (azimuth_rad, left(1).atan2(left(0)))
        };
        Self { azimuth_rad: wrap_positive_rad(azimuth_rad), elevation_rad, in_plane_rad: wrap_signed_rad(in_plane_rad) }
    }

    /// Rotation from body axes (x forward, y left, z up) to optical axes (x right, y down, z forward).
    pub fn to_rotation(&self) -> Rotation {
        let about = |axis: Unit<Vector3<f64>>, angle_rad: f64| UnitQuaternion::from_axis_angle(&axis, angle_rad);
        let pascal = about(Vector3::z_axis(), self.in_plane_rad)
            * about(Vector3::x_axis(), self.elevation_rad - FRAC_PI_2)
            * about(Vector3::z_axis(), -self.azimuth_rad);
        OPTICAL_FROM_PASCAL * pascal * PASCAL_FROM_BODY
    }

    /// Viewpoint in the image flipped left-right, of an object that is its own mirror image.
    ///
    /// Azimuth in [0, 2 pi), in-plane in [-pi, pi).
    pub fn mirrored(&self) -> Self {
        Self {
            azimuth_rad: wrap_positive_rad(-self.azimuth_rad),
            elevation_rad: self.elevation_rad,
            in_plane_rad: wrap_signed_rad(-self.in_plane_rad),
        }
    }
}

#[cfg(test)]
mod tests;
