//! Retrieval: the nearest reference views of an embedding, gathered into modes on SO(3). The node and the trainer's
//! evaluation share it, so that what was measured is what runs.
//!
//! Neighbours vote with softmax weights exp(-squared distance / temperature). A car seen from the front
//! resembles a car seen from the rear, so the vote often has two peaks; a mean over both would be a car
//! seen from the side. The peaks are therefore kept apart ([`modes`]), the heaviest is the answer and the
//! others are published with their probability, the 180-degree flip first; how probable that is, the reference views
//! of both directions decide ([`direction`]).
//!
//! Everything here is *allocentric*: relative to the viewing ray, as the crop shows it. What the ray itself says about an
//! object that stands on level ground is added last ([`level`]).

mod direction;
pub mod level;
pub mod modes;
pub mod second_look;

use std::ops::Range;

use calibration::Rotation;
use calibration::so3::{from_wxyz, log};
use kernels::{KernelError, Neighbor, TopK};
use nalgebra::{Matrix3, Vector3};

use crate::{ReferenceTable, RetrievalSpec};
use level::LevelPrior;
use modes::{ModeSeeker, Vote};

/// Standard deviation about each axis that the table's own spacing and labels leave, radians (1 degree).
const FLOOR_RAD: f64 = 0.017_453_292_519_943_295;

/// Most alternatives kept beside the best pose.
pub const ALTERNATIVES_MAX: usize = 4;

/// No row of the table could be compared with the embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no reference row could be compared with the embedding")]
pub struct NoNeighbor;

/// An orientation with the share of the vote that speaks for it.
#[derive(Clone, Copy, Debug)]
pub struct Hypothesis {
    /// Allocentric `camera_from_object`.
    pub rotation: Rotation,
    /// 0 to 1.
    pub probability: f64,
}

/// What the table says about one embedding.
#[derive(Clone, Debug)]
pub struct Retrieval {
    /// The heaviest mode.
    pub best: Hypothesis,
    /// About the axes of the virtual camera that looks along the ray, rad^2, calibrated by the manifest. Symmetric, positive definite.
    pub covariance: Matrix3<f64>,
    /// Cosine to the nearest reference.
    pub similarity: f64,
    /// Probability of the opposite direction, 0 to 0.5: how much doubt there is about front and rear. The first alternative has
    /// the same.
    pub flip_probability: f64,
    /// The flip, then the other modes by falling probability.
    pub alternatives: heapless::Vec<Hypothesis, ALTERNATIVES_MAX>,
}

/// The table, its rotations ready for use, and the memory of the search.
pub struct Retriever<K> {
    top_k: K,
    table: ReferenceTable,
    rotations: Vec<Rotation>,
    spec: RetrievalSpec,
    neighbor_count: usize,
    /// The last search: what was looked up, where, and what was found.
    queries: Vec<f32>,
    rows: Range<u32>,
    found: Vec<Neighbor>,
    votes: Vec<Vote>,
    seeker: ModeSeeker,
}

/// Why a table cannot be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reference table row {row}: the rotation is not a unit quaternion")]
pub struct RotationError {
    /// The row at fault.
    pub row: usize,
}

impl<K: TopK> Retriever<K> {
    /// Takes the table over and allocates for `batch_max` embeddings with the neighbours that `spec` wants.
    ///
    /// # Errors
    /// The first row whose rotation is not one.
    pub fn new(top_k: K, table: ReferenceTable, spec: RetrievalSpec, batch_max: usize) -> Result<Self, RotationError> {
        let rotations = table
            .rotations
            .iter()
            .enumerate()
            .map(|(row, &wxyz)| from_wxyz(wxyz).ok_or(RotationError { row }))
            .collect::<Result<Vec<_>, _>>()?;
        let neighbor_count = spec.neighbors;
        Ok(Self {
            top_k,
            queries: Vec::with_capacity(batch_max * table.dim),
            rows: 0..0,
            table,
            rotations,
            neighbor_count,
            found: Vec::with_capacity(batch_max * neighbor_count),
            votes: Vec::with_capacity(neighbor_count),
            seeker: ModeSeeker::new(spec.mode_radius_deg.to_radians(), neighbor_count),
            spec,
        })
    }

    /// The table that is searched.
    pub fn table(&self) -> &ReferenceTable {
        &self.table
    }

    /// Looks unit `embeddings`, [batch, dim], up among `rows` of the table: one pass over the rows for all of them.
    ///
    /// # Errors
    /// [`KernelError`] where the shapes or the range do not fit the table.
    pub fn search(&mut self, embeddings: &[f32], rows: Range<u32>) -> Result<(), KernelError> {
        let batch = embeddings.len() / self.table.dim.max(1);
        self.queries.clear();
        self.queries.extend_from_slice(embeddings);
        self.rows = rows.clone();
        self.found.clear();
        self.found.resize(batch * self.neighbor_count, Neighbor::UNUSED);
        self.top_k.top_k(&self.table.view(), rows, embeddings, self.neighbor_count, &mut self.found)?;
        Ok(())
    }

