//! The training loop, the same for every method: batches in order, learning rates, curves, checkpoints.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use tch::{Device, Kind, Tensor, nn};

use super::batches::{Batch, TrainingData, stream};
use super::checkpoint::Checkpoint;
use super::config::{Canvas, TrainingConfig};
use super::optimizer::AdamW;
use super::{curves, export};
use crate::networks::module::Module;

const LOG_STEPS: usize = 50;
const CHECKPOINT_STEPS: usize = 500;
/// The learning rates end at this part of their start.
const FINAL_RATE: f64 = 0.01;
/// The first steps of Adam are as large as its rate allows, whatever the gradient: they are ramped up.
const RAMP_STEPS: f64 = 100.0;

/// Layers on top of the trunk, which learn at the head rate.
pub const HEADS: [&str; 7] = ["head", "cells", "embed", "bins", "offsets", "elevation", "features"];

/// What is minimised, and the terms that the curve shows, detached.
#[derive(Debug)]
pub struct StepLoss {
    /// Scalar with a gradient.
    pub total: Tensor,
    /// In the order of [`Method::TERMS`].
    pub terms: Vec<Tensor>,
}

/// A way to learn poses from batches.
pub trait Method: Sized {
    /// Names of the loss terms.
    const TERMS: &'static [&'static str];

    /// Fresh networks with pretrained trunks, their parameters below `path`.
    fn new(config: &TrainingConfig, path: &nn::Path<'_>) -> Result<Self>;

    /// The loss of a batch.
    fn loss(&mut self, batch: &Batch, config: &TrainingConfig) -> Result<StepLoss>;

    /// Its networks: file stem for export, module, canvas.
    fn networks<'a>(&'a self, config: &'a TrainingConfig) -> Vec<(&'static str, &'a Module, &'a Canvas)>;

    /// What a checkpoint keeps beside the optimiser's state.
    fn state(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// Takes back what [`Method::state`] gave.
    fn restore(&mut self, _state: Vec<(String, Tensor)>) -> Result<()> {
        Ok(())
    }
}

/// A method under training.
#[derive(Debug)]
pub struct Run<M> {
    config: Arc<TrainingConfig>,
    store: nn::VarStore,
    method: M,
    optimizer: AdamW,
    step: usize,
}

impl<M: Method> Run<M> {
    /// A run at step 0, on the GPU where libtorch finds one.
    ///
    /// # Errors
    /// Weights that are missing or do not fit.
    pub fn new(config: TrainingConfig) -> Result<Self> {
        tch::manual_seed(config.seed as i64);
        let store = nn::VarStore::new(Device::cuda_if_available());
        let method = M::new(&config, &store.root())?;
        let optimizer = AdamW::new(&store, &HEADS);
        Ok(Self { config: Arc::new(config), store, method, optimizer, step: 0 })
    }

    /// Continues from the checkpoint in `folder`.
    ///
    /// # Errors
    /// None there, or one of another network.
    pub fn resume(&mut self, folder: &Path) -> Result<()> {
        let Checkpoint { step, method, optimizer } = Checkpoint::load(folder)?;
        self.optimizer.restore(optimizer, step as i64)?;
        let device = self.store.device();
        self.method.restore(method.into_iter().map(|(name, tensor)| (name, tensor.to_device(device))).collect())?;
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
    ///
    /// # Errors
    /// A sample that cannot be read, a loss that is not finite, a file that cannot be written.
    pub fn train(&mut self, data: Arc<TrainingData>, folder: &Path, workers: usize, until: usize) -> Result<()> {
        let steps = self.step..until.min(self.config.steps);
        let last = steps.end;
        let bar = ProgressBar::new(self.config.steps as u64).with_position(self.step as u64);
        bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} eta {eta} {msg}")?);
        let mut curve = Curve::open(folder.join("curve.jsonl"))?;
        let mut batches = stream(data, Arc::clone(&self.config), steps, workers);
        loop {
            let asked = Instant::now();
            let Some(batch) = batches.next() else { break };
            let waited = asked.elapsed();
            let terms = self.learn(&batch?)?;
            curve.add(&terms, waited);
            self.step += 1;
            bar.inc(1);
            if self.step.is_multiple_of(LOG_STEPS) || self.step == last {
                let line = curve.log(self.step, M::TERMS, self.config.queries_per_step)?;
                bar.set_message(line.clone());
                if bar.is_hidden() {
                    eprintln!("{line}");
                }
            }
            if self.step.is_multiple_of(CHECKPOINT_STEPS) || self.step == last {
                self.save(folder)?;
            }
        }
        bar.finish();
        curve.draw(&folder.join("curves.svg"))
    }

