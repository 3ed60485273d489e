//! `trainer calibrate`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use kernels::BoxPx;
use models::{BackboneConfig, Manifest, Model};
use rand::SeedableRng;
use serde_json::json;

use crate::augmentation::box_noise;
use crate::datasets::Sample;
use crate::encoder::available_providers;
use crate::evaluation::calibration::{Posed, fit, judge};
use crate::evaluation::estimates::Known;
use crate::evaluation::refine::RefinerKind;
use crate::evaluation::refinement_fit::{self, Case};
use crate::evaluation::tracking::load_cars;
use crate::evaluation::{Evaluator, occlusion};

/// Arguments of `trainer calibrate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Fits the manifest's [retrieval] on cars that neither trained the model nor will test it: how many neighbours vote, how sharply, and
how far their spread is to be believed. What is fitted on the test set is no measurement any more.

Example:
  trainer calibrate --model models/zoo/car --kitti ~/kitti/tracking/training --sequence 0001 --first 350")]
pub struct CalibrateArgs {
    /// KITTI tracking folder: image_02, label_02, calib
    #[arg(long)]
    pub kitti: PathBuf,
    /// Sequence
    #[arg(long)]
    pub sequence: String,
    /// First frame
    #[arg(long, default_value_t = 0)]
    pub first: u32,
    /// Model folder, whose manifest is rewritten
    #[arg(long, default_value = "models/zoo/car")]
    pub model: PathBuf,
    /// Intersection over union that the jittered boxes keep with the labelled ones
    #[arg(long, default_value_t = 0.8)]
    pub jitter_iou: f32,
    /// Jittered boxes a car, beside the labelled one
    #[arg(long, default_value_t = 2)]
    pub jitters: usize,
    /// Seed of the jitter
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The cars stand on ground that is level to this many degrees (standard deviation); 0: nothing is known about it
    #[arg(long, default_value_t = 1.5)]
    pub level_sigma_deg: f64,
    /// Fit [refinement] instead, on the labelled boxes and the jittered ones
    #[arg(long)]
    pub refinement: bool,
    /// --refinement: rendered cars a level of occlusion beside the sequence's, none of them of the test's seed
    #[arg(long, default_value_t = 0, requires = "refinement")]
    pub synthetic: usize,
    /// Only print what would be written
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs the command.
pub fn run(args: &CalibrateArgs) -> Result<()> {
    if args.refinement {
        return refinement(args);
    }
    let config =
        BackboneConfig { providers: available_providers(), threads: 2, batch_max: 1, ..BackboneConfig::default() };
    let model = Model::load(&args.model, &config)?;
    let table = model.table.clone();
    let before = model.manifest.retrieval.clone();
    let mut evaluator = Evaluator::new(model, RefinerKind::None)?;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(args.seed);
    let mut objects = Vec::new();
    for sample in load_cars(&args.kitti, &args.sequence, args.first)? {
        for jitter in 0..=args.jitters {
            let tight = sample.box_px;
            let box_px = if jitter == 0 { tight } else { box_noise::jitter(&tight, args.jitter_iou, &mut rng) };
            let embedding = evaluator.embed(&sample, &box_px)?.to_vec();
            objects.push(Posed { embedding, truth: sample.viewpoint.to_rotation(), up: sample.up(&box_px) });
        }
    }
    ensure!(!objects.is_empty(), "{}: no car of the protocol from frame {}", args.kitti.display(), args.first);
    let fitted = fit(&table, &objects, args.level_sigma_deg)?;
    let before = judge(&table, &before, &objects, args.level_sigma_deg)?;
    let report =
        json!({"crops": objects.len(), "level_sigma_deg": args.level_sigma_deg, "before": before, "fitted": fitted});
    writeln!(std::io::stdout().lock(), "{report:#}")?;
    if !args.dry_run {
        let manifest = Manifest { retrieval: fitted.retrieval, ..Manifest::load(&args.model)? };
        manifest.save(&args.model)?;
    }
    Ok(())
}

/// Fits `[refinement]`.
fn refinement(args: &CalibrateArgs) -> Result<()> {
    /// Seed of rendered cars that no test uses by default.
    const SYNTHETIC_SEED: u64 = 77;
    let config =
        BackboneConfig { providers: available_providers(), threads: 2, batch_max: 1, ..BackboneConfig::default() };
    let model = Model::load(&args.model, &config)?;
    let evaluator = Evaluator::new(model, RefinerKind::Mesh)?.with_level_sigma_deg(args.level_sigma_deg);
    let mut looking = Looking { evaluator, cases: Vec::new() };
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(args.seed);
    for sample in load_cars(&args.kitti, &args.sequence, args.first)? {
        for jitter in 0..=args.jitters {
            let tight = sample.box_px;
            let box_px = if jitter == 0 { tight } else { box_noise::jitter(&tight, args.jitter_iou, &mut rng) };
            looking.look(&sample, &box_px)?;
        }
    }
    if args.synthetic > 0 {
        let options = occlusion::Options { object_count: args.synthetic, seed: SYNTHETIC_SEED, coco: None };
        for objects in occlusion::open(&options)? {
            for object in objects? {
                looking.look(&object.sample, &object.sample.box_px)?;
            }
        }
    }
    let Looking { mut evaluator, cases } = looking;
    ensure!(!cases.is_empty(), "{}: no car of the protocol from frame {}", args.kitti.display(), args.first);
    let refiner = evaluator.refiner_mut().context("the model has no neural mesh")?;
    let unfitted = refiner.spec();
    let fitted = refinement_fit::fit(refiner, &cases)?;
    let before = refinement_fit::judge(refiner, &cases, unfitted)?;
    let report = json!({"crops": cases.len(), "before": before, "fitted": fitted});
    writeln!(std::io::stdout().lock(), "{report:#}")?;
    if !args.dry_run {
        let manifest = Manifest { refinement: Some(fitted.refinement), ..Manifest::load(&args.model)? };
        manifest.save(&args.model)?;
    }
    Ok(())
}

/// Takes samples as far as their refinement.
struct Looking {
    evaluator: Evaluator,
    cases: Vec<Case>,
}

impl Looking {
    fn look(&mut self, sample: &Sample, box_px: &BoxPx) -> Result<()> {
        let image = sample.picture.decode()?;
        let seen = sample.clip(*box_px, &image);
        let rows = self.evaluator.rows_of("car").context("the model knows no cars")?;
        let known = Known { up: sample.up(box_px), camera: sample.camera };
        let retrieved = self.evaluator.retrieve(&image, &seen, rows.clone(), known)?;
        let view = self.evaluator.view(&image, &seen, rows, known).context("the model has no neural mesh")?;
        let features = self.evaluator.features().to_vec();
        self.cases.push(Case { features, view, retrieved, truth: sample.viewpoint.to_rotation() });
        Ok(())
    }
}
