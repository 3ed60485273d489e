//! Aligned crops with `.npz` annotations, as the scripts of NeMo write them from PASCAL3D+, OccludedPASCAL3D+ and KITTI.
//!
//! Layout: `images/<folder>/*.JPEG`, `annotations/<folder>/*.npz`, `lists/<folder>/*.txt`; a folder is a category, perhaps with an
//! occlusion level (`carFGL1_BGL1`). Angles are radians. The crop is centred on the object and already has its final scale.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use calibration::Viewpoint;
use kernels::BoxPx;

use super::benchmark::{BenchmarkObject, BenchmarkObjects, OracleCrop};
use super::npz::{Npz, NpzError};
use super::stream::stream;
use super::{Fault, Faults, Picture, Sample, Source, faults, lists, photo};

/// What an annotation says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Annotation {
    /// The angles.
    pub viewpoint: Viewpoint,
    /// The object's box in the crop, pixels; it may lie partly outside.
    pub box_px: BoxPx,
    /// Distance in units of the CAD model (PASCAL3D+) or metres (KITTI).
    pub distance: f64,
}

impl Annotation {
    /// Reads an annotation.
    ///
    /// # Errors
    /// [`NpzError`], with the array.
    pub fn parse(file: &[u8]) -> Result<Self, NpzError> {
        let mut npz = Npz::open(file)?;
        let [azimuth_rad, elevation_rad, in_plane_rad] =
            [npz.number("azimuth")?, npz.number("elevation")?, npz.number("theta")?];
        // The script for KITTI marks its files by a viewport of -1; it writes the elevation with the wrong sign.
        let sign = if npz.number("viewport")? < 0.0 { -1.0 } else { 1.0 };
        let [y1, y2, x1, x2, _, _] = npz.numbers::<6>("box_obj")?.map(|v| v as f32);
        if x1 >= x2 || y1 >= y2 {
            return Err(NpzError::Array {
                array: "box_obj".into(),
                reason: format!("{x1},{y1} to {x2},{y2} is no box"),
            });
        }
        Ok(Self {
            viewpoint: Viewpoint { azimuth_rad, elevation_rad: sign * elevation_rad, in_plane_rad },
            box_px: BoxPx { x1, y1, x2, y2 },
            distance: npz.number("distance")?,
        })
    }
}

struct Entry {
    annotation: PathBuf,
    picture: PathBuf,
    name: String,
    category: String,
    level: u8,
}

/// Objects of one folder of the data set at `root`. The split is `L0` to `L3` by the folder's name.
///
/// # Errors
/// Where the folder has neither lists nor annotations. Missing or damaged files are `faults`.
pub fn load(root: &Path, folder: &str, faults: &Faults) -> Result<BenchmarkObjects> {
    let (category, level) = match folder.split_once("FGL") {
        Some((category, rest)) => (category, rest.bytes().next().map_or(0, |b| b.saturating_sub(b'0')).min(3)),
        None => (folder, 0),
    };
    let entries: Vec<Entry> = names(root, folder)?
        .into_iter()
        .map(|name| Entry {
            annotation: root.join("annotations").join(folder).join(format!("{name}.npz")),
            picture: root.join("images").join(folder).join(format!("{name}.JPEG")),
            name: format!("{folder}/{name}"),
            category: category.to_lowercase(),
            level,
        })
        .collect();
    Ok(stream(entries, faults, load_entry))
}

/// Folders of the data set at `root`, sorted.
pub fn folders(root: &Path) -> Result<Vec<String>> {
    let annotations = root.join("annotations");
    let entries = std::fs::read_dir(&annotations).with_context(|| annotations.display().to_string())?;
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| annotations.display().to_string())?;
        if entry.path().is_dir() {
            folders.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    folders.sort();
    ensure!(!folders.is_empty(), "{}: no folder of annotations", annotations.display());
    Ok(folders)
}

/// Of the lists, where the folder has some (an image may be on two: by sub-type and by mesh); otherwise of the annotations.
fn names(root: &Path, folder: &str) -> Result<Vec<String>> {
    let list_folder = root.join("lists").join(folder);
    let mut names = Vec::new();
    if list_folder.is_dir() {
        for list in lists::stems(&list_folder, "txt")? {
            let path = list_folder.join(format!("{list}.txt"));
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            // Sub-types without images have empty lists.
            if !text.trim().is_empty() {
                let lines = lists::lines(&path)?;
                names.extend(lines.iter().map(|line| line.trim_end_matches(".JPEG").to_owned()));
            }
        }
    } else {
        names = lists::stems(&root.join("annotations").join(folder), "npz")?;
    }
    names.sort();
    names.dedup();
    ensure!(!names.is_empty(), "{}: no images of {folder}", root.display());
    Ok(names)
}

fn load_entry(entry: &Entry) -> Result<Vec<BenchmarkObject>, Fault> {
    let bytes = faults::read(&entry.annotation)?;
    let annotation = Annotation::parse(&bytes).map_err(|e| Fault::corrupt(&entry.annotation, e))?;
    let image = photo::open(&entry.picture)?;
    let center_px = [image.width() as f32 / 2.0, image.height() as f32 / 2.0];
    Ok(vec![BenchmarkObject {
        sample: Sample {
            source: Source::Pascal3d,
            picture: Picture::Decoded(image),
            box_px: annotation.box_px,
            viewpoint: annotation.viewpoint,
            group: lists::group(&entry.name),
            occlusion: entry.level,
            size_m: None,
            center_m: None,
            camera: None,
        },
        category: entry.category.clone(),
        split: format!("L{}", entry.level),
        name: entry.name.clone(),
        oracle: Some(OracleCrop { center_px, scale: 1.0 }),
    }])
}
