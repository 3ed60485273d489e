//! The CPU twin.

use super::{FeatureScore, check_score, check_similarities, gain_count};
use crate::{FeatureMap, KernelError, Placement, Surface};

/// Scores placements on one CPU core. Allocates in the first call on a larger map or surface than any
/// before, unless [`FeatureScore::reserve`] did.
#[derive(Debug, Default)]
pub struct CpuFeatureScore {
    /// `[vertices, cells]`.
    gains: Vec<f32>,
    /// Of each cell: what absence reaches.
    thresholds: Vec<f32>,
    /// Position, normal and area of each vertex.
    vertices: Vec<([f32; 3], [f32; 3], f32)>,
    /// Columns and rows of the map.
    size: Option<(usize, usize)>,
}

impl CpuFeatureScore {
    /// With the best instructions this machine has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl FeatureScore for CpuFeatureScore {
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, _: usize) -> Result<(), KernelError> {
        let more = |len: usize, count: usize| count.saturating_sub(len);
        self.gains.reserve(more(self.gains.len(), gain_count(vertex_count, cell_count)?));
        self.thresholds.reserve(more(self.thresholds.len(), cell_count));
        self.vertices.reserve(more(self.vertices.len(), vertex_count));
        Ok(())
    }

    fn similarities(&mut self, map: &FeatureMap<'_>, surface: &Surface, floor: f32) -> Result<(), KernelError> {
        check_similarities(map, surface, floor)?;
        let dim = map.dim();
        let cells = || map.features().chunks_exact(dim);
        self.thresholds.clear();
        self.thresholds.extend(cells().map(|cell| dot(surface.clutter(), cell).max(floor)));
        self.gains.clear();
        for feature in surface.features().chunks_exact(dim) {
            let gains =
                cells().zip(&self.thresholds).map(|(cell, threshold)| (dot(feature, cell) - threshold).max(0.0));
            self.gains.extend(gains);
        }
        self.vertices.clear();
        for (vertex, &area) in surface.areas().iter().enumerate() {
            self.vertices.extend(surface.position(vertex).zip(surface.normal(vertex)).map(|(p, n)| (p, n, area)));
        }
        self.size = Some((map.width(), map.height()));
        Ok(())
    }

    fn score(&mut self, placements: &[Placement], scores: &mut [f32]) -> Result<usize, KernelError> {
        let (width, height) = self.size.ok_or(KernelError::NoSimilarities)?;
        check_score(placements, scores)?;
        let mut refused_count = 0;
        for (placement, score) in placements.iter().zip(scores) {
            if !placement.is_valid() {
                refused_count += 1;
                *score = f32::NEG_INFINITY;
                continue;
            }
            *score = 0.0;
            let rows = self.gains.chunks_exact(width * height);
            for (&(position, normal, area), gains) in self.vertices.iter().zip(rows) {
                let placed = placement.place(position, normal);
                let is_inside =
                    placed.u >= 0.0 && placed.v >= 0.0 && placed.u < width as f32 && placed.v < height as f32;
                if placed.faces_viewer() && is_inside {
                    let cell = placed.v as usize * width + placed.u as usize;
                    *score += area * placed.area_scale * gains[cell];
                }
            }
        }
        Ok(refused_count)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
