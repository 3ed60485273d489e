//! What a check found: counts beside the published ones, and every bad file.

use std::collections::BTreeMap;
use std::io::{Result, Write};

use serde_json::json;

use crate::datasets::benchmark::BenchmarkObjects;
use crate::datasets::{Fault, FaultKind, Faults};

/// Category of a row for all categories together.
pub(super) const ALL: &str = "all";

/// Counts by split and category.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<(String, String), usize>);

impl Counts {
    /// Walks through all objects.
    pub fn of(objects: BenchmarkObjects) -> anyhow::Result<Self> {
        let mut counts = Self::default();
        for some in objects {
            for object in some? {
                counts.add(&object.split, &object.category, 1);
            }
        }
        Ok(counts)
    }

    pub fn add(&mut self, split: &str, category: &str, count: usize) {
        *self.0.entry((split.into(), category.into())).or_default() += count;
    }

    pub fn extend(&mut self, other: Self) {
        for ((split, category), count) in other.0 {
            self.add(&split, &category, count);
        }
    }

    /// The splits become categories of one split, for tables by occlusion level.
    pub fn into_categories_of(self, set: &str) -> Self {
        let mut counts = Self::default();
        for ((split, _), count) in self.0 {
            counts.add(set, &split, count);
        }
        counts
    }

    pub fn has(&self, split: &str) -> bool {
        self.0.keys().any(|(of, _)| of == split)
    }

    pub fn categories(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|(_, category)| category.as_str())
    }

    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    fn of_category(&self, split: &str, category: &str) -> usize {
        self.0.get(&(split.to_owned(), category.to_owned())).copied().unwrap_or(0)
    }

    fn of_split(&self, split: &str) -> usize {
        self.0.iter().filter(|((of, _), _)| of == split).map(|(_, count)| count).sum()
    }
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Line {
    pub split: String,
    pub category: String,
    pub count: usize,
    /// What the paper says; absent where it says nothing.
    pub published: Option<usize>,
}

/// The result of a check.
#[derive(Debug)]
pub(super) struct Report {
    pub set: &'static str,
    pub lines: Vec<Line>,
    /// Sentences about what a table cannot say.
    pub notes: Vec<String>,
    pub faults: Vec<Fault>,
}

impl Report {
    pub fn new(set: &'static str) -> Self {
        Self { set, lines: Vec::new(), notes: Vec::new(), faults: Vec::new() }
    }

    /// A line for each category that occurs or was published, then one for all.
    pub fn add_split(&mut self, split: &str, counts: &Counts, published: &[(&str, usize)], all: Option<usize>) {
        let occurring = counts.0.keys().filter(|(of, _)| of == split).map(|(_, category)| category.as_str());
        let mut categories: Vec<&str> = occurring.chain(published.iter().map(|(category, _)| *category)).collect();
        categories.sort_unstable();
        categories.dedup();
        let said = |category: &str| published.iter().find(|(of, _)| *of == category).map(|(_, count)| *count);
        for &category in &categories {
            let count = counts.of_category(split, category);
            self.lines.push(Line { split: split.into(), category: category.into(), count, published: said(category) });
        }
        if categories.len() != 1 || all.is_some() {
            let count = counts.of_split(split);
            self.lines.push(Line { split: split.into(), category: ALL.into(), count, published: all });
        }
    }

    pub fn with_faults(mut self, faults: &Faults) -> Self {
        self.faults = faults.list();
        self
    }

    fn count(&self, kind: FaultKind) -> usize {
        self.faults.iter().filter(|fault| fault.kind == kind).count()
    }

    pub fn print(&self, out: &mut impl Write, as_json: bool) -> Result<()> {
        let [missing, corrupt, unposed] =
            [FaultKind::Missing, FaultKind::Corrupt, FaultKind::Unposed].map(|kind| self.count(kind));
        if as_json {
            let report = json!({"set": self.set, "counts": self.lines, "notes": self.notes, "missing": missing,
                "corrupt": corrupt, "unposed": unposed, "faults": self.faults});
            return writeln!(out, "{report}");
        }
        writeln!(out, "{:<18}{:<16}{:>8}{:>11}", "split", "category", "count", "published")?;
        for Line { split, category, count, published } in &self.lines {
            let said = published.map_or_else(|| "-".to_owned(), |count| count.to_string());
            let mark = if published.is_some_and(|p| p != *count) { "  differs" } else { "" };
            writeln!(out, "{split:<18}{category:<16}{count:>8}{said:>11}{mark}")?;
        }
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        for fault in &self.faults {
            let kind = match fault.kind {
                FaultKind::Missing => "missing",
                FaultKind::Corrupt => "corrupt",
                FaultKind::Unposed => "unposed",
            };
            writeln!(out, "{kind}: {fault}")?;
        }
        writeln!(out, "{}: {missing} missing, {corrupt} corrupt, {unposed} without a pose", self.set)
    }
}
