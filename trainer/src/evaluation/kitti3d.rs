//! The KITTI3D protocol of NeMo and Kouros et al.: class Car, 2D box wider and higher than 40 pixels, split by KITTI's
//! occlusion level. Crops come from the label's tight 2D box: neither distance nor 3D centre is given away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use calibration::kitti::{ObjectLabel, parse_calibration, parse_object_labels};
use kernels::BoxPx;
use rayon::prelude::*;

use super::intervals;
use super::scores::{Row, Scores};
use crate::datasets::kitti::{open_image, viewpoint};
use crate::datasets::{Picture, Sample, Source};

/// Boxes must be wider and higher than this.
pub const SIDE_MIN_PX: f64 = 40.0;

const SPLITS: [&str; 3] = ["fully_visible", "partly_occluded", "largely_occluded"];

/// Frames decoded at once; the whole data set would not fit into memory.
const FRAMES_AT_ONCE: usize = 32;

/// Cars of an object-layout folder (`image_2`, `label_2`, `calib`) by the protocol, some frames at a time.
///
/// `only`, where given, is a file with the numbers of the frames to take, one a line (KITTI's `ImageSets` files, `val.txt`).
pub fn load(root: &Path, only: Option<&Path>) -> Result<impl Iterator<Item = Result<Vec<Sample>>> + use<>> {
    let paths = match only {
        Some(list) => listed(root, list)?,
        None => all(root)?,
    };
    let root = root.to_path_buf();
    let chunks: Vec<Vec<PathBuf>> = paths.chunks(FRAMES_AT_ONCE).map(<[PathBuf]>::to_vec).collect();
    Ok(chunks.into_iter().map(move |chunk| {
        let nested: Vec<Vec<Sample>> = chunk.par_iter().map(|path| load_frame(&root, path)).collect::<Result<_>>()?;
        Ok(nested.into_iter().flatten().collect())
    }))
}

fn listed(root: &Path, list: &Path) -> Result<Vec<PathBuf>> {
    let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
    let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let paths: Vec<PathBuf> = names.map(|name| root.join("label_2").join(name).with_extension("txt")).collect();
    ensure!(!paths.is_empty(), "{}: names no frames", list.display());
    Ok(paths)
}

fn all(root: &Path) -> Result<Vec<PathBuf>> {
    let labels = root.join("label_2");
    let entries = std::fs::read_dir(&labels)
        .with_context(|| format!("{}: not a KITTI object folder (image_2, label_2, calib)", labels.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|e| e.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|p| p.extension().is_some_and(|e| e == "txt"));
    paths.sort();
    ensure!(!paths.is_empty(), "{}: no label files", labels.display());
    Ok(paths)
}

fn load_frame(root: &Path, label_path: &Path) -> Result<Vec<Sample>> {
    let place = label_path.display().to_string();
    let text = std::fs::read_to_string(label_path).with_context(|| place.clone())?;
    let chosen: Vec<ObjectLabel> = parse_object_labels(&text, &place)?.into_iter().filter(in_protocol).collect();
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let stem = label_path.file_stem().context("a label file has no name")?;
    let image = Arc::new(open_image(&root.join("image_2").join(stem))?);
    let calib_path = root.join("calib").join(stem).with_extension("txt");
    let calib_place = calib_path.display().to_string();
    let calib_text = std::fs::read_to_string(&calib_path).with_context(|| calib_place.clone())?;
    let calibration = parse_calibration(&calib_text, &calib_place, image.width(), image.height())?;
    chosen
        .iter()
        .map(|label| {
            let [x1, y1, x2, y2] = label.box_px.map(|v| v as f32);
            Ok(Sample {
                source: Source::Kitti,
                picture: Picture::Decoded(Arc::clone(&image)),
                box_px: BoxPx { x1, y1, x2, y2 },
                viewpoint: viewpoint(label, &calibration)?,
                group: 0,
                occlusion: label.occluded.clamp(0, 2) as u8,
                camera: Some(calibration.camera),
            })
        })
        .collect()
}

fn in_protocol(label: &ObjectLabel) -> bool {
    let [x1, y1, x2, y2] = label.box_px;
    label.class == "Car" && (0..=2).contains(&label.occluded) && x2 - x1 > SIDE_MIN_PX && y2 - y1 > SIDE_MIN_PX
}

/// [`rows`] with their 95 % intervals.
pub fn rows_with_intervals(errors: &[(u8, f64)]) -> Vec<Row> {
    let intervals = intervals::of_splits(errors);
    let add = |row: Row| Row { intervals: intervals.get(&row.split).copied(), ..row };
    rows(errors).into_iter().map(add).collect()
}

/// The table: a row per occlusion level that occurs, then `all`. `errors` are (occlusion level, error in degrees).
pub fn rows(errors: &[(u8, f64)]) -> Vec<Row> {
    let row = |split: &str, scores| Row { split: split.into(), category: "car".into(), scores, intervals: None };
    let mut rows = Vec::new();
    for (level, split) in SPLITS.into_iter().enumerate() {
        let of_level: Vec<f64> = errors.iter().filter(|(o, _)| usize::from(*o) == level).map(|&(_, e)| e).collect();
        rows.extend(Scores::of(&of_level).map(|scores| row(split, scores)));
    }
    let groups: Vec<Scores> = rows.iter().map(|r| r.scores).collect();
    rows.extend(Scores::weighted_mean(&groups).map(|scores| row("all", scores)));
    rows
}
