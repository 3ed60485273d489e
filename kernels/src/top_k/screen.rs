//! The pass over a sketch: rows are ruled out by their bounds, and the few that remain are compared
//! exactly. The proof that none is lost is in [`super::bounds`].
//!
//! Tables come in the order of their poses, so rows approach a query slowly and each looks like a
//! winner for a while: they are kept aside with their lower bound until better ones have been seen.

use std::ops::Range;

use super::Sketch;
use super::blocks::{Element, Kernel, ROW_BLOCK};
use super::bounds::{Bounds, EncodedQuery, EncodedRow, Gate, Rounding};
use super::queries::{QueryView, gather};
use super::slots::{offer, reach};
use super::tile::{TILE_ROWS, Tile, TileRows};
use super::walk::Visit;
use crate::Neighbor;

/// Rows that are kept aside for one query before some have to be compared.
pub(super) const CANDIDATES_MAX: usize = 1024;

/// A row that could still win.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    row: u32,
    lower: f64,
}

/// How far the search for one query has come.
#[derive(Clone, Debug)]
pub(super) struct Suspects {
    gate: Gate,
    /// No neighbor is farther, by its computed squared distance.
    squared_reach: f64,
    /// The smallest upper bounds so far, ascending, infinite where there are none.
    uppers: Vec<f64>,
    candidates: Vec<Candidate>,
}

impl Suspects {
    /// Room for the search of one query.
    pub fn new(k_max: usize) -> Self {
        Self {
            gate: Gate::default(),
            squared_reach: f64::INFINITY,
            uppers: Vec::with_capacity(k_max),
            candidates: Vec::with_capacity(CANDIDATES_MAX),
        }
    }

    fn start(&mut self, query: &EncodedQuery, k: usize, rounding: &Rounding) {
        self.uppers.clear();
        self.uppers.resize(k, f64::INFINITY);
        self.candidates.clear();
        self.squared_reach = f64::INFINITY;
        self.gate = Gate::new(query, f64::INFINITY, rounding);
    }

    /// Takes note of a row that has not been seen before.
    fn note(&mut self, row: u32, bounds: Bounds, query: &EncodedQuery, rounding: &Rounding) {
        if bounds.lower > self.squared_reach {
            return;
        }
        self.candidates.push(Candidate { row, lower: bounds.lower });
        let place = self.uppers.partition_point(|&upper| upper <= bounds.upper);
        if place < self.uppers.len() {
            self.uppers[place..].rotate_right(1);
            self.uppers[place] = bounds.upper;
            self.approach(self.uppers[self.uppers.len() - 1], query, rounding);
        }
    }

    /// Lowers the reach, when the new one is lower.
    fn approach(&mut self, squared_reach: f64, query: &EncodedQuery, rounding: &Rounding) {
        if squared_reach < self.squared_reach {
            self.squared_reach = squared_reach;
            self.gate = Gate::new(query, squared_reach, rounding);
        }
    }
}

/// A search by sketch for the nearest rows of all queries, as far as it has come.
pub(super) struct Screen<'a, T, K> {
    pub kernel: &'a K,
    pub sketch: &'a Sketch,
    /// The whole table, `[rows, dim]`.
    pub rows: &'a [T],
    /// Encoded.
    pub queries: &'a QueryView<'a>,
    pub rounding: Rounding,
    /// Room for the codes of all queries.
    pub scratch: &'a mut [i16],
    /// Room for a tile, one entry for each query.
    pub dots: &'a mut [Tile<i32>],
    /// One for each query.
    pub suspects: &'a mut [Suspects],
    /// `[batch, k]`, `k` not zero.
    pub out: &'a mut [Neighbor],
    pub reranked_row_count: usize,
}

