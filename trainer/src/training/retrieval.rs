//! The training loop of the two encoders.
//!
//! Queries meet the step's own renderings and those of the last steps, whose embeddings are kept without a gradient
//! (cross-batch memory, Wang et al., CVPR 2020): many more pairs for hardly any time.

use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use calibration::{Rotation, so3};
use indicatif::{ProgressBar, ProgressStyle};
use tch::{Device, Kind, Tensor, nn};

use super::batches::{Batch, TrainingData, stream};
use super::checkpoint::Checkpoint;
use super::config::{Canvas, TrainingConfig};
use super::loss::{Loss, retrieval_loss};
use super::optimizer::AdamW;
use crate::networks::module::{Module, read_weights};
use crate::networks::{efficientnet, onnx};

/// Layers on top of the trunk.
const HEADS: [&str; 3] = ["head", "cells", "embed"];
const LOG_STEPS: usize = 50;
const CHECKPOINT_STEPS: usize = 500;
/// The learning rates end at this part of their start.
const FINAL_RATE: f64 = 0.01;

/// A query encoder and a reference encoder under training.
#[derive(Debug)]
pub struct Retrieval {
    config: Arc<TrainingConfig>,
    store: nn::VarStore,
    query: Module,
    reference: Module,
    optimizer: AdamW,
    memory: VecDeque<(Tensor, Vec<Rotation>)>,
    step: usize,
}

impl Retrieval {
    /// Fresh encoders with pretrained trunks, on the GPU where libtorch finds one.
    pub fn new(config: TrainingConfig) -> Result<Self> {
        tch::manual_seed(config.seed as i64);
        let store = nn::VarStore::new(Device::cuda_if_available());
        let graph = |c: &Canvas| efficientnet::encoder(c.height as usize, c.width as usize, config.embedding_dim);
        let mut query = Module::new(&(store.root() / "query"), graph(&config.query), &HEADS);
        let mut reference = Module::new(&(store.root() / "reference"), graph(&config.reference), &HEADS);
        let weights = read_weights(&config.pretrained)?;
        for module in [&mut query, &mut reference] {
            let count = module.load(&weights)?;
            ensure!(count > 100, "{}: only {count} tensors fit the network", config.pretrained.display());
            module.use_channels_last();
        }
        // Early layers see edges and colours in any photograph; a normal map is none, so its encoder learns as a whole.
        if let Some(prefix) = &config.frozen_before {
            query.freeze_before(prefix)?;
        }
        let optimizer = AdamW::new(&store, &HEADS);
        Ok(Self { config: Arc::new(config), store, query, reference, optimizer, memory: VecDeque::new(), step: 0 })
    }

    /// Continues from the checkpoint in `folder`.
    pub fn resume(&mut self, folder: &Path) -> Result<()> {
        let Checkpoint { step, memory, optimizer } = Checkpoint::load(folder)?;
        self.optimizer.restore(optimizer, step as i64)?;
        let device = self.store.device();
        self.memory = memory.into_iter().map(|(embeddings, poses)| (embeddings.to_device(device), poses)).collect();
        self.step = step;
        Ok(())
    }

    /// Steps done so far.
    pub fn step(&self) -> usize {
        self.step
    }

    /// Whether all steps are done.
    pub fn is_complete(&self) -> bool {
        self.step >= self.config.steps
    }

