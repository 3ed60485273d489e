//! Scores on a CUDA device.

use super::scoring::Scoring;
use crate::cuda::driver::Driver;
use crate::cuda::images::CudaImage;
use crate::cuda::top_k::CudaSetupError;
use crate::{FeatureMap, FeatureScore, KernelError, Placement, Surface};

/// Scores placements on a CUDA device, in a stream of its own.
///
/// A surface is uploaded once, with [`CudaFeatureScore::upload`], and then compared with one map after
/// the other. As a [`FeatureScore`] it uploads the surface for each comparison.
pub struct CudaFeatureScore(Scoring<Driver>);

impl CudaFeatureScore {
    /// On device `ordinal`.
    ///
    /// # Errors
    /// [`CudaSetupError`]. Never panics: neither without a driver, nor without a device or its code.
    pub fn new(ordinal: usize) -> Result<Self, CudaSetupError> {
        Ok(Self(Scoring::new(Driver::open(ordinal, "feature_score")?)?))
    }

    /// Which code was loaded.
    #[must_use]
    pub const fn image(&self) -> &CudaImage {
        self.0.machine().image()
    }

    /// Copies a surface to the device, where it stays until the next one. What was compared is gone.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn upload(&mut self, surface: &Surface) -> Result<(), KernelError> {
        self.0.upload(surface)
    }

    /// As [`FeatureScore::similarities`], of the uploaded surface. Queues the comparison and returns.
    ///
    /// # Errors
    /// Those of [`FeatureScore::similarities`].
    pub fn compare(&mut self, map: &FeatureMap<'_>, floor: f32) -> Result<(), KernelError> {
        if !floor.is_finite() {
            return Err(KernelError::RobustSpec { field: "floor is not finite" });
        }
        self.0.compare(map, floor)
    }
}

impl FeatureScore for CudaFeatureScore {
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
