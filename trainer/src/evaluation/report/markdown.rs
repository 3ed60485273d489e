//! The tables as Markdown, to be pasted into a model card or a merge request.

use std::fmt::Write as _;

use super::tables::{self, Table};
use crate::evaluation::summary::Summary;

/// The whole document.
pub fn document(summaries: &[&Summary]) -> String {
    let mut text = String::new();
    for summary in summaries {
        let _ = write!(
            text,
            "# {}: {}, crop {}\n\nModel manifest {}. In parentheses: 95 % bootstrap intervals.\n\n",
            summary.model, summary.protocol, summary.crop, summary.model_sha256
        );
        table(&mut text, &tables::scores(summary));
        if let Some(note) = summary.not_covered_note() {
            let _ = write!(text, "{note}.\n\n");
        }
        text.push_str("## By azimuth\n\n0° shows the front, 90° the left side; pooled over all objects.\n\n");
        table(&mut text, &tables::azimuths(summary));
        let _ = write!(text, "## Calibration\n\n{}\n\n", tables::calibration_sentence(summary));
        table(&mut text, &tables::spreads(summary));
        table(&mut text, &tables::flips(summary));
    }
    text
}

fn table(text: &mut String, table: &Table) {
    let line = |text: &mut String, cells: &[String]| {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(text, &table.head.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let rule = |column| if column < table.text_columns { "---" } else { "---:" }.to_owned();
    line(text, &(0..table.head.len()).map(rule).collect::<Vec<_>>());
    for row in &table.rows {
        // A bar would end the cell.
        line(text, &row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>());
    }
    text.push('\n');
}
