//! `azimuth replay`: a recorded drive, sent like a camera and a detector would.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::print;
use super::run::{load_launch, stop_on_signals};
use crate::replay::jitter::Jitter;
use crate::replay::{PlayOptions, Played, Player, Sequence};

/// Publishes a KITTI tracking sequence: frames, calibration and detections, in step.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The folder is KITTI's tracking set or its training folder: image_02/SEQ/NNNNNN.png|jpg, label_02/SEQ.txt, calib/SEQ.txt.
Detections are the labelled boxes of Car, Van and Truck; the id of a detection is its track. Frames are stamped with the wall
clock, one period apart, so that frame number = first_frame + (stamp - first_stamp) / period.

It waits for a node, paces by an absolute schedule, drops what comes too late, and counts the answers on object_pose.

Examples:
  azimuth run --config launch/replay.toml &
  azimuth replay --kitti ~/kitti/tracking --sequence 0001
  azimuth replay --kitti ~/kitti/tracking --sequence 0001 --jitter-iou 0.75 --seed 7 --rate 20 --limit 200 --json")]
pub struct Args {
    /// KITTI tracking data
    #[arg(long, value_name = "DIR")]
    pub kitti: PathBuf,
    /// Sequence
    #[arg(long, value_name = "NAME")]
    pub sequence: String,
    /// Frames a second
    #[arg(long, value_name = "HZ", default_value = "10", value_parser = rate)]
    pub rate: f64,
    /// Play only the first N frames
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Shift boxes like a detector would, down to this intersection over union with the label (0 to 1)
    #[arg(long, value_name = "IOU", value_parser = overlap)]
    pub jitter_iou: Option<f64>,
    /// Seed of the shifts
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// Most occluded labels that are detected: 0 fully visible, 1 partly, 2 largely occluded, 3 unknown
    #[arg(long, value_name = "LEVEL", default_value = "2")]
    pub occluded_max: i32,
    /// Smallest labels that are detected, pixels of height
    #[arg(long, value_name = "PX", default_value = "0")]
    pub height_min: f64,
    /// Labels that are detected
    #[arg(long, value_name = "CLASS", value_delimiter = ',', default_value = "Car,Van,Truck")]
    pub classes: Vec<String>,
    /// Launch file of the node to play to [default: as built in]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Longest wait for the node, seconds
    #[arg(long, value_name = "S", default_value = "10")]
    pub wait: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number")?;
    if (0.01..=1000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("must be between 0.01 and 1000 frames a second".to_owned())
    }
}

fn overlap(text: &str) -> Result<f64, String> {
    let overlap: f64 = text.parse().map_err(|_| "not a number")?;
    if overlap > 0.0 && overlap <= 1.0 { Ok(overlap) } else { Err("must be above 0 and at most 1".to_owned()) }
}

/// Runs the command.
///
/// # Errors
/// Data that cannot be read, an endpoint that cannot be used, or nobody listening within `--wait`.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let launch = load_launch(args.config.as_deref())?;
    let sequence = Sequence::load(&args.kitti, &args.sequence)?;
    let options = PlayOptions {
        rate_hz: args.rate,
        limit: args.limit,
        jitter: args.jitter_iou.map(|iou_min| Jitter { iou_min, seed: args.seed }),
        occluded_max: args.occluded_max,
        height_px_min: args.height_min,
        classes: args.classes.clone(),
        wait: Duration::from_secs(args.wait),
        ..PlayOptions::default()
    };
    let stop = stop_on_signals()?;
    let mut player = Player::open(&launch.transport, &launch.keys, &sequence)?;
    let played = player.play(&sequence, &options, &stop);
    player.close();
    let played = played?;
    if args.json {
        let mut value = played.json();
        value["sequence"] = json!(args.sequence);
        value["rate_hz"] = json!(args.rate);
        print(&format!("{value}\n"))?;
    } else {
        print(&table(&played))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(played: &Played) -> String {
    let rows = [
        ("frames published", played.frames),
        ("  by shared memory", played.frames_loaned_shared),
        ("  dropped: pool full", played.dropped_pool_full),
        ("  dropped: behind schedule", played.dropped_behind),
        ("  dropped: unreadable", played.dropped_unreadable),
        ("  refused by the transport", played.refused),
        ("detections published", played.detections),
        ("answers received", played.answers),
        ("objects in them", played.objects),
        ("latency p50, us", played.latency_us.p50),
        ("latency p99, us", played.latency_us.p99),
        ("latency max, us", played.latency_us.max),
    ];
    rows.iter().map(|(name, value)| format!("  {name:<28} {value:>10}\n")).collect()
}
