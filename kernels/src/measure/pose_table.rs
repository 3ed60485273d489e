//! Tables that look like those of a pose retrieval: unit vectors along a smooth manifold of poses,
//! in the order of the poses, with noise.

use std::f32::consts::TAU;

use crate::conformance::random::Random;

/// Elevations for each azimuth, and rotations in the image plane for each elevation.
const INNER: [usize; 2] = [30, 25];

/// The norm of the noise, beside a signal of norm one.
const NOISE: f32 = 0.25;

/// Embeddings of poses: random Fourier features of azimuth, elevation and in-plane rotation.
#[derive(Clone, Debug)]
pub struct PoseTable {
    /// For each element of an embedding: four frequencies and a phase.
    features: Vec<[f32; 5]>,
    azimuth_count: usize,
    row_count: usize,
}

impl PoseTable {
    /// Of `row_count` poses, with `dim` elements each.
    #[must_use]
    pub fn new(row_count: usize, dim: usize) -> Self {
        let mut random = Random::new(7);
        // Sums of uniform numbers, nearly normal; the embedding changes over about half a radian.
        let mut frequency = || (0..4).map(|_| random.between(-1.0, 1.0)).sum::<f32>() * 1.7;
        let frequencies: Vec<[f32; 4]> = (0..dim).map(|_| [(); 4].map(|()| frequency())).collect();
        let features = frequencies.into_iter().map(|[a, b, c, d]| [a, b, c, d, random.between(0.0, TAU)]).collect();
        Self { features, azimuth_count: row_count.div_ceil(INNER[0] * INNER[1]).max(1), row_count }
    }

    /// The table, `[row_count, dim]`.
    #[must_use]
    pub fn rows(&self) -> Vec<f32> {
        let mut rows = vec![0.0; self.row_count * self.features.len()];
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = self.row_count.div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for (part, rows) in rows.chunks_mut(share * self.features.len()).enumerate() {
                scope.spawn(move || self.fill(rows, part * share));
            }
        });
        rows
    }

    /// Embeddings of `count` poses between those of the table, with noise of their own,
    /// `[count, dim]`.
    #[must_use]
    pub fn queries(&self, count: usize) -> Vec<f32> {
        let mut random = Random::new(8);
        let mut queries = vec![0.0; count * self.features.len()];
        for query in queries.chunks_exact_mut(self.features.len()) {
            let at = [(); 3].map(|()| random.between(0.0, 1.0));
            self.embed(at, &mut random, query);
        }
        queries
    }

    fn fill(&self, rows: &mut [f32], first: usize) {
        for (row, index) in rows.chunks_exact_mut(self.features.len()).zip(first..) {
            let [elevation, rotation] = [index / INNER[1] % INNER[0], index % INNER[1]];
            let azimuth = index / (INNER[0] * INNER[1]);
            let at = [(azimuth, self.azimuth_count), (elevation, INNER[0]), (rotation, INNER[1])];
            let at = at.map(|(index, count)| (index as f32 + 0.5) / count as f32);
            self.embed(at, &mut Random::new(index as u64 + (1 << 40)), row);
        }
    }

    /// `at` is azimuth, elevation and rotation, each from 0 to 1 over its range.
    fn embed(&self, at: [f32; 3], random: &mut Random, out: &mut [f32]) {
        let [azimuth, elevation, rotation] = [at[0] * TAU, at[1] * 1.5, at[2] * 1.2];
        let pose = [azimuth.cos(), azimuth.sin(), elevation, rotation];
        // Of unit norm and of norm NOISE, both in expectation.
        let scale = (2.0 / out.len() as f32).sqrt();
        let noise = NOISE * (3.0 / out.len() as f32).sqrt();
        for (element, [a, b, c, d, phase]) in out.iter_mut().zip(&self.features) {
            let angle = a * pose[0] + b * pose[1] + c * pose[2] + d * pose[3] + phase;
            *element = scale * angle.cos() + random.between(-noise, noise);
        }
        let norm = out.iter().map(|element| element * element).sum::<f32>().sqrt();
        out.iter_mut().for_each(|element| *element /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_unit_vectors_and_neighbours_are_near() {
        let rows = PoseTable::new(3000, 64).rows();
        let row = |index: usize| &rows[index * 64..(index + 1) * 64];
        let distance = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        assert!(rows.chunks_exact(64).all(|row| (row.iter().map(|e| e * e).sum::<f32>() - 1.0).abs() < 1e-5));
        assert!(distance(1010, 1011) < 0.3 && distance(1010, 2510) > 0.8);
    }
}
