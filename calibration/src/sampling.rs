//! Seeded random rotations and points for the tests of this crate.

use std::f64::consts::TAU;

use nalgebra::{Quaternion, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Rotation;

pub(crate) fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Uniform on SO(3), after Shoemake, Graphics Gems III, "Uniform random rotations".
pub(crate) fn rotation(generator: &mut ChaCha8Rng) -> Rotation {
    let mix: f64 = generator.random();
    let (first, second) = (TAU * generator.random::<f64>(), TAU * generator.random::<f64>());
    let (outer, inner) = ((1.0 - mix).sqrt(), mix.sqrt());
    UnitQuaternion::from_quaternion(Quaternion::new(
        inner * second.cos(),
        outer * first.sin(),
        outer * first.cos(),
        inner * second.sin(),
    ))
}

/// A point in front of the camera: 2 to 80 m away, up to 60 degrees aside, up to 30 degrees above or below.
pub(crate) fn point_in_view_m(generator: &mut ChaCha8Rng) -> Vector3<f64> {
    let depth_m = generator.random_range(2.0..80.0);
    let right = generator.random_range(-1.7..1.7);
    let down = generator.random_range(-0.5..0.5);
    Vector3::new(right, down, 1.0) * depth_m
}
