//! Cars of KITTI-layout sequences (tracking benchmark, and what `trainer synth` writes), cut from their frames.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use calibration::Viewpoint;
use calibration::kitti::{Calibration, ObjectLabel, TrackingLabel, parse_calibration, parse_tracking_labels};
use image::RgbImage;
use kernels::BoxPx;
use rayon::prelude::*;

use super::{Picture, Sample, Source};

/// Surroundings kept around a box, as a fraction of its sides on each side: what a canvas twice as wide as high with a quarter of
/// context shows around a square box, and room for box noise. Less would show training a grey border that the node never sees.
const SURROUNDINGS: f64 = 1.0;

/// Which labels of a sequence become samples.
#[derive(Clone, Debug)]
pub struct KittiSelection {
    /// Label classes, as written in the files.
    pub classes: Vec<String>,
    /// Boxes narrower or lower than this are left out.
    pub side_min_px: f64,
    /// Highest occlusion level taken.
    pub occluded_max: i32,
    /// Frames taken, as a half-open range.
    pub frames: std::ops::Range<u32>,
    /// Frames left out within the range.
    pub frames_skipped: std::ops::Range<u32>,
}

/// Reads one sequence of a tracking-layout folder (`image_02`, `label_02`, `calib`).
pub fn load_sequence(root: &Path, sequence: &str, selection: &KittiSelection, source: Source) -> Result<Vec<Sample>> {
    let labelled = load_labelled(root, sequence, selection, source)?;
    Ok(labelled.into_iter().map(|(_, sample)| sample).collect())
}

/// As [`load_sequence`], each sample with its label.
pub fn load_labelled(
    root: &Path,
    sequence: &str,
    selection: &KittiSelection,
    source: Source,
) -> Result<Vec<(TrackingLabel, Sample)>> {
    let label_path = root.join("label_02").join(format!("{sequence}.txt"));
    let text = std::fs::read_to_string(&label_path).with_context(|| label_path.display().to_string())?;
    let labels = parse_tracking_labels(&text, &label_path.display().to_string())?;
    let folder = root.join("image_02").join(sequence);
    let calib_path = root.join("calib").join(format!("{sequence}.txt"));
    let calib_text = std::fs::read_to_string(&calib_path).with_context(|| calib_path.display().to_string())?;
    let mut frames: Vec<u32> = labels.iter().map(|l| l.frame).collect();
    frames.dedup();
    frames.retain(|f| selection.frames.contains(f) && !selection.frames_skipped.contains(f));
    let nested: Vec<Vec<(TrackingLabel, Sample)>> = frames
        .par_iter()
        .map(|&frame| {
            let chosen: Vec<&TrackingLabel> =
                labels.iter().filter(|l| l.frame == frame && selected(&l.object, selection)).collect();
            if chosen.is_empty() {
                return Ok(Vec::new());
            }
            let image = open_frame(&folder, frame)?;
            let calibration =
                parse_calibration(&calib_text, &calib_path.display().to_string(), image.width(), image.height())?;
            let labelled =
                |l: &TrackingLabel| Ok((l.clone(), cut(&image, l, &calibration, source, group_of(sequence, l))?));
            chosen.into_iter().map(labelled).collect()
        })
        .collect::<Result<_>>()?;
    Ok(nested.into_iter().flatten().collect())
}

/// Track numbers start anew in every sequence.
fn group_of(sequence: &str, label: &TrackingLabel) -> u32 {
    let of_sequence = sequence.bytes().fold(0, |hash: u32, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    of_sequence.wrapping_mul(100_003).wrapping_add(label.track_id as u32)
}

fn selected(label: &ObjectLabel, selection: &KittiSelection) -> bool {
    let [x1, y1, x2, y2] = label.box_px;
    selection.classes.contains(&label.class)
        && (0..=selection.occluded_max).contains(&label.occluded)
        && x2 - x1 > selection.side_min_px
        && y2 - y1 > selection.side_min_px
}

/// Decodes frame number `frame` of a sequence folder, PNG or JPEG.
pub fn open_frame(folder: &Path, frame: u32) -> Result<RgbImage> {
    open_image(&folder.join(format!("{frame:06}")))
}

/// Decodes `stem` with whichever of the extensions png, jpg, jpeg exists.
pub fn open_image(stem: &Path) -> Result<RgbImage> {
    let path: PathBuf = ["png", "jpg", "jpeg"]
        .iter()
        .map(|extension| stem.with_extension(extension))
        .find(|path| path.is_file())
        .with_context(|| format!("{}: no .png, .jpg or .jpeg of this name", stem.display()))?;
    Ok(image::open(&path).with_context(|| path.display().to_string())?.into_rgb8())
}

/// Allocentric viewpoint of a label: relative to the ray through the centre of its 3D box, as seen by camera 2.
pub fn viewpoint(label: &ObjectLabel, calibration: &Calibration) -> Result<Viewpoint> {
    let center = calibration.in_camera2_m(&label.center_m());
    let rotation = label.allocentric(&center).context("the label's 3D box is centred on the camera")?;
    Ok(Viewpoint::from_rotation(&rotation))
}

fn cut(
    image: &RgbImage,
    label: &TrackingLabel,
    calibration: &Calibration,
    source: Source,
    group: u32,
) -> Result<Sample> {
    let object = &label.object;
    let [x1, y1, x2, y2] = object.box_px;
    let (dx, dy) = ((x2 - x1) * SURROUNDINGS, (y2 - y1) * SURROUNDINGS);
    let left = (x1 - dx).floor().max(0.0) as u32;
    let top = (y1 - dy).floor().max(0.0) as u32;
    let right = ((x2 + dx).ceil() as u32).min(image.width());
    let bottom = ((y2 + dy).ceil() as u32).min(image.height());
    ensure!(left < right && top < bottom, "frame {}: box {:?} is outside the image", label.frame, object.box_px);
    let window = image::imageops::crop_imm(image, left, top, right - left, bottom - top).to_image();
    Ok(Sample {
        source,
        picture: Picture::Decoded(Arc::new(window)),
        box_px: BoxPx {
            x1: (x1 - f64::from(left)) as f32,
            y1: (y1 - f64::from(top)) as f32,
            x2: (x2 - f64::from(left)) as f32,
            y2: (y2 - f64::from(top)) as f32,
        },
        viewpoint: viewpoint(object, calibration)?,
        group,
        occlusion: object.occluded.clamp(0, 3) as u8,
        size_m: Some([object.length_m, object.width_m, object.height_m]),
        center_m: Some(calibration.in_camera2_m(&object.center_m())),
        camera: Some(calibration.camera.window(left, top, right - left, bottom - top)?),
    })
}
