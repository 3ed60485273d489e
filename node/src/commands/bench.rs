//! `azimuth bench`: what the parts of the program cost on this machine, one file a part.

mod path;
mod scene;

use std::process::ExitCode;

use clap::Subcommand;

/// What the parts of the program cost on this machine.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  azimuth bench path
  azimuth bench path --model models/zoo/car --provider onnxruntime --json")]
pub struct Args {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand, Debug)]
enum Subject {
    /// The whole path of an object: crop, network, retrieval, place
    Path(path::Args),
}

/// Runs the command.
///
/// # Errors
/// What the subject says.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.subject {
        Subject::Path(args) => path::execute(args),
    }
}
