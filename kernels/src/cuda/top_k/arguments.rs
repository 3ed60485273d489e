//! What the host tells a kernel: the twin of `cuda/top_k/arguments.cuh`, field by field.

use bytemuck::{Pod, Zeroable};

/// Addresses are the device's; zero where a kernel does not look.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub(super) struct Arguments {
    pub rows: u64,
    pub codes: u64,
    pub code_scales: u64,
    pub code_errors: u64,
    pub code_norms: u64,
    pub row_norms: u64,
    pub queries: u64,
    pub query_codes: u64,
    pub query_bounds: u64,
    pub lows: u64,
    pub limits: u64,
    pub lists: u64,
    pub neighbors: u64,
    pub reranked: u64,
    pub first_row: u32,
    pub row_count: u32,
    pub row_words: u32,
    pub chunk_count: u32,
    pub code_words: u32,
    pub step_count: u32,
    pub batch: u32,
    pub k: u32,
    pub group_count: u32,
    pub list_count: u32,
    pub tile_queries: u32,
    pub norm_slack: f32,
    pub limit_slack: f32,
    pub unused: u32,
}

/// Bytes of what the filter knows of one query beside its codes (`QueryBound`).
pub(super) const QUERY_BOUND_BYTES: usize = 16;

// The kernels read it by these offsets.
const _: () = assert!(size_of::<Arguments>() == 14 * 8 + 14 * 4);
const _: () = assert!(std::mem::offset_of!(Arguments, first_row) == 112);
