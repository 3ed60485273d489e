//! What a set of machine instructions has to provide: blocks of distances and of dot products.
//!
//! Rows come four at a time, because four independent sums hide the latency of an addition even for
//! one query; how many queries share a row in registers is each implementation's own choice.

use half::f16;

use super::bounds::{EncodedRow, Gate};
use super::tile::TILE_ROWS;

/// Rows of a block.
pub(super) const ROW_BLOCK: usize = 4;

/// An element of a table.
pub(super) trait Element: Copy + Send + Sync {
    fn is_nan(self) -> bool;
}

impl Element for f32 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

impl Element for f16 {
    fn is_nan(self) -> bool {
        self.is_nan()
    }
}

/// Computes squared distances.
pub(super) trait Distances<T: Element> {
    /// Fills `out`, one entry for each query, with the distances of all rows of the block.
    ///
    /// `queries` are as many rows as `out` has entries, of the length of each of `rows`. The sum for
    /// a pair must depend on that pair alone, not on its place or on the number of queries, or equal
    /// rows would no longer tie.
    fn distances(&self, rows: [&[T]; ROW_BLOCK], queries: &[f32], out: &mut [[f32; ROW_BLOCK]]);
}

/// Computes dot products of whole numbers.
pub(super) trait Dots {
    /// As [`Distances::distances`], for dot products modulo 2^32.
    fn dots(&self, rows: [&[i8]; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]]);

    /// Whether a gate rules out all rows of a tile. For implementations to compile once more with
    /// their instructions.
    fn rule_out(&self, gate: &Gate, rows: &[EncodedRow; TILE_ROWS], dots: &[i32; TILE_ROWS]) -> bool {
        rule_out(gate, rows, dots)
    }
}

/// The plain code of [`Dots::rule_out`].
#[inline(always)]
pub(super) fn rule_out(gate: &Gate, rows: &[EncodedRow; TILE_ROWS], dots: &[i32; TILE_ROWS]) -> bool {
    // Without branches, for vectors.
    rows.iter().zip(dots).fold(true, |all, (row, &dot)| all & gate.rules_out(row, dot))
}

/// All that a search of a table of `T` needs of a set of instructions.
pub(super) trait Kernel<T: Element>: Distances<T> + Distances<f32> + Dots + Sync {}

impl<T: Element, K: Distances<T> + Distances<f32> + Dots + Sync> Kernel<T> for K {}

/// Shares out the queries of a block: `Q` at a time to `group`, the rest to `single`.
///
/// Checks what the other two may then rely on: that all rows have one length, which is that of each
/// of the queries they are handed, and that there is one entry of the output for each query.
#[inline]
pub(super) fn by_query<T, E, O, const Q: usize>(
    rows: [&[T]; ROW_BLOCK],
    queries: &[E],
    out: &mut [O],
    group: impl Fn([&[T]; ROW_BLOCK], &[E], &mut [O; Q]),
    single: impl Fn([&[T]; ROW_BLOCK], &[E], &mut O),
) {
    let dim = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == dim) && queries.len() == out.len() * dim, "lengths differ");
    let (groups, rest) = out.as_chunks_mut::<Q>();
    let (grouped, ungrouped) = queries.split_at(groups.len() * Q * dim);
    for (queries, out) in grouped.chunks_exact(Q * dim).zip(groups) {
        group(rows, queries, out);
    }
    for (query, out) in ungrouped.chunks_exact(dim).zip(rest) {
        single(rows, query, out);
    }
}