    /// One step; the terms stay on the device, since reading them would make it wait.
    fn learn(&mut self, batch: &Batch) -> Result<Tensor> {
        let StepLoss { total, terms } = self.method.loss(batch, &self.config)?;
        total.backward();
        let (trunk, head) = self.rates();
        self.optimizer.update(trunk, head, self.config.weight_decay);
        Ok(Tensor::stack(&terms, 0).detach())
    }

    fn rates(&self) -> (f64, f64) {
        let progress = self.step as f64 / self.config.steps as f64;
        let factor = FINAL_RATE + (1.0 - FINAL_RATE) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        let ramp = ((self.step + 1) as f64 / RAMP_STEPS).min(1.0);
        let trunk = if self.step < self.config.warm_up_steps { 0.0 } else { self.config.trunk_learning_rate };
        (trunk * factor * ramp, self.config.head_learning_rate * factor * ramp)
    }

    fn save(&self, folder: &Path) -> Result<()> {
        Checkpoint { step: self.step, method: self.method.state(), optimizer: self.optimizer.state() }.save(folder)
    }

    /// Writes the networks with averaged weights as ONNX, each checked against libtorch; returns the paths.
    ///
    /// # Errors
    /// A runtime that disagrees with libtorch, or a file that cannot be written.
    pub fn export(&mut self, folder: &Path) -> Result<Vec<PathBuf>> {
        self.optimizer.swap_average();
        let written = self
            .method
            .networks(&self.config)
            .into_iter()
            .map(|(stem, module, canvas)| export::write(module, canvas, &folder.join(format!("{stem}.onnx"))))
            .collect();
        self.optimizer.swap_average();
        written
    }
}

/// The curve's file, and sums since its last line.
#[derive(Debug)]
struct Curve {
    path: PathBuf,
    file: std::fs::File,
    sums: Option<Tensor>,
    count: usize,
    since: Instant,
    /// Of the time since then, what the network spent waiting for batches.
    waited: Duration,
}

impl Curve {
    fn open(path: PathBuf) -> Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        Ok(Self { path, file, sums: None, count: 0, since: Instant::now(), waited: Duration::ZERO })
    }

    fn add(&mut self, terms: &Tensor, waited: Duration) {
        self.waited += waited;
        self.sums = Some(self.sums.take().map_or_else(|| terms.copy(), |sums| sums + terms));
        self.count += 1;
    }

    /// Draws the whole log, of earlier sessions too.
    fn draw(&self, picture: &Path) -> Result<()> {
        let log = std::fs::read_to_string(&self.path).with_context(|| self.path.display().to_string())?;
        std::fs::write(picture, curves::svg(&log)?).with_context(|| picture.display().to_string())
    }

    /// Writes the means as a line and starts anew; returns the line.
    fn log(&mut self, step: usize, names: &[&str], queries_per_step: usize) -> Result<String> {
        let Some(sums) = self.sums.take() else { bail!("no step to log") };
        let means = Vec::<f64>::try_from(&(sums.to_device(Device::Cpu).to_kind(Kind::Double) / self.count as f64))?;
        ensure!(
            means.iter().all(|m| m.is_finite()),
            "the loss is not finite before step {step}: lower the learning rates"
        );
        let elapsed_s = self.since.elapsed().as_secs_f64();
        let rounded = |value: f64, scale: f64| serde_json::Value::from((value * scale).round() / scale);
        let mut line = serde_json::Map::new();
        line.insert("step".into(), step.into());
        for (name, mean) in names.iter().zip(means) {
            line.insert((*name).into(), rounded(mean, 1e5));
        }
        line.insert("queries_per_s".into(), rounded((self.count * queries_per_step) as f64 / elapsed_s, 10.0));
        line.insert("waited_share".into(), rounded(self.waited.as_secs_f64() / elapsed_s, 1e3));
        let line = serde_json::Value::Object(line).to_string();
        writeln!(self.file, "{line}").with_context(|| self.path.display().to_string())?;
        (self.count, self.since, self.waited) = (0, Instant::now(), Duration::ZERO);
        Ok(line)
    }
}
