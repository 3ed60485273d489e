//! `azimuth demo`: the bundled sequence through the node and back, and a report to look at.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use models::Provider;
use serde_json::json;

use super::print;
use super::run::stop_on_signals;
use crate::demo::bundled::find_sequence;
use crate::demo::headline::Headline;
use crate::demo::play::{Request, play};
use crate::demo::report;
use crate::model_path::find_model;
use crate::replay::Sequence;

/// Plays the bundled sequence through the node and writes a report to look at.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A publisher, the node and a subscriber, each with a session of its own, exchange the frames of a short sequence in shared memory. The
answers are compared with the labels and drawn into DIR/report.html: one file, no network needed, open it in any browser.

Examples:
  azimuth demo
  azimuth demo --model models/zoo/car --rate 5 --out /tmp/azimuth
  azimuth demo --sequence-dir ~/kitti/tracking --sequence 0001 --json")]
pub struct Args {
    /// Folder of the report
    #[arg(long, value_name = "DIR", default_value = "azimuth-demo")]
    pub out: PathBuf,
    /// Model folder [default: AZIMUTH_MODEL, then models/zoo/car]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Frames a second [default: 10, or what this machine keeps up with]
    #[arg(long, value_name = "HZ", value_parser = rate)]
    pub rate: Option<f64>,
    /// Another sequence, in the layout of KITTI's tracking set [default: the bundled one]
    #[arg(long, value_name = "DIR")]
    pub sequence_dir: Option<PathBuf>,
    /// Its name
    #[arg(long, value_name = "NAME", default_value = "0000")]
    pub sequence: String,
    /// Providers allowed, in order: tensorrt, cuda, onnxruntime, tract
    #[arg(long = "provider", value_name = "P", value_delimiter = ',', default_value = "onnxruntime,tract")]
    pub providers: Vec<Provider>,
    /// Threads of the network [default: half of the cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Print the headline numbers as JSON
    #[arg(long)]
    pub json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number")?;
    if (0.1..=1000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("must be between 0.1 and 1000 frames a second".to_owned())
    }
}

/// Runs the command.
///
/// # Errors
/// A model or sequence that is missing or damaged, a transport that cannot be set up, or a report that cannot be written.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let model = find_model(args.model.as_deref())?;
    let folder = find_sequence(args.sequence_dir.as_deref(), &args.sequence)?;
    let sequence = Sequence::load(&folder, &args.sequence)?;
    let request = Request {
        model: &model,
        sequence: &sequence,
        rate_hz: args.rate,
        providers: &args.providers,
        threads: args.threads.map_or_else(half_of_the_cores, NonZeroUsize::get),
    };
    let playback = play(&request, &*stop_on_signals()?)?;
    let headline = Headline::new(&playback);
    let path = report::write(&args.out, &playback, &headline)?;
    if args.json {
        let mut value = headline.json();
        value["sequence"] = json!(playback.sequence);
        value["report"] = json!(path.display().to_string());
        print(&format!("{value:#}\n"))?;
    } else {
        let rows: String = headline.rows().iter().map(|(name, value)| format!("  {name:<28} {value}\n")).collect();
        print(&format!("{rows}\nreport: {}\n", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The network's share: the publisher decodes pictures at the same time.
fn half_of_the_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}
