//! What a launch file knows about up and down, checked and turned into what the vote needs.

use calibration::Mounting;
use models::retrieval::level::LevelPrior;
use nalgebra::Vector3;

/// Beyond this the ground is nothing to rely on, degrees.
const SIGMA_DEG_MAX: f64 = 45.0;
/// Beyond this a camera looks at the sky or at its own wheels, degrees.
const MOUNTING_DEG_MAX: f64 = 90.0;

/// Up in the camera, and how far the ground can be trusted to be level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Unit, in the camera's optical axes (x right, y down, z forward).
    camera_up: Vector3<f64>,
    sigma_rad: f64,
}

/// A number of the camera's section that cannot be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("camera.{key} {rule}")]
pub struct LevelError {
    /// The key as written in the launch file.
    pub key: &'static str,
    /// What the value must satisfy.
    pub rule: &'static str,
}

impl Level {
    /// A camera that looks down by `pitch_deg` and whose left side is higher by `roll_deg`, over ground that is level to
    /// `sigma_deg` (standard deviation, degrees). A sigma of 0 means that nothing is known: `None`.
    ///
    /// # Errors
    /// The key whose value is out of range.
    pub fn new(sigma_deg: f64, pitch_deg: f64, roll_deg: f64) -> Result<Option<Self>, LevelError> {
        let wrong = |key, rule| LevelError { key, rule };
        if !(0.0..=SIGMA_DEG_MAX).contains(&sigma_deg) {
            return Err(wrong("level_sigma_deg", "must be between 0 (off) and 45 degrees"));
        }
        for (key, angle) in [("mounting_pitch_deg", pitch_deg), ("mounting_roll_deg", roll_deg)] {
            if !(-MOUNTING_DEG_MAX..=MOUNTING_DEG_MAX).contains(&angle) {
                return Err(wrong(key, "must be within 90 degrees"));
            }
        }
        let mounting = Mounting::new([0.0; 3], [roll_deg, pitch_deg, 0.0])
            .map_err(|_| wrong("mounting_pitch_deg", "must be within 90 degrees"))?;
        let camera_up = mounting.vehicle_from_camera.rotation.inverse() * Vector3::z();
        Ok((sigma_deg > 0.0).then(|| Self { camera_up, sigma_rad: sigma_deg.to_radians() }))
    }

    /// The prior of the object on `viewing_ray`, in the camera's optical axes. `None` where the ray has no direction.
    pub fn prior(&self, viewing_ray: &Vector3<f64>) -> Option<LevelPrior> {
        LevelPrior::of_ray(viewing_ray, &self.camera_up, self.sigma_rad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::retrieval::level::UP_OF_LEVEL_CAMERA;

    #[test]
    fn a_level_camera_has_up_where_pixels_have_it() {
        let level = Level::new(1.5, 0.0, 0.0).unwrap().unwrap();
        assert!((level.camera_up - UP_OF_LEVEL_CAMERA).norm() < 1e-12);
        let prior = level.prior(&Vector3::z()).unwrap();
        assert!((prior.up - UP_OF_LEVEL_CAMERA).norm() < 1e-12);
        assert_eq!(prior.sigma_rad, 1.5_f64.to_radians());
        assert_eq!(Level::new(0.0, 0.0, 0.0), Ok(None));
    }

    /// A camera that looks down sees the vertical lean towards it at the top: up comes nearer to -z.
    #[test]
    fn pitch_and_roll_turn_up_the_way_their_names_say() {
        let (sine, cosine) = 10_f64.to_radians().sin_cos();
        let up = |pitch, roll| Level::new(1.0, pitch, roll).unwrap().unwrap().camera_up;
        assert!((up(10.0, 0.0) - Vector3::new(0.0, -cosine, -sine)).norm() < 1e-12);
        // Its left side is higher, so what is upright leans to the left in its picture.
        assert!((up(0.0, 10.0) - Vector3::new(-sine, -cosine, 0.0)).norm() < 1e-12);
    }

    #[test]
    fn numbers_out_of_range_are_named_by_their_key() {
        for (numbers, key) in [
            ([-0.1, 0.0, 0.0], "level_sigma_deg"),
            ([f64::NAN, 0.0, 0.0], "level_sigma_deg"),
            ([1.0, 90.5, 0.0], "mounting_pitch_deg"),
            ([0.0, 0.0, f64::INFINITY], "mounting_roll_deg"),
        ] {
            let [sigma, pitch, roll] = numbers;
            assert_eq!(Level::new(sigma, pitch, roll).unwrap_err().key, key);
        }
    }
}
