//! The `trainer` program: see `trainer --help`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trainer::commands;

/// Offline companion of azimuth: data, synthesis, training, evaluation, export.
#[derive(Parser)]
#[command(
    name = "trainer",
    version,
    after_help = "A model from start to end:
  trainer synth --out runs/synth --frames 2000 --seed 1
  trainer train retrieval --config trainer/runs/car.toml --out runs/car
  trainer table --run runs/car --out models/zoo/car
  trainer calibrate --model models/zoo/car --kitti ~/kitti/tracking/training --sequence 0001 --first 350
  trainer eval --kitti ~/kitti/object/training --model models/zoo/car --json"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Render KITTI-layout scenes of parametric vehicles on a road
    Synth(trainer::synth::SynthArgs),
    /// Train a method (needs the cargo feature `torch`)
    Train(commands::train::TrainArgs),
    /// Write the trained encoders of a run as ONNX (needs the cargo feature `torch`)
    Export(commands::export::ExportArgs),
    /// Build a model folder from a run: reference table, backbone, manifest
    Table(commands::table::TableArgs),
    /// Give a model its decoder and its neural mesh, so that poses are refined
    Mesh(commands::mesh::MeshArgs),
    /// Fit how a model's neighbours vote, on held-out data
    Calibrate(commands::calibrate::CalibrateArgs),
    /// Measure a model on a test set
    Eval(commands::eval::EvalArgs),
    /// Measure from how far away refinement finds the pose, and what it makes of less time
    Basin(commands::basin::BasinArgs),
    /// Compare two measured models object by object
    Compare(commands::compare::CompareArgs),
    /// Check the user's copies of public data sets
    Data(commands::data::DataArgs),
    /// Render reference views or training crops as a contact sheet
    Render(commands::render::RenderArgs),
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,tract=error,ort=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let result = match Cli::parse().command {
        Command::Synth(args) => trainer::synth::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Table(args) => commands::table::run(&args),
        Command::Mesh(args) => commands::mesh::run(&args),
        Command::Calibrate(args) => commands::calibrate::run(&args),
        Command::Eval(args) => commands::eval::run(&args),
        Command::Basin(args) => commands::basin::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Data(args) => commands::data::run(&args),
        Command::Render(args) => commands::render::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
