//! How far scores would move with other objects of the same kind: percentile bootstrap over the objects.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::kitti3d;
use super::scores::Scores;

const RESAMPLES: usize = 1000;
/// Part left out at either end of a 95 % interval.
const TAIL: f64 = 0.025;
/// Fixed, so that the same errors always give the same intervals.
const SEED: u64 = 0;

/// 95 % intervals, lower and upper end, of the [`Scores`] of one split.
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

/// Intervals of every split of [`kitti3d::rows`], by its name. `errors` are (occlusion level, error in degrees).
pub fn of_splits(errors: &[(u8, f64)]) -> BTreeMap<String, Intervals> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut by_split: BTreeMap<String, Vec<Scores>> = BTreeMap::new();
    if errors.is_empty() {
        return BTreeMap::new();
    }
    for _ in 0..RESAMPLES {
        let drawn: Vec<(u8, f64)> = errors.iter().map(|_| errors[rng.random_range(0..errors.len())]).collect();
        for row in kitti3d::rows(&drawn) {
            by_split.entry(row.split).or_default().push(row.scores);
        }
    }
    by_split.into_iter().map(|(split, scores)| (split, intervals(&scores))).collect()
}

fn intervals(scores: &[Scores]) -> Intervals {
    let ends = |value: fn(&Scores) -> f64| {
        let mut sorted: Vec<f64> = scores.iter().map(value).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
        [at(TAIL), at(1.0 - TAIL)]
    };
    Intervals {
        acc30_ci95: ends(|s| s.acc30),
        acc10_ci95: ends(|s| s.acc10),
        median_deg_ci95: ends(|s| s.median_deg),
        flip_rate_ci95: ends(|s| s.flip_rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_the_binomials() {
        // 80 of 100: the normal approximation gives 80 -+ 1.96 * 4.
        let errors: Vec<(u8, f64)> = (0..100).map(|i| (0, if i < 80 { 1.0 } else { 50.0 })).collect();
        let all = of_splits(&errors)["all"];
        assert!((all.acc30_ci95[0] - 72.0).abs() <= 2.0 && (all.acc30_ci95[1] - 88.0).abs() <= 2.0, "{all:?}");
        assert_eq!(all.flip_rate_ci95, [0.0, 0.0]);
        assert_eq!(of_splits(&errors)["all"], all, "the same errors give the same intervals");
    }

    #[test]
    fn no_errors_have_no_intervals() {
        assert!(of_splits(&[]).is_empty());
    }
}
