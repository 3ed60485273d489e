//! Which rows of a range a search visits, and in which order: all of them, or, with clusters, the
//! runs that may hold a neighbor, the most promising first.
//!
//! A run is passed by when the triangle inequality puts all its rows beyond the neighbors already
//! found, by the bounds of [`super::bounds`], so that roundings lose no row. Each query of a batch
//! passes by on its own.

use std::ops::Range;

use super::Clusters;
use super::blocks::Distances;
use super::bounds::Rounding;
use super::tile::{TILE_ROWS, Tile, TileRows};

/// A search that can be shown rows in any order, each once to every query.
pub(super) trait Visit {
    /// Shows the rows of `range` to the queries of these numbers, at least one, ascending; returns
    /// how many rows hold a NaN.
    fn visit(&mut self, range: Range<usize>, queries: &[usize]) -> usize;

    /// No neighbor of the query is farther, by its computed squared distance.
    fn squared_reach(&self, query: usize) -> f64;

    /// How many rows of `range` hold a NaN.
    fn count_nan_rows(&self, range: Range<usize>) -> usize;
}

/// What came of a walk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walked {
    /// Rows that any query was shown.
    pub read_row_count: usize,
    pub nan_row_count: usize,
}

/// Shows all rows of `range` to all queries.
pub(super) fn walk(search: &mut impl Visit, range: Range<usize>, queries: &[usize]) -> Walked {
    Walked { read_row_count: range.len(), nan_row_count: search.visit(range, queries) }
}

/// Runs that a query visits before all others.
const FIRST_RUNS: usize = 4;

/// A run and a lower bound of the squared distances computed for its rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    squared_distance_min: f64,
    /// `usize::MAX` for none.
    run: usize,
}

/// The most promising runs of a query, in order.
pub(super) type FirstRuns = [Promise; FIRST_RUNS];

/// No run has been seen.
pub(super) const NO_RUNS: FirstRuns = [Promise { squared_distance_min: f64::INFINITY, run: usize::MAX }; FIRST_RUNS];

/// A walk past the runs that cannot win.
pub(super) struct ClusterWalk<'a, D> {
    pub kernel: &'a D,
    pub clusters: &'a Clusters,
    /// `[batch, dim]`.
    pub queries: &'a [f32],
    pub rounding: Rounding,
    /// Room for a tile, one entry for each query.
    pub distances: &'a mut [Tile<f32>],
    /// Room for each query.
    pub first: &'a mut [FirstRuns],
    /// Room for the numbers of all queries.
    pub chosen: &'a mut Vec<usize>,
}

impl<D: Distances<f32>> ClusterWalk<'_, D> {
    /// Shows the rows of `range` to the queries for which they may win.
    pub fn walk(&mut self, search: &mut impl Visit, range: Range<usize>) -> Walked {
        let mut walked = Walked::default();
        if range.is_empty() {
            return walked;
        }
        let runs = self.clusters.containing(&range);
        self.find_first(runs.clone());
        for query in 0..self.first.len() {
            for run in self.first[query].map(|promise| promise.run).into_iter().filter(|&run| run != usize::MAX) {
                search.visit(self.rows(run, &range), &[query]);
            }
        }
        for start in runs.clone().step_by(TILE_ROWS) {
            let tile = start..runs.end.min(start + TILE_ROWS);
            self.measure(tile.clone());
            for (place, run) in tile.enumerate() {
                let rows = self.rows(run, &range);
                let visited = self.choose(search, place, run);
                if !self.chosen.is_empty() {
                    search.visit(rows.clone(), self.chosen);
                }
                walked.read_row_count += if visited || !self.chosen.is_empty() { rows.len() } else { 0 };
                walked.nan_row_count += self.nan_row_count(search, rows, run);
            }
        }
        walked
    }

    /// Finds the most promising runs of each query.
    fn find_first(&mut self, runs: Range<usize>) {
        self.first.fill(NO_RUNS);
        for start in runs.clone().step_by(TILE_ROWS) {
            let tile = start..runs.end.min(start + TILE_ROWS);
            self.measure(tile.clone());
            for (place, run) in tile.enumerate() {
                for query in 0..self.first.len() {
                    let squared_distance_min = self.squared_distance_min(query, place, run);
                    let first = &mut self.first[query];
                    let at = first.partition_point(|other| other.squared_distance_min <= squared_distance_min);
                    if at < FIRST_RUNS {
                        first[at..].rotate_right(1);
                        first[at] = Promise { squared_distance_min, run };
                    }
                }
            }
        }
    }

    /// Chooses the queries that must still see a run of the tile last measured; returns whether some
    /// have seen it before.
    fn choose(&mut self, search: &impl Visit, place: usize, run: usize) -> bool {
        self.chosen.clear();
        let mut visited = false;
        for query in 0..self.first.len() {
            if self.first[query].iter().any(|promise| promise.run == run) {
                visited = true;
                continue;
            }
            // A NaN is not beyond.
            let beyond = self.squared_distance_min(query, place, run) > search.squared_reach(query);
            if !beyond {
                self.chosen.push(query);
            }
        }
        visited
    }

    /// Computes the distances of all queries to the middles of a tile of runs.
    fn measure(&mut self, tile: Range<usize>) {
        let centroids = TileRows { rows: self.clusters.centroids(), dim: self.clusters.dim() };
        centroids.meet(tile, self.queries, self.distances, |rows, queries, out| {
            self.kernel.distances(rows, queries, out);
        });
    }

    /// A lower bound for the rows of a run of the tile last measured; zero where nothing is known.
    fn squared_distance_min(&self, query: usize, place: usize, run: usize) -> f64 {
        let middle = self.rounding.exact_min(self.distances[query].as_flattened()[place]);
        self.rounding.computed_min(middle - f64::from(self.clusters.radii()[run]))
    }

    /// The rows of a run that are inside `range`.
    fn rows(&self, run: usize, range: &Range<usize>) -> Range<usize> {
        let rows = self.clusters.rows(run);
        rows.start.max(range.start)..rows.end.min(range.end)
    }

    /// How many of the `rows` of a run hold a NaN.
    fn nan_row_count(&self, search: &impl Visit, rows: Range<usize>, run: usize) -> usize {
        let whole = rows == self.clusters.rows(run);
        if whole { self.clusters.nan_row_counts()[run] as usize } else { search.count_nan_rows(rows) }
    }
}
