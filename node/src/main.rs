//! The command line of `azimuth`. Everything it does lives in the library.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use node::commands;
use tracing_subscriber::EnvFilter;

/// Camera frames and 2D detections in, oriented objects out, in real time.
///
/// Each detected object gets its orientation and position in the camera, with covariance, the probability
/// of the 180-degree flip and of other readings of the same picture, and a status that says what became of it.
#[derive(Parser)]
#[command(
    name = "azimuth",
    version,
    after_help = "\
Examples:
  azimuth demo --out report                  a drive through the node, and a report to look at
  azimuth doctor                             what runs on this machine, and what to mend
  azimuth estimate --image a.png --boxes b.json --json
                                             one image, no transport
  azimuth run --config launch/vehicle.toml   the node
  azimuth bench path                         what an object costs on this machine
  azimuth COMMAND --help                     formats and more examples

Results go to standard output, messages to standard error; AZIMUTH_LOG=debug shows more.
AZIMUTH_MODEL names the model folder. Exit codes: 0 done, 1 failed, 2 wrong arguments."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A recorded sequence through the node and back, and a report to look at
    Demo(commands::demo::Args),
    /// The node: frames and detections in, oriented objects out
    Run(commands::run::Args),
    /// Send a recorded drive like a camera and a detector would
    Replay(commands::replay::Args),
    /// Orientation and position of the objects in one image
    Estimate(commands::estimate::Args),
    /// What runs here, what does not, and how to mend it
    Doctor(commands::doctor::Args),
    /// What the parts of the program cost on this machine
    Bench(commands::bench::Args),
}

fn main() -> ExitCode {
    start_tracing();
    let result = match Cli::parse().command {
        Command::Demo(args) => commands::demo::execute(&args),
        Command::Run(args) => commands::run::execute(&args),
        Command::Replay(args) => commands::replay::execute(&args),
        Command::Estimate(args) => commands::estimate::execute(&args),
        Command::Doctor(args) => commands::doctor::execute(&args),
        Command::Bench(args) => commands::bench::execute(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("azimuth: {}", commands::error_chain(error.as_ref()));
        ExitCode::FAILURE
    })
}

/// Messages to standard error, filtered by AZIMUTH_LOG, warnings and worse unless asked.
fn start_tracing() {
    let filter = EnvFilter::try_from_env("AZIMUTH_LOG").unwrap_or_else(|_| EnvFilter::new("warn,node=info"));
    // A log that cannot be written (a closed pipe, a full disk) is lost; it must not take the node with it.
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    format.with_target(false).log_internal_errors(false).init();
}
