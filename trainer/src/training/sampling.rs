//! Which samples and which reference poses meet in a step.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use calibration::Viewpoint;
use rand::Rng;
use rand::distr::{Distribution, weighted::WeightedIndex};

use super::config::Shares;
use crate::datasets::{Sample, Source};

/// Azimuth cells used for balancing.
const AZIMUTH_CELLS: f64 = 24.0;
/// Partners are at most this far apart (Kouros et al.: 5 degrees).
const PARTNER_MAX_DEG: f64 = 5.0;
/// Tries to find a partner in another picture before the anchor itself is taken again.
const PARTNER_TRIES: usize = 24;

/// Draws samples: sources by share, then cars of rare azimuths and short tracks more often.
#[derive(Debug)]
pub struct Sampler {
    weights: WeightedIndex<f64>,
    azimuth_deg: Vec<f64>,
    by_cell: Vec<Option<CellSampler>>,
}

/// The samples of one azimuth cell, with the same weights as among all: partners, too, come from sources by share.
#[derive(Debug)]
struct CellSampler {
    samples: Vec<usize>,
    weights: WeightedIndex<f64>,
}

impl CellSampler {
    fn new(of_cell: usize, azimuth_deg: &[f64], weights: &[f64]) -> Option<Self> {
        let inside = |&i: &usize| weights[i] > 0.0 && cell(azimuth_deg[i]) == of_cell;
        let samples: Vec<usize> = (0..weights.len()).filter(inside).collect();
        let weights = WeightedIndex::new(samples.iter().map(|&i| weights[i])).ok()?;
        Some(Self { samples, weights })
    }
}

impl Sampler {
    /// A sampler over `samples`.
    pub fn new(samples: &[Sample], shares: &Shares) -> Result<Self> {
        ensure!(!samples.is_empty(), "no training samples: check [data]");
        let azimuth_deg: Vec<f64> = samples.iter().map(|s| s.viewpoint.azimuth_rad.to_degrees()).collect();
        let mut cells: HashMap<(Source, usize), f64> = HashMap::new();
        let mut groups: HashMap<(Source, u32), f64> = HashMap::new();
        for (sample, &azimuth) in samples.iter().zip(&azimuth_deg) {
            *cells.entry((sample.source, cell(azimuth))).or_default() += 1.0;
            *groups.entry((sample.source, sample.group)).or_default() += 1.0;
        }
        let raw: Vec<f64> = samples
            .iter()
            .zip(&azimuth_deg)
            .map(|(s, &azimuth)| 1.0 / (cells[&(s.source, cell(azimuth))] * groups[&(s.source, s.group)]).sqrt())
            .collect();
        let mut totals: HashMap<Source, f64> = HashMap::new();
        for (sample, weight) in samples.iter().zip(&raw) {
            *totals.entry(sample.source).or_default() += weight;
        }
        let weights: Vec<f64> =
            samples.iter().zip(&raw).map(|(s, w)| share(shares, s.source) * w / totals[&s.source]).collect();
        for source in Source::ALL {
            let has_samples = totals.contains_key(&source);
            ensure!(share(shares, source) <= 0.0 || has_samples, "data.shares: {source:?} has a share but no samples");
        }
        let by_cell = (0..AZIMUTH_CELLS as usize).map(|of| CellSampler::new(of, &azimuth_deg, &weights)).collect();
        Ok(Self { weights: WeightedIndex::new(&weights)?, azimuth_deg, by_cell })
    }

    /// `count` samples: anchors, each followed by a partner within five degrees of azimuth.
    pub fn draw(&self, count: usize, rng: &mut impl Rng) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(count + 1);
        while chosen.len() < count {
            let anchor = self.weights.sample(rng);
            chosen.push(anchor);
            chosen.push(self.partner(anchor, rng));
        }
        chosen.truncate(count);
        chosen
    }

    fn partner(&self, anchor: usize, rng: &mut impl Rng) -> usize {
        let Some(near) = &self.by_cell[cell(self.azimuth_deg[anchor])] else { return anchor };
        for _ in 0..PARTNER_TRIES {
            let other = near.samples[near.weights.sample(rng)];
            let apart = (self.azimuth_deg[other] - self.azimuth_deg[anchor]).rem_euclid(360.0);
            if other != anchor && apart.min(360.0 - apart) <= PARTNER_MAX_DEG {
                return other;
            }
        }
        anchor
    }
}

fn cell(azimuth_deg: f64) -> usize {
    ((azimuth_deg.rem_euclid(360.0) / 360.0 * AZIMUTH_CELLS) as usize).min(AZIMUTH_CELLS as usize - 1)
}

fn share(shares: &Shares, source: Source) -> f64 {
    match source {
        Source::Kitti => shares.kitti,
        Source::Stanford => shares.stanford,
        Source::Epfl => shares.epfl,
        Source::Carvana => shares.carvana,
        Source::Synth => shares.synth,
        Source::Pascal3d | Source::ObjectNet3d => 0.0,
    }
}

/// Reference poses of a step: first each query's own, give or take a degree, then hard ones in turn: two neighbours at 3 to
/// 15 degrees, one at 10 to 40, and one near the opposite of a query's (most errors are flips) or anywhere.
pub fn reference_viewpoints(queries: &[Viewpoint], count: usize, rng: &mut impl Rng) -> Vec<Viewpoint> {
    let mut viewpoints = Vec::with_capacity(count);
    while viewpoints.len() < count {
        let query = queries[viewpoints.len() % queries.len()];
        let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        let turn_deg: f64 = match viewpoints.len() % 4 {
            _ if viewpoints.len() < queries.len() => rng.random_range(-1.0..1.0),
            0 | 1 => rng.random_range(3.0..15.0) * side,
            2 => rng.random_range(10.0..40.0) * side,
            _ if rng.random_bool(0.5) => 180.0 + rng.random_range(-15.0..15.0),
            _ => rng.random_range(0.0..360.0),
        };
        let tilt_deg: f64 = rng.random_range(-2.0..2.0);
        viewpoints.push(Viewpoint {
            azimuth_rad: query.azimuth_rad + turn_deg.to_radians(),
            elevation_rad: query.elevation_rad + tilt_deg.to_radians(),
            in_plane_rad: query.in_plane_rad,
        });
    }
    viewpoints
}
