//! Peaks of a weighted vote on SO(3): greedy seeds, mean shift, memory allocated once.

use calibration::Rotation;
use calibration::so3::{geodesic_angle, weighted_mean};

use super::Hypothesis;

/// Modes looked for in one vote: the answer and its alternatives, with one to spare for the flip's own mode.
pub const MODES_MAX: usize = 6;
/// Mean-shift steps for one mode; the radius makes a handful enough.
const SHIFT_STEPS_MAX: usize = 10;
/// A mode that moves less than this has arrived, radians.
const SHIFT_RAD_MIN: f64 = 1e-4;

/// One neighbour's say.
#[derive(Clone, Copy, Debug)]
pub struct Vote {
    /// Where it votes.
    pub rotation: Rotation,
    /// How much; the weights of a vote sum to one.
    pub weight: f64,
}

/// Finds modes, heaviest first.
pub struct ModeSeeker {
    /// Cosine of half the radius: |q1 . q2| at least this means "within the radius".
    closeness_min: f64,
    taken: Vec<bool>,
    rotations: Vec<Rotation>,
    weights: Vec<f64>,
    modes: heapless::Vec<Hypothesis, MODES_MAX>,
}

impl ModeSeeker {
    /// Allocates for `votes_max` votes; rotations within `radius_rad` belong together.
    pub fn new(radius_rad: f64, votes_max: usize) -> Self {
        Self {
            closeness_min: (0.5 * radius_rad).cos(),
            taken: Vec::with_capacity(votes_max),
            rotations: Vec::with_capacity(votes_max),
            weights: Vec::with_capacity(votes_max),
            modes: heapless::Vec::new(),
        }
    }

    /// True when the two are within the radius of each other.
    pub fn is_same_mode(&self, a: &Rotation, b: &Rotation) -> bool {
        a.coords.dot(&b.coords).abs() >= self.closeness_min
    }

    /// Finds the modes by falling probability; equal ones in the order they were found.
    ///
    /// Each starts at the free vote with the most free weight around it, shifts to the weighted mean of
    /// the free votes within the radius until it rests, and takes those votes with it.
    pub fn seek(&mut self, votes: &[Vote]) {
        self.modes.clear();
        self.taken.clear();
        self.taken.resize(votes.len(), false);
        while self.modes.len() < MODES_MAX {
            let Some(seed) = self.densest_free(votes) else { break };
            let center = self.shift(votes, seed);
            let probability = self.take(votes, &center);
            if probability <= 0.0 {
                break;
            }
            let _ = self.modes.push(Hypothesis { rotation: center, probability });
        }
        // Few and nearly sorted: insertion sort is stable and allocates nothing.
        for end in 1..self.modes.len() {
            let mut i = end;
            while i > 0 && self.modes[i].probability > self.modes[i - 1].probability {
                self.modes.swap(i, i - 1);
                i -= 1;
            }
        }
    }

    /// What the last [`ModeSeeker::seek`] found.
    pub fn modes(&self) -> &[Hypothesis] {
        &self.modes
    }

    fn densest_free(&self, votes: &[Vote]) -> Option<Rotation> {
        let free = || votes.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(vote, _)| vote);
        let mut densest: Option<(f64, Rotation)> = None;
        for seed in free() {
            let density: f64 =
                free().filter(|vote| self.is_same_mode(&vote.rotation, &seed.rotation)).map(|vote| vote.weight).sum();
            if densest.is_none_or(|(most, _)| density > most) {
                densest = Some((density, seed.rotation));
            }
        }
        densest.map(|(_, rotation)| rotation)
    }

    fn shift(&mut self, votes: &[Vote], seed: Rotation) -> Rotation {
        let mut center = seed;
        for _ in 0..SHIFT_STEPS_MAX {
            self.rotations.clear();
            self.weights.clear();
            for (vote, taken) in votes.iter().zip(&self.taken) {
                if !taken && self.is_same_mode(&vote.rotation, &center) {
                    self.rotations.push(vote.rotation);
                    self.weights.push(vote.weight);
                }
            }
            let Some(mean) = weighted_mean(&self.rotations, &self.weights) else { break };
            let moved_rad = geodesic_angle(&center, &mean);
            center = mean;
            if moved_rad < SHIFT_RAD_MIN {
                break;
            }
        }
        center
    }

    fn take(&mut self, votes: &[Vote], center: &Rotation) -> f64 {
        let closeness_min = self.closeness_min;
        let mut weight = 0.0;
        for (vote, taken) in votes.iter().zip(&mut self.taken) {
            if !*taken && vote.rotation.coords.dot(&center.coords).abs() >= closeness_min {
                *taken = true;
                weight += vote.weight;
            }
        }
        weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    fn yaw(deg: f64) -> Rotation {
        Rotation::from_axis_angle(&Vector3::z_axis(), deg.to_radians())
    }

    fn votes(list: &[(f64, f64)]) -> Vec<Vote> {
        list.iter().map(|&(deg, weight)| Vote { rotation: yaw(deg), weight }).collect()
    }

    #[test]
    fn separate_peaks_stay_separate_and_the_heaviest_is_first() {
        let votes = votes(&[(0.0, 0.2), (90.0, 0.3), (4.0, 0.1), (94.0, 0.3), (200.0, 0.1)]);
        let mut seeker = ModeSeeker::new(25f64.to_radians(), 8);
        seeker.seek(&votes);
        let modes = seeker.modes();
        assert_eq!(modes.len(), 3);
        for (mode, (deg, probability)) in modes.iter().zip([(92.0, 0.6), (4.0 / 3.0, 0.3), (200.0, 0.1)]) {
            assert!((mode.probability - probability).abs() < 1e-12);
            assert!(geodesic_angle(&mode.rotation, &yaw(deg)) < 1e-3, "{deg}");
        }
    }

    #[test]
    fn opposite_signs_of_a_quaternion_are_one_rotation() {
        let q = yaw(30.0);
        let negative = Rotation::new_unchecked(-q.into_inner());
        let votes = [Vote { rotation: q, weight: 0.5 }, Vote { rotation: negative, weight: 0.5 }];
        let mut seeker = ModeSeeker::new(0.2, 2);
        seeker.seek(&votes);
        let modes = seeker.modes();
        assert_eq!(modes.len(), 1);
        assert!(geodesic_angle(&modes[0].rotation, &q) < 1e-12);
    }

    #[test]
    fn no_vote_has_no_mode_and_one_vote_is_its_own() {
        let mut seeker = ModeSeeker::new(0.2, 2);
        seeker.seek(&[]);
        assert!(seeker.modes().is_empty());
        seeker.seek(&votes(&[(77.0, 1.0)]));
        let modes = seeker.modes();
        assert!(geodesic_angle(&modes[0].rotation, &yaw(77.0)) < 1e-12);
        assert_eq!(modes[0].probability, 1.0);
    }

    #[test]
    fn a_scattered_vote_is_bounded() {
        let scattered: Vec<_> = (0..32).map(|i| (f64::from(i) * 11.25, 1.0 / 32.0)).collect();
        let mut seeker = ModeSeeker::new(5f64.to_radians(), 32);
        seeker.seek(&votes(&scattered));
        let modes = seeker.modes();
        assert_eq!(modes.len(), MODES_MAX);
        assert!(modes.iter().map(|mode| mode.probability).sum::<f64>() <= 1.0 + 1e-12);
    }
}
