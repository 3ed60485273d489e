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
    /// Of the best rotation about the axes of the camera that looks at the object, rad^2.
    pub covariance: Matrix3<f64>,
    /// Probability of the opposite direction of the answer.
    pub flip_probability: f64,
    /// Where the mesh stands in the feature map.
    pub placement: Placement,
    /// Where it stood before.
    pub start: Placement,
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

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use calibration::Rotation;
    use nalgebra::Vector3;
    use proptest::prelude::*;

    use super::super::scene::retrieved;
    use super::*;
    use crate::retrieval::{ALTERNATIVES_MAX, flipped};

    fn answer(hypotheses: &[(f64, f64)], flip_probability: f64) -> Refined {
        let about = |angle: f64| Rotation::from_axis_angle(&Vector3::z_axis(), angle);
        let hypothesis = |&(angle, probability): &(f64, f64)| Hypothesis { rotation: about(angle), probability };
        let placement =
            Placement { rotation: [[0.0; 3]; 3], scale: 5.0, nearness: 0.1, centre: [14.0, 8.0], slant: [0.0; 2] };
        Refined {
            hypotheses: hypotheses.iter().map(hypothesis).collect(),
            covariance: Matrix3::new(3.0, 1.0, 0.0, 1.0, 2.0, 0.5, 0.0, 0.5, 1.0) * 1e-3,
            flip_probability,
            placement,
            start: placement,
            shape: 0,
            score: 2.0,
            start_score: 1.0,
            status: Status::Converged,
            steps: 12,
        }
    }

    fn check(refined: &Refined) -> Retrieval {
        let before = retrieved(Rotation::identity(), 0.25);
        let after = refined.clone().into_retrieval(&before);
        assert_eq!((after.similarity, after.covariance), (before.similarity, refined.covariance));
        assert_eq!(after.best.rotation, refined.hypotheses[0].rotation);
        assert_eq!(after.best.probability, refined.hypotheses[0].probability);
        let flip = after.alternatives.first().unwrap();
        assert!(geodesic_angle(&flip.rotation, &flipped(&after.best.rotation)) < SAME_RAD);
        assert_eq!(flip.probability, after.flip_probability, "the first alternative has the same");
        let rest: Vec<f64> = after.alternatives.iter().skip(1).map(|other| other.probability).collect();
        assert!(rest.is_sorted_by(|a, b| a >= b), "{rest:?}");
        let sum: f64 = after.best.probability + after.alternatives.iter().map(|other| other.probability).sum::<f64>();
        assert!(sum <= 1.0 + 1e-9, "{sum}");
        assert!((0.0..=0.5).contains(&after.flip_probability));
        after
    }

    #[test]
    fn the_flip_comes_first_among_alternatives_whatever_its_probability() {
        let after = check(&answer(&[(0.0, 0.7), (1.5, 0.28), (PI + 0.1, 0.02)], 0.02));
        assert_eq!(after.alternatives.len(), 2);
        // The refined flip, not half a turn exactly.
        assert!((geodesic_angle(&after.alternatives[0].rotation, &after.best.rotation) - (PI - 0.1)).abs() < 1e-9);
        assert_eq!((after.flip_probability, after.alternatives[1].probability), (0.02, 0.28));
    }

    #[test]
    fn a_flip_that_was_not_refined_is_half_a_turn() {
        let after = check(&answer(&[(0.2, 0.9), (-1.4, 0.1)], 0.0));
        let flip = &after.alternatives[0];
        assert!(geodesic_angle(&flip.rotation, &flipped(&after.best.rotation)) < 1e-9 && flip.probability == 0.0);
        assert_eq!(check(&answer(&[(0.2, 1.0)], 0.0)).alternatives.len(), 1);
    }

    #[test]
    fn hypotheses_that_met_at_the_flip_are_one() {
        let after = check(&answer(&[(0.0, 0.4), (PI + 0.05, 0.32), (PI - 0.02, 0.18), (1.0, 0.1)], 0.5));
        assert_eq!((after.flip_probability, after.alternatives.len()), (0.5, 2));
    }

    #[test]
    fn without_hypotheses_the_retrieved_one_stands() {
        let before = retrieved(Rotation::identity(), 0.25);
        let after = answer(&[], 0.0).into_retrieval(&before);
        assert_eq!(after.best.rotation, before.best.rotation);
    }

    proptest! {
        #[test]
        fn any_hypotheses_are_a_retrieval(
            angles in prop::array::uniform4(0.0..6.3f64),
            weights in prop::array::uniform4(0.0..1.0f64),
            count in 1..=HYPOTHESES_MAX,
        ) {
            let total: f64 = weights.iter().take(count).sum();
            prop_assume!(total > 1e-3);
            let mut hypotheses: Vec<(f64, f64)> = angles.into_iter().zip(weights.map(|w| w / total)).take(count).collect();
            hypotheses.sort_by(|a, b| b.1.total_cmp(&a.1));
            let opposite = |angle: f64| (angle - hypotheses[0].0 - PI).rem_euclid(2.0 * PI);
            let is_flip = |angle: f64| opposite(angle).min(2.0 * PI - opposite(angle)) < SAME_RAD;
            let share = hypotheses.iter().skip(1).filter(|(angle, _)| is_flip(*angle)).map(|(_, p)| p).sum();
            let after = check(&answer(&hypotheses, share));
            prop_assert!(after.alternatives.len() <= ALTERNATIVES_MAX);
        }
    }
}
