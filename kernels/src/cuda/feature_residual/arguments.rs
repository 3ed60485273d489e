//! What the host tells a kernel: the twin of `cuda/feature_residual/arguments.cuh`, field by field.

use bytemuck::{Pod, Zeroable};

use crate::Placement;

/// Addresses are the device's.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Arguments {
    pub coordinates: u64,
    pub features: u64,
    pub gradients: u64,
    pub clutter: u64,
    pub map: u64,
    pub matches: u64,
    pub products: u64,
    pub sums: u64,
    pub placement: Placement,
    pub vertex_count: u32,
    pub stride: u32,
    pub dim: u32,
    pub width: u32,
    pub height: u32,
    pub floor: f32,
    pub temperature: f32,
}

/// Bytes of the products of one vertex (`float4`).
pub(super) const PRODUCT_BYTES: usize = 16;

// The kernels read it by these offsets.
const _: () = assert!(size_of::<Arguments>() == 8 * 8 + 15 * 4 + 7 * 4);
const _: () = assert!(std::mem::offset_of!(Arguments, placement) == 64);
const _: () = assert!(std::mem::offset_of!(Arguments, vertex_count) == 124);
