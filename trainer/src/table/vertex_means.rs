//! What the exported network sees at each vertex, on average: the features of a neural mesh.

use anyhow::{Result, ensure};

use crate::training::surface_rows::SurfaceRows;
use crate::training::templates::Templates;

/// A vertex that was seen less often takes the mean of its neighbours.
const SEEN_MIN: f64 = 8.0;
/// Times that neighbours hand their features on, so that also the underside has some.
const SPREAD_COUNT: usize = 60;

/// Sums of features by vertex, and of background.
#[derive(Debug)]
pub struct VertexMeans {
    /// D, h, w.
    shape: [usize; 3],
    sums: Vec<f64>,
    counts: Vec<f64>,
    clutter: Vec<f64>,
}

impl VertexMeans {
    /// Nothing yet, for maps of `[D, h, w]`.
    pub fn new(vertex_count: usize, shape: [usize; 3]) -> Self {
        let dim = shape[0];
        Self { shape, sums: vec![0.0; vertex_count * dim], counts: vec![0.0; vertex_count], clutter: vec![0.0; dim] }
    }

    /// Adds the rows of a batch with features `[B, D, h, w]`.
    pub fn add(&mut self, features: &[f32], rows: &SurfaceRows) {
        let [dim, height, width] = self.shape;
        let plane = height * width;
        let value = |crop: i64, channel: usize, cell: usize| features[(crop as usize * dim + channel) * plane + cell];
        let mut feature = vec![0.0; dim];
        for ((&crop, &vertex), &[u, v]) in rows.crop.iter().zip(&rows.vertex).zip(&rows.at) {
            // As training reads them: cells beyond the border repeat the last.
            let (x, y) = (u - 0.5, v - 0.5);
            let (left, top) = (x.floor(), y.floor());
            feature.fill(0.0);
            for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                let weight = (1.0 - (x - left - dx).abs()) * (1.0 - (y - top - dy).abs());
                let column = (left + dx).clamp(0.0, (width - 1) as f32) as usize;
                let row = (top + dy).clamp(0.0, (height - 1) as f32) as usize;
                for (channel, sum) in feature.iter_mut().enumerate() {
                    *sum += f64::from(weight * value(crop, channel, row * width + column));
                }
            }
            normalize(&mut feature);
            let at = vertex as usize * dim;
            self.sums[at..at + dim].iter_mut().zip(&feature).for_each(|(sum, value)| *sum += value);
            self.counts[vertex as usize] += 1.0;
        }
        for (&crop, &cell) in rows.noise_crop.iter().zip(&rows.noise_cell) {
            for (channel, sum) in self.clutter.iter_mut().enumerate() {
                *sum += f64::from(value(crop, channel, cell as usize));
            }
        }
    }

    /// Vertices that were seen often enough.
    pub fn seen_count(&self) -> usize {
        self.counts.iter().filter(|count| **count >= SEEN_MIN).count()
    }

    /// Unit features `[V, D]` and clutter `[D]`.
    ///
    /// # Errors
    /// Where no vertex was seen often enough, or background had no direction.
    pub fn finish(mut self, templates: &Templates) -> Result<(Vec<f32>, Vec<f32>)> {
        ensure!(self.seen_count() > 0, "no vertex was seen {SEEN_MIN} times: take more batches");
        let dim = self.shape[0];
        let mut is_known: Vec<bool> = self.counts.iter().map(|count| *count >= SEEN_MIN).collect();
        self.sums.chunks_exact_mut(dim).for_each(normalize);
        for _ in 0..SPREAD_COUNT {
            self.spread(templates, &mut is_known);
        }
        for (feature, is_known) in self.sums.chunks_exact_mut(dim).zip(&is_known) {
            if !is_known {
                feature.copy_from_slice(&self.clutter);
            }
            normalize(feature);
        }
        normalize(&mut self.clutter);
        ensure!(self.clutter.iter().all(|value| value.is_finite()), "the background's features have no mean");
        Ok((single(&self.sums), single(&self.clutter)))
    }

    /// Vertices without a feature take the mean of their neighbours'.
    fn spread(&mut self, templates: &Templates, is_known: &mut [bool]) {
        let dim = self.shape[0];
        let Some(template) = templates.templates().first() else { return };
        let mut sums: Vec<Vec<f64>> = vec![Vec::new(); is_known.len()];
        for triangle in template.surface.triangles() {
            for (to, from) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] {
                let (to, from) = (triangle[to] as usize, triangle[from] as usize);
                if !is_known[to] && is_known[from] {
                    sums[to].resize(dim, 0.0);
                    let feature = &self.sums[from * dim..][..dim];
                    sums[to].iter_mut().zip(feature).for_each(|(sum, value)| *sum += value);
                }
            }
        }
        for (vertex, mut sum) in sums.into_iter().enumerate().filter(|(_, sum)| !sum.is_empty()) {
            normalize(&mut sum);
            self.sums[vertex * dim..][..dim].copy_from_slice(&sum);
            is_known[vertex] = true;
        }
    }
}

fn normalize(feature: &mut [f64]) {
    let length = feature.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        feature.iter_mut().for_each(|value| *value /= length);
    }
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::mesh_config::{MeshConfig, MeshForm};

    #[test]
    fn a_vertex_has_the_mean_of_what_was_seen_and_the_unseen_their_neighbours() {
        let config =
            MeshConfig { form: MeshForm::Cuboid, vehicles_per_kind: 1, vertices: 200, ..MeshConfig::default() };
        let templates = Templates::new(&config).unwrap();
        let mut means = VertexMeans::new(templates.vertex_count(), [2, 1, 2]);
        // Two cells: the first along the first axis, the second along the second.
        let features = [1.0, 0.0, 0.0, 1.0];
        let rows = |at: [f32; 2]| SurfaceRows {
            crop: vec![0],
            vertex: vec![7],
            at: vec![at],
            noise_crop: vec![0],
            noise_cell: vec![1],
        };
        for _ in 0..8 {
            means.add(&features, &rows([0.5, 0.5]));
            means.add(&features, &rows([1.5, 0.5]));
        }
        assert_eq!(means.seen_count(), 1);
        let (vertices, clutter) = means.finish(&templates).unwrap();
        assert_eq!(clutter, [0.0, 1.0]);
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert!((vertices[14] - half).abs() < 1e-6 && (vertices[15] - half).abs() < 1e-6);
        // Its whole grid took it over; the other five faces share no vertex with it and show background.
        let same = vertices.chunks_exact(2).filter(|v| (v[0] - half).abs() < 1e-6).count();
        let background = vertices.chunks_exact(2).filter(|v| **v == [0.0, 1.0]).count();
        assert!(same > 10 && same + background == templates.vertex_count(), "{same} and {background}");
    }

    #[test]
    fn nothing_seen_is_an_error() {
        let config = MeshConfig { form: MeshForm::Cuboid, vehicles_per_kind: 1, ..MeshConfig::default() };
        let templates = Templates::new(&config).unwrap();
        assert!(VertexMeans::new(templates.vertex_count(), [2, 1, 2]).finish(&templates).is_err());
    }
}
