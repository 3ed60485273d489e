//! The pass over the table: rows outside, queries inside, so that a row is read from memory once.

use half::f16;

use crate::Neighbor;

/// Rows compared at once with a single query: as many independent sums, which hides the latency of
/// the additions.
const ROW_BLOCK: usize = 4;

/// Queries compared at once with half a block of rows: the same number of sums, and each element
/// loaded serves several of them.
const QUERY_BLOCK: usize = 4;

/// An element of a table.
pub(super) trait Element: Copy {
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

/// Computes blocks of squared distances.
///
/// All slices of a call have one length. The sum for a pair must depend on that pair alone: not on
/// `R`, `Q` or its place in the block, or equal rows would no longer tie.
pub(super) trait Distances<T: Element> {
    fn block<const R: usize, const Q: usize>(&self, rows: [&[T]; R], queries: [&[f32]; Q]) -> [[f32; Q]; R];
}

/// How far the search for one query has come. Its neighbors, in order, fill its slots from the
/// front.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Search {
    found_count: usize,
}

impl Search {
    pub fn found_count(&self) -> usize {
        self.found_count
    }

    /// Offers a row; rows must come in ascending order. Returns whether its distance is NaN.
    #[inline]
    fn offer(&mut self, slots: &mut [Neighbor], row: u32, squared_distance: f32) -> bool {
        let worst = slots.last().map_or(f32::NEG_INFINITY, |slot| slot.squared_distance);
        // While slots are free, the last one is unused and infinite: only infinities need the
        // count.
        if squared_distance < worst || (squared_distance == worst && self.found_count < slots.len()) {
            self.insert(slots, Neighbor { row, squared_distance });
        }
        squared_distance.is_nan()
    }

    #[cold]
    fn insert(&mut self, slots: &mut [Neighbor], neighbor: Neighbor) {
        let found = &slots[..self.found_count];
        // After its equals: they have smaller rows.
        let place = found.partition_point(|other| other.squared_distance <= neighbor.squared_distance);
        let end = if self.found_count < slots.len() {
            self.found_count += 1;
            self.found_count
        } else {
            slots.len()
        };
        slots[place..end].rotate_right(1);
        slots[place] = neighbor;
    }
}

/// Searches all of `rows` (the first of them is row `first_row` of the table) for all `queries`.
///
/// `searches` has one entry for each query, and there is at least one; `queries` and `out` have as
/// many rows. Returns the number of rows that hold a NaN.
pub(super) fn scan<T: Element, D: Distances<T>>(
    distances: &D,
    rows: &[T],
    first_row: u32,
    queries: &[f32],
    searches: &mut [Search],
    out: &mut [Neighbor],
) -> usize {
    let (dim, k) = (queries.len() / searches.len(), out.len() / searches.len());
    let mut pass = Pass { distances, dim, k, queries, searches, out };
    let blocks = rows.chunks_exact(ROW_BLOCK * dim);
    let (block_count, rest) = (blocks.len(), blocks.remainder());
    let mut nan_row_count = 0;
    for (index, block) in blocks.enumerate() {
        let row = first_row + (index * ROW_BLOCK) as u32;
        if pass.full_block(block, row) {
            nan_row_count += count_nan_rows(block, dim);
        }
    }
    for (index, single) in rest.chunks_exact(dim).enumerate() {
        let row = first_row + (block_count * ROW_BLOCK + index) as u32;
        let mut nan = false;
        for query in 0..pass.searches.len() {
            nan |= pass.compare::<T, 1, 1>(single, row, query);
        }
        if nan {
            nan_row_count += count_nan_rows(single, dim);
        }
    }
    nan_row_count
}

struct Pass<'a, D> {
    distances: &'a D,
    dim: usize,
    k: usize,
    queries: &'a [f32],
    searches: &'a mut [Search],
    out: &'a mut [Neighbor],
}

impl<D> Pass<'_, D> {
    /// Compares `ROW_BLOCK` rows with every query; returns whether any distance is NaN.
    fn full_block<T: Element>(&mut self, block: &[T], row: u32) -> bool
    where
        D: Distances<T>,
    {
        let batch = self.searches.len();
        let grouped = batch - batch % QUERY_BLOCK;
        let mut nan = false;
        for (half, rows) in block.chunks_exact(ROW_BLOCK / 2 * self.dim).enumerate() {
            for query in (0..grouped).step_by(QUERY_BLOCK) {
                nan |=
                    self.compare::<T, { ROW_BLOCK / 2 }, QUERY_BLOCK>(rows, row + (half * ROW_BLOCK / 2) as u32, query);
            }
        }
        for query in grouped..batch {
            nan |= self.compare::<T, ROW_BLOCK, 1>(block, row, query);
        }
        nan
    }

    /// Compares `R` rows from `row` on with `Q` queries from `query` on; returns whether any
    /// distance is NaN.
    #[inline]
    fn compare<T: Element, const R: usize, const Q: usize>(&mut self, rows: &[T], row: u32, query: usize) -> bool
    where
        D: Distances<T>,
    {
        let (dim, k) = (self.dim, self.k);
        let block = self.distances.block::<R, Q>(
            std::array::from_fn(|index| &rows[index * dim..(index + 1) * dim]),
            std::array::from_fn(|index| &self.queries[(query + index) * dim..(query + index + 1) * dim]),
        );
        let mut nan = false;
        for (distances, row) in block.into_iter().zip(row..) {
            for (distance, query) in distances.into_iter().zip(query..) {
                nan |= self.searches[query].offer(&mut self.out[query * k..(query + 1) * k], row, distance);
            }
        }
        nan
    }
}

#[cold]
fn count_nan_rows<T: Element>(rows: &[T], dim: usize) -> usize {
    rows.chunks_exact(dim).filter(|row| row.iter().any(|element| element.is_nan())).count()
}
