//! `trainer eval`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use models::{BackboneConfig, Model};

use crate::datasets::Faults;
use crate::encoder::available_providers;
use crate::evaluation::classifier::Classifier;
use crate::evaluation::crops::CropKind;
use crate::evaluation::measure::{Measurement, Shown, measure};
use crate::evaluation::refine::RefinerKind;
use crate::evaluation::summary::{Subject, Summary};
use crate::evaluation::test_set::{TestSet, TestSetArgs};
use crate::evaluation::{Evaluator, details, report};

/// Arguments of `trainer eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Rows are the splits (KITTI's occlusion levels, L0 to L3) and their sample-weighted mean, of the medians too, as published. Frames of
drives that a model was trained on are no test of it: KITTI's object set contains frames of the drives of its tracking set (devkit,
train_mapping.txt); leave them out with --frames. Published tables give centre and scale away (--crop oracle); a vehicle has a box.

Examples:
  trainer eval --kitti ~/kitti/object/training --model models/zoo/car --json
  trainer eval --kitti ~/kitti/object/training --frames ~/kitti/ImageSets/val.txt --jitter-iou 0.9,0.75,0.5
  trainer eval --kitti ~/kitti/tracking/training --sequence 0001 --crop tight,jitter --jitter-iou 0.75 --report runs/report
  trainer eval --synthetic-occlusion --report runs/occlusion --explain")]
pub struct EvalArgs {
    /// What is measured on
    #[command(flatten)]
    pub set: TestSetArgs,
    /// Model folder
    #[arg(long, default_value = "models/zoo/car")]
    pub model: PathBuf,
    /// Instead of a model, the classifier baseline of this run (`trainer train baseline`)
    #[arg(long, conflicts_with = "model")]
    pub classifier: Option<PathBuf>,
    /// Crops, one table each [default: jitter with --jitter-iou, else tight]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub crop: Vec<CropChoice>,
    /// Jitter the boxes, keeping at least this intersection over union; one table for each of several
    #[arg(long, value_delimiter = ',', value_parser = parse_iou)]
    pub jitter_iou: Vec<f32>,
    /// Seed of the jitter and of what is synthetic
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Objects stand on ground that is level to this many degrees (standard deviation), where the camera is known; 0: off
    #[arg(long, default_value_t = 1.5)]
    pub level_sigma_deg: f64,
    /// When an object is looked at twice
    #[command(flatten)]
    pub votes: super::votes::VotesArgs,
    /// Who refines the retrieved poses, where the model has a neural mesh
    #[arg(long, value_enum, default_value_t)]
    pub refiner: RefinerKind,
    /// Print one JSON object a table, each on a line
    #[arg(long)]
    pub json: bool,
    /// Write every object's error as JSON lines, for `trainer compare`
    #[arg(long)]
    pub details: Option<PathBuf>,
    /// Write report.html, report.md and report.json into this folder, with the best and worst cases to look at
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// --report: draw for each case how its pose was refined: mesh, occlusion, loss along each angle, features as colours
    #[arg(long, requires = "report")]
    pub explain: bool,
}

/// What is cut out for the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CropChoice {
    /// The labelled tight box
    Tight,
    /// NeMo's alignment: centre and scale are given away
    Oracle,
    /// Boxes with detector-like noise, by --jitter-iou
    Jitter,
}

fn parse_iou(text: &str) -> Result<f32, String> {
    let iou = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    if (0.1..=1.0).contains(&iou) { Ok(iou) } else { Err("must be from 0.1 to 1".into()) }
}

/// Runs the command.
pub fn run(args: &EvalArgs) -> Result<()> {
    let crops = crops(args)?;
    let set = TestSet::new(&args.set, args.seed).context("name a test set, such as --kitti")?;
    let (mut evaluator, subject) = open(args, set.protocol())?;
    let count_max = if args.report.is_some() { report::CASES_MAX } else { 0 };
    let shown = Shown { count_max, is_explained: args.explain };
    let faults = Faults::new(args.set.on_error);
    let Measurement { crops, not_covered } = measure(&mut evaluator, set.open(&faults)?, &crops, args.seed, shown)?;
    let faulty = faults.list().len();
    if faulty > 0 {
        eprintln!("{faulty} files are missing, damaged or without a pose, as named above");
    }
    if let Some(path) = &args.details {
        details::save(path, &crops)?;
    }
    let tables: Vec<Summary> = crops.iter().map(|measured| Summary::of(&subject, measured, &not_covered)).collect();
    if let Some(folder) = &args.report {
        let cases: Vec<_> = tables.iter().zip(&crops).collect();
        report::write(folder, &cases, evaluator.spec())?;
        eprintln!("{}", folder.join(report::PAGE_FILE).display());
    }
    if let Some(line) = timing(evaluator.refine_times()) {
        eprintln!("{line}");
    }
    let mut out = std::io::stdout().lock();
    for table in &tables {
        match args.json {
            true => writeln!(out, "{}", serde_json::to_string(table)?)?,
            false => table.write_text(&mut out)?,
        }
    }
    Ok(())
}

