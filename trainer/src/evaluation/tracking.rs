//! Cars of one sequence in KITTI's tracking layout, by the KITTI3D protocol: the tracking benchmark, and what `trainer synth` writes.

use std::path::Path;

use anyhow::Result;
use calibration::kitti::TrackingLabel;

use super::kitti3d;
use crate::datasets::benchmark::{BenchmarkObject, BenchmarkObjects};
use crate::datasets::kitti::{KittiSelection, load_labelled};
use crate::datasets::kitti_object;
use crate::datasets::{Sample, Source};
use crate::training::batches::shifted_frames;

/// Objects of a sequence from frame `first` on, named by sequence, frame and track.
pub fn open(root: &Path, sequence: &str, first: u32) -> Result<BenchmarkObjects> {
    let object = |(label, sample): (TrackingLabel, Sample)| BenchmarkObject {
        category: kitti3d::CATEGORY.to_owned(),
        split: kitti3d::split(sample.occlusion).to_owned(),
        name: format!("{sequence}/{:06}/{}", label.frame, label.track_id),
        oracle: None,
        sample,
    };
    let labelled = load_labelled(root, sequence, &selection(sequence, first), Source::Kitti)?;
    let objects: Vec<BenchmarkObject> = labelled.into_iter().map(object).collect();
    Ok(Box::new(std::iter::once(Ok(objects))))
}

/// Cars of a sequence by the protocol, from frame `first` on.
pub fn load_cars(root: &Path, sequence: &str, first: u32) -> Result<Vec<Sample>> {
    let labelled = load_labelled(root, sequence, &selection(sequence, first), Source::Kitti)?;
    Ok(labelled.into_iter().map(|(_, sample)| sample).collect())
}

fn selection(sequence: &str, first: u32) -> KittiSelection {
    KittiSelection {
        classes: vec!["Car".into()],
        side_min_px: kitti_object::SIDE_MIN_PX,
        occluded_max: 2,
        frames: first..u32::MAX,
        frames_skipped: shifted_frames(sequence),
    }
}
