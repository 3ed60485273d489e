//! What the host tells a kernel: the twin of `cuda/feature_score/arguments.cuh`, field by field.

use bytemuck::{Pod, Zeroable};

/// Addresses are the device's.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub(super) struct Arguments {
    pub coordinates: u64,
    pub features: u64,
    pub clutter: u64,
    pub map: u64,
    pub gains: u64,
    pub placements: u64,
    pub scores: u64,
    pub vertex_count: u32,
    pub stride: u32,
    pub dim: u32,
    pub cell_count: u32,
    pub width: u32,
    pub height: u32,
    pub floor: f32,
    pub unused: u32,
}

// The kernels read it by these offsets.
const _: () = assert!(size_of::<Arguments>() == 7 * 8 + 8 * 4);
const _: () = assert!(std::mem::offset_of!(Arguments, vertex_count) == 56);
const _: () = assert!(size_of::<crate::Placement>() == 15 * 4);
