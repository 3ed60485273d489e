//! One line of JSON for each object: what `trainer eval --details` writes and `trainer compare` reads.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::measure::{Measured, Outcome};

/// One object's line. Angles are those of PASCAL3D+.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// Picture and object, the same for every model and crop.
    pub name: String,
    /// Category.
    pub category: String,
    /// Split.
    pub split: String,
    /// What was cut out.
    pub crop: String,
    /// KITTI's occlusion level, or the level of the benchmark.
    pub occlusion: u8,
    /// Geodesic error, degrees.
    pub error_deg: f64,
    /// Labelled azimuth, degrees.
    pub azimuth_deg: f64,
    /// Labelled elevation, degrees.
    pub elevation_deg: f64,
    /// Retrieved azimuth, degrees.
    pub estimated_azimuth_deg: f64,
    /// Retrieved elevation, degrees.
    pub estimated_elevation_deg: f64,
    /// Cosine to the nearest reference.
    pub similarity: f64,
    /// Share of the vote for the answer.
    pub probability: f64,
    /// Published probability of the opposite direction.
    pub flip_probability: f64,
    /// Published standard deviation of the rotation's angle, degrees.
    pub spread_deg: f64,
    /// Box before it was clipped: x1, y1, x2, y2 in pixels of the sample's picture.
    pub box_px: [f32; 4],
}

impl Detail {
    fn of(outcome: &Outcome, crop: &str) -> Self {
        let (truth, found, box_px) = (&outcome.truth, &outcome.found, &outcome.box_px);
        Self {
            name: outcome.name.clone(),
            category: outcome.category.clone(),
            split: outcome.split.clone(),
            crop: crop.to_owned(),
            occlusion: outcome.occlusion,
            error_deg: outcome.claim.error_deg,
            azimuth_deg: truth.azimuth_rad.to_degrees(),
            elevation_deg: truth.elevation_rad.to_degrees(),
            estimated_azimuth_deg: found.azimuth_rad.to_degrees(),
            estimated_elevation_deg: found.elevation_rad.to_degrees(),
            similarity: outcome.similarity,
            probability: outcome.probability,
            flip_probability: outcome.claim.flip_probability,
            spread_deg: outcome.claim.spread_deg(),
            box_px: [box_px.x1, box_px.y1, box_px.x2, box_px.y2],
        }
    }
}

/// Writes a line for each object of each crop.
///
/// # Errors
/// A file that cannot be written, by name.
pub fn save(path: &Path, crops: &[Measured]) -> Result<()> {
    let place = || path.display().to_string();
    let mut file = BufWriter::new(File::create(path).with_context(place)?);
    for measured in crops {
        let crop = measured.crop.to_string();
        for outcome in &measured.outcomes {
            let line = serde_json::to_string(&Detail::of(outcome, &crop))?;
            writeln!(file, "{line}").with_context(place)?;
        }
    }
    file.flush().with_context(place)
}

/// Reads such a file.
///
/// # Errors
/// A file that cannot be read, or a line that is not an object's, by file and line.
pub fn load(path: &Path) -> Result<Vec<Detail>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let parse = |(index, line): (usize, std::io::Result<String>)| {
        let place = || format!("{}:{}", path.display(), index + 1);
        serde_json::from_str(&line.with_context(place)?)
            .with_context(|| format!("{}: not a line of `trainer eval --details`", place()))
    };
    BufReader::new(file).lines().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::report::fixture::{measured, outcome};

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("details.jsonl");
        save(&path, &[measured()]).unwrap();
        let lines = load(&path).unwrap();
        assert_eq!(lines.len(), measured().outcomes.len());
        assert_eq!(lines[0], Detail::of(&measured().outcomes[0], "tight_box"));
        assert!((Detail::of(&outcome("a", 40.0, 7.0), "oracle").azimuth_deg - 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_foreign_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("details.jsonl");
        std::fs::write(&path, "{\"error_deg\": 3}\n").unwrap();
        let error = format!("{:#}", load(&path).unwrap_err());
        assert!(error.contains("details.jsonl:1") && error.contains("name"), "{error}");
    }
}
