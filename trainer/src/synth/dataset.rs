//! The `synth` command: scenes as files in KITTI's tracking layout.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use calibration::kitti::{Calibration, TrackingLabel, emit_calibration};
use image::codecs::jpeg::JpegEncoder;
use indicatif::{ProgressBar, ProgressStyle};
use nalgebra::Vector3;
use rayon::prelude::*;

use super::{Drive, Rendered, SceneOptions, render, scene_with};

/// Renders KITTI-layout scenes of parametric vehicles on a road.
#[derive(Clone, Debug, clap::Args)]
pub struct SynthArgs {
    /// Folder that receives image_02, label_02 and calib.
    #[arg(long)]
    pub out: PathBuf,
    /// Number of frames.
    #[arg(long, default_value_t = 100)]
    pub frames: u32,
    /// Everything follows from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Name of the sequence.
    #[arg(long, default_value = "0000")]
    pub sequence: String,
    /// Image width; the focal length follows it.
    #[arg(long, default_value_t = 1242)]
    pub width: u32,
    /// Image height.
    #[arg(long, default_value_t = 375)]
    pub height: u32,
    /// JPEG quality, 1 to 100.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub jpeg_quality: u8,
    /// One continuous drive at 10 Hz; without it, every frame is a scene of its own.
    #[arg(long)]
    pub moving: bool,
}

/// Renders the frames that `args` describes.
///
/// # Errors
/// Where the folder cannot be written, or the image size is out of bounds.
pub fn run(args: &SynthArgs) -> Result<()> {
    ensure!(args.frames > 0, "--frames must be at least 1");
    ensure!(!args.sequence.contains(['/', '\\']) && !args.sequence.starts_with('.'), "--sequence must be a plain name");
    let options = SceneOptions { width_px: args.width, height_px: args.height };
    let images = args.out.join("image_02").join(&args.sequence);
    let (labels, calibrations) = (args.out.join("label_02"), args.out.join("calib"));
    for folder in [&images, &labels, &calibrations] {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let bar = ProgressBar::new(args.frames.into()).with_style(style()?);
    let drive = args.moving.then(|| Drive::new(args.seed, args.frames, &options)).transpose()?;
    let lines = (0..args.frames)
        .into_par_iter()
        .map(|frame| -> Result<String> {
            let scene = match &drive {
                Some(drive) => drive.scene(frame),
                None => scene_with(args.seed.wrapping_mul(0x0001_0000_0001).wrapping_add(frame.into()), &options)?,
            };
            let rendered = render(&scene)?;
            write_jpeg(&rendered, &images.join(format!("{frame:06}.jpg")), args.jpeg_quality)?;
            bar.inc(1);
            // Tracks go on from frame to frame only where the frames belong together.
            let first_id = if args.moving { 0 } else { i64::from(frame) * 1000 };
            Ok(rendered.labels.iter().map(|label| tracking_line(frame, first_id, label)).collect())
        })
        .collect::<Result<Vec<String>>>()?;
    bar.finish_and_clear();
    write(&labels.join(format!("{}.txt", args.sequence)), &lines.concat())?;
    let calibration = Calibration { camera: options.camera()?, camera2_from_camera0_m: Vector3::zeros() };
    write(&calibrations.join(format!("{}.txt", args.sequence)), &emit_calibration(&calibration))?;
    tracing::info!(frames = args.frames, out = %args.out.display(), "rendered");
    Ok(())
}

fn tracking_line(frame: u32, first_id: i64, label: &super::VehicleLabel) -> String {
    let tracking = TrackingLabel { frame, track_id: first_id + label.track_id, object: label.object.clone() };
    tracking.emit() + "\n"
}

fn style() -> Result<ProgressStyle> {
    Ok(ProgressStyle::with_template("rendering {bar:32} {pos}/{len} frames, {per_sec}, {eta} left")?)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn write_jpeg(rendered: &Rendered, path: &Path, quality: u8) -> Result<()> {
    let mut bytes = Vec::new();
    rendered.rgb.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
