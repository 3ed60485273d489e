//! The answers of the classifier baseline (`trainer train baseline`), in the form of retrieval's.

use std::path::Path;

use anyhow::{Context, Result};
use calibration::Viewpoint;
use models::retrieval::level::LevelPrior;
use models::retrieval::{Hypothesis, Retrieval, flipped};
use nalgebra::Matrix3;

use crate::encoder::{Encoder, available_providers};
use crate::networks::heads::AZIMUTH_BINS;
use crate::training::TrainingConfig;

/// Numbers of the network's output `angles`: a logit and an offset for each bin, and the elevation.
const ANGLES: usize = 2 * AZIMUTH_BINS + 1;
/// The classifier says nothing of its spread: a constant, three degrees.
const SIGMA_DEG: f64 = 3.0;

/// A trained classifier.
pub struct Classifier {
    encoder: Encoder,
    config: TrainingConfig,
}

impl Classifier {
    /// Opens `run.toml` and `classifier.onnx` of a run's folder.
    ///
    /// # Errors
    /// A file that is missing or not one of ours, by its name.
    pub fn open(run: &Path) -> Result<Self> {
        let config = TrainingConfig::load(&run.join("run.toml"))?;
        let path = run.join("classifier.onnx");
        let onnx = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let encoder = Encoder::open(&onnx, &config.query, ("angles", ANGLES), &available_providers(), 2)?;
        Ok(Self { encoder, config })
    }

    /// The run's description.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// The answer for one normalised crop `[3, H, W]`, levelled as retrieval's answers are.
    ///
    /// # Errors
    /// The network fails.
    pub fn answer(&mut self, crop: &[f32], prior: Option<&LevelPrior>) -> Result<Retrieval> {
        let mut answer = decode(self.encoder.embed(crop, 1)?);
        if let Some(prior) = prior {
            prior.apply(&mut answer);
        }
        Ok(answer)
    }
}

fn decode(angles: &[f32]) -> Retrieval {
    let (logits, rest) = angles.split_at(AZIMUTH_BINS);
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|l| f64::from(l - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let best = (0..AZIMUTH_BINS).fold(0, |best, bin| if weights[bin] > weights[best] { bin } else { best });
    let bin_rad = std::f64::consts::TAU / AZIMUTH_BINS as f64;
    let viewpoint = Viewpoint {
        azimuth_rad: (best as f64 + 0.5 + f64::from(rest[best])) * bin_rad,
        elevation_rad: f64::from(rest[AZIMUTH_BINS]),
        in_plane_rad: 0.0,
    };
    let rotation = viewpoint.to_rotation();
    // The half circle opposite to the answer.
    let turned = |bin: usize| (bin + AZIMUTH_BINS - best) % AZIMUTH_BINS;
    let opposite = |bin: usize| (AZIMUTH_BINS / 4 + 1..3 * AZIMUTH_BINS / 4).contains(&turned(bin));
    let flip_probability = (0..AZIMUTH_BINS).filter(|&bin| opposite(bin)).map(|bin| weights[bin] / total).sum();
    let mut alternatives = heapless::Vec::new();
    let _ = alternatives.push(Hypothesis { rotation: flipped(&rotation), probability: flip_probability });
    Retrieval {
        best: Hypothesis { rotation, probability: weights[best] / total },
        covariance: Matrix3::identity() * SIGMA_DEG.to_radians().powi(2),
        similarity: 0.0,
        flip_probability,
        alternatives,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use calibration::so3::geodesic_angle;

    #[test]
    fn the_likeliest_bin_and_its_offset_are_the_azimuth() {
        let mut angles = vec![0.0; ANGLES];
        angles[5] = 4.0;
        angles[5 + AZIMUTH_BINS / 2] = 3.0;
        angles[AZIMUTH_BINS + 5] = 0.2;
        angles[ANGLES - 1] = 3f32.to_radians();
        let answer = decode(&angles);
        let expected = Viewpoint::from_degrees(5.7 * 15.0, 3.0, 0.0).to_rotation();
        assert!(geodesic_angle(&answer.best.rotation, &expected) < 1e-6);
        let share = |logit: f64| logit.exp() / (4f64.exp() + 3f64.exp() + 22.0);
        assert!((answer.best.probability - share(4.0)).abs() < 1e-6);
        assert!((answer.flip_probability - (share(3.0) + 10.0 * share(0.0))).abs() < 1e-6);
    }
}
