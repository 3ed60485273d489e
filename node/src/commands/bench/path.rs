//! `azimuth bench path`: what one object costs from picture to pose, stage by stage, through the node's own pipeline.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use kernels::{ImageView, PixelFormat};
use models::{BackboneConfig, Model, Provider};
use serde_json::{Map, Value, json};

use super::super::print;
use super::scene;
use crate::detection::{ClassName, Detection};
use crate::frame::Frame;
use crate::level::Level;
use crate::limits::Limits;
use crate::model_path::find_model;
use crate::object_pose::ObjectStatus;
use crate::pipeline::{Pipeline, Stage, StageTimes};
use crate::time::{Deadline, MonotonicClock, Stamp};

/// Objects in a frame: one, and as many as a street shows.
const BATCHES: [usize; 2] = [1, 6];
/// Frames before the measured ones; caches and the network's memory settle.
const WARM_UP_FRAMES: usize = 3;
/// Most objects measured at each batch size.
const OBJECTS_MAX: usize = 1_000_000;

/// What one object costs from picture to pose.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Frames of one object and of six go through the node's pipeline; times are per object, those of a frame shared among its objects.
The model's own inputs and table are used, on a picture of noise of 1242 x 375 pixels with boxes of the sizes that a car's camera sees.

The answer of --json:
  {\"batches\": [{\"batch\", \"objects\", \"us_per_object\": {stage: {\"p50\", \"p99\", \"max\", \"mean\"}}, \"crop_retrieve_share\"}],
   \"threads\", \"provider\", \"provider_description\", \"model\", \"image_px\"}
Stages: crop, embed, retrieve, refine (0 where the model does not refine), locate, total.
crop_retrieve_share: the part of the time that is neither the network's nor the refining's nor the placing's, 0 to 1.

Examples:
  azimuth bench path
  azimuth bench path --provider tract --objects 60 --json")]
pub struct Args {
    /// Model folder [default: AZIMUTH_MODEL, then models/zoo/car]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Providers allowed, in order: tensorrt, cuda, onnxruntime, tract
    #[arg(long = "provider", value_name = "P", value_delimiter = ',', default_value = "onnxruntime,tract")]
    providers: Vec<Provider>,
    /// Threads of the network
    #[arg(long, value_name = "N", default_value = "1")]
    threads: NonZeroUsize,
    /// Objects measured at each batch size
    #[arg(long, value_name = "N", default_value = "300", value_parser = objects)]
    objects: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn objects(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| format!("`{text}` is not a number of objects"))?;
    if (1..=OBJECTS_MAX).contains(&count) { Ok(count) } else { Err(format!("must be between 1 and {OBJECTS_MAX}")) }
}

/// The times of one batch size.
struct Measured {
    batch: usize,
    frames: Vec<StageTimes>,
}

/// Microseconds an object.
struct Cost {
    p50: f64,
    p99: f64,
    max: f64,
    mean: f64,
}

/// Runs the command.
///
/// # Errors
/// A model that does not load, or an object without a pose: what was measured would not be the whole path.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let batch_max = BATCHES.into_iter().max().unwrap_or(1);
    let limits = Limits { batch_max, detections_max: batch_max, ..Limits::default() };
    let config = BackboneConfig {
        providers: args.providers.clone(),
        threads: args.threads.get(),
        batch_max,
        ..BackboneConfig::default()
    };
    let model = Model::load(&find_model(args.model.as_deref())?, &config)?;
    let mut pipeline = Pipeline::new(model, &limits)?.with_level(Level::new(1.5, 0.0, 0.0)?);
    let class = pipeline.manifest().classes.first().and_then(|class| ClassName::try_from(class.name.as_str()).ok());
    let class = class.context("the model has no class")?;
    let measured = BATCHES
        .map(|batch| measure(&mut pipeline, &class, batch, args.objects))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    if args.json {
        print(&format!("{:#}\n", report(&pipeline, args, &measured)))?;
    } else {
        print(&table(&pipeline, args, &measured))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// `objects` objects in frames of `batch`; the last frame may add a few.
fn measure(pipeline: &mut Pipeline, class: &ClassName, batch: usize, objects: usize) -> anyhow::Result<Measured> {
    let [width, height] = scene::SIZE_PX;
    let pixels = scene::picture();
    let image = ImageView::new(&pixels, width, height, 3 * width as usize, PixelFormat::Rgb8)?;
    let frame = Frame { stamp: Stamp::default(), image };
    let camera = scene::camera()?;
    let frame_count = objects.div_ceil(batch);
    let list = scene::detections(class, (frame_count + WARM_UP_FRAMES) * batch);
    let clock = MonotonicClock::new();
    let mut frames = Vec::with_capacity(frame_count);
    for (index, chunk) in list.chunks(batch).enumerate() {
        let poses = pipeline.process(&frame, &camera, chunk, Deadline::NEVER, &clock)?;
        if let Some(pose) = poses.iter().find(|pose| pose.status != ObjectStatus::Ok) {
            let Detection { box_px, .. } = &chunk[pose.detection_index.min(chunk.len() - 1)];
            anyhow::bail!("the object at {box_px:?} has no pose: {}", pose.status);
        }
        if index >= WARM_UP_FRAMES {
            frames.push(pipeline.stage_us());
        }
    }
    Ok(Measured { batch, frames })
}

impl Measured {
    fn stage(&self, stage: Stage) -> Cost {
        self.cost(|times| times.get(stage))
    }

    fn total(&self) -> Cost {
        self.cost(StageTimes::total_us)
    }

    fn cost(&self, time_us: impl Fn(&StageTimes) -> u64) -> Cost {
        let mut sorted: Vec<f64> = self.frames.iter().map(|times| time_us(times) as f64 / self.batch as f64).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted.get((sorted.len().saturating_sub(1) as f64 * share).round() as usize);
        let quantile = |share| at(share).copied().unwrap_or(f64::NAN);
        let mean = sorted.iter().sum::<f64>() / sorted.len().max(1) as f64;
        Cost { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1.0), mean }
    }

    /// Of all the time, what cropping and retrieving took.
    fn crop_retrieve_share(&self) -> f64 {
        (self.stage(Stage::Crop).mean + self.stage(Stage::Retrieve).mean) / self.total().mean
    }

    /// Every stage by its name, then the total.
    fn rows(&self) -> impl Iterator<Item = (&'static str, Cost)> {
        let stages = Stage::ALL.into_iter().map(|stage| (stage.as_str(), self.stage(stage)));
        stages.chain(std::iter::once(("total", self.total())))
    }

    fn json(&self) -> Value {
        let round = |us: f64| (us * 10.0).round() / 10.0;
        let row = |Cost { p50, p99, max, mean }| json!({ "p50": round(p50), "p99": round(p99), "max": round(max), "mean": round(mean) });
        let us_per_object: Map<String, Value> = self.rows().map(|(name, cost)| (name.to_owned(), row(cost))).collect();
        json!({
            "batch": self.batch,
            "objects": self.batch * self.frames.len(),
            "us_per_object": us_per_object,
            "crop_retrieve_share": self.crop_retrieve_share(),
        })
    }
}

fn report(pipeline: &Pipeline, args: &Args, measured: &[Measured]) -> Value {
    let manifest = pipeline.manifest();
    json!({
        "batches": measured.iter().map(Measured::json).collect::<Vec<_>>(),
        "threads": args.threads.get(),
        "provider": pipeline.provider().to_string(),
        "provider_description": pipeline.provider_description(),
        "model": { "name": manifest.name, "version": manifest.version, "sha256": pipeline.model_sha256() },
        "image_px": scene::SIZE_PX,
    })
}

fn table(pipeline: &Pipeline, args: &Args, measured: &[Measured]) -> String {
    let mut text = String::new();
    for one in measured {
        text += &format!("{} at once, {} objects; us an object\n", one.batch, one.batch * one.frames.len());
        text += &format!("  {:<10}{:>10}{:>10}{:>10}\n", "stage", "p50", "p99", "max");
        for (name, cost) in one.rows() {
            text += &format!("  {name:<10}{:>10.0}{:>10.0}{:>10.0}\n", cost.p50, cost.p99, cost.max);
        }
        text += &format!("  crop + retrieve: {:.1} % of the total\n", 100.0 * one.crop_retrieve_share());
    }
    let manifest = pipeline.manifest();
    text += &format!("model {} {}, {}", manifest.name, manifest.version, pipeline.provider_description());
    text + &format!(", {} thread(s)\n", args.threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_objects_is_bounded() {
        assert_eq!(objects("6"), Ok(6));
        for bad in ["0", "-1", "six", "1000001"] {
            assert!(objects(bad).is_err(), "{bad}");
        }
    }
}
