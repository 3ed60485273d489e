//! Scores on the emulated device.

use super::scoring::Scoring;
use crate::cuda::emulated::{Code, Emulated};
use crate::{FeatureMap, FeatureScore, KernelError, Placement, Surface};

/// Scores with the device code, compiled for this processor: for tests alone.
pub struct EmulatedFeatureScore(Scoring<Emulated>);

impl EmulatedFeatureScore {
    /// # Errors
    /// [`KernelError::Device`].
    pub fn new() -> Result<Self, KernelError> {
        Scoring::new(Emulated::new(Code::FEATURE_SCORE)).map(Self)
    }

    /// With a fault: a block's threads read before all have written.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn missing_barrier() -> Result<Self, KernelError> {
        Scoring::new(Emulated::new(Code::FEATURE_SCORE_MISSING_BARRIER)).map(Self)
    }
}

impl FeatureScore for EmulatedFeatureScore {
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        self.0.reserve(vertex_count, cell_count, dim)
    }

    fn similarities(&mut self, map: &FeatureMap<'_>, surface: &Surface, floor: f32) -> Result<(), KernelError> {
        self.0.similarities(map, surface, floor)
    }

    fn score(&mut self, placements: &[Placement], scores: &mut [f32]) -> Result<usize, KernelError> {
        self.0.score(placements, scores)
    }
}
