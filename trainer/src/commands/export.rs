//! `trainer export`.

use std::path::PathBuf;

use anyhow::Result;

use crate::networks::onnx::WeightFormat;

/// Arguments of `trainer export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// A run's folder with `run.toml` and a checkpoint; the ONNX files are written into it
    #[arg(long)]
    pub run: PathBuf,
    /// Number format the weights are stored in; f16 halves the files and moves embeddings by less than 1e-5 in cosine
    #[arg(long, default_value = "f32")]
    pub weights: WeightFormat,
}

/// Runs the command.
#[cfg(feature = "torch")]
pub fn run(args: &ExportArgs) -> Result<()> {
    use crate::networks::onnx::store_weights;
    use crate::training::{TrainingConfig, retrieval::Retrieval};
    use anyhow::Context;
    let mut training = Retrieval::new(TrainingConfig::load(&args.run.join("run.toml"))?)?;
    training.resume(&args.run)?;
    for path in training.export(&args.run)? {
        let place = || path.display().to_string();
        let file = std::fs::read(&path).with_context(place)?;
        std::fs::write(&path, store_weights(&file, args.weights).with_context(place)?).with_context(place)?;
        eprintln!("wrote {} (step {})", path.display(), training.step());
    }
    Ok(())
}

/// Says how to get a trainer that can export.
#[cfg(not(feature = "torch"))]
pub fn run(_args: &ExportArgs) -> Result<()> {
    anyhow::bail!(crate::commands::TORCH_NEEDED)
}
