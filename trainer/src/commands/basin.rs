//! `trainer basin`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use models::{BackboneConfig, Model};

use crate::datasets::Faults;
use crate::encoder::available_providers;
use crate::evaluation::Evaluator;
use crate::evaluation::basin::{Options, Row, measure};
use crate::evaluation::refine::RefinerKind;
use crate::evaluation::test_set::{TestSet, TestSetArgs};

/// Arguments of `trainer basin`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Starts refinement at the labelled pose turned by an angle about a random axis, and counts how many starts end within two degrees of
the label, and of where a start at the label itself ends: the first also asks whether the features are right, the second only whether
they are found. Nothing is known of the pose but the start, so that features and box alone decide. Below that, what the retrieved poses become under a bound on the steps, as a deadline would set it.

Example:
  trainer basin --synthetic-occlusion --objects 30 --model models/zoo/car")]
pub struct BasinArgs {
    /// What is measured on
    #[command(flatten)]
    pub set: TestSetArgs,
    /// Model folder
    #[arg(long, default_value = "models/zoo/car")]
    pub model: PathBuf,
    /// How far starts are turned away, degrees
    #[arg(long, value_delimiter = ',', default_values_t = [5.0, 10.0, 15.0, 20.0])]
    pub angles: Vec<f64>,
    /// Starts of each object and angle
    #[arg(long, default_value_t = 3)]
    pub starts: usize,
    /// Bounds on the steps [default: none, half and all of the model's]
    #[arg(long, value_delimiter = ',')]
    pub steps: Vec<u32>,
    /// Seed of the axes and of what is synthetic
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Objects stand on ground that is level to this many degrees (standard deviation), where the camera is known; 0: off
    #[arg(long, default_value_t = 1.5)]
    pub level_sigma_deg: f64,
    /// Print one JSON object a split, each on a line
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &BasinArgs) -> Result<()> {
    let config = BackboneConfig {
        providers: available_providers(),
        threads: 2,
        batch_max: 1,
        features: true,
        ..Default::default()
    };
    let model = Model::load(&args.model, &config)?;
    let full = model.manifest.refinement.unwrap_or_default().steps_max;
    let steps = if args.steps.is_empty() { vec![0, full / 2, full] } else { args.steps.clone() };
    let mut evaluator = Evaluator::new(model, RefinerKind::Mesh)?.with_level_sigma_deg(args.level_sigma_deg);
    let set = TestSet::new(&args.set, args.seed).context("name a test set, such as --kitti")?;
    let options = Options { angles_deg: args.angles.clone(), starts: args.starts, steps, seed: args.seed };
    let rows = measure(&mut evaluator, set.open(&Faults::new(args.set.on_error))?, &options)?;
    let mut out = std::io::stdout().lock();
    for row in &rows {
        match args.json {
            true => writeln!(out, "{}", serde_json::to_string(row)?)?,
            false => write_text(row, &mut out)?,
        }
    }
    Ok(())
}

fn write_text(row: &Row, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{}", row.split)?;
    for basin in &row.basins {
        writeln!(
            out,
            "  from {:>4.1} degrees: {:>5.1} % within 2 degrees of the truth, {:>5.1} % of the optimum, median {:.2} ({} starts)",
            basin.start_deg, basin.at_truth, basin.at_optimum, basin.median_deg, basin.count
        )?;
    }
    for bounded in &row.bounded {
        writeln!(
            out,
            "  {:>3} steps at most: mean error (capped at 40) {:.2}, median {:.2} degrees, score {:+.2}, {} worse than their start",
            bounded.steps_max, bounded.capped_error_deg, bounded.median_deg, bounded.gain, bounded.worse_count
        )?;
    }
    Ok(())
}
