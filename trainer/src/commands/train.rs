//! `trainer train`.

use std::path::PathBuf;

use anyhow::Result;

/// Arguments of `trainer train`.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// What to train
    #[command(subcommand)]
    pub method: Method,
}

/// Methods.
#[derive(Debug, clap::Subcommand)]
pub enum Method {
    /// Two encoders for contrastive pose retrieval (Kouros et al., BMVC 2022)
    Retrieval(RetrievalArgs),
}

/// Arguments of `trainer train retrieval`.
#[derive(Debug, clap::Args)]
pub struct RetrievalArgs {
    /// The run's description
    #[arg(long)]
    pub config: PathBuf,
    /// Folder for curves, checkpoints and the exported encoders
    #[arg(long)]
    pub out: PathBuf,
    /// Continue from the folder's last checkpoint
    #[arg(long)]
    pub resume: bool,
    /// Stop after this step, with a checkpoint; --resume goes on as if nothing had happened
    #[arg(long, value_name = "STEP")]
    pub until: Option<usize>,
    /// Threads that prepare batches
    #[arg(long, default_value_t = 1)]
    pub workers: usize,
}

/// Runs the command.
#[cfg(feature = "torch")]
pub fn run(args: &TrainArgs) -> Result<()> {
    use crate::training::{TrainingConfig, batches::TrainingData, checkpoint::Checkpoint, retrieval::Retrieval};
    use anyhow::{Context, ensure};
    let Method::Retrieval(args) = &args.method;
    crate::cuda::load();
    let config = TrainingConfig::load(&args.config)?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let mut training = Retrieval::new(config.clone())?;
    let kept = args.out.join("run.toml");
    if args.resume {
        let begun = toml::to_string(&TrainingConfig::load(&kept)?)?;
        ensure!(
            begun == toml::to_string(&config)?,
            "{}: the run was begun with another description than {}",
            kept.display(),
            args.config.display()
        );
        training.resume(&args.out)?;
    } else {
        let exists = Checkpoint::path(&args.out).exists();
        ensure!(
            !exists,
            "{}: holds a checkpoint; continue it with --resume or choose another folder",
            args.out.display()
        );
        std::fs::copy(&args.config, &kept).with_context(|| kept.display().to_string())?;
    }
    let data = std::sync::Arc::new(TrainingData::load(&config)?);
    eprintln!("{} crops, {} shapes, from step {}", data.samples.len(), data.shapes.len(), training.step());
    training.train(data, &args.out, args.workers, args.until.unwrap_or(usize::MAX))?;
    if !training.is_complete() {
        eprintln!("stopped at step {} of {}; --resume goes on", training.step(), config.steps);
        return Ok(());
    }
    let paths = training.export(&args.out)?;
    eprintln!("wrote {} and {}", paths[0].display(), paths[1].display());
    Ok(())
}

/// Says how to get a trainer that can train.
#[cfg(not(feature = "torch"))]
pub fn run(_args: &TrainArgs) -> Result<()> {
    anyhow::bail!(crate::commands::TORCH_NEEDED)
}
