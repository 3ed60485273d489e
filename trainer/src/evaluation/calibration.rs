//! Fits how neighbours vote, and how much their spread is believed, on data that neither trained nor tests the model.

use anyhow::{Context, Result};
use calibration::Rotation;
use kernels::CpuTopK;
use models::retrieval::{Retrieval, Retriever};
use models::{ReferenceTable, RetrievalSpec};
use nalgebra::Vector3;
use serde::Serialize;

use super::estimates::level_prior;
use super::scores::{Scores, capped_error_deg};
use super::uncertainty::{CHI2_3_90, Claim, Uncertainty};
use crate::table::RETRIEVAL_UNFITTED;

/// Values tried.
const NEIGHBORS: [usize; 4] = [8, 16, 32, 64];
const TEMPERATURES: [f64; 8] = [0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32];
const RADII_DEG: [f64; 3] = [15.0, 25.0, 35.0];
/// Temperatures of the flip's probability, tried as well.
const FLIP_TEMPERATURES: [f64; 10] = [0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8];
/// Scales of the covariance between which the fitted one is looked for, and halvings of that range (on a logarithmic axis).
const COVARIANCE_SCALES: [f64; 2] = [0.01, 100.0];
const BISECTIONS: usize = 16;

/// An embedded crop and the pose that it shows.
#[derive(Clone, Debug)]
pub struct Posed {
    /// The query's embedding.
    pub embedding: Vec<f32>,
    /// Labelled allocentric rotation.
    pub truth: Rotation,
    /// Up in the crop's virtual camera, where it is known.
    pub up: Option<Vector3<f64>>,
}

/// The best setting found, and how it does on the data it was fitted on.
#[derive(Clone, Debug, Serialize)]
pub struct Fit {
    /// For the manifest.
    pub retrieval: RetrievalSpec,
    /// Scores with it.
    pub scores: Scores,
    /// Mean of the errors, each at most 40 degrees: what was minimised.
    pub capped_error_deg: f64,
    /// Share of the objects off by less than 30 degrees that lie in their 90 % ellipsoid, in percent.
    pub inside_90: f64,
    /// Mean negative log likelihood of the same objects' errors, in nats.
    pub nll: f64,
    /// Mean squared difference between the flip's probability and whether it was one (Brier score).
    pub flip_brier: f64,
}

/// Tries every setting; the first of equally good ones is kept. The level prior works as it will when the model is used.
///
/// # Errors
/// No objects, or a table that cannot be searched.
pub fn fit(table: &ReferenceTable, objects: &[Posed], level_sigma_deg: f64) -> Result<Fit> {
    let mut best: Option<(f64, RetrievalSpec)> = None;
    for neighbors in NEIGHBORS {
        for mode_radius_deg in RADII_DEG {
            for temperature in TEMPERATURES {
                let spec = RetrievalSpec { neighbors, temperature, mode_radius_deg, ..RETRIEVAL_UNFITTED };
                let claims = claims(objects, &answers(table, &spec, objects, level_sigma_deg)?);
                let cost = capped_error_deg(errors_deg(&claims)).context("no objects to fit on")?;
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, spec));
                }
            }
        }
    }
    let (_, mut retrieval) = best.context("no setting to try")?;
    retrieval.covariance_scale = covariance_scale(table, &retrieval, objects, level_sigma_deg)?;
    retrieval.flip_temperature = flip_temperature(table, &retrieval, objects, level_sigma_deg)?;
    judge(table, &retrieval, objects, level_sigma_deg)
}

/// The scale at which 90 % of the objects lie in their 90 % ellipsoid. Errors have heavier tails than a normal distribution: the
/// promise that users rely on is the wide one, so it is kept.
///
/// The level prior takes its part of a covariance away, the more the larger that is, so the scale is found by bisection.
fn covariance_scale(
    table: &ReferenceTable,
    retrieval: &RetrievalSpec,
    objects: &[Posed],
    level_sigma_deg: f64,
) -> Result<f64> {
    let [mut low, mut high] = COVARIANCE_SCALES.map(f64::ln);
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        let spec = RetrievalSpec { covariance_scale: middle.exp(), ..retrieval.clone() };
        let claims = claims(objects, &answers(table, &spec, objects, level_sigma_deg)?);
        let distances = claims.iter().filter_map(|claim| Some(claim.mahalanobis()?.squared));
        let found = quantile_90(distances).context("no object within 30 degrees")?;
        if found > CHI2_3_90 { low = middle } else { high = middle }
    }
    Ok(high.exp())
}

/// The temperature at which the flip's probability is most likely to have said what came; the old one where no flip came, from
/// which none can be learnt.
fn flip_temperature(
    table: &ReferenceTable,
    retrieval: &RetrievalSpec,
    objects: &[Posed],
    level_sigma_deg: f64,
) -> Result<f64> {
    let mut best = (f64::INFINITY, retrieval.flip_temperature);
    for flip_temperature in FLIP_TEMPERATURES {
        let spec = RetrievalSpec { flip_temperature, ..retrieval.clone() };
        let claims = claims(objects, &answers(table, &spec, objects, level_sigma_deg)?);
        let cost: f64 = claims.iter().map(Claim::flip_surprise).sum();
        if cost < best.0 && claims.iter().any(Claim::is_flip) {
            best = (cost, flip_temperature);
        }
    }
    Ok(best.1)
}

