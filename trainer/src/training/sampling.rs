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
    by_cell: Vec<Vec<usize>>,
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
        let mut by_cell = vec![Vec::new(); AZIMUTH_CELLS as usize];
        for (i, &azimuth) in azimuth_deg.iter().enumerate() {
            if weights[i] > 0.0 {
                by_cell[cell(azimuth)].push(i);
            }
        }
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
        let near = &self.by_cell[cell(self.azimuth_deg[anchor])];
        for _ in 0..PARTNER_TRIES {
            let other = near[rng.random_range(0..near.len())];
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
    }
}

/// Reference poses around a step's queries, in turn: a query's own, a neighbour at 2 to 20 degrees, a query's own, and one
/// near the opposite of a query's (most errors are flips) or anywhere.
pub fn reference_viewpoints(queries: &[Viewpoint], count: usize, rng: &mut impl Rng) -> Vec<Viewpoint> {
    let mut viewpoints = Vec::with_capacity(count);
    while viewpoints.len() < count {
        let query = queries[viewpoints.len() % queries.len()];
        let turn_deg: f64 = match viewpoints.len() % 4 {
            0 | 2 => rng.random_range(-1.0..1.0),
            1 => rng.random_range(2.0..20.0) * if rng.random_bool(0.5) { 1.0 } else { -1.0 },
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
