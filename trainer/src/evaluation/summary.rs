//! What one run over a test set says, as numbers: the JSON of `trainer eval`, and the same as text.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::measure::Measured;
use super::rows::{Row, Scored, rows};
use super::uncertainty::{Claim, Uncertainty};

/// One table with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the model.
    pub model: String,
    /// SHA-256 of its manifest, which stands for all of its files, or of the network of a baseline.
    pub model_sha256: String,
    /// `kitti3d`, `synthetic_occlusion`, …
    pub protocol: String,
    /// How level the ground was taken to be, degrees (standard deviation); 0: nothing was known about it.
    pub level_sigma_deg: f64,
    /// What was cut out: `tight_box`, `oracle`, `jittered_box_iou_0.75`.
    pub crop: String,
    /// The table.
    pub rows: Vec<Row>,
    /// Whether the model knows how wrong it is, over all objects of the table.
    pub calibration: Uncertainty,
    /// Objects of categories that the model does not know, by category; they are in no row.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub not_covered: BTreeMap<String, usize>,
    /// Objects of which this crop shows nothing (oracle windows beyond the border); they are in no row.
    #[serde(skip_serializing_if = "is_zero")]
    pub outside: usize,
}

/// The model that was measured, and how.
#[derive(Clone, Debug)]
pub struct Subject {
    /// As [`Summary::model`].
    pub model: String,
    /// As [`Summary::model_sha256`].
    pub model_sha256: String,
    /// As [`Summary::protocol`].
    pub protocol: String,
    /// As [`Summary::level_sigma_deg`].
    pub level_sigma_deg: f64,
}

impl Summary {
    /// Sums one crop's outcomes up.
    pub fn of(subject: &Subject, measured: &Measured, not_covered: &BTreeMap<String, usize>) -> Self {
        let scored: Vec<Scored<'_>> = measured.outcomes.iter().map(|outcome| outcome.scored()).collect();
        let claims: Vec<Claim> = measured.outcomes.iter().map(|outcome| outcome.claim).collect();
        Self {
            model: subject.model.clone(),
            model_sha256: subject.model_sha256.clone(),
            protocol: subject.protocol.clone(),
            level_sigma_deg: subject.level_sigma_deg,
            crop: measured.crop.to_string(),
            rows: rows(&scored),
            calibration: Uncertainty::of(&claims),
            not_covered: not_covered.clone(),
            outside: measured.outside,
        }
    }

    /// The line over everything, which comes last.
    pub fn total(&self) -> Option<&Row> {
        self.rows.last()
    }

    /// Sentence about the objects that are in no row; `None` where all are.
    pub fn not_covered_note(&self) -> Option<String> {
        let count: usize = self.not_covered.values().sum();
        let categories: Vec<String> = self.not_covered.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let unknown = (count > 0).then(|| {
            format!("{count} objects are of categories that the model does not know: {}", categories.join(", "))
        });
        let outside =
            (self.outside > 0).then(|| format!("{} objects are not in the picture at this crop", self.outside));
        let notes: Vec<String> = unknown.into_iter().chain(outside).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// The table for a terminal.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { model, protocol, crop, level_sigma_deg, .. } = self;
        writeln!(out, "model {model}, protocol {protocol}, crop {crop}, ground level to {level_sigma_deg}°")?;
        let has_categories = self.rows.iter().any(|row| row.category != self.rows[0].category);
        let name = |row: &Row| match has_categories {
            true => format!("{} {}", row.split, row.category),
            false => row.split.clone(),
        };
        let width = self.rows.iter().map(|row| name(row).len()).max().unwrap_or(0).max(17) + 1;
        let head = ["count", "ACC30", "ACC10", "median", "flips"];
        writeln!(out, "{:<width$}{:>7}{:>8}{:>8}{:>9}{:>8}", "split", head[0], head[1], head[2], head[3], head[4])?;
        for row in &self.rows {
            let s = &row.scores;
            let numbers =
                format!("{:>7}{:>7.1}%{:>7.1}%{:>8.1}°{:>7.1}%", s.count, s.acc30, s.acc10, s.median_deg, s.flip_rate);
            writeln!(out, "{:<width$}{numbers}", name(row))?;
            if let Some(i) = &row.intervals {
                let shares = [i.acc30_ci95, i.acc10_ci95, i.flip_rate_ci95];
                let [acc30, acc10, flips] = shares.map(|[low, high]| format!("{low:.0}-{high:.0}"));
                let median = format!("{:.1}-{:.1}", i.median_deg_ci95[0], i.median_deg_ci95[1]);
                writeln!(out, "  95 %: ACC30 {acc30}, ACC10 {acc10}, median {median}, flips {flips}")?;
            }
        }
        self.write_azimuths(out, width)?;
        let c = &self.calibration;
        writeln!(
            out,
            "covariance: {:.1} % of {} errors below 30° inside the 90 % ellipsoid, NLL {:.2} nats; flips: Brier {:.3}",
            c.inside_90, c.near_count, c.nll, c.flip_brier
        )?;
        self.not_covered_note().map_or(Ok(()), |note| writeln!(out, "{note}"))
    }

    fn write_azimuths(&self, out: &mut impl Write, width: usize) -> io::Result<()> {
        let Some(total) = self.total() else { return Ok(()) };
        writeln!(out, "by azimuth (0° shows the front, 90° the left side), pooled:")?;
        for bin in &total.azimuth_bins {
            let name = format!("  {:.0}-{:.0}°", bin.from_deg, bin.to_deg);
            let dash = |value: Option<f64>, unit: char| value.map_or("-".into(), |v| format!("{v:.1}{unit}"));
            let [acc30, acc10, flips] = [bin.acc30, bin.acc10, bin.flip_rate].map(|share| dash(share, '%'));
            let median = dash(bin.median_deg, '°');
            writeln!(out, "{name:<width$}{:>7}{acc30:>8}{acc10:>8}{median:>9}{flips:>8}", bin.count)?;
        }
        Ok(())
    }
}

/// The form that serde wants.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use crate::evaluation::report::fixture::summary;

    #[test]
    fn nothing_that_scripts_rely_on_is_missing() {
        let json = serde_json::to_value(summary()).unwrap();
        for field in ["model", "protocol", "crop", "rows", "calibration"] {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert!(json.get("not_covered").is_none(), "absent where everything is covered");
        assert_eq!(json["rows"].as_array().unwrap().last().unwrap()["split"], "all");
    }

    #[test]
    fn objects_that_are_in_no_row_are_named() {
        let mut summary = summary();
        summary.not_covered = [("bus".to_owned(), 3), ("bed".to_owned(), 1)].into();
        let mut text = Vec::new();
        summary.write_text(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("4 objects are of categories that the model does not know: bed 1, bus 3"), "{text}");
        assert!(text.contains("  330-360°"), "{text}");
    }
}