/// How a setting does.
///
/// # Errors
/// As [`fit`].
pub fn judge(
    table: &ReferenceTable,
    retrieval: &RetrievalSpec,
    objects: &[Posed],
    level_sigma_deg: f64,
) -> Result<Fit> {
    let claims = claims(objects, &answers(table, retrieval, objects, level_sigma_deg)?);
    let errors = errors_deg(&claims);
    let Uncertainty { inside_90, nll, flip_brier, .. } = Uncertainty::of(&claims);
    Ok(Fit {
        retrieval: retrieval.clone(),
        scores: Scores::of(&errors).context("no objects")?,
        capped_error_deg: capped_error_deg(errors).context("no objects")?,
        inside_90,
        nll,
        flip_brier,
    })
}

fn answers(
    table: &ReferenceTable,
    spec: &RetrievalSpec,
    objects: &[Posed],
    level_sigma_deg: f64,
) -> Result<Vec<Retrieval>> {
    let mut retriever = Retriever::new(CpuTopK::new(spec.neighbors, 1), table.clone(), spec.clone(), 1)?;
    let rows = 0..u32::try_from(table.rotations.len()).context("the table is too long")?;
    let answer = |object: &Posed| {
        retriever.search(&object.embedding, rows.clone())?;
        Ok(retriever.vote(0, level_prior(object.up, level_sigma_deg).as_ref())?)
    };
    objects.iter().map(answer).collect()
}

fn claims(objects: &[Posed], answers: &[Retrieval]) -> Vec<Claim> {
    objects.iter().zip(answers).map(|(object, answer)| Claim::of(&object.truth, answer)).collect()
}

fn errors_deg(claims: &[Claim]) -> Vec<f64> {
    claims.iter().map(|claim| claim.error_deg).collect()
}

/// The value that nine in ten are below.
pub(super) fn quantile_90(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() * 9 / 10).copied()
}

#[cfg(test)]
mod tests {
    use calibration::{Viewpoint, so3};
    use half::f16;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const DIM: usize = 2;

    /// A circle of views whose embedding is their azimuth on the unit circle.
    fn table() -> ReferenceTable {
        let azimuths = (0..180).map(|i| f64::from(2 * i));
        let unit = |deg: f64| [deg.to_radians().cos() as f32, deg.to_radians().sin() as f32];
        let rotation = |deg: f64| so3::to_wxyz(&Viewpoint::from_degrees(deg, 0.0, 0.0).to_rotation()).map(|c| c as f32);
        ReferenceTable {
            dim: DIM,
            embeddings: azimuths.clone().flat_map(unit).map(f16::from_f32).collect(),
            rotations: azimuths.map(rotation).collect(),
            class_id: vec![0; 180],
            shape_id: vec![0; 180],
            class_names: vec!["car".into()],
            encoder_sha256: String::new(),
        }
    }

    /// Queries that look like the truth turned by a normal error of `sigma_deg` about a random axis.
    fn objects(sigma_deg: f64) -> Vec<Posed> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut normal = move || (0..12).map(|_| rng.random_range(-0.5..0.5)).sum::<f64>() * sigma_deg.to_radians();
        let posed = |i: u32| {
            let shown = f64::from(i) * 0.9;
            let noise = Vector3::from_fn(|_, _| normal());
            let truth = Rotation::from_scaled_axis(noise) * Viewpoint::from_degrees(shown, 0.0, 0.0).to_rotation();
            let angle = shown.to_radians();
            Posed { embedding: vec![angle.cos() as f32, angle.sin() as f32], truth, up: None }
        };
        (0..400).map(posed).collect()
    }

    #[test]
    fn the_fitted_covariance_holds_what_it_promises() {
        let (table, objects) = (table(), objects(4.0));
        let fit = fit(&table, &objects, 0.0).unwrap();
        assert!((88.0..92.0).contains(&fit.inside_90), "{fit:?}");
        let mut doubtful = fit.retrieval.clone();
        doubtful.covariance_scale *= 4.0;
        assert!(judge(&table, &doubtful, &objects, 0.0).unwrap().inside_90 > fit.inside_90);
        assert!(judge(&table, &doubtful, &objects, 0.0).unwrap().nll > fit.nll, "over-wide ellipsoids cost likelihood");
    }

    #[test]
    fn the_fit_is_at_least_as_good_as_the_unfitted_setting() {
        let (table, objects) = (table(), objects(4.0));
        let unfitted = judge(&table, &crate::table::RETRIEVAL_UNFITTED, &objects, 0.0).unwrap();
        assert!(fit(&table, &objects, 0.0).unwrap().capped_error_deg <= unfitted.capped_error_deg);
    }

    #[test]
    fn the_flip_s_temperature_follows_the_flips_that_came() {
        let (table, mut objects) = (table(), objects(4.0));
        let none = fit(&table, &objects, 0.0).unwrap();
        assert_eq!(none.retrieval.flip_temperature, RETRIEVAL_UNFITTED.flip_temperature, "nothing to learn from");
        // Every third car faces the other way, and nothing shows it: doubt cannot be large enough.
        for object in objects.iter_mut().step_by(3) {
            object.truth = models::retrieval::flipped(&object.truth);
        }
        let many = fit(&table, &objects, 0.0).unwrap();
        assert_eq!(many.retrieval.flip_temperature, FLIP_TEMPERATURES[FLIP_TEMPERATURES.len() - 1]);
        assert!(many.flip_brier < judge(&table, &none.retrieval, &objects, 0.0).unwrap().flip_brier);
    }

    #[test]
    fn without_objects_there_is_nothing_to_fit() {
        assert!(fit(&table(), &[], 0.0).is_err());
    }
}
