//! The KITTI3D protocol of NeMo and Kouros et al.: class Car, 2D box wider and higher than 40 pixels, split by KITTI's
//! occlusion level. Crops come from the label's tight 2D box, so that neither distance nor 3D centre is given away, or, to compare
//! with the published tables, by NeMo's alignment, which gives both away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use calibration::kitti::{Calibration, ObjectLabel, parse_calibration, parse_object_labels};
use image::RgbImage;
use kernels::BoxPx;
use rayon::prelude::*;

use crate::datasets::benchmark::{BenchmarkObject, BenchmarkObjects, OracleCrop};
use crate::datasets::kitti::{open_image, viewpoint};
use crate::datasets::{Picture, Sample, Source};

/// Boxes must be wider and higher than this.
pub const SIDE_MIN_PX: f64 = 40.0;

/// Category of every object of the protocol.
pub const CATEGORY: &str = "car";

/// NeMo's scripts resize a picture by this factor a metre of distance (200 / 1280).
const ORACLE_SCALE_PER_M: f64 = 200.0 / 1280.0;

/// Splits by KITTI's occlusion level.
const SPLITS: [&str; 3] = ["fully_visible", "partly_occluded", "largely_occluded"];

/// Frames decoded at once; the whole data set would not fit into memory.
const FRAMES_AT_ONCE: usize = 32;

/// Cars of an object-layout folder (`image_2`, `label_2`, `calib`) by the protocol, some frames at a time.
///
/// `only`, where given, is a file with the numbers of the frames to take, one a line (KITTI's `ImageSets` files, `val.txt`).
pub fn open(root: &Path, only: Option<&Path>) -> Result<BenchmarkObjects> {
    let paths = match only {
        Some(list) => listed(root, list)?,
        None => all(root)?,
    };
    let root = root.to_path_buf();
    let chunks: Vec<Vec<PathBuf>> = paths.chunks(FRAMES_AT_ONCE).map(<[PathBuf]>::to_vec).collect();
    Ok(Box::new(chunks.into_iter().map(move |chunk| {
        let nested: Vec<Vec<_>> = chunk.par_iter().map(|path| load_frame(&root, path)).collect::<Result<_>>()?;
        Ok(nested.into_iter().flatten().collect())
    })))
}

/// The split of an occlusion level, 0 to 2: the protocol takes no others.
pub fn split(occlusion: u8) -> &'static str {
    SPLITS[usize::from(occlusion).min(SPLITS.len() - 1)]
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

fn load_frame(root: &Path, label_path: &Path) -> Result<Vec<BenchmarkObject>> {
    let place = label_path.display().to_string();
    let text = std::fs::read_to_string(label_path).with_context(|| place.clone())?;
    let labels = parse_object_labels(&text, &place)?;
    if !labels.iter().any(in_protocol) {
        return Ok(Vec::new());
    }
    let stem = label_path.file_stem().context("a label file has no name")?;
    let image = Arc::new(open_image(&root.join("image_2").join(stem))?);
    let calib_path = root.join("calib").join(stem).with_extension("txt");
    let calib_place = calib_path.display().to_string();
    let calib_text = std::fs::read_to_string(&calib_path).with_context(|| calib_place.clone())?;
    let calibration = parse_calibration(&calib_text, &calib_place, image.width(), image.height())?;
    let stem = stem.to_string_lossy();
    let object = |(index, label): (usize, &ObjectLabel)| {
        in_protocol(label).then(|| posed(label, format!("{stem}/{index}"), &image, &calibration))
    };
    labels.iter().enumerate().filter_map(object).collect()
}

