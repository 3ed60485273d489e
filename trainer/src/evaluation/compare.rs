//! Two models on the same objects. What both find hard cancels out, so differences show that two separate intervals would hide.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::details::Detail;
use super::intervals::{ends, resamples};
use super::rows::{Layout, Line};
use super::scores::Scores;

/// An answer off by less counts as right.
const RIGHT_DEG_MAX: f64 = 30.0;

/// The comparison at one crop. Differences are second minus first.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What was cut out.
    pub crop: String,
    /// Lines as in the tables.
    pub rows: Vec<ComparedRow>,
    /// Objects that only the first got right (below 30 degrees), worst first.
    pub right_in_first_only: Vec<Disagreement>,
    /// Objects that only the second got right, worst first.
    pub right_in_second_only: Vec<Disagreement>,
    /// Objects that only the first file has; they are in no row.
    pub unpaired_in_first: usize,
    /// Objects that only the second file has.
    pub unpaired_in_second: usize,
}

/// One line for both.
#[derive(Clone, Debug, Serialize)]
pub struct ComparedRow {
    /// Split.
    pub split: String,
    /// Category.
    pub category: String,
    /// Scores of the first.
    pub first: Scores,
    /// Scores of the second.
    pub second: Scores,
    /// Second minus first.
    pub difference: Difference,
}

/// Differences with 95 % intervals of a paired bootstrap: both models are judged on the same redrawn objects.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Points of `acc30`.
    pub acc30: f64,
    /// Its interval.
    pub acc30_ci95: [f64; 2],
    /// Points of `acc10`.
    pub acc10: f64,
    /// Its interval.
    pub acc10_ci95: [f64; 2],
    /// Degrees of `median_deg`.
    pub median_deg: f64,
    /// Its interval.
    pub median_deg_ci95: [f64; 2],
    /// Points of `flip_rate`.
    pub flip_rate: f64,
    /// Its interval.
    pub flip_rate_ci95: [f64; 2],
}

/// An object that one got right and the other wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disagreement {
    /// Picture and object.
    pub name: String,
    /// Its split.
    pub split: String,
    /// Its category.
    pub category: String,
    /// Labelled azimuth, degrees.
    pub azimuth_deg: f64,
    /// Error of the first, degrees.
    pub first_error_deg: f64,
    /// Error of the second, degrees.
    pub second_error_deg: f64,
}

/// Compares object by object, one comparison for each crop that both files have.
///
/// # Errors
/// A name that occurs twice at a crop, and files without a common object.
pub fn compare(first: &[Detail], second: &[Detail]) -> Result<Vec<Comparison>> {
    let (first, second) = (by_crop(first)?, by_crop(second)?);
    let of_crop = |(crop, first): (&&str, &BTreeMap<&str, &Detail>)| {
        second.get(crop).and_then(|second| compare_crop(crop, first, second))
    };
    let comparisons: Vec<Comparison> = first.iter().filter_map(of_crop).collect();
    ensure!(!comparisons.is_empty(), "the files have no object in common at the same crop");
    Ok(comparisons)
}

fn by_crop(details: &[Detail]) -> Result<BTreeMap<&str, BTreeMap<&str, &Detail>>> {
    let mut crops: BTreeMap<&str, BTreeMap<&str, &Detail>> = BTreeMap::new();
    for detail in details {
        let known = crops.entry(&detail.crop).or_default().insert(&detail.name, detail);
        ensure!(known.is_none(), "{} occurs twice at crop {}", detail.name, detail.crop);
    }
    Ok(crops)
}

fn compare_crop(crop: &str, first: &BTreeMap<&str, &Detail>, second: &BTreeMap<&str, &Detail>) -> Option<Comparison> {
    let pairs: Vec<(&Detail, &Detail)> = first.iter().filter_map(|(name, a)| Some((*a, *second.get(name)?))).collect();
    let is_right = |detail: &Detail| detail.error_deg < RIGHT_DEG_MAX;
    let only = |wanted: [bool; 2]| {
        let mut only: Vec<Disagreement> = pairs
            .iter()
            .filter(|(a, b)| [is_right(a), is_right(b)] == wanted)
            .map(|(a, b)| Disagreement::of(a, b))
            .collect();
        only.sort_by(|a, b| b.wrong_by_deg().total_cmp(&a.wrong_by_deg()));
        only
    };
    (!pairs.is_empty()).then(|| Comparison {
        crop: crop.to_owned(),
        rows: rows(&pairs),
        right_in_first_only: only([true, false]),
        right_in_second_only: only([false, true]),
        unpaired_in_first: first.len() - pairs.len(),
        unpaired_in_second: second.len() - pairs.len(),
    })
}

impl Disagreement {
    fn of(first: &Detail, second: &Detail) -> Self {
        Self {
            name: first.name.clone(),
            split: first.split.clone(),
            category: first.category.clone(),
            azimuth_deg: first.azimuth_deg,
            first_error_deg: first.error_deg,
            second_error_deg: second.error_deg,
        }
    }

    fn wrong_by_deg(&self) -> f64 {
        self.first_error_deg.max(self.second_error_deg)
    }
}

