//! The order in which rows meet queries: a tile of rows stays in the nearest cache while all queries
//! pass by, a few at a time, and the memory of the next tile is asked for meanwhile.

use std::ops::Range;

use super::ask::ask_for;
use super::blocks::ROW_BLOCK;

/// Blocks of a tile: 16 KiB of rows of 512 single-precision elements.
const BLOCKS: usize = 2;

/// Rows of a tile.
pub(super) const TILE_ROWS: usize = BLOCKS * ROW_BLOCK;

/// Queries that pass a tile together; a multiple of what any kernel holds in registers.
const QUERIES: usize = 4;

/// Room for the results of a tile, for each query.
pub(super) type Tile<O> = [[O; ROW_BLOCK]; BLOCKS];

/// Rows of a table, `[rows, dim]`.
#[derive(Debug)]
pub(super) struct TileRows<'a, T> {
    pub rows: &'a [T],
    pub dim: usize,
}

impl<T> TileRows<'_, T> {
    /// Fills `out`, one entry for each query, with the results for the rows of `range`, at most
    /// [`TILE_ROWS`], and with repetitions after them. `compute` is one of a kernel's functions for a
    /// block; `scratch` has room for [`QUERIES`].
    pub fn meet<E, O: Copy + Default>(
        &self,
        range: Range<usize>,
        queries: &[E],
        out: &mut [Tile<O>],
        compute: impl Fn([&[T]; ROW_BLOCK], &[E], &mut [[O; ROW_BLOCK]]),
    ) {
        let blocks = || (range.start..range.end).step_by(ROW_BLOCK);
        let calls = out.len().div_ceil(QUERIES) * blocks().len();
        let mut ask = Ask::new(self, &range, calls, out.len());
        for (queries, out) in queries.chunks(QUERIES * self.dim).zip(out.chunks_mut(QUERIES)) {
            for (place, start) in blocks().enumerate() {
                let mut results = [[O::default(); ROW_BLOCK]; QUERIES];
                let results = &mut results[..out.len()];
                compute(self.block(start..range.end), queries, results);
                for (out, results) in out.iter_mut().zip(results) {
                    out[place] = *results;
                }
                ask.next();
            }
        }
    }

    /// The first rows of `range`, at most [`ROW_BLOCK`] and at least one, as a block: the last one
    /// stands for those that are missing.
    fn block(&self, range: Range<usize>) -> [&[T]; ROW_BLOCK] {
        std::array::from_fn(|place| {
            let row = (range.start + place).min(range.end - 1);
            &self.rows[row * self.dim..(row + 1) * self.dim]
        })
    }
}

/// Asks for the memory of the tile after this one, a piece with every call of a kernel.
struct Ask {
    at: *const u8,
    bytes_per_call: usize,
}

impl Ask {
    fn new<T>(rows: &TileRows<'_, T>, range: &Range<usize>, calls: usize, query_count: usize) -> Self {
        let bytes = range.len() * rows.dim * size_of::<T>();
        let at = rows.rows.as_ptr().wrapping_add(range.end * rows.dim).cast();
        // A kernel asks by itself when it has one query and nothing else to do.
        let bytes_per_call = if query_count == 1 { 0 } else { bytes.div_ceil(calls.max(1)) };
        Self { at, bytes_per_call }
    }

    fn next(&mut self) {
        ask_for(self.at, self.bytes_per_call);
        self.at = self.at.wrapping_add(self.bytes_per_call);
    }
}
