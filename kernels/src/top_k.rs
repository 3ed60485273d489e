//! Finding the rows of a table that are nearest to a query.
//!
//! # The law
//!
//! - The distance is the squared Euclidean one, accumulated in `f32` from differences (never from
//!   `|q|^2 + |r|^2 - 2 q.r`, which cancels). Equal rows have equal distances, bit for bit,
//!   wherever they stand.
//! - Neighbors come by distance ascending, then by row ascending.
//! - A distance that is NaN never wins: such a row is not a neighbor of that query. An infinite
//!   distance is a distance, after all finite ones.
//! - On inputs whose squares and sums are exact in `f32`, all implementations return the same rows
//!   and distances. On others, rows may differ only where the exact distances differ by less than
//!   [`relative_error_max`] allows.
//! - A table may come with a [`Sketch`] or with [`Clusters`]. They may spare an implementation the
//!   reading of rows that cannot win, and change nothing else: the same neighbors, bit for bit.

mod aligned;
mod ask;
mod blocks;
mod bounds;
mod clusters;
mod cpu;
#[cfg(target_arch = "x86_64")]
mod cpu_avx2;
#[cfg(target_arch = "x86_64")]
mod cpu_avx2_dots;
#[cfg(target_arch = "x86_64")]
mod cpu_avx512;
#[cfg(target_arch = "x86_64")]
mod cpu_avx512_dots;
#[cfg(target_arch = "aarch64")]
mod cpu_neon;
mod instructions;
mod part;
mod pool;
mod portable;
mod queries;
mod scan;
mod screen;
mod sketch;
mod slots;
mod table;
mod tile;
mod walk;

pub use clusters::Clusters;
pub use cpu::CpuTopK;
pub use instructions::Instructions;
pub(crate) use pool::Pool;
pub use sketch::Sketch;
pub use table::{Rows, TableView};

use std::ops::Range;

use crate::KernelError;
use table::rows_in;

/// One row that was found, and how far it is. Laid out as two 32-bit words, for devices to write.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Neighbor {
    /// Row of the table; `u32::MAX` in a slot that nothing filled.
    pub row: u32,
    /// Squared Euclidean distance; infinity in a slot that nothing filled.
    pub squared_distance: f32,
}

impl Neighbor {
    /// A slot that nothing filled.
    pub const UNUSED: Self = Self { row: u32::MAX, squared_distance: f32::INFINITY };

    /// Whether the slot holds a row.
    #[must_use]
    pub const fn is_found(&self) -> bool {
        self.row != u32::MAX
    }
}

/// Number of rows found for one query, from its slots.
#[must_use]
pub fn found_count(neighbors: &[Neighbor]) -> usize {
    neighbors.iter().take_while(|neighbor| neighbor.is_found()).count()
}

/// What a search has to say besides its neighbors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TopKReport {
    /// Fewest rows that any query found: below `k` when the range is short, or when distances were
    /// NaN. Zero without queries. [`found_count`] tells it for one query.
    pub found_min: usize,
    /// Rows in the range that hold a NaN. Not looked for when nothing was asked (`k` or batch
    /// zero).
    pub nan_row_count: usize,
    /// Rows that were passed over, in the table or in its sketch, once for all queries: fewer than
    /// the range holds where clusters spared some.
    pub read_row_count: usize,
    /// Rows of the table that were read after their sketch could not rule them out, added up over
    /// the queries. Zero without a sketch.
    pub reranked_row_count: usize,
}

/// Finds nearest rows.
pub trait TopK {
    /// Writes the `k` nearest rows in `range` for each query, by the law of the module.
    ///
    /// `queries` is `[batch, dim]`, `out` is `[batch, k]`; slots that nothing filled hold
    /// [`Neighbor::UNUSED`]. Rows are numbered from the start of the table, not of the range.
    ///
    /// # Errors
    /// [`KernelError::RowShape`], [`KernelError::TableTooLarge`], [`KernelError::CompanionShape`],
    /// [`KernelError::RowRange`], [`KernelError::KTooLarge`], [`KernelError::BatchTooLarge`] or
    /// [`KernelError::OutputLength`]; `out` is then untouched.
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError>;
}

/// How far a computed squared distance may be from the exact one, as a fraction of the exact one.
///
/// Each difference and each square is rounded once, and no sum of `dim` terms of one sign rounds
/// more than `dim` times (Higham, "Accuracy and Stability of Numerical Algorithms", section 4.2).
/// Does not cover distances below the smallest normal `f32` or beyond the largest.
#[must_use]
pub fn relative_error_max(dim: usize) -> f64 {
    (dim as f64 + 4.0) * f64::from(f32::EPSILON) / 2.0
}

/// The checks every implementation makes before it searches; returns the number of queries.
pub(crate) fn check_top_k(
    table: &TableView<'_>,
    range: &Range<u32>,
    queries: &[f32],
    k: usize,
    out_len: usize,
) -> Result<usize, KernelError> {
    let row_count = table.row_count()?;
    if range.start > range.end || range.end as usize > row_count {
        return Err(KernelError::RowRange { start: range.start, end: range.end, row_count });
    }
    let batch = rows_in(queries.len(), table.dim)?;
    let needed = batch.saturating_mul(k);
    if out_len == needed { Ok(batch) } else { Err(KernelError::OutputLength { actual: out_len, needed }) }
}
