//! The lines of a table: one for each split and category, and the sample-weighted means over them, as published.

use std::collections::BTreeMap;

use serde::Serialize;

use super::azimuth::{self, AzimuthBin};
use super::intervals::{self, Intervals};
use super::scores::Scores;

/// Split or category of the lines that sum up.
pub const ALL: &str = "all";
/// The order in which published tables name their splits; others follow by name.
const SPLIT_ORDER: [&str; 7] = ["fully_visible", "partly_occluded", "largely_occluded", "L0", "L1", "L2", "L3"];

/// What a table needs to know of an object.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// Its split.
    pub split: &'a str,
    /// Its category.
    pub category: &'a str,
    /// Labelled azimuth, degrees.
    pub azimuth_deg: f64,
    /// Geodesic error, degrees.
    pub error_deg: f64,
}

/// One line of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The split: `fully_visible`, `L0`, or `all` for the mean over them.
    pub split: String,
    /// Object category, or `all` for the mean over several.
    pub category: String,
    /// The numbers.
    #[serde(flatten)]
    pub scores: Scores,
    /// How far they would move with other objects.
    #[serde(flatten)]
    pub intervals: Option<Intervals>,
    /// The same objects, pooled, by the side from which they are seen.
    pub azimuth_bins: Vec<AzimuthBin>,
}

/// A line and the groups (of one split and category) whose mean it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// As [`Row::split`].
    pub split: String,
    /// As [`Row::category`].
    pub category: String,
    groups: Vec<usize>,
}

/// The lines of a set of objects, and who counts where.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Lines in the order of the table.
    pub lines: Vec<Line>,
    group_of: Vec<usize>,
    group_count: usize,
}

impl Layout {
    /// The lines that these objects, (split, category), need.
    pub fn of<'a>(objects: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let objects: Vec<_> = objects.collect();
        let rank = |split: &str| SPLIT_ORDER.iter().position(|known| *known == split).unwrap_or(SPLIT_ORDER.len());
        let mut groups: BTreeMap<(usize, &str, &str), usize> =
            objects.iter().map(|&(split, category)| ((rank(split), split, category), 0)).collect();
        groups.values_mut().enumerate().for_each(|(index, group)| *group = index);
        let group_of = objects.iter().map(|&(split, category)| groups[&(rank(split), split, category)]).collect();
        let groups: Vec<(&str, &str)> = groups.into_keys().map(|(_, split, category)| (split, category)).collect();
        Self { lines: lines(&groups), group_of, group_count: groups.len() }
    }

    /// The scores of each line for some of the objects, by (row, error in degrees); `None` for a line without any.
    pub fn scores(&self, errors_deg: impl Iterator<Item = (usize, f64)>) -> Vec<Option<Scores>> {
        let mut by_group = vec![Vec::new(); self.group_count];
        for (object, error_deg) in errors_deg {
            by_group[self.group_of[object]].push(error_deg);
        }
        let groups: Vec<Option<Scores>> = by_group.iter().map(|errors| Scores::of(errors)).collect();
        let of_line = |line: &Line| match line.groups[..] {
            [only] => groups[only],
            _ => Scores::weighted_mean(&line.groups.iter().filter_map(|&group| groups[group]).collect::<Vec<_>>()),
        };
        self.lines.iter().map(of_line).collect()
    }

    fn counts_in(&self, object: usize, line: &Line) -> bool {
        line.groups.contains(&self.group_of[object])
    }
}

/// `groups` are (split, category), in order.
fn lines(groups: &[(&str, &str)]) -> Vec<Line> {
    let mut splits: Vec<&str> = groups.iter().map(|(split, _)| *split).collect();
    splits.dedup();
    let mut categories: Vec<&str> = groups.iter().map(|(_, category)| *category).collect();
    categories.sort_unstable();
    categories.dedup();
    let line = |split: &str, category: &str, counts: &dyn Fn(&str, &str) -> bool| {
        let groups: Vec<usize> = (0..groups.len()).filter(|&g| counts(groups[g].0, groups[g].1)).collect();
        let line = Line { split: split.into(), category: category.into(), groups };
        (!line.groups.is_empty()).then_some(line)
    };
    let mut lines = Vec::new();
    for split in &splits {
        lines.extend(categories.iter().filter_map(|c| line(split, c, &|s, of| s == *split && of == *c)));
        if categories.len() > 1 {
            lines.extend(line(split, ALL, &|s, _| s == *split));
        }
    }
    // A set whose only split is called `all` has these lines already.
    if splits != [ALL] {
        lines.extend(categories.iter().filter_map(|c| line(ALL, c, &|_, of| of == *c)));
        if categories.len() > 1 {
            lines.extend(line(ALL, ALL, &|_, _| true));
        }
    }
    lines
}

