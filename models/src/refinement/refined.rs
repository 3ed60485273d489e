//! What refinement answers.

use calibration::so3::geodesic_angle;
use kernels::Placement;
use nalgebra::Matrix3;

use super::descent::Status;
use super::refiner::{HYPOTHESES_MAX, SAME_RAD};
use crate::retrieval::{Hypothesis, Retrieval};

/// The refined answer for one object.
#[derive(Clone, Debug)]
pub struct Refined {
    /// The likeliest pose, allocentric `camera_from_object`, with its probability; then the others.
    pub hypotheses: heapless::Vec<Hypothesis, HYPOTHESES_MAX>,
    /// Of the best rotation about the camera's axes, rad^2.
    pub covariance: Matrix3<f64>,
    /// Probability of the opposite direction of the answer.
    pub flip_probability: f64,
    /// Where the mesh stands in the feature map.
    pub placement: Placement,
    /// Which sub-type, row of the refiner's shapes.
    pub shape: usize,
    /// Minus the cost: the logarithm of the answer's probability up to a constant. Never less than the start's.
    pub score: f64,
    /// The start's score, by the same measure.
    pub start_score: f64,
    /// How it ended.
    pub status: Status,
    /// Steps tried, of all hypotheses.
    pub steps: u32,
}

impl Refined {
    /// The retrieved answer with what refinement found in its place; similarity stays that of the embedding.
    pub fn into_retrieval(self, retrieved: &Retrieval) -> Retrieval {
        let mut hypotheses = self.hypotheses.into_iter();
        let best = hypotheses.next().unwrap_or(retrieved.best);
        let flip = crate::retrieval::flipped(&best.rotation);
        let is_flip = |hypothesis: &Hypothesis| geodesic_angle(&hypothesis.rotation, &flip) < SAME_RAD;
        let mut others: heapless::Vec<Hypothesis, HYPOTHESES_MAX> = hypotheses.collect();
        others.sort_unstable_by(|a, b| b.probability.total_cmp(&a.probability));
        // The flip comes first among alternatives, whatever its probability; hypotheses that met there are one.
        let flip_probability = self.flip_probability.min(0.5);
        let nearest = others.iter().find(|other| is_flip(other)).map_or(flip, |other| other.rotation);
        let mut alternatives = heapless::Vec::new();
        let _ = alternatives.push(Hypothesis { rotation: nearest, probability: flip_probability });
        for other in others.iter().filter(|other| !is_flip(other)) {
            let _ = alternatives.push(*other);
        }
        Retrieval {
            best,
            covariance: self.covariance,
            similarity: retrieved.similarity,
            flip_probability,
            alternatives,
        }
    }
}
