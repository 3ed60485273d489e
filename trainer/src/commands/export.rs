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
    /// What was trained there
    #[arg(long, value_enum, default_value_t = Trained::Retrieval)]
    pub method: Trained,
    /// Number format the weights are stored in; f16 halves the files and moves embeddings by less than 1e-5 in cosine
    #[arg(long, value_enum, default_value_t = WeightFormat::F32)]
    pub weights: WeightFormat,
}

/// A method that was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Trained {
    /// `trainer train retrieval`
    Retrieval,
    /// `trainer train baseline`
    Baseline,
    /// `trainer train mesh`
    Mesh,
}

/// Runs the command.
#[cfg(feature = "torch")]
pub fn run(args: &ExportArgs) -> Result<()> {
    use crate::training::{baseline::Baseline, mesh::MeshMethod, retrieval::Retrieval};
    match args.method {
        Trained::Retrieval => export::<Retrieval>(args),
        Trained::Baseline => export::<Baseline>(args),
        Trained::Mesh => export::<MeshMethod>(args),
    }
}

#[cfg(feature = "torch")]
fn export<M: crate::training::run::Method>(args: &ExportArgs) -> Result<()> {
    use crate::training::{TrainingConfig, run::Run};
    let mut run = Run::<M>::new(TrainingConfig::load(&args.run.join("run.toml"))?)?;
    run.resume(&args.run)?;
    for path in run.export(&args.run)? {
        store(&path, args.weights)?;
        eprintln!("wrote {} (step {})", path.display(), run.step());
    }
    Ok(())
}

/// Rewrites an exported file, which was checked at full precision.
#[cfg(feature = "torch")]
fn store(path: &std::path::Path, format: WeightFormat) -> Result<()> {
    use anyhow::Context;
    let place = || path.display().to_string();
    let file = crate::networks::onnx::store_weights(&std::fs::read(path).with_context(place)?, format);
    let partial = path.with_extension("partial");
    std::fs::write(&partial, file.with_context(place)?).with_context(|| partial.display().to_string())?;
    std::fs::rename(&partial, path).with_context(place)
}

/// Says how to get a trainer that can export.
#[cfg(not(feature = "torch"))]
pub fn run(_args: &ExportArgs) -> Result<()> {
    anyhow::bail!(crate::commands::TORCH_NEEDED)
}
