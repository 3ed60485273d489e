//! KITTI's tracking layout, and what `trainer synth` writes in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use calibration::kitti::{TrackingLabel, parse_calibration, parse_tracking_labels};
use rayon::prelude::*;

use super::super::report::{Counts, Report};
use crate::datasets::kitti_object::{SPLITS, in_protocol};
use crate::datasets::{Fault, Faults, faults, photo};

/// Sequences and frames of KITTI's tracking training set (its devkit).
const KITTI_SEQUENCES: (usize, usize) = (21, 8008);

/// Checks labels, calibrations and frames of every sequence.
pub(in super::super) fn tracking(set: &'static str, root: &Path, faults: &Faults) -> Result<Report> {
    let mut report = Report::new(set);
    let mut counts = Counts::default();
    let names = sequences(root)?;
    let mut frame_count = 0;
    for name in &names {
        // One bad sequence does not hide the next.
        if let Some((frames, labels)) = faults.keep(sequence(root, name, faults))? {
            frame_count += frames?;
            for label in labels.iter().filter(|label| in_protocol(&label.object)) {
                counts.add(SPLITS[label.object.occluded.clamp(0, 2) as usize], "car", 1);
            }
        }
    }
    for split in SPLITS {
        report.add_split(split, &counts, &[], None);
    }
    let published = format!(" (published: {} and {})", KITTI_SEQUENCES.0, KITTI_SEQUENCES.1);
    let published = if set == "synth" { String::new() } else { published };
    report.notes.push(format!("{} sequences, {frame_count} frames decoded{published}", names.len()));
    Ok(report.with_faults(faults))
}

fn sequences(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("label_02");
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("{}: not a KITTI tracking folder (image_02, label_02, calib)", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "{}: no label files", folder.display());
    Ok(names)
}

fn text(file: &Path) -> Result<String, Fault> {
    String::from_utf8(faults::read(file)?).map_err(|e| Fault::corrupt(file, e))
}

/// Frames that could be decoded, and the labels.
fn sequence(root: &Path, name: &str, faults: &Faults) -> Result<(Result<usize>, Vec<TrackingLabel>), Fault> {
    let label_file = root.join(format!("label_02/{name}.txt"));
    let labels = parse_tracking_labels(&text(&label_file)?, "label").map_err(|e| Fault::corrupt(&label_file, e))?;
    let calib_file = root.join(format!("calib/{name}.txt"));
    let calibration = text(&calib_file)?;
    let folder = root.join("image_02").join(name);
    // Frames without labels are frames too; labelled frames must be there.
    let mut stems: BTreeSet<PathBuf> = labels.iter().map(|l| folder.join(format!("{:06}", l.frame))).collect();
    let entries = std::fs::read_dir(&folder).map_err(|e| Fault::unread(&folder, &e))?;
    stems.extend(entries.filter_map(|entry| Some(entry.ok()?.path().with_extension(""))));
    let stems: Vec<PathBuf> = stems.into_iter().collect();
    let decode = |stem: &PathBuf| -> Result<usize> {
        let frame = photo::open_any(stem).and_then(|image| {
            let parsed = parse_calibration(&calibration, "calib", image.width(), image.height());
            parsed.map(|_| ()).map_err(|e| Fault::corrupt(&calib_file, e))
        });
        Ok(faults.keep(frame)?.map_or(0, |()| 1))
    };
    Ok((stems.par_iter().map(decode).sum(), labels))
}
