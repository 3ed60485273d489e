//! Every vertex with every cell: a small matrix product, with the gain made on the way out.

use crate::FeatureMap;
use crate::surface::Surface;
use crate::vector::{LANES, Vector, Work};

/// Cells of a panel, the columns that a tile of sums may share: the most vectors beside each other.
pub(super) const PANEL: usize = 4 * LANES;

/// Features of a map, cells of a panel beside each other: `[panels, dim, PANEL]`. Beyond the last cell
/// there are zeros.
#[derive(Debug, Default)]
pub(super) struct Panels {
    numbers: Vec<f32>,
}

impl Panels {
    pub fn reserve(&mut self, cell_count: usize, dim: usize) {
        let len = cell_count.next_multiple_of(PANEL) * dim;
        self.numbers.reserve(len.saturating_sub(self.numbers.len()));
    }

    pub fn fill(&mut self, map: &FeatureMap<'_>) {
        let dim = map.dim();
        self.numbers.clear();
        self.numbers.resize(map.cell_count().next_multiple_of(PANEL) * dim, 0.0);
        let panels = self.numbers.chunks_exact_mut(PANEL * dim);
        for (panel, cells) in panels.zip(map.features().chunks(PANEL * dim)) {
            // Sixteen elements of sixteen cells at a time stay in the nearest cache.
            for (block, cells) in cells.chunks(LANES * dim).enumerate() {
                for first in (0..dim).step_by(LANES) {
                    let rows = first..(first + LANES).min(dim);
                    for (column, cell) in cells.chunks_exact(dim).enumerate() {
                        for row in rows.clone() {
                            panel[row * PANEL + block * LANES + column] = cell[row];
                        }
                    }
                }
            }
        }
    }
}

/// Fills thresholds and gains.
pub(super) struct Compare<'a> {
    pub surface: &'a Surface,
    pub panels: &'a Panels,
    pub floor: f32,
    /// For each cell, padded to a whole number of panels.
    pub thresholds: &'a mut [f32],
    /// `[vertices, cells]`, cells padded as the thresholds.
    pub gains: &'a mut [f32],
}

impl Work for Compare<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self) {
        // No other tiles exist.
        match V::TILE {
            (4, 6) => self.run_tiles::<V, 4, 6>(),
            (1, 6) => self.run_tiles::<V, 1, 6>(),
            _ => self.run_tiles::<V, 1, 2>(),
        }
    }
}

impl Compare<'_> {
    /// The sum for a vertex and a cell runs over the elements in their order, whatever the tile: it
    /// depends on those two alone.
    #[inline(always)]
    fn run_tiles<V: Vector, const WIDE: usize, const HIGH: usize>(self) {
        let dim = self.surface.dim();
        let stride = self.thresholds.len();
        let features = self.surface.features();
        let vertex_count = self.surface.vertex_count();
        let panels = self.panels.numbers.chunks_exact(PANEL * dim).zip(self.thresholds.as_chunks_mut::<PANEL>().0);
        for (index, (panel, thresholds)) in panels.enumerate() {
            for first in (0..PANEL).step_by(WIDE * LANES) {
                let column = index * PANEL + first;
                let thresholds = &mut thresholds[first..][..WIDE * LANES];
                let [clutter] = sums::<V, WIDE, 1>(panel, first, [self.surface.clutter()]);
                let floor = V::splat(self.floor);
                let mut limits = clutter;
                for limit in &mut limits {
                    *limit = limit.max(floor);
                }
                store(limits, thresholds);
                let mut vertex = 0;
                while vertex + HIGH <= vertex_count {
                    let rows = std::array::from_fn(|row| &features[(vertex + row) * dim..][..dim]);
                    for (row, sums) in sums::<V, WIDE, HIGH>(panel, first, rows).into_iter().enumerate() {
                        let gains = &mut self.gains[(vertex + row) * stride + column..][..WIDE * LANES];
                        store(gains_of(sums, limits), gains);
                    }
                    vertex += HIGH;
                }
                for vertex in vertex..vertex_count {
                    let [sums] = sums::<V, WIDE, 1>(panel, first, [&features[vertex * dim..][..dim]]);
                    store(gains_of(sums, limits), &mut self.gains[vertex * stride + column..][..WIDE * LANES]);
                }
            }
        }
    }
}

#[inline(always)]
fn gains_of<V: Vector, const WIDE: usize>(sums: [V; WIDE], limits: [V; WIDE]) -> [V; WIDE] {
    let mut gains = sums;
    for (gain, limit) in gains.iter_mut().zip(limits) {
        *gain = gain.sub(limit).max(V::splat(0.0));
    }
    gains
}

#[inline(always)]
fn store<V: Vector, const WIDE: usize>(vectors: [V; WIDE], numbers: &mut [f32]) {
    for (vector, numbers) in vectors.into_iter().zip(numbers.as_chunks_mut::<LANES>().0) {
        vector.store(numbers);
    }
}

/// Products of rows with the cells of a panel from `first` on.
#[inline(always)]
fn sums<V: Vector, const WIDE: usize, const HIGH: usize>(
    panel: &[f32],
    first: usize,
    rows: [&[f32]; HIGH],
) -> [[V; WIDE]; HIGH] {
    let mut sums = [[V::splat(0.0); WIDE]; HIGH];
    for (at, cells) in panel.as_chunks::<PANEL>().0.iter().enumerate() {
        let cells = cells[first..][..WIDE * LANES].as_chunks::<LANES>().0;
        for (row, sums) in rows.iter().zip(&mut sums) {
            let element = V::splat(row[at]);
            for (sum, cells) in sums.iter_mut().zip(cells) {
                *sum = element.mul_add(V::load(cells), *sum);
            }
        }
    }
    sums
}
