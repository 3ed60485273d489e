//! The baseline that a user would build in an afternoon, on the same crops as retrieval: the trunk's pooled features and
//! flattened map, then 24 azimuth bins with an offset each, and the elevation (methods like PoseContrast's heads, without
//! the contrast).

use anyhow::Result;
use tch::{Device, Tensor, nn};

use super::batches::Batch;
use super::config::{Canvas, TrainingConfig};
use super::inputs;
use super::retrieval::pretrained;
use super::run::{Method, StepLoss};
use crate::networks::graph::Graph;
use crate::networks::heads::{self, AZIMUTH_BINS};
use crate::networks::module::Module;

/// Offsets and elevations are smooth L1 losses from this on: half a bin, and in radians.
const OFFSET_WEIGHT: f64 = 4.0;
const ELEVATION_WEIGHT: f64 = 4.0;

/// A classifier of azimuth.
#[derive(Debug)]
pub struct Baseline {
    network: Module,
    device: Device,
}

impl Method for Baseline {
    const TERMS: &'static [&'static str] = &["bin", "offset", "elevation"];

    fn new(config: &TrainingConfig, path: &nn::Path<'_>) -> Result<Self> {
        let mut graph = Graph::new(3);
        let trunk = config.backbone.trunk(&mut graph, 0);
        heads::azimuth(&mut graph, trunk, config.query.height as usize, config.query.width as usize);
        let mut network = pretrained(config, &(path / "query"), graph)?;
        if let Some(prefix) = &config.frozen_before {
            network.freeze_before(prefix)?;
        }
        Ok(Self { network, device: path.device() })
    }

    fn loss(&mut self, batch: &Batch, config: &TrainingConfig) -> Result<StepLoss> {
        let crops = inputs::queries(&batch.queries, config, self.device);
        let angles = self.network.forward(&crops, true)?.swap_remove(0);
        let bins = AZIMUTH_BINS as i64;
        let positions: Vec<f64> = batch
            .query_viewpoints
            .iter()
            .map(|v| v.azimuth_rad.rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU * AZIMUTH_BINS as f64)
            .collect();
        let rows = |values: Vec<f32>| Tensor::from_slice(&values).view([-1, 1]).to_device(self.device);
        let bin: Vec<i64> = positions.iter().map(|p| (*p as i64).min(bins - 1)).collect();
        let offset = rows(positions.iter().zip(&bin).map(|(p, b)| (p - *b as f64 - 0.5) as f32).collect());
        let elevation = rows(batch.query_viewpoints.iter().map(|v| v.elevation_rad as f32).collect());
        let bin = Tensor::from_slice(&bin).to_device(self.device);
        let found = angles.narrow(1, bins, bins).gather(1, &bin.view([-1, 1]), false);
        let terms = vec![
            angles.narrow(1, 0, bins).cross_entropy_for_logits(&bin),
            found.smooth_l1_loss(&offset, tch::Reduction::Mean, 0.1),
            angles.narrow(1, 2 * bins, 1).smooth_l1_loss(&elevation, tch::Reduction::Mean, 0.1),
        ];
        let total = &terms[0] + &terms[1] * OFFSET_WEIGHT + &terms[2] * ELEVATION_WEIGHT;
        Ok(StepLoss { total, terms })
    }

    fn networks<'a>(&'a self, config: &'a TrainingConfig) -> Vec<(&'static str, &'a Module, &'a Canvas)> {
        vec![("classifier", &self.network, &config.query)]
    }
}
