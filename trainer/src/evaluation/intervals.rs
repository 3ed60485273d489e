//! How far scores would move with other objects of the same kind: percentile bootstrap over the objects.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::rows::Layout;
use super::scores::Scores;

const RESAMPLES: usize = 1000;
/// Part left out at either end of a 95 % interval.
const TAIL: f64 = 0.025;
/// Fixed, so that the same errors always give the same intervals.
const SEED: u64 = 0;

/// 95 % intervals, lower and upper end, of the [`Scores`] of one line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Intervals {
    /// Of `acc30`, percent.
    pub acc30_ci95: [f64; 2],
    /// Of `acc10`, percent.
    pub acc10_ci95: [f64; 2],
    /// Of `median_deg`, degrees.
    pub median_deg_ci95: [f64; 2],
    /// Of `flip_rate`, percent.
    pub flip_rate_ci95: [f64; 2],
}

/// Intervals of every line of a table, in its order; `None` for a line without objects. `errors_deg` are those of the objects that
/// the lines were made for.
pub fn of_lines(lines: &Layout, errors_deg: &[f64]) -> Vec<Option<Intervals>> {
    let mut by_line: Vec<Vec<Scores>> = vec![Vec::new(); lines.lines.len()];
    for drawn in resamples(errors_deg.len()) {
        let scores = lines.scores(drawn.into_iter().map(|object| (object, errors_deg[object])));
        by_line.iter_mut().zip(scores).for_each(|(of_line, scores)| of_line.extend(scores));
    }
    by_line.iter().map(|scores| intervals(scores)).collect()
}

/// Objects drawn with replacement, as often as there are any.
pub fn resamples(count: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let rounds = if count == 0 { 0 } else { RESAMPLES };
    (0..rounds).map(move |_| (0..count).map(|_| rng.random_range(0..count)).collect())
}

/// Lower and upper end of the 95 % interval of resampled values; `None` without any.
pub fn ends(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get((values.len().saturating_sub(1) as f64 * share).round() as usize).copied();
    Some([at(TAIL)?, at(1.0 - TAIL)?])
}

fn intervals(scores: &[Scores]) -> Option<Intervals> {
    let ends = |value: fn(&Scores) -> f64| ends(scores.iter().map(value).collect());
    Some(Intervals {
        acc30_ci95: ends(|s| s.acc30)?,
        acc10_ci95: ends(|s| s.acc10)?,
        median_deg_ci95: ends(|s| s.median_deg)?,
        flip_rate_ci95: ends(|s| s.flip_rate)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_the_binomials() {
        // 80 of 100: the normal approximation gives 80 -+ 1.96 * 4.
        let errors: Vec<f64> = (0..100).map(|i| if i < 80 { 1.0 } else { 50.0 }).collect();
        let lines = Layout::of(errors.iter().map(|_| ("all", "car")));
        let all = of_lines(&lines, &errors)[0].expect("a hundred errors");
        assert!((all.acc30_ci95[0] - 72.0).abs() <= 2.0 && (all.acc30_ci95[1] - 88.0).abs() <= 2.0, "{all:?}");
        assert_eq!(all.flip_rate_ci95, [0.0, 0.0]);
        assert_eq!(of_lines(&lines, &errors)[0], Some(all), "the same errors give the same intervals");
    }

    #[test]
    fn no_errors_have_no_intervals() {
        assert!(of_lines(&Layout::of(std::iter::empty()), &[]).is_empty());
        assert_eq!(ends(Vec::new()), None);
    }
}
