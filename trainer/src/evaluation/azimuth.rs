//! Accuracy by the side from which objects are seen: a median over all sides hides the one that fails.

use serde::Serialize;

use super::scores::Scores;

/// Width of a bin.
pub const BIN_DEG: f64 = 30.0;
/// Bins of the circle.
pub const BIN_COUNT: usize = 12;

/// Scores of the objects seen from one twelfth of the circle; absent where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AzimuthBin {
    /// Lower bound of the labelled azimuth, in the bin; 0 shows the front, 90 the object's left side.
    pub from_deg: f64,
    /// Upper bound, in the next bin.
    pub to_deg: f64,
    /// Objects.
    pub count: usize,
    /// As [`Scores::acc30`].
    pub acc30: Option<f64>,
    /// As [`Scores::acc10`].
    pub acc10: Option<f64>,
    /// As [`Scores::median_deg`].
    pub median_deg: Option<f64>,
    /// As [`Scores::flip_rate`].
    pub flip_rate: Option<f64>,
}

/// The twelve bins of objects with (labelled azimuth, error), both in degrees; pooled, whatever their split.
pub fn bins(objects: impl Iterator<Item = (f64, f64)>) -> Vec<AzimuthBin> {
    let mut errors = vec![Vec::new(); BIN_COUNT];
    for (azimuth_deg, error_deg) in objects {
        errors[bin_of(azimuth_deg)].push(error_deg);
    }
    let bin = |(i, errors): (usize, &Vec<f64>)| {
        let scores = Scores::of(errors);
        AzimuthBin {
            from_deg: i as f64 * BIN_DEG,
            to_deg: (i + 1) as f64 * BIN_DEG,
            count: errors.len(),
            acc30: scores.map(|s| s.acc30),
            acc10: scores.map(|s| s.acc10),
            median_deg: scores.map(|s| s.median_deg),
            flip_rate: scores.map(|s| s.flip_rate),
        }
    };
    errors.iter().enumerate().map(bin).collect()
}

fn bin_of(azimuth_deg: f64) -> usize {
    // A tiny negative angle wraps to 360 itself.
    ((azimuth_deg.rem_euclid(360.0) / BIN_DEG) as usize).min(BIN_COUNT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_counts_once_and_bounds_belong_to_the_upper_bin() {
        let objects = [(0.0, 1.0), (29.9, 40.0), (30.0, 2.0), (-1e-20, 170.0), (360.0, 3.0), (-0.1, 8.0)];
        let bins = bins(objects.into_iter());
        let counts: Vec<usize> = bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!((bins[0].median_deg, bins[0].flip_rate), (Some(3.0), Some(0.0)));
        assert_eq!((bins[11].acc30, bins[11].flip_rate), (Some(50.0), Some(50.0)));
        assert_eq!((bins[2].from_deg, bins[2].to_deg, bins[2].acc30), (60.0, 90.0, None));
    }
}
