//! `trainer render`: what the encoders see, for a person to check.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::reference_args::ReferenceArgs;
use crate::training::TrainingConfig;

mod augmented;
mod font;
mod references;
mod sheet;
mod single;

/// Arguments of `trainer render`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("subject").args(["augmented", "references", "shape", "vehicle"]))]
pub struct RenderArgs {
    /// The run's description; --augmented and --references need it
    #[arg(long, required_unless_present_any = ["shape", "vehicle"])]
    pub config: Option<PathBuf>,
    /// Picture to write
    #[arg(long)]
    pub out: PathBuf,
    /// Each augmented crop beside the rendering of its pose (of a neighbouring or the opposite pose in the second and fourth
    /// columns); the default
    #[arg(long)]
    pub augmented: bool,
    /// --augmented: training step shown
    #[arg(long, default_value_t = 0)]
    pub step: usize,
    /// Reference renderings of the run's shapes on the reference encoder's canvas: a row an elevation, a column an azimuth
    #[arg(long)]
    pub references: bool,
    /// One mesh file (off, obj, ply, gltf, glb) in every modality from all around
    #[arg(long)]
    pub shape: Option<PathBuf>,
    /// --shape: file axis that points forward
    #[arg(long, default_value = "+x", allow_hyphen_values = true)]
    pub forward: String,
    /// --shape: file axis that points up
    #[arg(long, default_value = "+z", allow_hyphen_values = true)]
    pub up: String,
    /// The generated vehicle of this seed in every modality from all around
    #[arg(long)]
    pub vehicle: Option<u64>,
    /// --references: which
    #[command(flatten)]
    pub reference_args: ReferenceArgs,
}

/// Runs the command.
pub fn run(args: &RenderArgs) -> Result<()> {
    let config = || TrainingConfig::load(args.config.as_ref().context("--config is missing")?);
    let sheet = match (&args.shape, args.vehicle) {
        (Some(path), _) => single::of_file(path, &args.forward, &args.up)?,
        (None, Some(seed)) => single::of_vehicle(seed)?,
        (None, None) if args.references => references::draw(&config()?, &args.reference_args)?,
        (None, None) => augmented::draw(config()?, args.step)?,
    };
    sheet.save(&args.out).with_context(|| args.out.display().to_string())
}
