//! Fits what a refinement weighs against what, on data that neither trained nor tests the model.

use anyhow::{Context, Result};
use calibration::Rotation;
use models::RefinementSpec;
use models::refinement::View;
use models::retrieval::Retrieval;
use serde::Serialize;

use super::calibration::quantile_90;
use super::refine::MeshRefiner;
use super::scores::{self, Scores};
use super::uncertainty::{CHI2_3_90, Claim, Uncertainty};

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
    /// Mean of the errors, each at most 40 degrees, before and after: what all weights but the flip's were fitted to.
    pub capped_error_deg: [f64; 2],
    /// Share of refined errors below 30 degrees inside the 90 % ellipsoid, in percent.
    pub inside_90: f64,
    /// Brier score of the flip's probability, before and after.
    pub flip_brier: [f64; 2],
    /// Its mean negative log likelihood, before and after: what the flip's weight was fitted to.
    pub flip_surprise: [f64; 2],
}

/// A weight, the values tried for it, and how it is set.
type Knob = (&'static [f64], fn(&mut RefinementSpec, f64));

const KNOBS: [Knob; 6] = [
    (&[0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0], |spec, value| spec.feature_weight = value),
    (&[0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.6], |spec, value| spec.rotation_prior_scale = value),
    (&[0.02, 0.03, 0.05, 0.08, 0.12, 0.2], |spec, value| spec.box_sigma = value),
    (&[0.0, 0.1, 0.2, 0.3, 0.4], |spec, value| spec.similarity_floor = value),
    (&[0.0, 0.1, 0.2, 0.4, 0.8], |spec, value| spec.occlusion_penalty = value),
    (&[0.05, 0.1, 0.2], |spec, value| spec.temperature = value),
];

/// Flips are too few for their number to choose a weight; how surprising each is, given its probability, says more.
const FLIP_KNOB: Knob =
    (&[0.0, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.5, 0.8], |spec, value| spec.flip_weight = value);

/// Goes through one weight after the other, for the least error; the first of equally good values is kept. Then what features say about
/// front and rear is weighed so that the flip's probability is likeliest, and the covariance scaled so that 90 % of the ellipsoids hold the truth.
///
/// # Errors
/// No objects, or a refiner that fails.
pub fn fit(refiner: &mut MeshRefiner, cases: &[Case]) -> Result<RefinementFit> {
    let mut best = refiner.spec();
    for _ in 0..SWEEPS {
        for knob in KNOBS {
            best = turned(refiner, cases, best, knob, capped_error_deg)?;
        }
    }
    // Where no answer is a flip, none can be learnt from.
    if claims(refiner, cases, best)?.iter().any(Claim::is_flip) {
        best = turned(refiner, cases, best, FLIP_KNOB, flip_surprise)?;
    }
    best.covariance_scale = 1.0;
    let distances: Vec<f64> =
        claims(refiner, cases, best)?.iter().filter_map(|claim| Some(claim.mahalanobis()?.squared)).collect();
    best.covariance_scale = quantile_90(distances.into_iter()).context("no object within 30 degrees")? / CHI2_3_90;
    judge(refiner, cases, best)
}

/// The weights with one of them at the value of the least mean cost; as they are, where no value is better.
fn turned(
    refiner: &mut MeshRefiner,
    cases: &[Case],
    start: RefinementSpec,
    (values, set): Knob,
    cost: fn(&[Claim]) -> Option<f64>,
) -> Result<RefinementSpec> {
    let mut best = start;
    let mut least = cost(&claims(refiner, cases, start)?).context("no objects to fit on")?;
    for &value in values {
        let mut spec = start;
        set(&mut spec, value);
        let found = cost(&claims(refiner, cases, spec)?).unwrap_or(f64::INFINITY);
        if found < least {
            (least, best) = (found, spec);
        }
    }
    Ok(best)
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
        capped_error_deg: [&before, &after].map(|claims| capped_error_deg(claims).unwrap_or(f64::NAN)),
        inside_90: uncertain.inside_90,
        flip_brier: [uncertain_before.flip_brier, uncertain.flip_brier],
        flip_surprise: [&before, &after].map(|claims| flip_surprise(claims).unwrap_or(f64::NAN)),
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

fn capped_error_deg(claims: &[Claim]) -> Option<f64> {
    scores::capped_error_deg(claims.iter().map(|claim| claim.error_deg))
}

fn flip_surprise(claims: &[Claim]) -> Option<f64> {
    let sum: f64 = claims.iter().map(Claim::flip_surprise).sum();
    (!claims.is_empty()).then(|| sum / claims.len() as f64)
}
