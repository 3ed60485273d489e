//! Normal equations on the emulated device.

use super::summing::Summing;
use crate::cuda::emulated::{Code, Emulated};
use crate::{FeatureMap, FeatureResidual, KernelError, NormalEquations, Placement, RobustSpec, Surface, VertexMatch};

/// Sets up steps with the device code, compiled for this processor: for tests alone.
pub struct EmulatedFeatureResidual(Summing<Emulated>);

impl EmulatedFeatureResidual {
    /// # Errors
    /// [`KernelError::Device`].
    pub fn new() -> Result<Self, KernelError> {
        Summing::new(Emulated::new(Code::FEATURE_RESIDUAL)).map(Self)
    }

    /// With a fault: a block's threads read before all have written.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn missing_barrier() -> Result<Self, KernelError> {
        Summing::new(Emulated::new(Code::FEATURE_RESIDUAL_MISSING_BARRIER)).map(Self)
    }
}

impl FeatureResidual for EmulatedFeatureResidual {
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