/// How long refinement took an object.
fn timing(times: &[std::time::Duration]) -> Option<String> {
    let mut ms: Vec<f64> = times.iter().map(|time| 1e3 * time.as_secs_f64()).collect();
    ms.sort_by(f64::total_cmp);
    let at = |part: f64| ms.get(((ms.len() - 1) as f64 * part).round() as usize).copied().unwrap_or(f64::NAN);
    let max = *ms.last()?;
    Some(format!("refinement: p50 {:.2}, p99 {:.2}, max {max:.2} ms an object", at(0.5), at(0.99)))
}

/// The model or the baseline, and how its tables are headed.
fn open(args: &EvalArgs, protocol: &str) -> Result<(Evaluator, Subject)> {
    let protocol = protocol.to_owned();
    if let Some(run) = &args.classifier {
        let path = run.join("classifier.onnx");
        let model_sha256 = models::sha256_hex(&std::fs::read(&path).with_context(|| path.display().to_string())?);
        let model = run.display().to_string();
        let subject = Subject { model, model_sha256, protocol, level_sigma_deg: args.level_sigma_deg };
        let evaluator = Evaluator::of_classifier(Classifier::open(run)?);
        return Ok((evaluator.with_level_sigma_deg(args.level_sigma_deg), subject));
    }
    let features = args.refiner != RefinerKind::None;
    let config =
        BackboneConfig { providers: available_providers(), threads: 2, batch_max: 1, features, ..Default::default() };
    let model = Model::load(&args.model, &config)?;
    let (name, model_sha256) = (model.manifest.name.clone(), model.sha256.clone());
    let subject = Subject { model: name, model_sha256, protocol, level_sigma_deg: args.level_sigma_deg };
    let evaluator = Evaluator::new(model, args.refiner)?.with_level_sigma_deg(args.level_sigma_deg);
    Ok((evaluator.with_second_look(args.votes.second_look()), subject))
}

fn crops(args: &EvalArgs) -> Result<Vec<CropKind>> {
    let jittered = !args.jitter_iou.is_empty();
    let chosen = match args.crop.as_slice() {
        [] if jittered => &[CropChoice::Jitter],
        [] => &[CropChoice::Tight],
        chosen => chosen,
    };
    ensure!(
        chosen.contains(&CropChoice::Jitter) == jittered,
        "--crop jitter and --jitter-iou belong together: --crop jitter --jitter-iou 0.75"
    );
    let kinds = chosen.iter().flat_map(|choice| match choice {
        CropChoice::Tight => vec![CropKind::Tight],
        CropChoice::Oracle => vec![CropKind::Oracle],
        CropChoice::Jitter => args.jitter_iou.iter().map(|&floor| CropKind::Jitter(floor)).collect(),
    });
    Ok(kinds.collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: EvalArgs,
    }

    fn parse(line: &str) -> Result<EvalArgs, clap::Error> {
        Command::try_parse_from(line.split(' ')).map(|command| command.args)
    }

    fn chosen(line: &str) -> Vec<CropKind> {
        crops(&parse(line).unwrap()).unwrap()
    }

    #[test]
    fn one_table_for_each_crop_and_floor() {
        assert_eq!(chosen("eval --kitti x"), [CropKind::Tight]);
        assert_eq!(chosen("eval --kitti x --jitter-iou 0.75"), [CropKind::Jitter(0.75)]);
        assert_eq!(
            chosen("eval --kitti x --crop oracle,jitter --jitter-iou 0.9,0.5"),
            [CropKind::Oracle, CropKind::Jitter(0.9), CropKind::Jitter(0.5)]
        );
        for wrong in ["eval --kitti x --crop jitter", "eval --kitti x --crop tight --jitter-iou 0.5"] {
            assert!(crops(&parse(wrong).unwrap()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn exactly_one_test_set_is_named() {
        for wrong in [
            "eval",
            "eval --kitti x --synthetic-occlusion",
            "eval --kitti x --jitter-iou 0",
            "eval --kitti x --coco y",
            "eval --synthetic-occlusion --sequence 0001",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("eval --synthetic-occlusion --objects 20").is_ok());
        assert!(parse("eval --kitti x --sequence 0001 --first 350").is_ok());
    }
}
