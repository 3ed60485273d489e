//! `azimuth bench`: what the parts of the program cost on this machine, one file a part.

mod npy;
mod path;
mod scene;
mod top_k;

use std::process::ExitCode;

use clap::Subcommand;

/// What the parts of the program cost on this machine.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  azimuth bench path
  azimuth bench path --model models/zoo/car --provider onnxruntime --json
  azimuth bench top-k --table models/zoo/car/reference_table.safetensors --precision f16")]
pub struct Args {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand, Debug)]
enum Subject {
    /// The whole path of an object: crop, network, retrieval, place
    Path(path::Args),
    /// The search of a reference table
    TopK(top_k::Args),
}

/// Runs the command.
///
/// # Errors
/// What the subject says.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.subject {
        Subject::Path(args) => path::execute(args),
        Subject::TopK(args) => top_k::execute(args),
    }
}
