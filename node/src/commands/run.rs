//! `azimuth run`: the node.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use models::{Model, Provider};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::print;
use crate::launch::{Launch, LaunchError};
use crate::model_path::find_model;
use crate::pipeline::Pipeline;
use crate::run::Node;
use crate::status;

/// Receives frames, calibration and detections, and publishes oriented objects.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Everything is in the launch file; launch/vehicle.toml shows every key with its default. The node listens on tcp/127.0.0.1:7447
unless told otherwise, looks for nobody, and publishes one message on object_pose for every frame it accepts. Its state is JSON on
azimuth/status, every second and on request.

Once ready, it ends on SIGINT, SIGTERM or SIGHUP within half a second, with exit code 0 and a summary; a second signal ends it at once. If the
network fails on every frame for a second (a lost GPU), it ends with exit code 1, so that its supervisor starts it anew.

Examples:
  azimuth run
  azimuth run --config launch/vehicle.toml --model models/zoo/car
  azimuth run --config launch/replay.toml --provider tract --frames 100 --json")]
pub struct Args {
    /// Launch file [default: as built in]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Model folder, instead of the launch file's
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Providers allowed, in order, instead of the launch file's: tensorrt, cuda, onnxruntime, tract
    #[arg(long = "provider", value_name = "P", value_delimiter = ',')]
    pub providers: Vec<Provider>,
    /// Threads of the network, instead of the launch file's
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Stop after N accepted frames
    #[arg(long, value_name = "N")]
    pub frames: Option<u64>,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// A launch file, model or endpoint that cannot be used. What happens to single frames is counted, never an error.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let mut launch = load_launch(args.config.as_deref())?;
    if !args.providers.is_empty() {
        launch.model.providers.clone_from(&args.providers);
    }
    if let Some(threads) = args.threads {
        launch.model.threads = threads.get();
    }
    let stop = stop_on_signals()?;
    let pipeline = open_pipeline(&launch, args.model.as_deref())?;
    for (provider, reason) in pipeline.refused() {
        tracing::warn!("{provider} refused: {reason}");
    }
    if stop.load(Ordering::Relaxed) {
        return Ok(ExitCode::SUCCESS); // asked to end while the model was loaded
    }
    let mut node = Node::start(&launch, pipeline)?;
    let pipeline = node.pipeline();
    tracing::info!(
        "{} ready: model {} {}, {}, {}, frames on {}, answers on {}, reachable at {:?}",
        launch.name,
        pipeline.manifest().name,
        pipeline.manifest().version,
        if pipeline.refines() { "poses refined" } else { "poses as retrieved" },
        pipeline.provider_description(),
        launch.keys.image,
        launch.keys.object_pose,
        launch.transport.listen
    );
    let outcome = node.run(&stop, args.frames);
    let text = if args.json { format!("{}\n", node.status()) } else { status::summary(node.trace()) };
    node.close();
    print(&text)?;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// The launch file, or the defaults where none is given.
pub(super) fn load_launch(path: Option<&Path>) -> Result<Launch, LaunchError> {
    path.map_or_else(|| Ok(Launch::default()), Launch::load)
}

/// The launch file's model, or `ordered` instead, within the launch file's limits.
fn open_pipeline(launch: &Launch, ordered: Option<&Path>) -> anyhow::Result<Pipeline> {
    let folder = find_model(ordered.or(launch.model.directory.as_deref()))?;
    let model = Model::load(&folder, &launch.backbone())?;
    Ok(Pipeline::new(model, &launch.limits)?
        .with_level(launch.camera.level()?)
        .with_second_look(launch.retrieval.second_look()))
}

/// A flag that SIGINT, SIGTERM and SIGHUP (the terminal is gone) set; the second of them ends the process at once.
pub(super) fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // In this order: the first signal finds the flag unset, sets it, and is not conditional yet.
        signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())
            .and_then(|_| signal_hook::flag::register(signal, stop.clone()))
            .context("signal handlers")?;
    }
    Ok(stop)
}
