//! Normal equations on a CUDA device.

use super::summing::Summing;
use crate::cuda::driver::Driver;
use crate::cuda::images::CudaImage;
use crate::cuda::top_k::CudaSetupError;
use crate::{FeatureMap, FeatureResidual, KernelError, NormalEquations, Placement, RobustSpec, Surface, VertexMatch};

/// Sets up Gauss-Newton steps on a CUDA device, in a stream of its own.
///
/// Surface and map are uploaded once each, and then asked about at one placement after the other
/// ([`CudaFeatureResidual::residual_at`]): up goes the placement, down come 31 numbers. As a
/// [`FeatureResidual`] it uploads both for each call.
pub struct CudaFeatureResidual(Summing<Driver>);

impl CudaFeatureResidual {
    /// On device `ordinal`.
    ///
    /// # Errors
    /// [`CudaSetupError`]. Never panics: neither without a driver, nor without a device or its code.
    pub fn new(ordinal: usize) -> Result<Self, CudaSetupError> {
        Ok(Self(Summing::new(Driver::open(ordinal, "feature_residual")?)?))
    }

    /// Which code was loaded.
    #[must_use]
    pub const fn image(&self) -> &CudaImage {
        self.0.machine().image()
    }

    /// Copies a surface to the device, where it stays until the next one.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn upload_surface(&mut self, surface: &Surface) -> Result<(), KernelError> {
        self.0.upload_surface(surface)
    }

    /// Copies a map to the device, where it stays until the next one.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn upload_map(&mut self, map: &FeatureMap<'_>) -> Result<(), KernelError> {
        self.0.upload_map(map)
    }

    /// As [`FeatureResidual::residual`], of the uploaded surface in the uploaded map.
    ///
    /// # Errors
    /// Those of [`FeatureResidual::residual`].
    pub fn residual_at(&mut self, placement: &Placement, spec: &RobustSpec) -> Result<NormalEquations, KernelError> {
        self.0.residual(placement, spec)
    }

    /// What each vertex was compared with in the last residual, which must not have failed.
    ///
    /// # Errors
    /// [`KernelError::OutputLength`] or [`KernelError::Device`].
    pub fn matches(&self, matches: &mut [VertexMatch]) -> Result<(), KernelError> {
        self.0.matches(matches)
    }
}

impl FeatureResidual for CudaFeatureResidual {
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        self.0.reserve(vertex_count, cell_count, dim)
    }

    fn residual(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
    ) -> Result<NormalEquations, KernelError> {
        self.0.residual_of(map, surface, placement, spec, None)
    }

    fn residual_and_matches(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
        matches: &mut [VertexMatch],
    ) -> Result<NormalEquations, KernelError> {
        self.0.residual_of(map, surface, placement, spec, Some(matches))
    }
}