/// The table of these objects, with 95 % intervals.
pub fn rows(objects: &[Scored<'_>]) -> Vec<Row> {
    let layout = Layout::of(objects.iter().map(|o| (o.split, o.category)));
    let errors_deg: Vec<f64> = objects.iter().map(|o| o.error_deg).collect();
    let scores = layout.scores(errors_deg.iter().copied().enumerate());
    let intervals = intervals::of_lines(&layout, &errors_deg);
    let row = |((line, scores), intervals): ((&Line, Option<Scores>), Option<Intervals>)| {
        let of_line = objects.iter().enumerate().filter(|(i, _)| layout.counts_in(*i, line));
        let azimuth_bins = azimuth::bins(of_line.map(|(_, o)| (o.azimuth_deg, o.error_deg)));
        let (split, category) = (line.split.clone(), line.category.clone());
        Some(Row { split, category, scores: scores?, intervals, azimuth_bins })
    };
    layout.lines.iter().zip(scores).zip(intervals).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored<'a>(split: &'a str, category: &'a str, error_deg: f64) -> Scored<'a> {
        Scored { split, category, azimuth_deg: 10.0, error_deg }
    }

    #[test]
    fn one_category_has_a_row_a_split_in_the_published_order_and_their_mean() {
        let rows = rows(&[
            scored("largely_occluded", "car", 40.0),
            scored("fully_visible", "car", 1.0),
            scored("fully_visible", "car", 3.0),
        ]);
        let names: Vec<_> = rows.iter().map(|row| (row.split.as_str(), row.category.as_str())).collect();
        assert_eq!(names, [("fully_visible", "car"), ("largely_occluded", "car"), ("all", "car")]);
        // Sample-weighted mean of the medians 2 and 40, not the median 3 of all.
        assert!((rows[2].scores.median_deg - (2.0 * 2.0 + 40.0) / 3.0).abs() < 1e-12);
        assert_eq!(rows[2].azimuth_bins[0].median_deg, Some(3.0), "bins are pooled");
    }

    /// Section 4 of NeMo: the mean over categories, of the medians too, weighs every category by its objects.
    #[test]
    fn several_categories_have_a_mean_for_each_split_and_one_over_everything() {
        let rows = rows(&[
            scored("L0", "car", 4.0),
            scored("L0", "bus", 1.0),
            scored("L0", "bus", 2.0),
            scored("L0", "bus", 60.0),
            scored("L1", "car", 20.0),
        ]);
        let of = |split: &str, category: &str| {
            rows.iter().find(|row| row.split == split && row.category == category).expect("a row").scores
        };
        assert_eq!(of("L0", "all").median_deg, (3.0 * 2.0 + 4.0) / 4.0);
        assert_eq!((of("L0", "all").acc30, of("L0", "bus").count), (75.0, 3));
        assert_eq!(of("all", "car").median_deg, 12.0);
        assert_eq!(of("all", "all").median_deg, (3.0 * 2.0 + 4.0 + 20.0) / 5.0);
        assert_eq!(rows.len(), 8, "bus has no row in L1");
    }

    #[test]
    fn a_split_called_all_is_not_summed_up_again() {
        let rows = rows(&[scored("all", "bed", 4.0), scored("all", "iron", 50.0)]);
        let names: Vec<_> = rows.iter().map(|row| row.category.as_str()).collect();
        assert_eq!(names, ["bed", "iron", "all"]);
    }

    #[test]
    fn scripts_find_the_documented_fields() {
        let json = serde_json::to_value(&rows(&[scored("fully_visible", "car", 4.0)])[0]).expect("JSON");
        for field in ["split", "category", "count", "acc30", "acc10", "median_deg", "flip_rate", "azimuth_bins"] {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert_eq!(json["azimuth_bins"][3]["count"], 0);
    }
}
