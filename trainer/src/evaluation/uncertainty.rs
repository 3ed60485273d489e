//! Whether a model knows how wrong it is: its errors against the covariance and the flip probability it published with them.

use calibration::{Rotation, so3};
use models::retrieval::Retrieval;
use nalgebra::{Matrix3, Vector3};
use serde::Serialize;

use super::scores::FLIP_MIN_DEG;

/// 90 % quantile of the chi-squared distribution with three degrees of freedom.
pub const CHI2_3_90: f64 = 6.251_388_631_170_325;
/// Larger errors belong to another mode, which the covariance does not speak about.
const NEAR_DEG_MAX: f64 = 30.0;
/// Groups of equally many objects by predicted standard deviation.
const SPREAD_BINS: usize = 5;
/// Groups of equal width by flip probability.
const FLIP_BINS: usize = 5;

/// An error beside what was published about it.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Geodesic error in degrees.
    pub error_deg: f64,
    /// Rotation vector from the answer to the truth, about the axes of the covariance, radians.
    pub residual_rad: Vector3<f64>,
    /// Published covariance, rad^2.
    pub covariance: Matrix3<f64>,
    /// Published probability of the opposite direction.
    pub flip_probability: f64,
}

/// Squared distance of the truth in units of the covariance, and the logarithm of the covariance's determinant.
#[derive(Clone, Copy, Debug)]
pub struct Mahalanobis {
    /// Squared distance.
    pub squared: f64,
    /// ln det, radians to the sixth.
    pub log_det: f64,
}

impl Claim {
    /// What `answer` says, beside the truth.
    pub fn of(truth: &Rotation, answer: &Retrieval) -> Self {
        Self {
            error_deg: so3::geodesic_angle(truth, &answer.best.rotation).to_degrees(),
            residual_rad: so3::log(&(truth * answer.best.rotation.inverse())),
            covariance: answer.covariance,
            flip_probability: answer.flip_probability,
        }
    }

    /// `None` beyond 30 degrees, and where the covariance is not positive definite.
    pub fn mahalanobis(&self) -> Option<Mahalanobis> {
        let near = self.residual_rad.norm() < NEAR_DEG_MAX.to_radians();
        let factor = self.covariance.cholesky().filter(|_| near)?;
        let squared = self.residual_rad.dot(&factor.solve(&self.residual_rad));
        Some(Mahalanobis { squared, log_det: factor.determinant().ln() })
    }

    /// Published standard deviation of the rotation's angle: the root of the covariance's trace, degrees.
    pub fn spread_deg(&self) -> f64 {
        self.covariance.trace().max(0.0).sqrt().to_degrees()
    }

    /// Negative logarithm of the probability that was given to what came, a flip or none; a claim of certainty is taken as
    /// one of 99.9 %.
    pub fn flip_surprise(&self) -> f64 {
        let probability = self.flip_probability.clamp(0.001, 0.999);
        -(if self.is_flip() { probability } else { 1.0 - probability }).ln()
    }

    /// Whether the answer faces the other way.
    pub fn is_flip(&self) -> bool {
        self.error_deg > FLIP_MIN_DEG
    }
}

/// How honest the published uncertainty is on one set of objects.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Uncertainty {
    /// Objects off by less than 30 degrees, which the covariance speaks about.
    pub near_count: usize,
    /// Share of these that lie in their 90 % ellipsoid, in percent.
    pub inside_90: f64,
    /// Mean negative log likelihood of their errors, in nats.
    pub nll: f64,
    /// The same objects by falling confidence: an honest spread is the error's root mean square.
    pub spread_bins: Vec<SpreadBin>,
    /// Mean squared difference between the flip's probability and whether it was one (Brier score), of all objects.
    pub flip_brier: f64,
    /// All objects by flip probability.
    pub flip_bins: Vec<FlipBin>,
}

/// Objects of similar predicted spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpreadBin {
    /// Objects.
    pub count: usize,
    /// Root mean square of the predicted standard deviations, degrees.
    pub predicted_deg: f64,
    /// Root mean square of the errors, degrees.
    pub error_rms_deg: f64,
}

/// Objects of similar flip probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FlipBin {
    /// Lower bound of the probability; the upper one belongs to the next bin, 1 to the last.
    pub from: f64,
    /// Upper bound.
    pub to: f64,
    /// Objects.
    pub count: usize,
    /// Mean predicted probability; absent without objects.
    pub predicted: Option<f64>,
    /// Share of flips; absent without objects.
    pub observed: Option<f64>,
}

impl Uncertainty {
    /// Of these claims; without any, everything is 0.
    pub fn of(claims: &[Claim]) -> Self {
        let near: Vec<(&Claim, Mahalanobis)> = claims.iter().filter_map(|c| Some((c, c.mahalanobis()?))).collect();
        let count = near.len().max(1) as f64;
        let inside = near.iter().filter(|(_, m)| m.squared < CHI2_3_90).count();
        let log_norm = 3.0 * (2.0 * std::f64::consts::PI).ln();
        let brier = claims.iter().map(|c| (c.flip_probability - f64::from(u8::from(c.is_flip()))).powi(2));
        Self {
            near_count: near.len(),
            inside_90: 100.0 * inside as f64 / count,
            nll: near.iter().map(|(_, m)| 0.5 * (m.squared + m.log_det + log_norm)).sum::<f64>() / count,
            spread_bins: spread_bins(near.into_iter().map(|(claim, _)| claim).collect()),
            flip_brier: brier.sum::<f64>() / claims.len().max(1) as f64,
            flip_bins: flip_bins(claims),
        }
    }
}

