//! How a pose is refined against the neural mesh.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// How a pose is refined against the neural mesh. Every key may be left out of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefinementSpec {
    /// Most Gauss-Newton steps of one pose, 0 to 100. More may be cut off by the deadline; 0 only searches.
    pub steps_max: u32,
    /// Width of a vertex's robust weight, in similarity: `sigmoid((similarity - max(clutter's, floor)) / temperature)`.
    pub temperature: f64,
    /// The similarity that any vertex must exceed to count for an object rather than for what hides it, -1 to 1.
    pub similarity_floor: f64,
    /// What it costs in similarity to take a visible part of the object for hidden: without it, shapes that cover more would always fit
    /// better (the prior p(z) of NeMo's Eq. 12).
    pub occlusion_penalty: f64,
    /// Factor on how much the retrieved rotations count in the refined one; 0: not at all.
    pub rotation_prior_scale: f64,
    /// Standard deviation of each side of the box, as a part of the box's size along it.
    pub box_sigma: f64,
    /// Factor on the covariance of a refined pose that makes it honest.
    pub covariance_scale: f64,
    /// Weight of a cell's squared feature residual against what is known beforehand: one over its variance, less for cells that err
    /// together.
    pub feature_weight: f64,
    /// Weight of the difference in cost between two poses, against the retrieved odds between them.
    pub flip_weight: f64,
}

impl Default for RefinementSpec {
    fn default() -> Self {
        Self {
            steps_max: 10,
            temperature: 0.1,
            similarity_floor: 0.2,
            occlusion_penalty: 0.2,
            rotation_prior_scale: 0.3,
            box_sigma: 0.04,
            covariance_scale: 1.0,
            feature_weight: 4.0,
            flip_weight: 0.3,
        }
    }
}

/// Most steps of one pose.
const STEPS_MAX: u32 = 100;
/// Name, range, and the range in words.
type Law = (&'static str, RangeInclusive<f64>, &'static str);
const LAWS: [Law; 8] = [
    ("temperature", 1e-4..=1e2, "0.0001 to 100"),
    ("similarity_floor", -1.0..=1.0, "-1 to 1"),
    ("occlusion_penalty", 0.0..=1e2, "0 to 100"),
    ("rotation_prior_scale", 0.0..=1e6, "0 to 1e6"),
    ("box_sigma", 1e-4..=10.0, "0.0001 to 10"),
    ("covariance_scale", 1e-6..=1e6, "1e-6 to 1e6"),
    ("feature_weight", 0.0..=1e6, "0 to 1e6"),
    ("flip_weight", 0.0..=1e6, "0 to 1e6"),
];

impl RefinementSpec {
    /// The first key that is out of range, with what is wanted.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.steps_max > STEPS_MAX {
            return Some(("steps_max", "0 to 100"));
        }
        let values = [
            self.temperature,
            self.similarity_floor,
            self.occlusion_penalty,
            self.rotation_prior_scale,
            self.box_sigma,
            self.covariance_scale,
            self.feature_weight,
            self.flip_weight,
        ];
        let outside = LAWS.iter().zip(values).find(|((_, range, _), value)| !range.contains(value));
        outside.map(|((key, _, wanted), _)| (*key, *wanted))
    }
}