    /// Trains to step `until`, at most to the configured number of steps, writing curves and checkpoints into `folder`.
    pub fn train(&mut self, data: Arc<TrainingData>, folder: &Path, workers: usize, until: usize) -> Result<()> {
        let steps = self.step..until.min(self.config.steps);
        let last = steps.end;
        let bar = ProgressBar::new(self.config.steps as u64).with_position(self.step as u64);
        bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} eta {eta} {msg}")?);
        let curve_path = folder.join("curve.jsonl");
        let mut curve = std::fs::OpenOptions::new().create(true).append(true).open(&curve_path)?;
        let (mut contrastive, mut listwise, mut since) = (0.0, 0.0, Instant::now());
        for batch in stream(data, Arc::clone(&self.config), steps, workers) {
            let loss = self.learn(&batch?)?;
            contrastive += loss.contrastive / LOG_STEPS as f64;
            listwise += loss.listwise / LOG_STEPS as f64;
            self.step += 1;
            bar.inc(1);
            if self.step.is_multiple_of(LOG_STEPS) {
                let rate = (LOG_STEPS * self.config.queries_per_step) as f64 / since.elapsed().as_secs_f64();
                let line = serde_json::json!({"step": self.step, "contrastive": contrastive, "listwise": listwise,
                    "queries_per_s": rate});
                writeln!(curve, "{line}").with_context(|| curve_path.display().to_string())?;
                bar.set_message(format!("contrastive {contrastive:.3} listwise {listwise:.3} {rate:.1} queries/s"));
                if bar.is_hidden() {
                    eprintln!("{line}");
                }
                (contrastive, listwise, since) = (0.0, 0.0, Instant::now());
            }
            if self.step.is_multiple_of(CHECKPOINT_STEPS) || self.step == last {
                self.save(folder)?;
            }
        }
        bar.finish();
        Ok(())
    }

    fn learn(&mut self, batch: &Batch) -> Result<Loss> {
        let device = self.store.device();
        let input = |values: &[f32], canvas: &Canvas| {
            let dims = [-1, 3, i64::from(canvas.height), i64::from(canvas.width)];
            Tensor::from_slice(values).view(dims).to_device(device)
        };
        let queries = self.query.forward(&input(&batch.queries, &self.config.query), true)?.swap_remove(0);
        let fresh = self.reference.forward(&input(&batch.references, &self.config.reference), true)?.swap_remove(0);
        let kept = fresh.detach();
        let mut embeddings = vec![fresh];
        embeddings.extend(self.memory.iter().map(|(embedding, _)| embedding.shallow_clone()));
        let poses = batch.reference_rotations.iter().chain(self.memory.iter().flat_map(|(_, poses)| poses));
        let poses: Vec<&Rotation> = poses.collect();
        let distances =
            batch.query_rotations.iter().flat_map(|q| poses.iter().map(|r| so3::geodesic_angle(q, r) as f32));
        let distances = Tensor::from_slice(&distances.collect::<Vec<f32>>()).view([-1, poses.len() as i64]);
        let references = Tensor::cat(&embeddings, 0);
        let loss = retrieval_loss(&queries, &references, &distances.to_device(device), &self.config.loss);
        self.memory.push_back((kept, batch.reference_rotations.clone()));
        if self.memory.len() > self.config.memory_steps {
            self.memory.pop_front();
        }
        if !(loss.contrastive + loss.listwise).is_finite() {
            bail!("the loss is not finite at step {}: lower the learning rates", self.step);
        }
        loss.total.backward();
        let (trunk, head) = self.rates();
        self.optimizer.update(trunk, head, self.config.weight_decay);
        Ok(loss)
    }

    fn rates(&self) -> (f64, f64) {
        let progress = self.step as f64 / self.config.steps as f64;
        let factor = FINAL_RATE + (1.0 - FINAL_RATE) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        // The first steps of Adam are as large as its rate allows, whatever the gradient: ramp them up.
        let ramp = ((self.step + 1) as f64 / 100.0).min(1.0);
        let trunk = if self.step < self.config.warm_up_steps { 0.0 } else { self.config.trunk_learning_rate };
        (trunk * factor * ramp, self.config.head_learning_rate * factor * ramp)
    }

    fn save(&self, folder: &Path) -> Result<()> {
        let memory =
            self.memory.iter().map(|(embeddings, poses)| (embeddings.shallow_clone(), poses.clone())).collect();
        Checkpoint { step: self.step, memory, optimizer: self.optimizer.state() }.save(folder)
    }

    /// Writes both encoders with averaged weights as ONNX, each checked against libtorch; returns the paths.
    pub fn export(&mut self, folder: &Path) -> Result<[PathBuf; 2]> {
        self.optimizer.swap_average();
        let paths = [folder.join("query_encoder.onnx"), folder.join("reference_encoder.onnx")];
        let parts = [(&self.query, &self.config.query), (&self.reference, &self.config.reference)];
        for ((module, canvas), path) in parts.into_iter().zip(&paths) {
            let parameters = module.parameters()?;
            let spec = onnx::ExportSpec {
                graph: module.graph(),
                parameters: &parameters,
                height: canvas.height as usize,
                width: canvas.width as usize,
                metadata: &[],
                producer_version: env!("CARGO_PKG_VERSION"),
            };
            let bytes = onnx::export(&spec)?;
            parity(module, canvas, &bytes, self.config.embedding_dim, self.store.device())?;
            std::fs::write(path, bytes).with_context(|| path.display().to_string())?;
        }
        self.optimizer.swap_average();
        Ok(paths)
    }
}

/// Largest difference allowed between libtorch and the exported network.
const PARITY_MAX: f64 = 1e-4;

fn parity(module: &Module, canvas: &Canvas, bytes: &[u8], dim: usize, device: Device) -> Result<()> {
    const BATCH: usize = 3;
    let dims = [BATCH as i64, 3, i64::from(canvas.height), i64::from(canvas.width)];
    let input = Tensor::randn(dims, (Kind::Float, Device::Cpu));
    let expected = tch::no_grad(|| module.forward(&input.to_device(device), false))?.swap_remove(0);
    let expected = Vec::<f32>::try_from(&expected.to_device(Device::Cpu).contiguous().view(-1))?;
    let crops = Vec::<f32>::try_from(&input.view(-1))?;
    for provider in crate::encoder::available_providers() {
        let mut encoder = crate::encoder::Encoder::open(bytes, canvas, dim, &[provider], 1)?;
        let got = encoder.embed(&crops, BATCH)?;
        let worst = expected.iter().zip(got).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
        ensure!(worst <= PARITY_MAX, "{provider}: the exported network differs from libtorch by {worst:.2e}");
        tracing::info!("{provider}: exported network within {worst:.1e} of libtorch");
    }
    Ok(())
}