fn rows(pairs: &[(&Detail, &Detail)]) -> Vec<ComparedRow> {
    let layout = Layout::of(pairs.iter().map(|(a, _)| (a.split.as_str(), a.category.as_str())));
    let scores = |objects: &[usize]| {
        let of = |pick: &dyn Fn(usize) -> f64| layout.scores(objects.iter().map(|&i| (i, pick(i))));
        (of(&|i| pairs[i].0.error_deg), of(&|i| pairs[i].1.error_deg))
    };
    let (first, second) = scores(&(0..pairs.len()).collect::<Vec<_>>());
    let mut drawn: Vec<Vec<(Scores, Scores)>> = vec![Vec::new(); layout.lines.len()];
    for objects in resamples(pairs.len()) {
        let (first, second) = scores(&objects);
        for (of_line, both) in drawn.iter_mut().zip(first.into_iter().zip(second)) {
            of_line.extend(both.0.zip(both.1));
        }
    }
    let row = |(index, line): (usize, &Line)| {
        let (first, second) = (first[index]?, second[index]?);
        let difference = Difference::of(&first, &second, &drawn[index])?;
        Some(ComparedRow { split: line.split.clone(), category: line.category.clone(), first, second, difference })
    };
    layout.lines.iter().enumerate().filter_map(row).collect()
}

impl Difference {
    fn of(first: &Scores, second: &Scores, drawn: &[(Scores, Scores)]) -> Option<Self> {
        let interval = |value: fn(&Scores) -> f64| ends(drawn.iter().map(|(a, b)| value(b) - value(a)).collect());
        Some(Self {
            acc30: second.acc30 - first.acc30,
            acc30_ci95: interval(|s| s.acc30)?,
            acc10: second.acc10 - first.acc10,
            acc10_ci95: interval(|s| s.acc10)?,
            median_deg: second.median_deg - first.median_deg,
            median_deg_ci95: interval(|s| s.median_deg)?,
            flip_rate: second.flip_rate - first.flip_rate,
            flip_rate_ci95: interval(|s| s.flip_rate)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(errors_deg: &[f64]) -> Vec<Detail> {
        let detail = |(index, &error_deg): (usize, &f64)| Detail {
            name: format!("car {index}"),
            category: "car".into(),
            split: "fully_visible".into(),
            crop: "tight_box".into(),
            occlusion: 0,
            error_deg,
            azimuth_deg: 0.0,
            elevation_deg: 0.0,
            estimated_azimuth_deg: 0.0,
            estimated_elevation_deg: 0.0,
            similarity: 0.0,
            probability: 0.0,
            flip_probability: 0.0,
            spread_deg: 0.0,
            box_px: [0.0; 4],
        };
        errors_deg.iter().enumerate().map(detail).collect()
    }

    #[test]
    fn pairing_shows_a_small_difference_that_separate_intervals_hide() {
        // 60 of 100 against 70 of 100, where the second is right wherever the first is.
        let first: Vec<f64> = (0..100).map(|i| if i < 60 { 5.0 } else { 90.0 }).collect();
        let second: Vec<f64> = (0..100).map(|i| if i < 70 { 5.0 } else { 90.0 }).collect();
        let found = compare(&details(&first), &details(&second)).unwrap().remove(0);
        let difference = found.rows[0].difference;
        assert_eq!(difference.acc30, 10.0);
        // A binomial share of 10 in 100: 10 -+ 1.96 * 3; two independent shares would give 10 -+ 13.
        let [low, high] = difference.acc30_ci95;
        assert!((low - 4.1).abs() < 2.0 && (high - 15.9).abs() < 2.0, "{low} {high}");
        assert_eq!((found.right_in_first_only.len(), found.right_in_second_only.len()), (0, 10));
    }

    #[test]
    fn a_model_does_not_differ_from_itself() {
        let same = details(&[1.0, 40.0, 170.0]);
        let found = compare(&same, &same).unwrap().remove(0);
        assert!(found.right_in_first_only.is_empty() && found.right_in_second_only.is_empty());
        assert!(
            found.rows.iter().all(|row| row.difference.acc30_ci95 == [0.0, 0.0] && row.difference.median_deg == 0.0)
        );
    }

    #[test]
    fn objects_of_one_file_alone_are_counted_and_not_compared() {
        let (first, mut second) = (details(&[1.0, 2.0, 100.0]), details(&[1.0, 50.0]));
        second[1].name = "another".into();
        let found = compare(&first, &second).unwrap().remove(0);
        assert_eq!((found.unpaired_in_first, found.unpaired_in_second, found.rows[0].first.count), (2, 1, 1));
        second.iter_mut().for_each(|detail| detail.crop = "oracle".into());
        assert!(compare(&first, &second).is_err());
    }

    #[test]
    fn a_name_that_occurs_twice_cannot_be_paired() {
        let mut twice = details(&[1.0, 2.0]);
        twice[1].name = twice[0].name.clone();
        assert!(compare(&twice, &twice).unwrap_err().to_string().contains("car 0 occurs twice"));
    }
}
