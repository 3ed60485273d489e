//! PASCAL3D+ release 1.1: photographs of twelve categories, aligned with CAD models.
//!
//! Layout: `Annotations/<category>_<subset>/*.mat`, `Images/<category>_<subset>/*`, `Image_sets/<category>_imagenet_{train,val}.txt`,
//! `PASCAL/VOCdevkit/VOC2012/ImageSets/Main/<category>_{train,val}.txt`. Boxes and principal points are kept as annotated (the
//! first pixel's centre at 1), as every published evaluation does.

#[cfg(test)]
pub(crate) mod fixture;
mod record;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Result;

pub use record::{Object, Record, RecordError, View};

use super::annotated::{Annotated, Choice};
use super::benchmark::BenchmarkObjects;
use super::stream::stream;
use super::{Faults, Source, lists};

/// The categories, in the order of the published tables.
pub const CATEGORIES: [&str; 12] = [
    "aeroplane",
    "bicycle",
    "boat",
    "bottle",
    "bus",
    "car",
    "chair",
    "diningtable",
    "motorbike",
    "sofa",
    "train",
    "tvmonitor",
];

/// Images of the validation lists of the ImageNet subset, by [`CATEGORIES`]: the L0 of OccludedPASCAL3D+ (10812).
pub const IMAGENET_VAL_COUNTS: [usize; 12] = [969, 645, 1059, 747, 532, 2712, 507, 1153, 596, 624, 646, 622];
/// Images of the training lists of the ImageNet subset, all categories together (NeMo, section 4.1).
pub const IMAGENET_TRAIN_COUNT: usize = 11_045;

/// Where the photographs come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subset {
    /// ImageNet: mostly one large object.
    Imagenet,
    /// PASCAL VOC 2012: scenes.
    Pascal,
}

/// Training or validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSet {
    /// `train`.
    Train,
    /// `val`: the test set of the published tables.
    Val,
}

impl Subset {
    fn name(self) -> &'static str {
        match self {
            Self::Imagenet => "imagenet",
            Self::Pascal => "pascal",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Imagenet => "JPEG",
            Self::Pascal => "jpg",
        }
    }
}

impl ImageSet {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
        }
    }
}

/// Which objects are taken.
#[derive(Clone, Debug)]
pub struct Pascal3dSelection {
    /// Where the photographs come from.
    pub subset: Subset,
    /// Training or validation.
    pub set: ImageSet,
    /// Of [`CATEGORIES`].
    pub categories: Vec<String>,
    /// Every object of the category; otherwise the first object of the record, whatever it is, as NeMo does.
    pub every_object: bool,
}

impl Pascal3dSelection {
    /// The protocol of NeMo (Wang et al., ICLR 2021) and Kouros et al.: validation lists of the ImageNet subset, first object of
    /// each record, nothing left out for truncation, occlusion or difficulty.
    pub fn nemo() -> Self {
        let categories = CATEGORIES.map(str::to_owned).into();
        Self { subset: Subset::Imagenet, set: ImageSet::Val, categories, every_object: false }
    }

    /// The row of the published table.
    fn split(&self) -> String {
        match (self.subset, self.set) {
            (Subset::Imagenet, ImageSet::Val) => "L0".into(),
            (subset, set) => format!("{}_{}", subset.name(), set.name()),
        }
    }
}

/// Names of the images of a category.
///
/// # Errors
/// Where the list is missing, empty or holds no plain names.
pub fn image_names(root: &Path, subset: Subset, set: ImageSet, category: &str) -> Result<Vec<String>> {
    if subset == Subset::Imagenet {
        return lists::lines(&root.join(format!("Image_sets/{category}_imagenet_{}.txt", set.name())));
    }
    let list = format!("PASCAL/VOCdevkit/VOC2012/ImageSets/Main/{category}_{}.txt", set.name());
    // `2008_000008 -1`: the category does not occur.
    let named = lists::lines(&root.join(list))?.into_iter().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let name = fields.next()?.to_owned();
        (fields.next() != Some("-1")).then_some(name)
    });
    Ok(named.collect())
}

/// Objects of the release at `root`, with oracle crop and tight box.
///
/// # Errors
/// Where a list is missing. Missing or damaged annotations and pictures are `faults`; so are objects without a viewpoint.
pub fn load(root: &Path, selection: &Pascal3dSelection, faults: &Faults) -> Result<BenchmarkObjects> {
    let (subset, split) = (selection.subset, selection.split());
    let mut entries = Vec::new();
    for category in &selection.categories {
        let folder = format!("{category}_{}", subset.name());
        for name in image_names(root, subset, selection.set, category)? {
            entries.push(Annotated {
                annotation: root.join("Annotations").join(&folder).join(format!("{name}.mat")),
                picture: root.join("Images").join(&folder).join(format!("{name}.{}", subset.extension())),
                name: format!("{category}/{name}"),
                split: split.clone(),
                occlusion: 0,
                source: Source::Pascal3d,
                choice: match selection.every_object {
                    true => Choice::Of(category.clone()),
                    false => Choice::First(category.clone()),
                },
            });
        }
    }
    let noted = faults.clone();
    Ok(stream(entries, faults, move |entry: &Annotated| entry.load(&noted)))
}
