//! ACC30, ACC10, median error and flip rate, as in NeMo (strict `<`) and Kouros et al. (Table 3: the last row is the
//! sample-weighted mean of the others, of the median too).

use serde::Serialize;

/// Errors above this count as flips: front taken for rear.
pub const FLIP_MIN_DEG: f64 = 150.0;

/// Errors beyond this are equally bad in a mean: it then weighs precision against outliers as ACC10 and ACC30 do.
const CAPPED_ERROR_DEG_MAX: f64 = 40.0;

/// Mean of the errors in degrees, each at most 40. `None` without errors.
pub fn capped_error_deg(errors_deg: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (count, sum) =
        errors_deg.into_iter().fold((0, 0.0), |(count, sum), error| (count + 1, sum + error.min(CAPPED_ERROR_DEG_MAX)));
    (count > 0).then(|| sum / f64::from(count))
}

/// Scores of one group of objects.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// Objects.
    pub count: usize,
    /// Share with an error below 30 degrees, in percent.
    pub acc30: f64,
    /// Share with an error below 10 degrees, in percent.
    pub acc10: f64,
    /// Median error in degrees.
    pub median_deg: f64,
    /// Share with an error above 150 degrees, in percent.
    pub flip_rate: f64,
}

impl Scores {
    /// Scores of errors in degrees; an error that is not a number counts as 180. `None` without errors.
    pub fn of(errors_deg: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = errors_deg.iter().map(|e| if e.is_finite() { *e } else { 180.0 }).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let middle = *sorted.get(count / 2)?;
        let median_deg = if count % 2 == 1 { middle } else { 0.5 * (middle + sorted[count / 2 - 1]) };
        let percent =
            |wanted: &dyn Fn(f64) -> bool| 100.0 * sorted.iter().filter(|&&e| wanted(e)).count() as f64 / count as f64;
        Some(Self {
            count,
            acc30: percent(&|e| e < 30.0),
            acc10: percent(&|e| e < 10.0),
            median_deg,
            flip_rate: percent(&|e| e > FLIP_MIN_DEG),
        })
    }

    /// Sample-weighted mean of groups, of the medians too, as published. `None` without groups.
    pub fn weighted_mean(groups: &[Self]) -> Option<Self> {
        let count: usize = groups.iter().map(|g| g.count).sum();
        if count == 0 {
            return None;
        }
        let mean =
            |value: fn(&Self) -> f64| groups.iter().map(|g| value(g) * g.count as f64).sum::<f64>() / count as f64;
        Some(Self {
            count,
            acc30: mean(|g| g.acc30),
            acc10: mean(|g| g.acc10),
            median_deg: mean(|g| g.median_deg),
            flip_rate: mean(|g| g.flip_rate),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_strict_and_missing_answers_are_failures() {
        let scores = Scores::of(&[10.0, 9.9, 30.0, f64::NAN]).expect("four");
        assert_eq!((scores.acc10, scores.acc30, scores.flip_rate), (25.0, 50.0, 25.0));
        assert_eq!(scores.median_deg, 20.0);
        assert_eq!(Scores::of(&[]), None);
    }

    #[test]
    fn large_errors_are_equally_bad_in_a_mean() {
        assert_eq!(capped_error_deg([2.0, 40.0, 179.0, f64::NAN]), Some(30.5));
        assert_eq!(capped_error_deg([]), None);
    }

    /// Table 3 of Kouros et al., row of the method itself: the published "All" comes out of the published splits.
    #[test]
    fn the_papers_last_row_is_the_sample_weighted_mean() {
        let split = |count, acc30, acc10, median_deg| Scores { count, acc30, acc10, median_deg, flip_rate: 0.0 };
        let all = Scores::weighted_mean(&[
            split(2895, 98.1, 92.8, 3.2),
            split(1950, 90.0, 70.6, 5.4),
            split(2035, 56.1, 21.0, 24.8),
        ])
        .expect("three");
        let near = |a: f64, b: f64| (a - b).abs() < 0.05;
        assert!(near(all.acc30, 83.4) && near(all.acc10, 65.3) && near(all.median_deg, 10.2), "{all:?}");
    }
}
