//! Dense features and the neural mesh that carries them (NeMo, ICLR 2021), on the trunk of the retrieval embedding.
//!
//! A feature is brought to the vertex that is seen there and away from all other vertices and from clutter, by the contrastive loss of
//! NeMo's public code (CoKe) or by the paper's Gaussian likelihood. Vertices keep a running mean of their features, clutter is a bank of
//! recent background cells; neither has a gradient.

use anyhow::{Context, Result, ensure};
use tch::{Device, Kind, Tensor, nn};

use super::batches::Batch;
use super::config::{Canvas, TrainingConfig};
use super::inputs;
use super::mesh_config::{MeshConfig, MeshObjective};
use super::mesh_loss::{self, Rows};
use super::retrieval::Retrieval;
use super::run::{Method, StepLoss};
use super::templates::Templates;
use crate::networks::graph::Graph;
use crate::networks::heads;
use crate::networks::module::Module;
use crate::networks::onnx;

/// The first layer of the decoder.
const DECODER: &str = "features.";

/// The network with both outputs, the features of vertices, and the bank of clutter.
#[derive(Debug)]
pub struct MeshMethod {
    /// The query encoder with a decoder; and, in joint training, the reference encoder.
    retrieval: Retrieval,
    /// `[V, D]` unit rows.
    vertices: Tensor,
    /// `[N, D]` unit rows, the oldest first.
    clutter: Tensor,
    /// `[V, V]`: 1 where two different vertices are too near to be told apart.
    near: Tensor,
    device: Device,
}

/// The query encoder with both heads.
pub fn graph(config: &TrainingConfig, mesh: &MeshConfig) -> Graph {
    let mut graph = Graph::new(3);
    let trunk = config.backbone.trunk(&mut graph, 0);
    heads::embedding(
        &mut graph,
        trunk,
        config.query.height as usize,
        config.query.width as usize,
        config.embedding_dim,
    );
    heads::feature_map(&mut graph, trunk, mesh.feature_dim);
    graph
}

fn settings(config: &TrainingConfig) -> Result<&MeshConfig> {
    config.mesh.as_ref().context("the run's description has no [mesh]")
}

impl Method for MeshMethod {
    const TERMS: &'static [&'static str] = &["pair", "listwise", "vertex", "background", "hit"];

    fn new(config: &TrainingConfig, path: &nn::Path<'_>) -> Result<Self> {
        let mesh = settings(config)?;
        let joint = mesh.retrieval_weight > 0.0;
        let mut retrieval = Retrieval::with_graph(config, path, graph(config, mesh), joint)?;
        if let Some(file) = &mesh.network {
            start_from(retrieval.query_mut(), file)?;
        }
        if mesh.decoder_alone {
            retrieval.query_mut().freeze_before(DECODER)?;
        }
        let templates = Templates::new(mesh)?;
        let device = path.device();
        let dims = [templates.vertex_count() as i64, mesh.feature_dim as i64];
        let vertices = mesh_loss::unit(&Tensor::randn(dims, (Kind::Float, device)));
        let clutter = Tensor::zeros([0, dims[1]], (Kind::Float, device));
        let near = near(&templates, mesh.neighbor_part).to_device(device);
        Ok(Self { retrieval, vertices, clutter, near, device })
    }

    fn loss(&mut self, batch: &Batch, config: &TrainingConfig) -> Result<StepLoss> {
        let mesh = settings(config)?;
        let crops = inputs::queries(&batch.queries, config, self.device);
        let outputs = self.retrieval.query().forward(&crops, true)?;
        let [embedding, features] = &outputs[..] else { anyhow::bail!("the network has two outputs") };
        let rows = Rows::gather(features, &batch.surface)?;
        let zero = Tensor::zeros([], (Kind::Float, self.device));
        let (mut total, mut terms) = (zero.copy(), vec![zero.copy(), zero.copy()]);
        if mesh.retrieval_weight > 0.0 {
            let retrieval = self.retrieval.compare(embedding, batch, config)?;
            total = total + retrieval.total * mesh.retrieval_weight;
            terms = retrieval.terms;
        }
        if !rows.is_empty() {
            let (vertex, background, hit) = match mesh.objective {
                MeshObjective::Contrastive => {
                    mesh_loss::contrastive(&rows, &self.vertices, &self.clutter, &self.near, mesh)
                }
                MeshObjective::Likelihood => mesh_loss::likelihood(&rows, &self.vertices, &self.near),
            };
            total = total + &vertex + &background * mesh.background_weight;
            terms.extend([vertex, background, hit]);
            self.remember(&rows, config, mesh);
        } else {
            terms.extend([zero.copy(), zero.copy(), zero]);
        }
        Ok(StepLoss { total, terms })
    }

    fn networks<'a>(&'a self, config: &'a TrainingConfig) -> Vec<(&'static str, &'a Module, &'a Canvas)> {
        self.retrieval.networks(config)
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = self.retrieval.state();
        state.push(("mesh.clutter".to_owned(), self.clutter.shallow_clone()));
        state.push(("mesh.vertices".to_owned(), self.vertices.shallow_clone()));
        state
    }

    fn restore(&mut self, state: Vec<(String, Tensor)>) -> Result<()> {
        let (mesh, retrieval): (Vec<_>, Vec<_>) = state.into_iter().partition(|(name, _)| name.starts_with("mesh."));
        for (name, tensor) in mesh {
            match name.as_str() {
                "mesh.clutter" => self.clutter = tensor,
                "mesh.vertices" => {
                    ensure!(tensor.size() == self.vertices.size(), "the checkpoint's mesh has another size");
                    self.vertices = tensor;
                }
                _ => anyhow::bail!("the checkpoint's {name} is unknown"),
            }
        }
        self.retrieval.restore(retrieval)
    }
}

