//! Objects with their masks, to be pasted as occluders: instances of COCO and PASCAL VOC, and Carvana's cars.
//!
//! Kouros et al. (BMVC 2022, section 3.3) cut their occluders out of PASCAL VOC; every layout here follows their recipe.

use std::path::{Component, Path};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use image::{GrayImage, RgbImage, imageops};

use super::{Picture, Sample};

mod coco;
mod coco_classes;
mod mask;
mod polygon;
mod rle;
mod voc;
mod yolo;

/// Longest side kept.
const SIDE_MAX: u32 = 160;

/// An object cut out of its picture.
#[derive(Clone, Debug)]
pub struct Cutout {
    /// Colours, meaningful where `alpha` is not 0.
    pub colour: RgbImage,
    /// 255 inside the object, less along its border.
    pub alpha: GrayImage,
}

impl Cutout {
    fn bounded(colour: RgbImage, alpha: GrayImage) -> Self {
        let longest = colour.width().max(colour.height());
        if longest <= SIDE_MAX {
            return Self { colour, alpha };
        }
        let scale = |side: u32| (side * SIDE_MAX / longest).max(1);
        let (w, h) = (scale(colour.width()), scale(colour.height()));
        let filter = imageops::FilterType::Triangle;
        Self { colour: imageops::resize(&colour, w, h, filter), alpha: imageops::resize(&alpha, w, h, filter) }
    }
}

/// Which instances become cut-outs.
#[derive(Clone, Debug)]
pub struct CutoutSelection {
    /// Classes left out, by the data set's names: the target's own, since an occluder must not pass for it (Kouros et al.,
    /// section 4), unless that is wanted.
    pub classes_excluded: Vec<String>,
    /// Whether instances marked difficult, truncated or as a crowd are taken, too.
    pub hard: bool,
    /// Most instances considered, spread evenly over the data set: a cut-out takes up to 100 kB.
    pub count_max: usize,
}

impl Default for CutoutSelection {
    fn default() -> Self {
        Self { classes_excluded: vec!["car".into()], hard: false, count_max: 4000 }
    }
}

impl CutoutSelection {
    /// As published for a target class: neither it nor persons.
    pub fn of_paper(target: &str) -> Self {
        Self { classes_excluded: vec![target.to_owned(), "person".into()], ..Self::default() }
    }

    fn takes(&self, class: &str) -> bool {
        !self.classes_excluded.iter().any(|excluded| excluded == class)
    }
}

/// Cuts instances out of a data set in whichever layout its folder has:
///
/// - COCO: `annotations/instances_<split>.json`, pictures in `<split>`, `images/<split>` or `images`;
/// - PASCAL VOC: `SegmentationObject`, `SegmentationClass`, `JPEGImages`, and `Annotations` where there are any;
/// - YOLO polygons: `instance_segmentation/labels/train2017/*.txt` and `images/train2017`.
///
/// # Errors
/// Where the folder has none of these layouts, or a file is missing or malformed; errors name it and the place in it.
pub fn load_occluders(root: &Path, selection: &CutoutSelection) -> Result<Vec<Cutout>> {
    if root.join("annotations").is_dir() {
        coco::load(root, selection)
    } else if root.join("SegmentationObject").is_dir() {
        voc::load(root, selection)
    } else if root.join("instance_segmentation").is_dir() {
        yolo::load(root, selection)
    } else {
        bail!(
            "{}: holds neither annotations (COCO), SegmentationObject (PASCAL VOC) nor instance_segmentation (YOLO polygons)",
            root.display()
        )
    }
}

/// [`load_occluders`] for cars.
///
/// # Errors
/// As [`load_occluders`].
pub fn load_coco(root: &Path) -> Result<Vec<Cutout>> {
    load_occluders(root, &CutoutSelection::default())
}

/// At most `count` of the values, spread evenly.
fn spread<T>(values: Vec<T>, count: usize) -> Vec<T> {
    let (length, kept) = (values.len(), values.len().min(count));
    values
        .into_iter()
        .enumerate()
        .filter(|(i, _)| (i + 1) * kept / length > i * kept / length)
        .map(|(_, v)| v)
        .collect()
}

/// Files of a folder that end in `extension`, sorted.
fn files(folder: &Path, extension: &str) -> Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<_> = entries.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == extension));
    paths.sort();
    Ok(paths)
}

/// Reads a file that should be small.
fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let bytes = std::fs::metadata(path).with_context(|| path.display().to_string())?.len();
    ensure!(bytes <= bytes_max, "{}: {bytes} bytes are more than {bytes_max}", path.display());
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// Whether a name out of a file stays inside the folder it is joined to.
fn stays_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Whole cars, from every `stride`-th masked sample.
pub fn load_cars(samples: &[Sample], stride: usize) -> Vec<Cutout> {
    let masked = samples.iter().step_by(stride.max(1)).filter_map(|sample| match &sample.picture {
        Picture::Masked(image, mask) => Some((sample, image, mask)),
        _ => None,
    });
    let cut = |(sample, image, mask): (&Sample, &Arc<RgbImage>, &Arc<GrayImage>)| {
        let b = &sample.box_px;
        let (x, y, w, h) = (b.x1 as u32, b.y1 as u32, (b.x2 - b.x1) as u32, (b.y2 - b.y1) as u32);
        let colour = imageops::crop_imm(&**image, x, y, w, h).to_image();
        Cutout::bounded(colour, imageops::crop_imm(&**mask, x, y, w, h).to_image())
    };
    masked.map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_spread_over_all() {
        assert_eq!(spread((0..10).collect(), 5), [1, 3, 5, 7, 9]);
        assert_eq!(spread((0..3).collect(), 5), [0, 1, 2]);
        assert!(spread(Vec::<u8>::new(), 5).is_empty());
        assert!(spread(vec![1, 2], 0).is_empty());
    }

    #[test]
    fn names_cannot_leave_the_folder() {
        assert!(stays_inside("train2017/1.jpg"));
        for name in ["", "../1.jpg", "/etc/passwd", "a/../../b"] {
            assert!(!stays_inside(name), "{name}");
        }
    }

    #[test]
    fn a_folder_of_another_layout_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = load_coco(folder.path()).expect_err("empty");
        assert!(error.to_string().contains("SegmentationObject"));
    }
}
