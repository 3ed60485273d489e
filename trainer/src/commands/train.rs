//! `trainer train`.

use std::path::PathBuf;

use anyhow::Result;

/// Arguments of `trainer train`.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// What to train
    #[command(subcommand)]
    pub method: MethodArgs,
}

/// Methods.
#[derive(Debug, clap::Subcommand)]
pub enum MethodArgs {
    /// Two encoders for contrastive pose retrieval (Kouros et al., BMVC 2022)
    Retrieval(RunArgs),
    /// Dense features and the neural mesh that carries them, on the trunk of a retrieval encoder (NeMo, ICLR 2021)
    Mesh(RunArgs),
    /// A plain classifier of azimuth on the same crops, to compare with
    Baseline(RunArgs),
}

/// Arguments of every method.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The run's description
    #[arg(long)]
    pub config: PathBuf,
    /// Folder for curves, checkpoints and the exported networks
    #[arg(long)]
    pub out: PathBuf,
    /// Continue from the folder's last checkpoint
    #[arg(long)]
    pub resume: bool,
    /// Stop after this step, with a checkpoint; --resume goes on as if nothing had happened
    #[arg(long, value_name = "STEP")]
    pub until: Option<usize>,
    /// Instead of the description's number of steps
    #[arg(long)]
    pub steps: Option<usize>,
    /// Instead of the description's seed
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads that prepare batches
    #[arg(long, default_value_t = 1)]
    pub workers: usize,
}

/// Runs the command.
#[cfg(feature = "torch")]
pub fn run(args: &TrainArgs) -> Result<()> {
    use crate::training::{baseline::Baseline, mesh::MeshMethod, retrieval::Retrieval};
    match &args.method {
        MethodArgs::Mesh(args) => torch::train::<MeshMethod>(args),
        MethodArgs::Retrieval(args) => torch::train::<Retrieval>(args),
        MethodArgs::Baseline(args) => torch::train::<Baseline>(args),
    }
}

/// Says how to get a trainer that can train.
#[cfg(not(feature = "torch"))]
pub fn run(_args: &TrainArgs) -> Result<()> {
    anyhow::bail!(crate::commands::TORCH_NEEDED)
}

#[cfg(feature = "torch")]
mod torch {
    use std::path::Path;
    use std::sync::Arc;

    use anyhow::{Context, Result, ensure};

    use super::RunArgs;
    use crate::training::TrainingConfig;
    use crate::training::batches::TrainingData;
    use crate::training::checkpoint::Checkpoint;
    use crate::training::run::{Method, Run};

    pub(super) fn train<M: Method>(args: &RunArgs) -> Result<()> {
        crate::cuda::load();
        let config = config(args)?;
        std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
        let mut run = Run::<M>::new(config.clone())?;
        let text = toml::to_string(&config)?;
        let kept = args.out.join("run.toml");
        if args.resume {
            let begun = toml::to_string(&TrainingConfig::load(&kept)?)?;
            ensure!(begun == text, "{}: the run was begun with another description", kept.display());
            run.resume(&args.out)?;
        } else {
            let exists = Checkpoint::path(&args.out).exists();
            let place = args.out.display();
            ensure!(!exists, "{place}: holds a checkpoint; continue it with --resume or choose another folder");
            save(&kept, &text)?;
        }
        let data = Arc::new(TrainingData::load(&config)?);
        eprintln!("{} crops, {} shapes, from step {}", data.samples.len(), data.shapes.len(), run.step());
        run.train(data, &args.out, args.workers, args.until.unwrap_or(usize::MAX))?;
        if !run.is_complete() {
            eprintln!("stopped at step {} of {}; --resume goes on", run.step(), config.steps);
            return Ok(());
        }
        for path in run.export(&args.out)? {
            eprintln!("wrote {}", path.display());
        }
        Ok(())
    }

    fn config(args: &RunArgs) -> Result<TrainingConfig> {
        let mut config = TrainingConfig::load(&args.config)?;
        config.steps = args.steps.unwrap_or(config.steps);
        config.seed = args.seed.unwrap_or(config.seed);
        ensure!(config.steps > 0, "--steps: must be positive");
        Ok(config)
    }

    fn save(path: &Path, text: &str) -> Result<()> {
        std::fs::write(path, text).with_context(|| path.display().to_string())
    }
}