impl MeshMethod {
    /// Moves the running means of the vertices that were seen, and remembers background cells.
    fn remember(&mut self, rows: &Rows, config: &TrainingConfig, mesh: &MeshConfig) {
        tch::no_grad(|| {
            let (sums, counts) = rows.sums(&self.vertices);
            // Public code: the mean over all crops, zero where a vertex is not seen. Ours: over those that show it.
            let means = if mesh.momentum_counts_unseen {
                sums / config.queries_per_step as f64
            } else {
                sums / counts.clamp_min(1.0)
            };
            let moved = &self.vertices * mesh.momentum + means * (1.0 - mesh.momentum);
            let seen = counts.gt(0.5).to_kind(Kind::Float);
            let kept = &self.vertices * (1.0 - &seen);
            self.vertices = mesh_loss::unit(&(moved * &seen + kept));
            let capacity = (mesh.clutter_crops * mesh.noise_per_crop) as i64;
            let all = Tensor::cat(&[&self.clutter, &rows.noise().detach()], 0);
            let count = all.size()[0];
            self.clutter = all.narrow(0, (count - capacity).max(0), count.min(capacity)).copy();
        });
    }
}

/// Loads an exported network's layers.
fn start_from(module: &Module, file: &std::path::Path) -> Result<()> {
    let place = || file.display().to_string();
    let bytes = std::fs::read(file).with_context(place)?;
    let parameters = onnx::read_parameters(&bytes, module.graph()).with_context(place)?;
    let tensors: Vec<(String, Tensor)> = parameters
        .into_iter()
        .map(|(name, parameter)| {
            let shape: Vec<i64> = parameter.shape.iter().map(|side| *side as i64).collect();
            (name, Tensor::from_slice(&parameter.data).view(shape.as_slice()))
        })
        .collect();
    let count = module.load(&tensors).with_context(place)?;
    ensure!(count > 50, "{}: only {count} tensors fit the network", file.display());
    Ok(())
}

/// On the first sub-type; the others have the same grid.
fn near(templates: &Templates, part: f32) -> Tensor {
    let Some(template) = templates.templates().first() else {
        return Tensor::zeros([0, 0], (Kind::Float, Device::Cpu));
    };
    let limit = part * template.size().into_iter().fold(0.0, f32::max);
    let flat: Vec<f32> = template.surface.positions().iter().flatten().copied().collect();
    let points = Tensor::from_slice(&flat).view([-1, 3]);
    let apart = Tensor::cdist(&points, &points, 2.0, None::<i64>);
    let others = 1.0 - Tensor::eye(points.size()[0], (Kind::Float, Device::Cpu));
    apart.lt(f64::from(limit)).to_kind(Kind::Float) * others
}
