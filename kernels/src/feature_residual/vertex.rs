//! What is in the map where a vertex is seen.

use super::VertexMatch;
use crate::placement::PlacedLanes;
use crate::vector::{LANES, Vector, array};
use crate::{FeatureMap, Surface};

/// Products of the samples of sixteen vertices.
#[derive(Default)]
pub(super) struct Dots {
    /// With the vertex' feature.
    pub similarity: [f32; LANES],
    /// With the clutter vector.
    pub clutter: [f32; LANES],
    /// With the vertex' gradients.
    pub gradients: [[f32; LANES]; 2],
    /// With itself.
    pub squared_length: [f32; LANES],
}

impl Dots {
    /// Of the vertices whose bits are set; [`VertexMatch::UNSEEN`] for the others.
    pub fn write_matches(&self, seen: u16, matches: &mut [VertexMatch]) {
        for (lane, found) in matches.iter_mut().take(LANES).enumerate() {
            let is_seen = seen >> lane & 1 == 1;
            let compared = VertexMatch { similarity: self.similarity[lane], clutter: self.clutter[lane] };
            *found = if is_seen { compared } else { VertexMatch::UNSEEN };
        }
    }
}

/// Samples the map for those of sixteen vertices from `first` on that are seen, and returns one bit
/// for each of them.
#[inline(always)]
pub(super) fn compare<V: Vector>(
    map: &FeatureMap<'_>,
    surface: &Surface,
    first: usize,
    placed: &PlacedLanes<V>,
    dots: &mut Dots,
) -> u16 {
    let mut facing = V::bits(placed.face_viewer());
    let (mut u, mut v) = ([0.0; LANES], [0.0; LANES]);
    placed.u.store(&mut u);
    placed.v.store(&mut v);
    let dim = map.dim();
    let mut seen = 0;
    while facing != 0 {
        let lane = facing.trailing_zeros() as usize;
        facing &= facing - 1;
        let Some(support) = map.support(u[lane], v[lane]) else { continue };
        seen |= 1 << lane;
        let vertex = first + lane;
        let sample = Sample {
            cells: support.cells.map(|cell| &map.features()[cell * dim..][..dim]),
            weights: array![corner in [0, 1, 2, 3] => V::splat(support.weights[corner])],
        };
        let (g1, g2) = surface.gradients()[2 * vertex * dim..][..2 * dim].split_at(dim);
        let vectors = [&surface.features()[vertex * dim..][..dim], surface.clutter(), g1, g2];
        let [similarity, clutter, g1, g2, squared_length] = sample.products(vectors);
        dots.similarity[lane] = similarity;
        dots.clutter[lane] = clutter;
        dots.gradients[0][lane] = g1;
        dots.gradients[1][lane] = g2;
        dots.squared_length[lane] = squared_length;
    }
    seen
}

/// Four cells and what each counts.
struct Sample<'a, V> {
    cells: [&'a [f32]; 4],
    weights: [V; 4],
}

impl<V: Vector> Sample<'_, V> {
    /// With four vectors of the same length, and with itself.
    #[inline(always)]
    fn products(&self, vectors: [&[f32]; 4]) -> [f32; 5] {
        let mut sums = [V::splat(0.0); 5];
        let (cells_of, vectors) = (self.cells.map(|cell| cell.as_chunks()), vectors.map(|vector| vector.as_chunks()));
        for at in 0..cells_of[0].0.len() {
            let cells = array![corner in [0, 1, 2, 3] => V::load(&cells_of[corner].0[at])];
            self.add(&mut sums, cells, array![which in [0, 1, 2, 3] => V::load(&vectors[which].0[at])]);
        }
        if !cells_of[0].1.is_empty() {
            let cells = array![corner in [0, 1, 2, 3] => V::load_start(cells_of[corner].1)];
            self.add(&mut sums, cells, array![which in [0, 1, 2, 3] => V::load_start(vectors[which].1)]);
        }
        array![which in [0, 1, 2, 3, 4] => sums[which].total()]
    }

    #[inline(always)]
    fn add(&self, sums: &mut [V; 5], cells: [V; 4], vectors: [V; 4]) {
        let [a, b, c, d] = self.weights;
        let above = a.mul_add(cells[0], b.mul(cells[1]));
        let sample = above.add(c.mul_add(cells[2], d.mul(cells[3])));
        for (sum, vector) in sums.iter_mut().zip(vectors) {
            *sum = sample.mul_add(vector, *sum);
        }
        sums[4] = sample.mul_add(sample, sums[4]);
    }
}
