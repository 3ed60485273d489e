//! `azimuth doctor`: what runs here, what does not, and how to mend it.

mod check;
mod machine;
mod model;
mod providers;
mod shared_memory;

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::print;
use check::{Check, State};

/// What runs here, what does not, and how to mend it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Each line is ok, warn (it runs, with less speed or certainty) or fail (it does not run), with the mend below.
The exit code is 0 unless a line says fail.

Examples:
  azimuth doctor
  azimuth doctor --model models/zoo/car --json")]
pub struct Args {
    /// Model folder [default: AZIMUTH_MODEL, then models/zoo/car]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Print JSON: {"ok", "checks": [{"name", "state", "detail", "mend"}]}
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// Standard output cannot be written. What is wrong with the machine is a line of the answer.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    checks.extend(machine::check());
    checks.extend(shared_memory::check());
    checks.extend(providers::check());
    checks.extend(model::check(args.model.as_deref()));
    let is_ok = checks.iter().all(|check| check.state != State::Fail);
    if args.json {
        print(&format!("{:#}\n", json!({ "ok": is_ok, "checks": checks })))?;
    } else {
        print(&checks.iter().map(Check::to_string).collect::<String>())?;
    }
    Ok(if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
