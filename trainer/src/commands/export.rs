//! `trainer export`.

use std::path::PathBuf;

use anyhow::Result;

/// Arguments of `trainer export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// A run's folder with `run.toml` and a checkpoint; the ONNX files are written into it
    #[arg(long)]
    pub run: PathBuf,
}

/// Runs the command.
#[cfg(feature = "torch")]
pub fn run(args: &ExportArgs) -> Result<()> {
    use crate::training::{TrainingConfig, retrieval::Retrieval};
    let mut training = Retrieval::new(TrainingConfig::load(&args.run.join("run.toml"))?)?;
    training.resume(&args.run)?;
    for path in training.export(&args.run)? {
        eprintln!("wrote {} (step {})", path.display(), training.step());
    }
    Ok(())
}

/// Says how to get a trainer that can export.
#[cfg(not(feature = "torch"))]
pub fn run(_args: &ExportArgs) -> Result<()> {
    anyhow::bail!(crate::commands::TORCH_NEEDED)
}
