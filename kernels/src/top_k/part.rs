//! The search of one thread: its part of the rows, its own buffers.

use std::ops::Range;

use super::aligned::Aligned;
use super::blocks::{Distances, Element, Kernel};
use super::bounds::Rounding;
use super::queries::QueryView;
use super::scan::Scan;
use super::screen::{Screen, Suspects};
use super::tile::{Tile, TileRows};
use super::walk::{ClusterWalk, FirstRuns, NO_RUNS, Visit, Walked, walk};
use super::{Clusters, Neighbor, Sketch};

/// What all threads of a search are given.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub k: usize,
    pub queries: QueryView<'a>,
    /// Only with encoded queries.
    pub sketch: Option<&'a Sketch>,
    pub clusters: Option<&'a Clusters>,
}

/// Buffers of one thread, for the largest request.
#[derive(Debug)]
pub(super) struct Part {
    distances: Vec<Tile<f32>>,
    middle_distances: Vec<Tile<f32>>,
    dots: Vec<Tile<i32>>,
    first_runs: Vec<FirstRuns>,
    chosen: Vec<usize>,
    all: Vec<usize>,
    query_scratch: Aligned<f32>,
    code_scratch: Aligned<i16>,
    suspects: Vec<Suspects>,
    slots: Vec<Neighbor>,
    pub walked: Walked,
    pub reranked_row_count: usize,
}

impl Part {
    pub fn new(k_max: usize, batch_max: usize) -> Self {
        Self {
            distances: vec![Tile::default(); batch_max],
            middle_distances: vec![Tile::default(); batch_max],
            dots: vec![Tile::default(); batch_max],
            first_runs: vec![NO_RUNS; batch_max],
            chosen: Vec::with_capacity(batch_max),
            all: (0..batch_max).collect(),
            query_scratch: Aligned::zeroed(0),
            code_scratch: Aligned::zeroed(0),
            // Not `vec!`: a clone would forget the room.
            suspects: (0..batch_max).map(|_| Suspects::new(k_max)).collect(),
            slots: vec![Neighbor::UNUSED; k_max * batch_max],
            walked: Walked::default(),
            reranked_row_count: 0,
        }
    }

    /// Makes room for as many elements of queries. Allocates when there is too little.
    pub fn reserve(&mut self, len: usize) {
        self.query_scratch.grow(len);
        self.code_scratch.grow(len);
    }

    /// The neighbors found, `[batch, k]` of the last request.
    pub fn neighbors(&self, request: &Request<'_>) -> &[Neighbor] {
        &self.slots[..request.queries.batch() * request.k]
    }

    /// Searches the rows of `range`, of the table `rows`.
    pub fn search<T: Element, K: Kernel<T>>(
        &mut self,
        kernel: &K,
        rows: &[T],
        range: Range<usize>,
        request: &Request<'_>,
    ) {
        let (batch, rounding, queries) =
            (request.queries.batch(), Rounding::new(request.queries.dim), &request.queries);
        let out = &mut self.slots[..batch * request.k];
        out.fill(Neighbor::UNUSED);
        let mut way = Way {
            range,
            clusters: request.clusters.map(|clusters| ClusterWalk {
                kernel,
                clusters,
                queries: queries.elements,
                rounding,
                distances: &mut self.middle_distances[..batch],
                first: &mut self.first_runs[..batch],
                chosen: &mut self.chosen,
            }),
            all: &self.all[..batch],
        };
        (self.walked, self.reranked_row_count) = match request.sketch {
            None => {
                let (rows, distances) = (TileRows { rows, dim: queries.dim }, &mut self.distances[..batch]);
                let (queries, scratch) = (queries.elements, self.query_scratch.as_mut_slice());
                (way.show(&mut Scan { kernel, rows, queries, scratch, distances, out }), 0)
            }
            Some(sketch) => {
                let mut screen = Screen {
                    kernel,
                    sketch,
                    rows,
                    queries,
                    rounding,
                    scratch: self.code_scratch.as_mut_slice(),
                    dots: &mut self.dots[..batch],
                    suspects: &mut self.suspects[..batch],
                    out,
                    reranked_row_count: 0,
                };
                screen.start();
                let walked = way.show(&mut screen);
                screen.finish();
                (walked, screen.reranked_row_count)
            }
        };
    }
}

/// The rows of a part, and the clusters that may spare some of them.
struct Way<'a, K> {
    range: Range<usize>,
    clusters: Option<ClusterWalk<'a, K>>,
    /// The numbers of all queries.
    all: &'a [usize],
}

impl<K: Distances<f32>> Way<'_, K> {
    fn show(&mut self, search: &mut impl Visit) -> Walked {
        match &mut self.clusters {
            None => walk(search, self.range.clone(), self.all),
            Some(clusters) => clusters.walk(search, self.range.clone()),
        }
    }
}
