//! `azimuth estimate`: the pose path on one image file. No transport, no deadline.

mod annotate;
mod boxes;
mod calibration;
mod report;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use image::RgbImage;
use kernels::{ImageView, PixelFormat};
use models::{BackboneConfig, Model, Provider};

use super::print;
use crate::frame::Frame;
use crate::level::Level;
use crate::limits::Limits;
use crate::model_path::find_model;
use crate::pipeline::Pipeline;
use crate::time::{Deadline, MonotonicClock, Stamp};

/// Most memory a decoded image may take, bytes.
const DECODED_BYTES_MAX: u64 = 1 << 30;
/// Most detections one file may hold; the bound of `limits.detections_max`.
const DETECTIONS_MAX: usize = 4096;

/// Orientation and position of the objects in one image.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The boxes are JSON, in pixels from the upper left corner of the image:
  [{\"box\": [x1, y1, x2, y2], \"class\": \"car\", \"score\": 0.9}]       (score and id may be left out)

Without --calib the camera is guessed (focal length 0.58 image widths, centred) and the answer says so:
orientations relative to the line of sight hold, positions are then only as good as the guess.

The answer of --json, one object for each box:
  {\"objects\": [{\"box\", \"class\", \"status\", \"rotation_wxyz\", \"viewpoint_deg\", \"translation_m\", \"covariance\",
   \"similarity\", \"alternatives\", \"refinement\"}], \"timing_us\", \"provider\", \"model\"}
rotation_wxyz: camera optical axes (x right, y down, z forward) from body axes (x forward, y left, z up).
viewpoint_deg: relative to the line of sight, azimuth 0 = front, 90 = its left side, 180 = rear.
covariance: 6x6 row by row, x y z then rotation about x y z. Without a pose these are null.
refinement: how it ended (converged, step_limit, diverged), null where the pose is as retrieved.

Examples:
  azimuth estimate --image street.png --boxes boxes.json
  azimuth estimate --image 000042.png --boxes boxes.json --calib calib/000042.txt --level-sigma-deg 1.5 --json
  azimuth estimate --image street.jpg --boxes boxes.json --calib camera_info.yaml --out annotated.png")]
pub struct Args {
    /// Image, PNG or JPEG
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// Detections, JSON
    #[arg(long, value_name = "FILE")]
    pub boxes: PathBuf,
    /// Camera: KITTI calibration file or ROS camera_info YAML
    #[arg(long, value_name = "FILE")]
    pub calib: Option<PathBuf>,
    /// The image is rectified: use the projection matrix of the camera_info, not the camera matrix
    #[arg(long, requires = "calib")]
    pub rectified: bool,
    /// The objects stand on ground that is level to this many degrees (standard deviation); 0: nothing is known
    #[arg(long, value_name = "DEG", default_value = "0")]
    pub level_sigma_deg: f64,
    /// The camera looks down by this many degrees
    #[arg(long, value_name = "DEG", default_value = "0", allow_hyphen_values = true)]
    pub mounting_pitch_deg: f64,
    /// The camera's left side is higher by this many degrees
    #[arg(long, value_name = "DEG", default_value = "0", allow_hyphen_values = true)]
    pub mounting_roll_deg: f64,
    /// Model folder [default: AZIMUTH_MODEL, then models/zoo/car]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Providers allowed, in order: tensorrt, cuda, onnxruntime, tract
    #[arg(long = "provider", value_name = "P", value_delimiter = ',', default_value = "onnxruntime,tract")]
    pub providers: Vec<Provider>,
    /// Threads of the network
    #[arg(long, value_name = "N", default_value = "1")]
    pub threads: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Also write the image with the boxes drawn in, PNG
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read, with its file and place, or a frame the pipeline refuses as a whole.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let limits = Limits::default();
    let level = Level::new(args.level_sigma_deg, args.mounting_pitch_deg, args.mounting_roll_deg)?;
    let detections = boxes::load(&args.boxes)?;
    let image = load_image(&args.image, limits.image_side_px_max)?;
    let camera = calibration::load(args.calib.as_deref(), args.rectified, image.dimensions())?;

    let folder = find_model(args.model.as_deref())?;
    let limits = Limits { detections_max: detections.len().clamp(1, DETECTIONS_MAX), ..limits };
    let config = BackboneConfig {
        providers: args.providers.clone(),
        threads: args.threads.get(),
        batch_max: limits.batch_max.min(limits.detections_max),
        ..BackboneConfig::default()
    };
    let model = Model::load(&folder, &config)?;
    let mut pipeline = Pipeline::new(model, &limits)?.with_level(level);

    let (width, height) = image.dimensions();
    let view = ImageView::new(image.as_raw(), width, height, width as usize * 3, PixelFormat::Rgb8)?;
    let frame = Frame { stamp: Stamp::default(), image: view };
    let clock = MonotonicClock::new();
    let poses = pipeline
        .process(&frame, &camera.pinhole, &detections, Deadline::NEVER, &clock)
        .with_context(|| args.image.display().to_string())?
        .to_vec();

    let report = report::Report::new(&detections, &poses, &camera, &pipeline);
    if args.json {
        print(&format!("{}\n", report.json()))?;
    } else {
        print(&report.table())?;
    }
    if let Some(out) = &args.out {
        let mut image = image;
        annotate::draw(&mut image, &detections, &poses, &camera.pinhole);
        image.save_with_format(out, image::ImageFormat::Png).with_context(|| out.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads an image within bounds that hold before anything is allocated for its pixels.
fn load_image(path: &Path, side_px_max: u32) -> anyhow::Result<RgbImage> {
    let place = || path.display().to_string();
    let mut reader = image::ImageReader::open(path).with_context(place)?.with_guessed_format().with_context(place)?;
    let mut bounds = image::Limits::default();
    bounds.max_image_width = Some(side_px_max);
    bounds.max_image_height = Some(side_px_max);
    bounds.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(bounds);
    Ok(reader.decode().with_context(place)?.into_rgb8())
}
