//! The exact pass over rows of the table: rows outside, queries inside, so that a row is read from
//! memory once.

use std::ops::Range;

use super::blocks::{Distances, Element};
use super::queries::gather;
use super::slots::{offer, reach};
use super::tile::{TILE_ROWS, Tile, TileRows};
use super::walk::Visit;
use crate::Neighbor;

/// A search for the nearest rows of all queries, as far as it has come.
pub(super) struct Scan<'a, T, D> {
    pub kernel: &'a D,
    /// The whole table.
    pub rows: TileRows<'a, T>,
    /// `[batch, dim]`.
    pub queries: &'a [f32],
    /// Room for as many.
    pub scratch: &'a mut [f32],
    /// Room for a tile, one entry for each query.
    pub distances: &'a mut [Tile<f32>],
    /// `[batch, k]`, `k` not zero.
    pub out: &'a mut [Neighbor],
}

impl<T: Element, D: Distances<T>> Visit for Scan<'_, T, D> {
    fn visit(&mut self, range: Range<usize>, chosen: &[usize]) -> usize {
        let scratch = std::mem::take(&mut self.scratch);
        let queries = gather(self.queries, self.rows.dim, chosen, scratch);
        let mut nan_row_count = 0;
        for start in range.clone().step_by(TILE_ROWS) {
            let tile = start..range.end.min(start + TILE_ROWS);
            self.rows.meet(tile.clone(), queries, &mut self.distances[..chosen.len()], |rows, queries, out| {
                self.kernel.distances(rows, queries, out);
            });
            if self.offer(tile.clone(), chosen) {
                nan_row_count += self.count_nan_rows(tile);
            }
        }
        self.scratch = scratch;
        nan_row_count
    }

    fn squared_reach(&self, query: usize) -> f64 {
        let k = self.k();
        f64::from(reach(&self.out[query * k..(query + 1) * k]))
    }

    #[cold]
    fn count_nan_rows(&self, range: Range<usize>) -> usize {
        let TileRows { rows, dim } = self.rows;
        rows[range.start * dim..range.end * dim]
            .chunks_exact(dim)
            .filter(|row| row.iter().any(|element| element.is_nan()))
            .count()
    }
}

impl<T: Element, D: Distances<T>> Scan<'_, T, D> {
    fn k(&self) -> usize {
        self.out.len() / self.distances.len()
    }

    /// Offers a tile whose distances are computed; returns whether one of them is NaN.
    fn offer(&mut self, tile: Range<usize>, chosen: &[usize]) -> bool {
        let k = self.k();
        let mut nan = false;
        for (distances, &query) in self.distances.iter().zip(chosen) {
            let slots = &mut self.out[query * k..(query + 1) * k];
            let (distances, reach) = (distances.as_flattened(), reach(slots));
            // One test for the whole tile, without branches; the negation lets NaN through.
            if distances.iter().fold(true, |all, &distance| all & (distance > reach)) {
                continue;
            }
            for (&squared_distance, row) in distances.iter().zip(tile.clone()) {
                nan |= squared_distance.is_nan();
                offer(slots, Neighbor { row: row as u32, squared_distance });
            }
        }
        nan
    }
}
