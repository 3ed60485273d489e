//! A report a person can look at: tables, charts, calibration, and the best and worst cases as the network saw them. `report.html`
//! needs no network, no script and no other file.

mod cases;
mod charts;
#[cfg(test)]
pub mod fixture;
mod markdown;
mod markup;
mod page;
mod sheet;
mod tables;

use std::path::Path;

use anyhow::{Context, Result};
use kernels::CropSpec;
use serde_json::json;

use super::measure::Measured;
use super::summary::Summary;
use sheet::Sheet;

/// Name of the page.
pub const PAGE_FILE: &str = "report.html";
/// Cases shown at either end, at most.
pub const CASES_MAX: usize = 24;

/// Writes `report.html`, `report.md` and `report.json` into `folder`, which is created where it is missing. `spec` is the model's crop.
///
/// # Errors
/// A case that cannot be rendered, or a file that cannot be written, by name.
pub fn write(folder: &Path, tables: &[(&Summary, &Measured)], spec: &CropSpec) -> Result<()> {
    let mut sheet = Sheet::new(*spec);
    let page = page::page(tables, &mut sheet)?;
    let summaries: Vec<&Summary> = tables.iter().map(|(summary, _)| *summary).collect();
    let numbers = serde_json::to_string_pretty(&json!({ "tables": summaries }))?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let files = [(PAGE_FILE, page), ("report.md", markdown::document(&summaries)), ("report.json", numbers + "\n")];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_files_are_written_and_the_page_needs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (summary, measured) = (fixture::summary(), fixture::measured());
        write(&folder.path().join("a/b"), &[(&summary, &measured)], &fixture::SPEC).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join("a/b").join(name)).unwrap();
        let page = read(PAGE_FILE);
        assert!(page.contains("data:image/jpeg;base64,") && page.contains("<svg"));
        for outside in ["<script", "http://", "https://", "url(", "<link", "src=\"/"] {
            assert!(!page.contains(outside), "{outside}");
        }
        let numbers: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
        assert_eq!(numbers["tables"][0]["crop"], "tight_box");
        assert!(read("report.md").contains("| all | car |"));
    }
}
