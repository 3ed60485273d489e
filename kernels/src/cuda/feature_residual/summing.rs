//! Normal equations on a device: the buffers, and the steps in the device's queue.

use super::arguments::{Arguments, PRODUCT_BYTES};
use crate::cuda::machine::{Machine, Memory, Shape, Staging};
use crate::cuda::surface::{DeviceMap, DeviceSurface, found, grow};
use crate::feature_residual::{check_residual, check_sums};
use crate::surface::VERTEX_COUNT_MAX;
use crate::{FeatureMap, KernelError, NormalEquations, Placement, RobustSpec, Surface, VertexMatch};

/// Threads of a block of the comparison, a warp for each vertex.
const COMPARE_THREADS: u32 = 256;

/// Threads of the one block that adds, and 31 numbers for each of its warps.
const SUM_THREADS: u32 = 256;
const SUM_SHARED_BYTES: u32 = SUM_THREADS / 32 * 31 * 4;

/// Everything that summing keeps.
pub(super) struct Summing<M: Machine> {
    machine: M,
    compare: Option<M::Function>,
    sum: Option<M::Function>,
    surface: DeviceSurface<M>,
    map: DeviceMap<M>,
    matches: M::Memory,
    products: M::Memory,
    sums: M::Memory,
    staged_sums: M::Staging,
}

impl<M: Machine> Summing<M> {
    pub fn new(machine: M) -> Result<Self, KernelError> {
        Ok(Self {
            compare: machine.function("feature_residual_compare"),
            sum: machine.function("feature_residual_sum"),
            surface: DeviceSurface::new(&machine)?,
            map: DeviceMap::new(&machine)?,
            matches: machine.allocate(0)?,
            products: machine.allocate(0)?,
            sums: machine.allocate(size_of::<NormalEquations>())?,
            staged_sums: machine.allocate_staging(size_of::<NormalEquations>())?,
            machine,
        })
    }

    #[cfg(feature = "cuda")]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    pub fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        self.surface.reserve(&self.machine, vertex_count, dim, true)?;
        self.map.reserve(&self.machine, cell_count, dim)?;
        self.reserve_vertices(vertex_count.min(VERTEX_COUNT_MAX))
    }

    fn reserve_vertices(&mut self, vertex_count: usize) -> Result<(), KernelError> {
        grow(&self.machine, &mut self.matches, vertex_count * size_of::<VertexMatch>())?;
        grow(&self.machine, &mut self.products, vertex_count * PRODUCT_BYTES)
    }

    /// Uploads a surface, which stays until the next one.
    pub fn upload_surface(&mut self, surface: &Surface) -> Result<(), KernelError> {
        self.surface.upload(&self.machine, surface, true)?;
        self.reserve_vertices(surface.vertex_count())
    }

    /// Uploads a map, which stays until the next one.
    pub fn upload_map(&mut self, map: &FeatureMap<'_>) -> Result<(), KernelError> {
        self.map.upload(&self.machine, map)
    }

    /// The normal equations of the uploaded surface in the uploaded map.
    pub fn residual(&mut self, placement: &Placement, spec: &RobustSpec) -> Result<NormalEquations, KernelError> {
        let (surface, map) = (&self.surface, &self.map);
        if map.dim != surface.dim {
            return Err(KernelError::FeatureDim { map_dim: map.dim, surface_dim: surface.dim });
        }
        spec.check()?;
        if !placement.is_valid() {
            return Err(KernelError::PlacementInvalid);
        }
        if surface.vertex_count == 0 {
            return Ok(NormalEquations::default());
        }
        let arguments = Arguments {
            coordinates: surface.coordinates.address(),
            features: surface.features.address(),
            gradients: surface.gradients.address(),
            clutter: surface.clutter.address(),
            map: map.features.address(),
            matches: self.matches.address(),
            products: self.products.address(),
            sums: self.sums.address(),
            placement: *placement,
            vertex_count: surface.vertex_count as u32,
            stride: surface.stride as u32,
            dim: surface.dim as u32,
            width: map.width as u32,
            height: map.height as u32,
            floor: spec.floor,
            temperature: spec.temperature,
        };
        let block_count = (surface.vertex_count as u32).div_ceil(COMPARE_THREADS / 32);
        let compare = Shape { grid: (block_count, 1), threads: COMPARE_THREADS, shared_bytes: 0 };
        self.machine.launch(found(self.compare)?, &compare, &arguments)?;
        let sum = Shape { grid: (1, 1), threads: SUM_THREADS, shared_bytes: SUM_SHARED_BYTES };
        self.machine.launch(found(self.sum)?, &sum, &arguments)?;
        self.machine.enqueue_download(&self.sums, &mut self.staged_sums, size_of::<NormalEquations>())?;
        self.machine.wait()?;
        check_sums(bytemuck::pod_read_unaligned(&self.staged_sums.bytes()[..size_of::<NormalEquations>()]))
    }

    /// What the vertices were compared with in the last residual.
    pub fn matches(&self, matches: &mut [VertexMatch]) -> Result<(), KernelError> {
        let (actual, needed) = (matches.len(), self.surface.vertex_count);
        if actual != needed {
            return Err(KernelError::OutputLength { actual, needed });
        }
        if needed == 0 { Ok(()) } else { self.machine.download(&self.matches, bytemuck::cast_slice_mut(matches)) }
    }

    /// By the law of [`FeatureResidual`](crate::FeatureResidual): uploads both first.
    pub fn residual_of(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
        matches: Option<&mut [VertexMatch]>,
    ) -> Result<NormalEquations, KernelError> {
        check_residual(map, surface, placement, spec)?;
        let (actual, needed) = (matches.as_ref().map(|matches| matches.len()), surface.vertex_count());
        if let Some(actual) = actual.filter(|actual| *actual != needed) {
            return Err(KernelError::OutputLength { actual, needed });
        }
        self.upload_surface(surface)?;
        self.upload_map(map)?;
        let sums = self.residual(placement, spec)?;
        match matches {
            Some(matches) => self.matches(matches).map(|()| sums),
            None => Ok(sums),
        }
    }
}
