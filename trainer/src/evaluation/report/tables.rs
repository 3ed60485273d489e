//! The report's tables as rows of text, the same for the page and for Markdown.

use super::markup::or_dash;
use crate::evaluation::intervals::Intervals;
use crate::evaluation::summary::Summary;

/// A head and rows; the first columns are text, `text_columns` of them, the others numbers.
pub struct Table {
    /// Names of the columns.
    pub head: Vec<&'static str>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
    /// Columns of text.
    pub text_columns: usize,
}

/// The scores of every line, with 95 % intervals in parentheses.
pub fn scores(summary: &Summary) -> Table {
    let range = |interval: Option<[f64; 2]>, digits: usize| {
        interval.map_or_else(String::new, |[low, high]| format!(" ({low:.digits$}–{high:.digits$})"))
    };
    let row = |row: &crate::evaluation::Row| {
        let s = &row.scores;
        let of = |pick: fn(&Intervals) -> [f64; 2]| row.intervals.as_ref().map(pick);
        vec![
            row.split.replace('_', " "),
            row.category.clone(),
            s.count.to_string(),
            format!("{:.1} %{}", s.acc30, range(of(|i| i.acc30_ci95), 0)),
            format!("{:.1} %{}", s.acc10, range(of(|i| i.acc10_ci95), 0)),
            format!("{:.1}°{}", s.median_deg, range(of(|i| i.median_deg_ci95), 1)),
            format!("{:.1} %{}", s.flip_rate, range(of(|i| i.flip_rate_ci95), 0)),
        ]
    };
    Table {
        head: vec!["split", "category", "count", "ACC30", "ACC10", "median", "flips"],
        rows: summary.rows.iter().map(row).collect(),
        text_columns: 2,
    }
}

/// The last line by azimuth.
pub fn azimuths(summary: &Summary) -> Table {
    let row = |bin: &crate::evaluation::azimuth::AzimuthBin| {
        vec![
            format!("{:.0}–{:.0}°", bin.from_deg, bin.to_deg),
            bin.count.to_string(),
            or_dash(bin.acc30, 1, " %"),
            or_dash(bin.acc10, 1, " %"),
            or_dash(bin.median_deg, 1, "°"),
            or_dash(bin.flip_rate, 1, " %"),
        ]
    };
    Table {
        head: vec!["azimuth", "count", "ACC30", "ACC10", "median", "flips"],
        rows: summary.total().iter().flat_map(|total| &total.azimuth_bins).map(row).collect(),
        text_columns: 1,
    }
}

/// Predicted standard deviations against errors.
pub fn spreads(summary: &Summary) -> Table {
    let bins = summary.calibration.spread_bins.iter().enumerate();
    let row = |(index, bin): (usize, &crate::evaluation::uncertainty::SpreadBin)| {
        vec![
            format!("fifth {}", index + 1),
            bin.count.to_string(),
            format!("{:.1}°", bin.predicted_deg),
            format!("{:.1}°", bin.error_rms_deg),
        ]
    };
    Table {
        head: vec!["by predicted spread", "count", "predicted σ", "RMS error"],
        rows: bins.map(row).collect(),
        text_columns: 1,
    }
}

/// Predicted flips against flips.
pub fn flips(summary: &Summary) -> Table {
    let percent = |share: Option<f64>| or_dash(share.map(|share| 100.0 * share), 1, " %");
    let row = |bin: &crate::evaluation::uncertainty::FlipBin| {
        vec![
            format!("{:.0}–{:.0} %", 100.0 * bin.from, 100.0 * bin.to),
            bin.count.to_string(),
            percent(bin.predicted),
            percent(bin.observed),
        ]
    };
    Table {
        head: vec!["flip probability", "count", "mean predicted", "flips observed"],
        rows: summary.calibration.flip_bins.iter().map(row).collect(),
        text_columns: 1,
    }
}

/// What the calibration says, in one sentence.
pub fn calibration_sentence(summary: &Summary) -> String {
    let c = &summary.calibration;
    format!(
        "Of {} errors below 30°, {:.1} % lie inside the published 90 % ellipsoid; their negative log likelihood under the published \
         covariance is {:.2} nats on average. The flip probability has a Brier score of {:.3} (0 is perfect).",
        c.near_count, c.inside_90, c.nll, c.flip_brier
    )
}
