//! Cars of KITTI's object benchmark by the KITTI3D protocol of NeMo and Kouros et al.: class Car, 2D box wider and higher than 40
//! pixels, split by KITTI's occlusion level.
//!
//! Layout: `image_2`, `label_2`, `calib`; the train and validation frames of 3DOP (Chen et al., NIPS 2015) are lists beside them,
//! `ImageSets/{train,val}.txt`. The tight box is the label's; the oracle crop is that of NeMo's script, from the labelled distance.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use calibration::kitti::{Calibration, ObjectLabel, parse_calibration, parse_object_labels};
use image::RgbImage;
use kernels::BoxPx;

use super::benchmark::{BenchmarkObject, BenchmarkObjects, OracleCrop};
use super::kitti::viewpoint;
use super::stream::stream;
use super::{Fault, Faults, Picture, Sample, Source, faults, lists, photo};

/// Boxes must be wider and higher than this.
pub const SIDE_MIN_PX: f64 = 40.0;
/// Names of the occlusion levels.
pub const SPLITS: [&str; 3] = ["fully_visible", "partly_occluded", "largely_occluded"];
/// Cars of the training frames of 3DOP's split by occlusion level (Kouros et al., section 5.3).
pub const TRAIN_COUNTS: [usize; 3] = [3036, 1861, 1541];
/// Cars of its validation frames.
pub const VAL_COUNTS: [usize; 3] = [2895, 1950, 2035];

/// NeMo's script resizes by 200 pixels for 1280 of (distance in metres, pixels at KITTI's focal length).
const SCALE_PER_M: f64 = 200.0 / 1280.0;

/// Which frames are taken.
#[derive(Clone, Debug, Default)]
pub struct KittiFrames {
    /// A file with the numbers of the frames, one a line; all labelled frames where absent.
    pub list: Option<PathBuf>,
    /// Decode frames without a car of the protocol too, to see whether they are sound.
    pub every_picture: bool,
}

/// The list of `train` or `val`, where the data set at `root` has one: in it, beside it or beneath it.
pub fn split_list(root: &Path, set: &str) -> Option<PathBuf> {
    let name = format!("{set}.txt");
    let beside = root.parent().map(|parent| parent.join("ImageSets").join(&name));
    [Some(root.join("ImageSets").join(&name)), beside].into_iter().flatten().find(|path| path.is_file())
}

/// The folder with `label_2`: `root` itself or its `training`.
pub fn training_folder(root: &Path) -> PathBuf {
    let training = root.join("training");
    if !root.join("label_2").is_dir() && training.join("label_2").is_dir() { training } else { root.to_path_buf() }
}

/// Cars of the folder `root` (`image_2`, `label_2`, `calib`) by the protocol.
///
/// # Errors
/// Where the folder or the list is missing. Missing or damaged files are `faults`.
pub fn load(root: &Path, frames: &KittiFrames, faults: &Faults) -> Result<BenchmarkObjects> {
    let names = frame_names(root, frames)?;
    let (root, every_picture) = (root.to_path_buf(), frames.every_picture);
    Ok(stream(names, faults, move |name: &String| load_frame(&root, name, every_picture)))
}

/// The numbers of the frames.
///
/// # Errors
/// Where the folder or the list is missing or empty.
pub fn frame_names(root: &Path, frames: &KittiFrames) -> Result<Vec<String>> {
    let labels = root.join("label_2");
    let names = match &frames.list {
        Some(list) => lists::lines(list)?,
        None => lists::stems(&labels, "txt").context("not a KITTI object folder (image_2, label_2, calib)")?,
    };
    ensure!(!names.is_empty(), "{}: no label files", labels.display());
    Ok(names)
}

/// Whether a label counts in the protocol.
pub fn in_protocol(label: &ObjectLabel) -> bool {
    let [x1, y1, x2, y2] = label.box_px;
    label.class == "Car" && (0..=2).contains(&label.occluded) && x2 - x1 > SIDE_MIN_PX && y2 - y1 > SIDE_MIN_PX
}

/// The labels of a frame.
pub fn labels(root: &Path, name: &str) -> Result<Vec<ObjectLabel>, Fault> {
    let file = root.join("label_2").join(format!("{name}.txt"));
    parse_object_labels(&text(&file)?, "label").map_err(|e| Fault::corrupt(&file, e))
}

fn text(file: &Path) -> Result<String, Fault> {
    String::from_utf8(faults::read(file)?).map_err(|e| Fault::corrupt(file, e))
}

fn load_frame(root: &Path, name: &str, every_picture: bool) -> Result<Vec<BenchmarkObject>, Fault> {
    let labels = labels(root, name)?;
    let chosen: Vec<(usize, &ObjectLabel)> = labels.iter().enumerate().filter(|(_, l)| in_protocol(l)).collect();
    if chosen.is_empty() && !every_picture {
        return Ok(Vec::new());
    }
    let image = photo::open_any(&root.join("image_2").join(name))?;
    let calib = root.join("calib").join(format!("{name}.txt"));
    let calibration = parse_calibration(&text(&calib)?, "calib", image.width(), image.height());
    let calibration = calibration.map_err(|e| Fault::corrupt(&calib, e))?;
    chosen
        .into_iter()
        .map(|(index, label)| {
            let object = object(label, &calibration, &image, format!("{name}#{index}"));
            object.map_err(|e| Fault::of(&root.join("label_2").join(format!("{name}.txt")), &e))
        })
        .collect()
}

fn object(
    label: &ObjectLabel,
    calibration: &Calibration,
    image: &Arc<RgbImage>,
    name: String,
) -> Result<BenchmarkObject> {
    let [x1, y1, x2, y2] = label.box_px.map(|v| v as f32);
    let level = label.occluded.clamp(0, 2) as u8;
    let center_m = calibration.in_camera2_m(&label.center_m());
    let center = calibration.camera.project(&center_m);
    // The script measures to the bottom of the box, and from camera 0.
    let scale = (label.bottom_center_m.norm() * SCALE_PER_M) as f32;
    Ok(BenchmarkObject {
        sample: Sample {
            source: Source::Kitti,
            picture: Picture::Decoded(Arc::clone(image)),
            box_px: BoxPx { x1, y1, x2, y2 },
            viewpoint: viewpoint(label, calibration)?,
            group: 0,
            occlusion: level,
            size_m: Some([label.length_m, label.width_m, label.height_m]),
            center_m: Some(center_m),
            camera: Some(calibration.camera),
        },
        category: "car".into(),
        split: SPLITS[usize::from(level)].into(),
        name,
        oracle: center.map(|[x, y]| OracleCrop { center_px: [x as f32, y as f32], scale }),
    })
}