    /// What the neighbours of embedding `index` of the last search say, levelled where it is known which way is up.
    ///
    /// # Errors
    /// [`NoNeighbor`] where none was found.
    pub fn vote(&mut self, index: usize, level: Option<&LevelPrior>) -> Result<Retrieval, NoNeighbor> {
        let start = index * self.neighbor_count;
        let neighbors = self.found.get(start..start + self.neighbor_count).ok_or(NoNeighbor)?;
        let nearest = neighbors.first().map_or(f64::INFINITY, |n| f64::from(n.squared_distance));
        cast_votes(neighbors, nearest, &self.rotations, self.spec.temperature, &mut self.votes);
        let mut retrieval = self.count_votes(index, nearest)?;
        if let Some(prior) = level {
            prior.apply(&mut retrieval);
        }
        Ok(retrieval)
    }

    fn count_votes(&mut self, index: usize, nearest: f64) -> Result<Retrieval, NoNeighbor> {
        self.seeker.seek(&self.votes);
        let (best, others) = self.seeker.modes().split_first().ok_or(NoNeighbor)?;
        let flip = flipped(&best.rotation);
        let flip_probability = self.flip_probability(index, &best.rotation, &flip);

        let is_flip = |mode: &&Hypothesis| self.seeker.is_same_mode(&mode.rotation, &flip);
        let of_flip = others.iter().filter(is_flip).fold(0.0, |sum, mode| sum + mode.probability);
        // The flip has its own probability; the votes share the rest, so that all of them sum to one at most.
        let share = |votes: f64| votes / (1.0 - of_flip) * (1.0 - flip_probability);
        let mut alternatives = heapless::Vec::new();
        // Pushing past the bound drops the lightest modes, which come last.
        let _ = alternatives.push(Hypothesis { rotation: flip, probability: flip_probability });
        for mode in others.iter().filter(|mode| !is_flip(mode)) {
            let _ = alternatives.push(Hypothesis { probability: share(mode.probability), ..*mode });
        }
        Ok(Retrieval {
            best: Hypothesis { probability: share(best.probability), ..*best },
            covariance: self.covariance(&best.rotation),
            // On unit rows |a - b|^2 = 2 - 2 cos.
            similarity: (1.0 - 0.5 * nearest).clamp(-1.0, 1.0),
            flip_probability,
            alternatives,
        })
    }

    fn flip_probability(&self, index: usize, answer: &Rotation, flip: &Rotation) -> f64 {
        let Some(embedding) = self.queries.chunks_exact(self.table.dim.max(1)).nth(index) else { return 0.0 };
        let (rows, temperature) = (self.rows.clone(), self.spec.flip_temperature);
        direction::flip_probability(&self.table, rows, embedding, (answer, flip), temperature)
    }

    /// Spread of the votes of the mode of `center`, plus the floor, times the manifest's calibration.
    fn covariance(&self, center: &Rotation) -> Matrix3<f64> {
        let mut spread = Matrix3::zeros();
        let mut total = 0.0;
        for vote in &self.votes {
            if self.seeker.is_same_mode(&vote.rotation, center) {
                let residual: Vector3<f64> = log(&(vote.rotation * center.inverse()));
                spread += residual * residual.transpose() * vote.weight;
                total += vote.weight;
            }
        }
        if total > 0.0 {
            spread /= total;
        }
        (spread + Matrix3::identity() * (FLOOR_RAD * FLOOR_RAD)) * self.spec.covariance_scale
    }
}

/// Turns neighbours into votes whose weights sum to one; neighbours at infinity have no vote.
fn cast_votes(neighbors: &[Neighbor], nearest: f64, rotations: &[Rotation], temperature: f64, votes: &mut Vec<Vote>) {
    votes.clear();
    for neighbor in neighbors {
        let Some(&rotation) = rotations.get(neighbor.row as usize) else { continue };
        // Softmax is shift invariant: the nearest neighbour gets exp(0), so the sum is at least one.
        let weight = ((nearest - f64::from(neighbor.squared_distance)) / temperature).exp();
        if weight.is_finite() {
            votes.push(Vote { rotation, weight });
        }
    }
    let total: f64 = votes.iter().map(|vote| vote.weight).sum();
    for vote in votes {
        vote.weight /= total;
    }
}

/// The rotation with front and rear exchanged: half a turn about the body's z axis.
pub fn flipped(rotation: &Rotation) -> Rotation {
    rotation * Rotation::from_axis_angle(&Vector3::z_axis(), std::f64::consts::PI)
}

#[cfg(test)]
mod tests;
