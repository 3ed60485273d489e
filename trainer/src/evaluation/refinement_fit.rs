//! Fits what a refinement weighs against what, on data that neither trained nor tests the model.

use anyhow::{Context, Result};
use calibration::Rotation;
use models::RefinementSpec;
use models::refinement::View;
use models::retrieval::Retrieval;
use serde::Serialize;

use super::calibration::quantile_90;
use super::refine::MeshRefiner;
use super::scores::Scores;
use super::uncertainty::{CHI2_3_90, Claim, Uncertainty};

/// Errors beyond this are equally bad for the fit, as for that of retrieval.
const ERROR_DEG_MAX: f64 = 40.0;
/// Times that all weights are gone through, one after the other.
const SWEEPS: usize = 2;

/// An object before its refinement.
#[derive(Clone, Debug)]
pub struct Case {
    /// `[D, h, w]`.
    pub features: Vec<f32>,
    /// Its box and camera.
    pub view: View,
    /// What was retrieved.
    pub retrieved: Retrieval,
    /// Labelled allocentric rotation.
    pub truth: Rotation,
}

/// The best weights found, and how they do on the data they were fitted on.
#[derive(Clone, Debug, Serialize)]
pub struct RefinementFit {
    /// For the manifest.
    pub refinement: RefinementSpec,
    /// Of the retrieved poses.
    pub retrieved: Scores,
    /// Of the refined poses.
    pub refined: Scores,
    /// Mean of the errors, each at most 40 degrees, before and after: what was minimised.
    pub capped_error_deg: [f64; 2],
    /// Share of refined errors below 30 degrees inside the 90 % ellipsoid, in percent.
    pub inside_90: f64,
    /// Brier score of the flip's probability, before and after.
    pub flip_brier: [f64; 2],
}

/// A weight, the values tried for it, and how it is set.
type Knob = (&'static [f64], fn(&mut RefinementSpec, f64));

const KNOBS: [Knob; 7] = [
    (&[0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0], |spec, value| spec.feature_weight = value),
    (&[0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6], |spec, value| spec.rotation_prior_scale = value),
    (&[0.02, 0.03, 0.05, 0.08, 0.12, 0.2], |spec, value| spec.box_sigma = value),
    (&[0.0, 0.1, 0.2, 0.3, 0.4], |spec, value| spec.similarity_floor = value),
    (&[0.0, 0.1, 0.2, 0.4, 0.8], |spec, value| spec.occlusion_penalty = value),
    (&[0.05, 0.1, 0.2], |spec, value| spec.temperature = value),
    (&[0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6], |spec, value| spec.flip_weight = value),
];

/// Goes through one weight after the other; the first of equally good values is kept. Then the covariance is scaled so that 90 % of the
/// ellipsoids hold the truth.
///
/// # Errors
/// No objects, or a refiner that fails.
pub fn fit(refiner: &mut MeshRefiner, cases: &[Case]) -> Result<RefinementFit> {
    let mut best = refiner.spec();
    let mut least = cost(&claims(refiner, cases, best)?).context("no objects to fit on")?;
    for _ in 0..SWEEPS {
        for (values, set) in KNOBS {
            let start = best;
            for &value in values {
                let mut spec = start;
                set(&mut spec, value);
                let cost = cost(&claims(refiner, cases, spec)?).unwrap_or(f64::INFINITY);
                if cost < least {
                    (least, best) = (cost, spec);
                }
            }
        }
    }
    best.covariance_scale = 1.0;
    let distances: Vec<f64> =
        claims(refiner, cases, best)?.iter().filter_map(|claim| Some(claim.mahalanobis()?.squared)).collect();
    best.covariance_scale = quantile_90(distances.into_iter()).context("no object within 30 degrees")? / CHI2_3_90;
    judge(refiner, cases, best)
}

/// How these weights do.
///
/// # Errors
/// As [`fit`].
pub fn judge(refiner: &mut MeshRefiner, cases: &[Case], spec: RefinementSpec) -> Result<RefinementFit> {
    let before: Vec<Claim> = cases.iter().map(|case| Claim::of(&case.truth, &case.retrieved)).collect();
    let after = claims(refiner, cases, spec)?;
    let scores = |claims: &[Claim]| {
        let errors: Vec<f64> = claims.iter().map(|claim| claim.error_deg).collect();
        Scores::of(&errors).context("no objects")
    };
    let [uncertain_before, uncertain] = [Uncertainty::of(&before), Uncertainty::of(&after)];
    Ok(RefinementFit {
        refinement: spec,
        retrieved: scores(&before)?,
        refined: scores(&after)?,
        capped_error_deg: [cost(&before), cost(&after)].map(|cost| cost.unwrap_or(f64::NAN)),
        inside_90: uncertain.inside_90,
        flip_brier: [uncertain_before.flip_brier, uncertain.flip_brier],
    })
}

fn claims(refiner: &mut MeshRefiner, cases: &[Case], spec: RefinementSpec) -> Result<Vec<Claim>> {
    refiner.set_spec(spec);
    let claim = |case: &Case| {
        let refined = refiner.refine(&case.features, &case.view, case.retrieved.clone())?;
        Ok(Claim::of(&case.truth, &refined))
    };
    cases.iter().map(claim).collect()
}

fn cost(claims: &[Claim]) -> Option<f64> {
    let sum: f64 = claims.iter().map(|claim| claim.error_deg.min(ERROR_DEG_MAX)).sum();
    (!claims.is_empty()).then(|| sum / claims.len() as f64)
}
