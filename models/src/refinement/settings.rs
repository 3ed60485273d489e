//! What a refinement weighs against what.

use serde::{Deserialize, Serialize};

/// Weights and bounds; section `[refinement]` of a manifest. All but the bound on steps are fitted by `trainer calibrate`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefinementSpec {
    /// Levenberg-Marquardt steps a hypothesis at most.
    pub steps_max: u32,
    /// Temperature of the robust weights, in cosine.
    pub temperature: f64,
    /// Similarity that a vertex must exceed where no clutter is more similar, cosine.
    pub similarity_floor: f64,
    /// Weight of a cell's squared feature residual against the priors: one over its variance, less for cells that err together.
    pub feature_weight: f64,
    /// Factor on the information of the retrieved rotation (the inverse of its covariance).
    pub rotation_prior_scale: f64,
    /// Standard deviation of a box edge as a part of the box's side.
    pub box_sigma: f64,
    /// Factor on the covariance of the refined rotation.
    pub covariance_scale: f64,
    /// Weight of the difference in cost between two hypotheses against the retrieved odds between them.
    pub flip_weight: f64,
}

impl Default for RefinementSpec {
    fn default() -> Self {
        Self {
            steps_max: 10,
            temperature: 0.1,
            similarity_floor: 0.2,
            feature_weight: 4.0,
            rotation_prior_scale: 0.3,
            box_sigma: 0.04,
            covariance_scale: 1.0,
            flip_weight: 0.3,
        }
    }
}
