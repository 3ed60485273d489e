//! How well placements of a surface fit a feature map: many at once, without gradients.
//!
//! Two calls. [`FeatureScore::similarities`] compares every vertex with every cell, once for a map and
//! a surface; [`FeatureScore::score`] then only looks up what each placement needs (the search of
//! Ma et al., "Robust Category-Level 6D Pose Estimation with Coarse-to-Fine Rendering of Neural
//! Features", ECCV 2022, over the score of Wang et al., "NeMo", ICLR 2021).
//!
//! # The law
//!
//! With `theta_k` the feature of vertex `k`, `c` the clutter vector and `F` a cell's feature:
//!
//! - `gain(k, cell) = max(0, theta_k . F - max(c . F, floor))`: what the surface explains better than
//!   its absence does.
//! - A placement's score is the sum of `A_k gain(k, cell_k)` over the vertices that face the viewer
//!   ([`Placed::faces_viewer`](crate::Placed::faces_viewer)) and lie in the map, `0 <= u < width` and
//!   `0 <= v < height`; `cell_k` is the one they lie in, `A_k` the cells squared that they cover.
//! - A placement that is not valid ([`Placement::is_valid`]) scores minus infinity, and is counted.
//! - Where all products and sums are exact in `f32`, all implementations return the same scores. On
//!   other inputs they may differ by [`score_error_max`], and by the gain of vertices that lie, but for
//!   rounding, on the border of a cell or edge-on.
//! - A placement's score depends on no other placement of the call, and repeats bit for bit.

mod compare;
mod cpu;

pub use cpu::CpuFeatureScore;

use crate::{FeatureMap, KernelError, Placement, Surface};

/// Scores placements of a surface in a feature map.
pub trait FeatureScore {
    /// Makes room for surfaces of up to `vertex_count` vertices and maps of up to `cell_count` cells,
    /// with features of up to `dim` elements, so that no later call on such allocates.
    ///
    /// # Errors
    /// [`KernelError::SimilarityCount`], or [`KernelError::Device`] for want of memory.
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError>;

    /// Compares every vertex with every cell and keeps the gains, for [`FeatureScore::score`].
    ///
    /// `floor` is the similarity that absence reaches anywhere.
    ///
    /// # Errors
    /// [`KernelError::FeatureDim`], [`KernelError::RobustSpec`] or [`KernelError::SimilarityCount`]: what
    /// was kept before is then still there. [`KernelError::Device`]: nothing is.
    fn similarities(&mut self, map: &FeatureMap<'_>, surface: &Surface, floor: f32) -> Result<(), KernelError>;

    /// Scores placements of the surface in the map of the last [`FeatureScore::similarities`], by the
    /// law of the module. Returns how many placements were not valid.
    ///
    /// # Errors
    /// [`KernelError::NoSimilarities`], [`KernelError::OutputLength`] or [`KernelError::Device`];
    /// `scores` is then untouched.
    fn score(&mut self, placements: &[Placement], scores: &mut [f32]) -> Result<usize, KernelError>;
}

/// Most gains that are kept: vertices times cells, each counted up to a multiple of 64.
pub const SIMILARITY_COUNT_MAX: usize = 1 << 28;

/// How far a computed score may be from the exact one, in cells squared.
///
/// `exact_weighted_area` is the exact sum of `A_k (|theta_k| |F| + 1)` over the vertices that count:
/// products of `dim` terms round `dim` times, sums of `vertex_count` terms of one sign as often
/// (Higham, "Accuracy and Stability of Numerical Algorithms", section 4.2), a projection some dozen
/// times.
#[must_use]
pub fn score_error_max(vertex_count: usize, dim: usize, exact_weighted_area: f64) -> f64 {
    (vertex_count as f64 + dim as f64 + 64.0) * f64::from(f32::EPSILON) / 2.0 * exact_weighted_area
}

/// The checks every implementation makes before it compares.
pub(crate) fn check_similarities(map: &FeatureMap<'_>, surface: &Surface, floor: f32) -> Result<(), KernelError> {
    if map.dim() != surface.dim() {
        return Err(KernelError::FeatureDim { map_dim: map.dim(), surface_dim: surface.dim() });
    }
    if !floor.is_finite() {
        return Err(KernelError::RobustSpec { field: "floor is not finite" });
    }
    gain_count(surface.vertex_count(), map.cell_count()).map(|_| ())
}

/// Gains of so many vertices and cells, each counted up to a multiple of 64.
pub(crate) fn gain_count(vertex_count: usize, cell_count: usize) -> Result<usize, KernelError> {
    let up = |count: usize| count.checked_next_multiple_of(64);
    let count = up(vertex_count).zip(up(cell_count)).and_then(|(vertices, cells)| vertices.checked_mul(cells));
    let refused = KernelError::SimilarityCount { vertex_count, cell_count };
    count.filter(|count| *count <= SIMILARITY_COUNT_MAX).ok_or(refused)
}

/// The checks every implementation makes before it scores.
pub(crate) fn check_score(placements: &[Placement], scores: &[f32]) -> Result<(), KernelError> {
    let (actual, needed) = (scores.len(), placements.len());
    if actual == needed { Ok(()) } else { Err(KernelError::OutputLength { actual, needed }) }
}
