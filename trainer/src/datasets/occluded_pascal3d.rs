//! OccludedPASCAL3D+ (Wang et al., CVPR 2020): the ImageNet test images of PASCAL3D+ with objects of COCO pasted over them.
//!
//! Layout: `images/<category>FGL<n>_BGL<n>/*.JPEG`, `annotations/<same>/*.npz`, `lists/<same>.txt`. The archives hold masks but no
//! pose: that is PASCAL3D+'s own, so both data sets are needed. Their `box` has rows and columns swapped and is not used.

#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::annotated::{Annotated, Choice};
use super::benchmark::BenchmarkObjects;
use super::npz::{Npz, NpzError};
use super::stream::stream;
use super::{Fault, Faults, Source, faults, lists};

/// Images of level 1 (20-40 % of the object covered), by [`super::pascal3d::CATEGORIES`].
pub const L1_COUNTS: [usize; 12] = [951, 634, 921, 732, 527, 2646, 496, 1145, 578, 542, 633, 616];
/// Images of level 2 (40-60 %).
pub const L2_COUNTS: [usize; 12] = [937, 619, 905, 725, 525, 2612, 483, 1107, 570, 521, 613, 602];
/// Images of level 3 (60-80 %), all categories together; by category they were not published.
pub const L3_COUNT: usize = 9983;

/// Pixels of the object's mask brighter than this belong to the object: the masks went through JPEG.
const MASK_MIN: f64 = 10.0;

/// Which objects are taken.
#[derive(Clone, Debug)]
pub struct OccludedSelection {
    /// Of 1, 2 and 3.
    pub levels: Vec<u8>,
    /// Of [`super::pascal3d::CATEGORIES`].
    pub categories: Vec<String>,
    /// Read the masks as well, and refuse images whose masks are missing or damaged. No evaluation needs them.
    pub masks: bool,
}

/// Folder of a category and level: `carFGL1_BGL1`.
pub fn folder(category: &str, level: u8) -> String {
    format!("{category}FGL{level}_BGL{level}")
}

/// Objects of the data set at `root`, with the poses of the PASCAL3D+ at `pascal3d`; the split is `L1`, `L2` or `L3`.
///
/// # Errors
/// Where a list or a level is missing. Missing or damaged files are `faults`.
pub fn load(root: &Path, pascal3d: &Path, selection: &OccludedSelection, faults: &Faults) -> Result<BenchmarkObjects> {
    let mut entries = Vec::new();
    for &level in &selection.levels {
        ensure!((1..=3).contains(&level), "occlusion level {level}: there are 1, 2 and 3");
        for category in &selection.categories {
            let folder = folder(category, level);
            for name in image_names(root, &folder)? {
                let entry = Annotated {
                    annotation: pascal3d.join(format!("Annotations/{category}_imagenet/{name}.mat")),
                    picture: root.join("images").join(&folder).join(format!("{name}.JPEG")),
                    name: format!("{folder}/{name}"),
                    split: format!("L{level}"),
                    occlusion: level,
                    source: Source::Pascal3d,
                    choice: Choice::First(category.clone()),
                };
                let masks = root.join("annotations").join(&folder).join(format!("{name}.npz"));
                entries.push((entry, selection.masks.then_some(masks)));
            }
        }
    }
    let noted = faults.clone();
    Ok(stream(entries, faults, move |(entry, masks)| {
        if let Some(file) = masks {
            let bytes = faults::read(file)?;
            occluded_share(&bytes).map_err(|e| Fault::corrupt(file, e))?;
        }
        entry.load(&noted)
    }))
}

fn image_names(root: &Path, folder: &str) -> Result<Vec<String>> {
    let list = root.join(format!("lists/{folder}.txt"));
    let lines = lists::lines(&list).context("OccludedPASCAL3D+ has images, annotations and lists in one folder")?;
    Ok(lines.into_iter().map(|line| line.trim_end_matches(".JPEG").to_owned()).collect())
}

/// Share of the object that is covered, from the archive's two masks.
///
/// # Errors
/// Where a mask is missing or damaged, or their sizes differ.
pub fn occluded_share(file: &[u8]) -> Result<f64, NpzError> {
    let mut npz = Npz::open(file)?;
    let (object, occluder) = (npz.array("mask")?, npz.array("occluder_mask")?);
    let fail = |reason: String| NpzError::Array { array: "mask".into(), reason };
    // A colour mask has its channels last; the occluder's has none.
    let same = object.shape.len() >= 2 && object.shape.get(..2) == Some(&occluder.shape);
    if !same {
        return Err(fail(format!("size {:?}, but occluder_mask has {:?}", object.shape, occluder.shape)));
    }
    let channels: usize = object.shape[2..].iter().product();
    let floor = if object.is_bool() { 0.0 } else { MASK_MIN };
    let inside = object.values().into_iter().step_by(channels.max(1)).map(|value| value > floor);
    let (mut covered, mut all) = (0usize, 0usize);
    for (inside, occluded) in inside.zip(occluder.nonzero()) {
        all += usize::from(inside);
        covered += usize::from(inside && occluded);
    }
    if all == 0 {
        return Err(fail("no pixel of the object".into()));
    }
    Ok(covered as f64 / all as f64)
}
