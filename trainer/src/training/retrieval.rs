//! Contrastive pose retrieval (Kouros et al., BMVC 2022): an encoder of crops and one of renderings whose embeddings are as
//! far apart as the poses are.
//!
//! Queries meet the step's own renderings and those of the last steps, whose embeddings are kept without a gradient
//! (cross-batch memory, Wang et al., CVPR 2020): many more pairs for hardly any time.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};
use calibration::Viewpoint;
use tch::{Device, Kind, Tensor, nn};

use super::batches::Batch;
use super::config::{Canvas, PairLoss, Precision, TrainingConfig};
use super::inputs;
use super::loss::{geodesic_distances, retrieval_loss};
use super::run::{HEADS, Method, StepLoss};
use crate::networks::graph::Graph;
use crate::networks::heads;
use crate::networks::module::{Module, read_pretrained};

/// A query encoder and a reference encoder.
#[derive(Debug)]
pub struct Retrieval {
    query: Module,
    /// `None` where nothing is compared with: the query encoder learns something else.
    reference: Option<Module>,
    device: Device,
    /// Embeddings `[R, D]` of earlier renderings and their quaternions `[R, 4]`, the oldest first.
    memory: VecDeque<(Tensor, Tensor)>,
}

/// A network whose trunk starts from the run's pretrained weights.
pub(super) fn pretrained(config: &TrainingConfig, path: &nn::Path<'_>, graph: Graph) -> Result<Module> {
    let mut module = Module::new(path, graph, &HEADS);
    let count = module.load(&read_pretrained(&config.pretrained, config.backbone)?)?;
    ensure!(count > 50, "{}: only {count} tensors fit the network", config.pretrained.display());
    if config.precision == Precision::Bf16 {
        module.use_precision(Kind::BFloat16);
    }
    Ok(module)
}

impl Method for Retrieval {
    const TERMS: &'static [&'static str] = &["pair", "listwise"];

    fn new(config: &TrainingConfig, path: &nn::Path<'_>) -> Result<Self> {
        Self::with_graph(config, path, encoder(config, &config.query), true)
    }

    fn loss(&mut self, batch: &Batch, config: &TrainingConfig) -> Result<StepLoss> {
        let crops = inputs::queries(&batch.queries, config, self.device);
        let queries = self.query.forward(&crops, true)?.swap_remove(0);
        self.compare(&queries, batch, config)
    }

    fn networks<'a>(&'a self, config: &'a TrainingConfig) -> Vec<(&'static str, &'a Module, &'a Canvas)> {
        let query = [("query_encoder", &self.query, &config.query)];
        let reference = self.reference.as_ref().map(|module| ("reference_encoder", module, &config.reference));
        query.into_iter().chain(reference).collect()
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let named = |(at, (embeddings, poses)): (usize, &(Tensor, Tensor))| {
            let name = |part: &str| format!("memory.{at:04}.{part}");
            [(name("embeddings"), embeddings.shallow_clone()), (name("poses"), poses.shallow_clone())]
        };
        self.memory.iter().enumerate().flat_map(named).collect()
    }

    fn restore(&mut self, state: Vec<(String, Tensor)>) -> Result<()> {
        // In the order of their names: embeddings and poses of one step after the other.
        let tensors: Vec<Tensor> = state.into_iter().map(|(_, tensor)| tensor).collect();
        ensure!(tensors.len().is_multiple_of(2), "the checkpoint's memory is incomplete");
        self.memory = tensors.chunks_exact(2).map(|pair| (pair[0].shallow_clone(), pair[1].shallow_clone())).collect();
        Ok(())
    }
}

impl Retrieval {
    /// With a query encoder of this graph, and a reference encoder only where it `compares`.
    ///
    /// # Errors
    /// Weights that are missing or do not fit.
    pub fn with_graph(config: &TrainingConfig, path: &nn::Path<'_>, graph: Graph, compares: bool) -> Result<Self> {
        let mut query = pretrained(config, &(path / "query"), graph)?;
        // Early layers see edges and colours in any photograph; a normal map is none, so its encoder learns as a whole.
        if let Some(prefix) = &config.frozen_before {
            query.freeze_before(prefix)?;
        }
        let reference = || pretrained(config, &(path / "reference"), encoder(config, &config.reference));
        let reference = if compares { Some(reference()?) } else { None };
        Ok(Self { query, reference, device: path.device(), memory: VecDeque::new() })
    }

    /// The query encoder.
    pub fn query(&self) -> &Module {
        &self.query
    }

    /// The query encoder, to be changed before training.
    pub fn query_mut(&mut self) -> &mut Module {
        &mut self.query
    }

    /// The loss of embedded queries against the batch's renderings and remembered ones.
    ///
    /// # Errors
    /// None, unless there is no reference encoder or libtorch fails.
    pub fn compare(&mut self, queries: &Tensor, batch: &Batch, config: &TrainingConfig) -> Result<StepLoss> {
        let reference = self.reference.as_ref().context("there is no reference encoder")?;
        let renderings = inputs::references(&batch.references, &config.reference, self.device);
        let fresh = reference.forward(&renderings, true)?.swap_remove(0);
        let poses = |viewpoints: &[Viewpoint]| inputs::quaternions(&labelled(viewpoints, config), self.device);
        let fresh_poses = poses(&batch.reference_viewpoints)?;
        let now = [(&fresh, &fresh_poses)];
        let all = now.into_iter().chain(self.memory.iter().map(|(embeddings, poses)| (embeddings, poses)));
        let (embeddings, reference_poses): (Vec<&Tensor>, Vec<&Tensor>) = all.unzip();
        let references = Tensor::cat(&embeddings, 0);
        let distances_rad = geodesic_distances(&poses(&batch.query_viewpoints)?, &Tensor::cat(&reference_poses, 0));
        let loss = retrieval_loss(queries, &references, &distances_rad, &config.loss);
        self.memory.push_back((fresh.detach(), fresh_poses));
        if self.memory.len() > config.memory_steps {
            self.memory.pop_front();
        }
        Ok(StepLoss { total: loss.total, terms: vec![loss.pair, loss.listwise] })
    }
}

fn encoder(config: &TrainingConfig, canvas: &Canvas) -> Graph {
    let mut graph = Graph::new(3);
    let trunk = config.backbone.trunk(&mut graph, 0);
    heads::embedding(&mut graph, trunk, canvas.height as usize, canvas.width as usize, config.embedding_dim);
    graph
}

/// Poses as the loss sees them: in bins where labels are to be discretised.
fn labelled(viewpoints: &[Viewpoint], config: &TrainingConfig) -> Vec<Viewpoint> {
    if config.loss.pair != PairLoss::ContrastiveDiscretised {
        return viewpoints.to_vec();
    }
    let bin_rad = config.loss.bin_deg.to_radians();
    let center = |angle_rad: f64| ((angle_rad / bin_rad).floor() + 0.5) * bin_rad;
    let rounded = |v: &Viewpoint| Viewpoint {
        azimuth_rad: center(v.azimuth_rad),
        elevation_rad: center(v.elevation_rad),
        in_plane_rad: center(v.in_plane_rad),
    };
    viewpoints.iter().map(rounded).collect()
}
