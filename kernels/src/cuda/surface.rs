//! A surface and a map on the device.

use super::machine::{Machine, Memory};
use crate::feature_map::FEATURE_DIM_MAX;
use crate::surface::{COORDINATE_COUNT, VERTEX_COUNT_MAX};
use crate::vector::LANES;
use crate::{FeatureMap, KernelError, MAP_SIDE_MAX, Surface};

/// Makes room for so many bytes where there is not. What was there is lost if there is not.
pub(super) fn grow<M: Machine>(machine: &M, memory: &mut M::Memory, bytes: usize) -> Result<(), KernelError> {
    if memory.len() < bytes {
        // Kernels that still read the old memory end first.
        machine.wait()?;
        *memory = machine.allocate(bytes)?;
    }
    Ok(())
}

/// The arrays of the last surface that was uploaded.
pub(super) struct DeviceSurface<M: Machine> {
    /// `[COORDINATE_COUNT, stride]`.
    pub coordinates: M::Memory,
    pub features: M::Memory,
    pub gradients: M::Memory,
    pub clutter: M::Memory,
    pub vertex_count: usize,
    /// Numbers of an array of coordinates.
    pub stride: usize,
    pub dim: usize,
}

impl<M: Machine> DeviceSurface<M> {
    pub fn new(machine: &M) -> Result<Self, KernelError> {
        Ok(Self {
            coordinates: machine.allocate(0)?,
            features: machine.allocate(0)?,
            gradients: machine.allocate(0)?,
            clutter: machine.allocate(0)?,
            vertex_count: 0,
            stride: 0,
            dim: 0,
        })
    }

    /// Room for surfaces of so many vertices with features of so many elements, their gradients too if
    /// asked for.
    pub fn reserve(
        &mut self,
        machine: &M,
        vertex_count: usize,
        dim: usize,
        with_gradients: bool,
    ) -> Result<(), KernelError> {
        let (vertex_count, dim) = (vertex_count.min(VERTEX_COUNT_MAX), dim.min(FEATURE_DIM_MAX));
        let bytes = size_of::<f32>() * vertex_count * dim;
        let stride = vertex_count.next_multiple_of(LANES);
        grow(machine, &mut self.coordinates, size_of::<f32>() * COORDINATE_COUNT * stride)?;
        grow(machine, &mut self.features, bytes)?;
        grow(machine, &mut self.clutter, size_of::<f32>() * dim)?;
        if with_gradients { grow(machine, &mut self.gradients, 2 * bytes) } else { Ok(()) }
    }

    pub fn upload(&mut self, machine: &M, surface: &Surface, with_gradients: bool) -> Result<(), KernelError> {
        (self.vertex_count, self.dim) = (surface.vertex_count(), surface.dim());
        self.reserve(machine, self.vertex_count, self.dim, with_gradients)?;
        self.stride = self.vertex_count.next_multiple_of(LANES);
        for (index, array) in surface.coordinates().iter().enumerate() {
            let offset = size_of::<f32>() * index * self.stride;
            machine.upload(&mut self.coordinates, offset, bytemuck::cast_slice(array))?;
        }
        machine.upload(&mut self.features, 0, bytemuck::cast_slice(surface.features()))?;
        machine.upload(&mut self.clutter, 0, bytemuck::cast_slice(surface.clutter()))?;
        if with_gradients {
            machine.upload(&mut self.gradients, 0, bytemuck::cast_slice(surface.gradients()))?;
        }
        Ok(())
    }
}

/// The numbers of the last map that was uploaded.
pub(super) struct DeviceMap<M: Machine> {
    pub features: M::Memory,
    pub width: usize,
    pub height: usize,
    pub dim: usize,
}

impl<M: Machine> DeviceMap<M> {
    pub fn new(machine: &M) -> Result<Self, KernelError> {
        Ok(Self { features: machine.allocate(0)?, width: 0, height: 0, dim: 0 })
    }

    pub const fn cell_count(&self) -> usize {
        self.width * self.height
    }

    pub fn reserve(&mut self, machine: &M, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        let cell_count = cell_count.min(MAP_SIDE_MAX * MAP_SIDE_MAX);
        grow(machine, &mut self.features, size_of::<f32>() * cell_count * dim.min(FEATURE_DIM_MAX))
    }

    pub fn upload(&mut self, machine: &M, map: &FeatureMap<'_>) -> Result<(), KernelError> {
        (self.width, self.height, self.dim) = (map.width(), map.height(), map.dim());
        self.reserve(machine, map.cell_count(), map.dim())?;
        machine.upload(&mut self.features, 0, bytemuck::cast_slice(map.features()))
    }
}

/// The kernel that was looked up under some name when a machine was made.
pub(super) fn found<F>(function: Option<F>) -> Result<F, KernelError> {
    // What a kernel that was not loaded gets from the driver: CUDA_ERROR_NOT_FOUND.
    function.ok_or(KernelError::Device { code: 500 })
}
