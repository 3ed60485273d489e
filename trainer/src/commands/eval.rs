//! `trainer eval`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use calibration::Viewpoint;
use models::{BackboneConfig, Model};
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::augmentation::box_noise;
use crate::datasets::kitti::{KittiSelection, load_sequence};
use crate::datasets::{Sample, Source};
use crate::encoder::available_providers;
use crate::evaluation::{Evaluator, Row, kitti3d};
use crate::training::batches::shifted_frames;

/// Arguments of `trainer eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The table holds every car of the folder by the KITTI3D protocol. Frames of drives that a model was trained on are no test of it:
KITTI's object set contains frames of the drives of its tracking set (devkit, train_mapping.txt); leave them out with --frames.

Examples:
  trainer eval --kitti ~/kitti/object/training --model models/zoo/car --json
  trainer eval --kitti ~/kitti/object/training --frames ~/kitti/ImageSets/val.txt --jitter-iou 0.75")]
pub struct EvalArgs {
    /// KITTI folder: object layout (image_2, label_2, calib), or tracking layout with --sequence
    #[arg(long)]
    pub kitti: PathBuf,
    /// Only these frames: a file with one number a line, such as KITTI's val.txt [default: all]
    #[arg(long, conflicts_with = "sequence")]
    pub frames: Option<PathBuf>,
    /// Evaluate this tracking sequence instead
    #[arg(long)]
    pub sequence: Option<String>,
    /// First frame of the sequence
    #[arg(long, default_value_t = 0)]
    pub first: u32,
    /// Model folder
    #[arg(long, default_value = "models/zoo/car")]
    pub model: PathBuf,
    /// Jitter the boxes, keeping at least this intersection over union
    #[arg(long)]
    pub jitter_iou: Option<f32>,
    /// Seed of the jitter
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// The cars stand on ground that is level to this many degrees (standard deviation); 0: nothing is known about it
    #[arg(long, default_value_t = 1.5)]
    pub level_sigma_deg: f64,
    /// When a car is looked at twice
    #[command(flatten)]
    pub votes: super::votes::VotesArgs,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Write every object's error as JSON lines
    #[arg(long)]
    pub details: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &EvalArgs) -> Result<()> {
    let config = BackboneConfig { providers: available_providers(), threads: 2, batch_max: 1, library: None };
    let model = Model::load(&args.model, &config)?;
    let name = model.manifest.name.clone();
    let mut evaluator =
        Evaluator::new(model)?.with_level_sigma_deg(args.level_sigma_deg).with_second_look(args.votes.second_look());
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(args.seed);
    let (mut errors, mut details) = (Vec::new(), String::new());
    for samples in load(args)? {
        evaluate(args, &mut evaluator, &samples?, &mut rng, &mut errors, &mut details)?;
    }
    ensure!(!errors.is_empty(), "{}: no car of the protocol", args.kitti.display());
    if let Some(path) = &args.details {
        std::fs::write(path, details).with_context(|| path.display().to_string())?;
    }
    let crop = args.jitter_iou.map_or_else(|| "tight_box".to_owned(), |floor| format!("jittered_box_iou_{floor}"));
    print(&name, &crop, args.level_sigma_deg, &kitti3d::rows_with_intervals(&errors), args.json)?;
    Ok(())
}

/// Adds the errors of `samples` and a line of details for each.
fn evaluate(
    args: &EvalArgs,
    evaluator: &mut Evaluator,
    samples: &[Sample],
    rng: &mut impl Rng,
    errors: &mut Vec<(u8, f64)>,
    details: &mut String,
) -> Result<()> {
    for sample in samples {
        let box_px = match args.jitter_iou {
            Some(floor) => box_noise::jitter(&sample.box_px, floor, rng),
            None => sample.box_px,
        };
        let estimate = evaluator.estimate(sample, &box_px)?;
        errors.push((sample.occlusion, estimate.error_deg));
        let found = Viewpoint::from_rotation(&estimate.retrieval.best.rotation);
        let line = json!({"occlusion": sample.occlusion, "error_deg": estimate.error_deg,
            "azimuth_deg": sample.viewpoint.azimuth_rad.to_degrees(),
            "elevation_deg": sample.viewpoint.elevation_rad.to_degrees(),
            "estimated_azimuth_deg": found.azimuth_rad.to_degrees(),
            "estimated_elevation_deg": found.elevation_rad.to_degrees(),
            "probability": estimate.retrieval.best.probability,
            "flip_probability": estimate.retrieval.flip_probability,
            "looked_twice": estimate.looked_twice,
            "box_px": [box_px.x1, box_px.y1, box_px.x2, box_px.y2]});
        details.push_str(&format!("{line}\n"));
    }
    Ok(())
}

/// Samples, some at a time.
fn load(args: &EvalArgs) -> Result<Box<dyn Iterator<Item = Result<Vec<Sample>>>>> {
    Ok(match &args.sequence {
        Some(sequence) => Box::new(std::iter::once(load_sequence_cars(&args.kitti, sequence, args.first))),
        None => Box::new(kitti3d::load(&args.kitti, args.frames.as_deref())?),
    })
}

/// Cars of a tracking sequence by the protocol, from frame `first` on.
pub(super) fn load_sequence_cars(kitti: &Path, sequence: &str, first: u32) -> Result<Vec<Sample>> {
    let selection = KittiSelection {
        classes: vec!["Car".into()],
        side_min_px: kitti3d::SIDE_MIN_PX,
        occluded_max: 2,
        frames: first..u32::MAX,
        frames_skipped: shifted_frames(sequence),
    };
    load_sequence(kitti, sequence, &selection, Source::Kitti)
}

fn print(model: &str, crop: &str, level_sigma_deg: f64, rows: &[Row], as_json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let report = json!({"model": model, "protocol": "kitti3d", "crop": crop, "level_sigma_deg": level_sigma_deg,
            "rows": rows});
        return writeln!(out, "{report}");
    }
    writeln!(out, "model {model}, protocol kitti3d, crop {crop}, ground level to {level_sigma_deg}°")?;
    writeln!(out, "{:<18}{:>7}{:>8}{:>8}{:>9}{:>8}", "split", "count", "ACC30", "ACC10", "median", "flips")?;
    for Row { split, scores: s, intervals, .. } in rows {
        writeln!(
            out,
            "{split:<18}{:>7}{:>7.1}%{:>7.1}%{:>8.1}°{:>7.1}%",
            s.count, s.acc30, s.acc10, s.median_deg, s.flip_rate
        )?;
        if let Some(i) = intervals {
            let shares = [i.acc30_ci95, i.acc10_ci95, i.flip_rate_ci95];
            let [acc30, acc10, flips] = shares.map(|[low, high]| format!("{low:.0}-{high:.0}"));
            let median = format!("{:.1}-{:.1}", i.median_deg_ci95[0], i.median_deg_ci95[1]);
            writeln!(out, "  95 %: ACC30 {acc30}, ACC10 {acc10}, median {median}, flips {flips}")?;
        }
    }
    Ok(())
}
