//! Reads each data set from end to end.

mod sequences;

use std::path::{Path, PathBuf};

use anyhow::Result;
use rayon::prelude::*;

use super::report::{Counts, Report};
use crate::datasets::kitti_object::{self, KittiFrames};
use crate::datasets::occluded_pascal3d::{self, OccludedSelection};
use crate::datasets::pascal3d::{self, CATEGORIES, ImageSet, Pascal3dSelection, Subset};
use crate::datasets::{Faults, Source, cars_real as collection, nemo as crops, objectnet3d as objects, photo};

pub(super) use sequences::tracking;

/// Truncation from which NeMo's script for KITTI leaves cars out; its papers do not say.
const TRUNCATED_NEMO: f64 = 0.2;

pub(super) fn pascal3d(root: &Path, faults: &Faults) -> Result<Report> {
    let mut report = Report::new("pascal3d");
    let protocol = Pascal3dSelection::nemo();
    let published: Vec<(&str, usize)> = CATEGORIES.into_iter().zip(pascal3d::IMAGENET_VAL_COUNTS).collect();
    let all = Some(pascal3d::IMAGENET_VAL_COUNTS.iter().sum());
    report.add_split("L0", &Counts::of(pascal3d::load(root, &protocol, faults)?)?, &published, all);
    let train = Pascal3dSelection { set: ImageSet::Train, ..protocol.clone() };
    let counts = Counts::of(pascal3d::load(root, &train, faults)?)?;
    report.add_split("imagenet_train", &counts, &[], Some(pascal3d::IMAGENET_TRAIN_COUNT));
    if !root.join("PASCAL").is_dir() {
        report
            .notes
            .push("no folder PASCAL: the PASCAL VOC subset was not checked, and no published table needs it".into());
        return Ok(report.with_faults(faults));
    }
    for (set, split) in [(ImageSet::Train, "pascal_train"), (ImageSet::Val, "pascal_val")] {
        let selection = Pascal3dSelection { subset: Subset::Pascal, set, every_object: true, ..protocol.clone() };
        report.add_split(split, &Counts::of(pascal3d::load(root, &selection, faults)?)?, &[], None);
    }
    Ok(report.with_faults(faults))
}

pub(super) fn occluded_pascal3d(root: &Path, pascal3d: &Path, faults: &Faults) -> Result<Report> {
    let mut report = Report::new("occluded_pascal3d");
    let levels = [
        (1, Some(occluded_pascal3d::L1_COUNTS), occluded_pascal3d::L1_COUNTS.iter().sum()),
        (2, Some(occluded_pascal3d::L2_COUNTS), occluded_pascal3d::L2_COUNTS.iter().sum()),
        (3, None, occluded_pascal3d::L3_COUNT),
    ];
    for (level, by_category, all) in levels {
        let categories = CATEGORIES.map(str::to_owned).into();
        let selection = OccludedSelection { levels: vec![level], categories, masks: true };
        let counts = Counts::of(occluded_pascal3d::load(root, pascal3d, &selection, faults)?)?;
        let published: Vec<(&str, usize)> =
            by_category.map(|counts| CATEGORIES.into_iter().zip(counts).collect()).unwrap_or_default();
        report.add_split(&format!("L{level}"), &counts, &published, Some(all));
    }
    Ok(report.with_faults(faults))
}

pub(super) fn objectnet3d(root: &Path, faults: &Faults) -> Result<Report> {
    let mut report = Report::new("objectnet3d");
    let (mut object_count, mut categories) = (0, std::collections::BTreeSet::new());
    for set in ["train", "val", "test"] {
        let counts = Counts::of(objects::load(root, set, &[], faults)?)?;
        report.add_split(set, &counts, &[], None);
        categories.extend(counts.categories().map(str::to_owned));
        object_count += counts.total();
    }
    report.notes.push(format!(
        "{object_count} posed objects of {} categories; published: {} objects of {} categories in {} images",
        categories.len(),
        objects::OBJECT_COUNT,
        objects::CATEGORY_COUNT,
        objects::IMAGE_COUNT
    ));
    Ok(report.with_faults(faults))
}

pub(super) fn kitti(root: &Path, faults: &Faults) -> Result<Report> {
    let mut report = Report::new("kitti");
    let folder = kitti_object::training_folder(root);
    let sets = [("train", kitti_object::TRAIN_COUNTS), ("val", kitti_object::VAL_COUNTS)];
    let mut listed = false;
    for (set, published) in sets {
        let Some(list) = kitti_object::split_list(root, set) else {
            report.notes.push(format!("no ImageSets/{set}.txt: the 3DOP split's {set} frames were not counted"));
            continue;
        };
        listed = true;
        let frames = KittiFrames { list: Some(list), every_picture: true };
        let counts = Counts::of(kitti_object::load(&folder, &frames, faults)?)?.into_categories_of(set);
        let published: Vec<(&str, usize)> = kitti_object::SPLITS.into_iter().zip(published).collect();
        report.add_split(set, &counts, &published, Some(published.iter().map(|(_, count)| count).sum()));
        report.notes.push(truncation_note(&folder, set, &frames)?);
    }
    if !listed {
        let frames = KittiFrames { list: None, every_picture: true };
        let counts = Counts::of(kitti_object::load(&folder, &frames, faults)?)?.into_categories_of("all_frames");
        report.add_split("all_frames", &counts, &[], None);
    }
    Ok(report.with_faults(faults))
}

/// The published counts do not say how truncated cars were treated: both ways of counting, to compare.
fn truncation_note(folder: &Path, set: &str, frames: &KittiFrames) -> Result<String> {
    let names = kitti_object::frame_names(folder, frames)?;
    let kept: Vec<[usize; 3]> = names
        .par_iter()
        .filter_map(|name| kitti_object::labels(folder, name).ok())
        .map(|labels| {
            let mut counts = [0; 3];
            for label in labels.iter().filter(|l| kitti_object::in_protocol(l) && l.truncated < TRUNCATED_NEMO) {
                counts[label.occluded.clamp(0, 2) as usize] += 1;
            }
            counts
        })
        .collect();
    let of_level = |level: usize| kept.iter().map(|counts| counts[level]).sum::<usize>();
    let [visible, partly, largely] = [0, 1, 2].map(of_level);
    Ok(format!("{set} without cars truncated by {TRUNCATED_NEMO} or more: {visible}/{partly}/{largely}"))
}

pub(super) fn nemo(root: &Path, faults: &Faults) -> Result<Report> {
    let mut report = Report::new("nemo");
    let mut counts = Counts::default();
    for folder in crops::folders(root)? {
        counts.extend(Counts::of(crops::load(root, &folder, faults)?)?);
    }
    for split in ["L0", "L1", "L2", "L3"] {
        if counts.has(split) {
            report.add_split(split, &counts, &[], None);
        }
    }
    Ok(report.with_faults(faults))
}

pub(super) fn cars_real(root: &Path, faults: &Faults) -> Result<Report> {
    let mut report = Report::new("cars_real");
    let files = collection::files(root)?;
    let decode = |(source, file): &(Source, PathBuf)| {
        let kept = faults.keep(photo::open(file).map(|_| ()))?;
        Ok(kept.map(|()| format!("{source:?}").to_lowercase()))
    };
    let kept: Vec<Option<String>> = files.par_iter().map(decode).collect::<Result<_>>()?;
    let mut counts = Counts::default();
    for source in kept.into_iter().flatten() {
        counts.add("pictures", &source, 1);
    }
    report.add_split("pictures", &counts, &[], None);
    report.notes.push("carvana's masks are counted as pictures".into());
    Ok(report.with_faults(faults))
}
