//! How the features of a surface change along it.
//!
//! A local linear regression (Cleveland, "Robust Locally Weighted Regression", JASA 1979, without the robust part): around each
//! vertex a plane is fitted to the features of its neighbours, so that the noise of single features is averaged. It needs nothing
//! but vertices, normals and triangles, works on any mesh, and is one-sided at borders and creases.

use std::collections::HashMap;

use super::surface::{Surface, dot, subtract};

#[cfg(test)]
mod tests;

/// Neighbours are this close at most, in mean edges of the vertex: on a square grid the eight around it, whose diagonals are 1.24
/// mean edges long, but not the next ones in a row (1.75).
const RADIUS_EDGES: f64 = 1.5;
/// Standard deviation of the Gaussian weights, as a share of that radius.
const SIGMA_SHARE: f64 = 0.5;
/// Neighbours look in about the same direction: least cosine between the normals.
const NORMAL_COSINE_MIN: f64 = 0.3;
/// Most edges of one vertex that are followed, and most neighbours that are used, the nearest: a mesh may have a vertex that is
/// linked to all others.
const LINK_COUNT_MAX: usize = 64;
const NEIGHBOR_COUNT_MAX: usize = 32;
/// Neighbours have to spread along both tangents: least ratio of their two variances.
const SPREAD_RATIO_MIN: f64 = 1e-2;

/// `[V, 2, D]` derivatives of `features` `[V, D]` along both tangents of each vertex, per unit of the mesh. Zeros for a vertex that
/// has too few neighbours, or none off one line.
///
/// Neighbours of a vertex are those within two edges of the mesh, not farther than 1.5 mean edges of it, that look in about the same
/// direction. Vertices at one place (a cuboid's edges are there once for each face) share their edges. How far a neighbour lies along
/// the tangents is its distance in the direction of its projection, so that a bend does not shorten it.
pub(super) fn gradients(surface: &Surface, features: &[f32], dim: usize) -> Vec<f32> {
    let links = Links::of(surface);
    let mut gradients = vec![0.0; 2 * features.len()];
    let (mut neighbors, mut seen) = (Vec::new(), vec![usize::MAX; surface.vertex_count()]);
    for (vertex, out) in gradients.chunks_exact_mut(2 * dim).enumerate() {
        links.neighbors(surface, vertex, &mut seen, &mut neighbors);
        fit(&neighbors, features, dim, out);
    }
    gradients
}

/// One neighbour, or the vertex itself.
struct Neighbor {
    vertex: usize,
    /// Along both tangents, mesh units.
    at: [f64; 2],
    weight: f64,
}

/// Who is linked to whom by an edge.
struct Links {
    /// Vertices at the same place as each, itself among them.
    same_place: Vec<Vec<u32>>,
    /// Row of `same_place` for each vertex.
    place: Vec<usize>,
    /// Vertices one edge away from each place, ascending.
    by_place: Vec<Vec<u32>>,
}

impl Links {
    fn of(surface: &Surface) -> Self {
        let mut row_of: HashMap<[u32; 3], usize> = HashMap::new();
        let mut same_place: Vec<Vec<u32>> = Vec::new();
        let mut place = Vec::with_capacity(surface.vertex_count());
        for (vertex, position) in (0_u32..).zip(surface.positions()) {
            // Adding zero makes one zero of both.
            let row = *row_of.entry(position.map(|v| (v + 0.0).to_bits())).or_insert(same_place.len());
            match same_place.get_mut(row) {
                Some(there) => there.push(vertex),
                None => same_place.push(vec![vertex]),
            }
            place.push(row);
        }
        let mut by_place = vec![Vec::new(); same_place.len()];
        for &[a, b, c] in surface.triangles() {
            for (from, to) in [(a, b), (b, c), (c, a), (b, a), (c, b), (a, c)] {
                by_place[place[from as usize]].push(to);
            }
        }
        for list in &mut by_place {
            list.sort_unstable();
            list.dedup();
        }
        Self { same_place, place, by_place }
    }