fn posed(
    label: &ObjectLabel,
    name: String,
    image: &Arc<RgbImage>,
    calibration: &Calibration,
) -> Result<BenchmarkObject> {
    let [x1, y1, x2, y2] = label.box_px.map(|v| v as f32);
    let occlusion = label.occluded.clamp(0, 2) as u8;
    Ok(BenchmarkObject {
        sample: Sample {
            source: Source::Kitti,
            picture: Picture::Decoded(Arc::clone(image)),
            box_px: BoxPx { x1, y1, x2, y2 },
            viewpoint: viewpoint(label, calibration)?,
            group: 0,
            occlusion,
            camera: Some(calibration.camera),
        },
        category: CATEGORY.to_owned(),
        split: split(occlusion).to_owned(),
        name,
        oracle: oracle(label, calibration),
    })
}

/// NeMo's alignment of a label; `None` for a centre behind the camera.
fn oracle(label: &ObjectLabel, calibration: &Calibration) -> Option<OracleCrop> {
    let center_m = calibration.in_camera2_m(&label.center_m());
    let center_px = calibration.camera.project(&center_m)?.map(|v| v as f32);
    Some(OracleCrop { center_px, scale: (ORACLE_SCALE_PER_M * center_m.norm()) as f32 })
}

fn in_protocol(label: &ObjectLabel) -> bool {
    let [x1, y1, x2, y2] = label.box_px;
    label.class == "Car" && (0..=2).contains(&label.occluded) && x2 - x1 > SIDE_MIN_PX && y2 - y1 > SIDE_MIN_PX
}

#[cfg(test)]
mod tests {
    use calibration::PinholeCamera;
    use calibration::kitti::emit_calibration;
    use nalgebra::Vector3;

    use super::*;

    fn label(class: &str, occluded: i32, width_px: f64, z_m: f64) -> ObjectLabel {
        ObjectLabel {
            class: class.to_owned(),
            truncated: 0.0,
            occluded,
            alpha_rad: 0.3,
            box_px: [10.0, 20.0, 10.0 + width_px, 70.0],
            height_m: 1.5,
            width_m: 1.7,
            length_m: 4.2,
            bottom_center_m: Vector3::new(0.0, 0.75, z_m),
            rotation_y_rad: 0.3,
            score: None,
        }
    }

    fn calibration() -> Calibration {
        let camera = PinholeCamera::new(720.0, 720.0, 100.0, 50.0, 200, 100).unwrap();
        Calibration { camera, camera2_from_camera0_m: Vector3::zeros() }
    }

    #[test]
    fn objects_of_the_protocol_are_named_by_frame_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        let lines = [
            label("Pedestrian", 0, 60.0, 20.0),
            label("Car", 2, 60.0, 20.0),
            label("Car", 0, 30.0, 20.0),
            label("Car", 3, 60.0, 20.0),
            label("Car", 0, 60.0, 20.0),
        ];
        let text: String = lines.iter().map(|label| label.emit() + "\n").collect();
        std::fs::write(path("label_2/000007.txt"), text).unwrap();
        std::fs::write(path("calib/000007.txt"), emit_calibration(&calibration())).unwrap();
        RgbImage::new(200, 100).save(path("image_2/000007.png")).unwrap();
        let objects: Vec<_> = open(folder.path(), None).unwrap().flat_map(Result::unwrap).collect();
        let named: Vec<_> = objects.iter().map(|object| (object.name.as_str(), object.split.as_str())).collect();
        assert_eq!(named, [("000007/1", "largely_occluded"), ("000007/4", "fully_visible")]);
    }

    /// NeMo's KITTI crops show every car at the same scale: with KITTI's focal length, 113 pixels a metre.
    #[test]
    fn the_oracle_brings_every_distance_to_the_same_scale() {
        for z_m in [8.0, 20.0, 45.0] {
            let oracle = oracle(&label("Car", 0, 60.0, z_m), &calibration()).unwrap();
            // The 3D centre is half a height above the bottom and lies on the optical axis.
            assert_eq!(oracle.center_px, [100.0, 50.0]);
            let px_per_m = 720.0 / z_m as f32 * oracle.scale;
            assert!((px_per_m - 112.5).abs() < 0.01, "{px_per_m}");
        }
    }
}