fn spread_bins(mut near: Vec<&Claim>) -> Vec<SpreadBin> {
    near.sort_by(|a, b| a.spread_deg().total_cmp(&b.spread_deg()));
    let bin = |i: usize| {
        let of_bin = near.get(i * near.len() / SPREAD_BINS..(i + 1) * near.len() / SPREAD_BINS)?;
        let count = of_bin.len();
        let rms =
            |value: fn(&Claim) -> f64| (of_bin.iter().map(|c| value(c).powi(2)).sum::<f64>() / count as f64).sqrt();
        let (predicted_deg, error_rms_deg) = (rms(Claim::spread_deg), rms(|c| c.error_deg));
        (count > 0).then_some(SpreadBin { count, predicted_deg, error_rms_deg })
    };
    (0..SPREAD_BINS).filter_map(bin).collect()
}

fn flip_bins(claims: &[Claim]) -> Vec<FlipBin> {
    let width = 1.0 / FLIP_BINS as f64;
    let row = |claim: &Claim| ((claim.flip_probability / width) as usize).min(FLIP_BINS - 1);
    let bin = |i: usize| {
        let of_bin: Vec<&Claim> = claims.iter().filter(|claim| row(claim) == i).collect();
        let count = of_bin.len();
        let share = |sum: f64| (count > 0).then(|| sum / count as f64);
        FlipBin {
            from: i as f64 * width,
            to: (i + 1) as f64 * width,
            count,
            predicted: share(of_bin.iter().map(|claim| claim.flip_probability).sum()),
            observed: share(of_bin.iter().filter(|claim| claim.is_flip()).count() as f64),
        }
    };
    (0..FLIP_BINS).map(bin).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Errors drawn from the very normal distribution that is claimed, of two widths.
    fn honest(count: usize) -> Vec<Claim> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut normal = move || (0..12).map(|_| rng.random_range(-0.5..0.5)).sum::<f64>();
        let claim = |i: usize| {
            let sigma_rad = if i.is_multiple_of(2) { 1.0_f64 } else { 4.0 }.to_radians();
            let residual_rad = Vector3::from_fn(|_, _| normal() * sigma_rad);
            let covariance = Matrix3::identity() * sigma_rad * sigma_rad;
            Claim { error_deg: residual_rad.norm().to_degrees(), residual_rad, covariance, flip_probability: 0.0 }
        };
        (0..count).map(claim).collect()
    }

    #[test]
    fn honest_claims_hold_in_every_measure() {
        let found = Uncertainty::of(&honest(4000));
        assert_eq!(found.near_count, 4000);
        assert!((found.inside_90 - 90.0).abs() < 1.5, "{found:?}");
        // Entropy of the two normal distributions, 3/2 ln(2 pi e) + 3 ln sigma each.
        let entropy =
            |deg: f64| 1.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln() + 3.0 * deg.to_radians().ln();
        assert!((found.nll - 0.5 * (entropy(1.0) + entropy(4.0))).abs() < 0.05, "{found:?}");
        for bin in &found.spread_bins {
            assert_eq!(bin.count, 800);
            assert!((bin.error_rms_deg / bin.predicted_deg - 1.0).abs() < 0.06, "{bin:?}");
        }
        let doubtful: Vec<Claim> =
            honest(4000).into_iter().map(|c| Claim { covariance: c.covariance * 4.0, ..c }).collect();
        let doubtful = Uncertainty::of(&doubtful);
        assert!(doubtful.inside_90 > 99.0 && doubtful.nll > found.nll, "over-wide ellipsoids cost likelihood");
    }

    #[test]
    fn flips_are_compared_with_what_was_said_of_them() {
        let covariance = Matrix3::identity();
        let residual_rad = Vector3::new(0.0, 0.0, std::f64::consts::PI);
        let claim = |error_deg, flip_probability| Claim { error_deg, residual_rad, covariance, flip_probability };
        let found = Uncertainty::of(&[claim(180.0, 1.0), claim(5.0, 0.1), claim(150.0, 0.1), claim(170.0, 0.15)]);
        assert_eq!(found.near_count, 0, "the ellipsoid of another mode says nothing");
        assert!((found.flip_brier - (0.01 + 0.01 + 0.85 * 0.85) / 4.0).abs() < 1e-12);
        let first = found.flip_bins[0];
        assert_eq!((first.count, first.observed), (3, Some(1.0 / 3.0)), "150 degrees is no flip yet");
        assert_eq!((found.flip_bins[4].count, found.flip_bins[4].observed), (1, Some(1.0)));
        assert_eq!((found.flip_bins[2].count, found.flip_bins[2].observed), (0, None));
    }

    #[test]
    fn no_objects_are_no_numbers_out_of_nothing() {
        let none = Uncertainty::of(&[]);
        assert!(none.spread_bins.is_empty() && none.nll == 0.0 && none.flip_brier == 0.0);
    }
}
