//! What a camera that knows which way is up adds to a vote: vehicles stand on the ground, and the ground is nearly level.
//!
//! An object's tilt (elevation and in-plane rotation) follows from the viewing ray far better than from its crop. The
//! tilt seen in the crop and the one the ray tells are combined like two measurements, each by the inverse of its variance
//! (Kalman update); what the crop says about the turn about the vertical stays as it is.
//!
//! An object whose tilt is too far from level for both to be right (a car on a ramp, on a transporter, on its
//! roof, or a vote gone wrong) is not forced upright: the prior is then left out.

use calibration::{Rotation, ray};
use nalgebra::{Matrix3, Unit, UnitQuaternion, Vector3};

use super::Retrieval;

/// Up, in the optical axes (x right, y down, z forward) of a level camera.
pub const UP_OF_LEVEL_CAMERA: Vector3<f64> = Vector3::new(0.0, -1.0, 0.0);

/// Tilts beyond this many combined standard deviations say that the ground is not level there.
const DOUBTED_SIGMAS: f64 = 4.0;
/// Below this sine of an angle, two directions have no axis between them.
const SINE_MIN: f64 = 1e-9;

/// Where up is for one object, and how level its ground may be expected to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelPrior {
    /// Unit, in the axes of the virtual camera that looks along the viewing ray.
    pub up: Vector3<f64>,
    /// Standard deviation of the object's up axis about each of the two axes perpendicular to `up`, radians, above 0:
    /// the grade of the ground, the pitch of both vehicles and the error of the viewing ray together.
    pub sigma_rad: f64,
}

impl LevelPrior {
    /// The prior of the object on `viewing_ray`, of any length; `camera_up` is a unit vector. Both in the camera's optical axes.
    ///
    /// `None` where the ray is zero or not finite.
    pub fn of_ray(viewing_ray: &Vector3<f64>, camera_up: &Vector3<f64>, sigma_rad: f64) -> Option<Self> {
        let up = ray::camera_from_ray(viewing_ray)?.inverse() * camera_up;
        Some(Self { up, sigma_rad })
    }

    /// Levels the best pose and its alternatives, each on its own, by the spread of the best. Probabilities stay as they are.
    pub fn apply(&self, retrieval: &mut Retrieval) {
        let visual = retrieval.covariance;
        (retrieval.best.rotation, retrieval.covariance) = self.update(&retrieval.best.rotation, &visual);
        for other in &mut retrieval.alternatives {
            (other.rotation, _) = self.update(&other.rotation, &visual);
        }
    }

    /// A pose and its covariance (about the axes of the virtual camera, rad^2), levelled.
    ///
    /// With the visual variance `s^2` of the tilt (mean over the two axes perpendicular to `up`) and the prior's
    /// `sigma^2`: the smallest turn that would bring the body's z axis to `up` is made by the part `s^2 / (s^2 + sigma^2)`,
    /// and variances about the tilt axes shrink by `sigma^2 / (s^2 + sigma^2)`. Scaling rows and columns alike keeps the
    /// matrix symmetric and positive definite. Both come back unchanged where the prior is doubted or no number.
    pub fn update(&self, rotation: &Rotation, covariance: &Matrix3<f64>) -> (Rotation, Matrix3<f64>) {
        let unchanged = (*rotation, *covariance);
        let visual_variance = 0.5 * (covariance.trace() - self.up.dot(&(covariance * self.up)));
        let prior_variance = self.sigma_rad * self.sigma_rad;
        let combined = visual_variance + prior_variance;
        let body_up = rotation * Vector3::z();
        let axis = body_up.cross(&self.up);
        let tilt_rad = axis.norm().atan2(body_up.dot(&self.up));
        // False for NaN, like every comparison here.
        let believed = prior_variance > 0.0 && visual_variance >= 0.0 && tilt_rad <= DOUBTED_SIGMAS * combined.sqrt();
        if !believed {
            return unchanged;
        }
        let about_up = self.up * self.up.transpose();
        let shrink = about_up + (Matrix3::identity() - about_up) * (prior_variance / combined).sqrt();
        let levelled = match Unit::try_new(axis, SINE_MIN) {
            Some(axis) => UnitQuaternion::from_axis_angle(&axis, tilt_rad * visual_variance / combined) * rotation,
            // Level already, or upside down.
            None => *rotation,
        };
        (levelled, shrink * covariance * shrink)
    }
}

#[cfg(test)]
mod tests;