    /// One edge away, or at the same place.
    fn around(&self, vertex: usize) -> impl Iterator<Item = usize> {
        let place = self.place[vertex];
        let [same, linked] =
            [&self.same_place[place], &self.by_place[place]].map(|list| list.iter().take(LINK_COUNT_MAX));
        same.chain(linked).map(|&vertex| vertex as usize)
    }

    /// The vertex and its neighbours into `out`. `seen` holds for each vertex whom it was last looked at for.
    fn neighbors(&self, surface: &Surface, vertex: usize, seen: &mut [usize], out: &mut Vec<Neighbor>) {
        out.clear();
        let positions = surface.positions();
        let origin = positions[vertex].map(f64::from);
        let normal = surface.normals()[vertex].map(f64::from);
        let tangents = surface.tangents()[vertex].map(|tangent| tangent.map(f64::from));
        let offset = |other: usize| subtract(positions[other].map(f64::from), origin);
        let lengths = self.around(vertex).map(offset).map(|d| dot(d, d).sqrt()).filter(|&length| length > 0.0);
        let (sum, count) = lengths.fold((0.0, 0_u32), |(sum, count), length| (sum + length, count + 1));
        if count == 0 {
            return;
        }
        let radius = RADIUS_EDGES * sum / f64::from(count);
        for other in self.around(vertex).flat_map(|near| self.around(near)) {
            if std::mem::replace(&mut seen[other], vertex) == vertex {
                continue;
            }
            let to = offset(other);
            let length = dot(to, to).sqrt();
            if length > radius || dot(surface.normals()[other].map(f64::from), normal) < NORMAL_COSINE_MIN {
                continue;
            }
            let along = tangents.map(|tangent| dot(to, tangent));
            let projected = along[0].hypot(along[1]);
            let stretch = if projected > 0.0 { length / projected } else { 1.0 };
            let share = length / (SIGMA_SHARE * radius);
            out.push(Neighbor { vertex: other, at: along.map(|v| v * stretch), weight: (-0.5 * share * share).exp() });
        }
        out.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.vertex.cmp(&b.vertex)));
        out.truncate(NEIGHBOR_COUNT_MAX);
    }
}

/// The slopes of the weighted least squares plane through the neighbours' features, into `out` `[2, D]`.
fn fit(neighbors: &[Neighbor], features: &[f32], dim: usize, out: &mut [f32]) {
    let total: f64 = neighbors.iter().map(|n| n.weight).sum();
    if total <= 0.0 {
        return;
    }
    let mean = [0, 1].map(|axis| neighbors.iter().map(|n| n.weight * n.at[axis]).sum::<f64>() / total);
    let mut spread = [0.0; 3];
    for neighbor in neighbors {
        let [x, y] = [0, 1].map(|axis| neighbor.at[axis] - mean[axis]);
        for (sum, product) in spread.iter_mut().zip([x * x, x * y, y * y]) {
            *sum += neighbor.weight * product;
        }
    }
    let [xx, xy, yy] = spread;
    let (half_trace, determinant) = (0.5 * (xx + yy), xx * yy - xy * xy);
    let root = (half_trace * half_trace - determinant).max(0.0).sqrt();
    if half_trace - root <= SPREAD_RATIO_MIN * (half_trace + root) {
        return;
    }
    let (along_first, along_second) = out.split_at_mut(dim);
    let mut sums = vec![[0.0_f64; 2]; dim];
    for neighbor in neighbors {
        let [x, y] = [0, 1].map(|axis| neighbor.weight * (neighbor.at[axis] - mean[axis]));
        // Around the weighted mean of the places the mean of the features falls out of the sums.
        for (sum, &feature) in sums.iter_mut().zip(&features[neighbor.vertex * dim..][..dim]) {
            sum[0] += x * f64::from(feature);
            sum[1] += y * f64::from(feature);
        }
    }
    for ((first, second), [bx, by]) in along_first.iter_mut().zip(along_second).zip(sums) {
        *first = ((yy * bx - xy * by) / determinant) as f32;
        *second = ((xx * by - xy * bx) / determinant) as f32;
    }
}