impl<T: Element, K: Kernel<T>> Screen<'_, T, K> {
    /// Forgets earlier searches.
    pub fn start(&mut self) {
        let k = self.k();
        for (suspects, query) in self.suspects.iter_mut().zip(self.queries.encoded) {
            suspects.start(query, k, &self.rounding);
        }
    }

    /// Compares what is left; the neighbors are then in their slots.
    pub fn finish(&mut self) {
        for query in 0..self.suspects.len() {
            self.suspects[query].candidates.sort_unstable_by(|a, b| a.lower.total_cmp(&b.lower));
            self.rerank(query);
        }
    }

    fn k(&self) -> usize {
        self.out.len() / self.suspects.len()
    }

    /// What the sketch knows of a tile's rows; also returns how many of them hold a NaN.
    fn encoded_rows(&self, tile: &Range<usize>) -> ([EncodedRow; TILE_ROWS], usize) {
        let mut encoded = [EncodedRow::FAR; TILE_ROWS];
        let constants = self.sketch.scales()[tile.clone()]
            .iter()
            .zip(&self.sketch.code_norms()[tile.clone()])
            .zip(&self.sketch.errors()[tile.clone()]);
        let mut nan_row_count = 0;
        for (encoded, ((&scale, &norm), &error)) in encoded.iter_mut().zip(constants) {
            *encoded = EncodedRow::new(scale, norm, error);
            nan_row_count += usize::from(error.is_nan());
        }
        (encoded, nan_row_count)
    }

    /// Hands the rows that no gate rules out to [`Screen::suspect`].
    fn sieve(&mut self, tile: &Range<usize>, rows: &[EncodedRow; TILE_ROWS], chosen: &[usize]) {
        for (index, &query) in chosen.iter().enumerate() {
            // In place: a copy would wait for its own stores.
            if self.kernel.rule_out(&self.suspects[query].gate, rows, bytemuck::cast_ref(&self.dots[index])) {
                continue;
            }
            let dots: [i32; TILE_ROWS] = bytemuck::cast(self.dots[index]);
            for (place, row) in tile.clone().enumerate() {
                if !self.suspects[query].gate.rules_out(&rows[place], dots[place]) {
                    self.suspect(query, row as u32, &rows[place], dots[place]);
                }
            }
        }
    }

    #[cold]
    fn suspect(&mut self, query: usize, row: u32, encoded: &EncodedRow, dot: i32) {
        if encoded.is_nan() {
            return;
        }
        let encoded_query = &self.queries.encoded[query];
        let bounds = Bounds::of(encoded_query, encoded, dot, &self.rounding);
        let suspects = &mut self.suspects[query];
        suspects.note(row, bounds, encoded_query, &self.rounding);
        if suspects.candidates.len() == CANDIDATES_MAX {
            let squared_reach = suspects.squared_reach;
            suspects.candidates.retain(|candidate| candidate.lower <= squared_reach);
            // Often full again soon: then the bounds do not tell these rows apart.
            if suspects.candidates.len() > CANDIDATES_MAX / 2 {
                self.rerank(query);
            }
        }
    }

    /// Compares the candidates of a query exactly, as far as they can still win, and drops them all.
    fn rerank(&mut self, query: usize) {
        let (dim, k) = (self.sketch.dim(), self.k());
        let suspects = &mut self.suspects[query];
        let slots = &mut self.out[query * k..(query + 1) * k];
        let elements = &self.queries.elements[query * dim..(query + 1) * dim];
        let mut candidates = suspects.candidates.as_slice();
        loop {
            let squared_reach = suspects.squared_reach.min(f64::from(reach(slots)));
            let mut block = [0; ROW_BLOCK];
            let taken = take(&mut candidates, squared_reach, &mut block);
            if taken == 0 {
                break;
            }
            let rows = block.map(|row| &self.rows[row as usize * dim..(row as usize + 1) * dim]);
            let mut distances = [[0.0; ROW_BLOCK]];
            self.kernel.distances(rows, elements, &mut distances);
            for (&row, squared_distance) in block[..taken].iter().zip(distances[0]) {
                offer(slots, Neighbor { row, squared_distance });
            }
            self.reranked_row_count += taken;
        }
        suspects.candidates.clear();
        suspects.approach(f64::from(reach(slots)), &self.queries.encoded[query], &self.rounding);
    }
}

/// Moves rows within reach from `candidates` to `block`, and fills up with the last one; returns how
/// many there are.
fn take(candidates: &mut &[Candidate], squared_reach: f64, block: &mut [u32; ROW_BLOCK]) -> usize {
    let mut taken = 0;
    while let ([first, rest @ ..], true) = (*candidates, taken < ROW_BLOCK) {
        *candidates = rest;
        if first.lower <= squared_reach {
            block[taken..].fill(first.row);
            taken += 1;
        }
    }
    taken
}

impl<T: Element, K: Kernel<T>> Visit for Screen<'_, T, K> {
    fn visit(&mut self, range: Range<usize>, chosen: &[usize]) -> usize {
        let scratch = std::mem::take(&mut self.scratch);
        let query_codes = gather(self.queries.codes, self.queries.dim, chosen, scratch);
        let codes = TileRows { rows: self.sketch.codes(), dim: self.sketch.dim() };
        let mut nan_row_count = 0;
        for start in range.clone().step_by(TILE_ROWS) {
            let tile = start..range.end.min(start + TILE_ROWS);
            codes.meet(tile.clone(), query_codes, &mut self.dots[..chosen.len()], |rows, queries, out| {
                self.kernel.dots(rows, queries, out);
            });
            let (rows, nan_rows) = self.encoded_rows(&tile);
            self.sieve(&tile, &rows, chosen);
            nan_row_count += nan_rows;
        }
        self.scratch = scratch;
        nan_row_count
    }

    fn squared_reach(&self, query: usize) -> f64 {
        self.suspects[query].squared_reach
    }

    fn count_nan_rows(&self, range: Range<usize>) -> usize {
        self.sketch.errors()[range].iter().filter(|error| error.is_nan()).count()
    }
}
