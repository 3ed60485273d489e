//! From how far away refinement finds the pose, and what it makes of less time.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use calibration::so3::{exp, geodesic_angle};
use calibration::{Rotation, Viewpoint};
use models::RefinementSpec;
use models::refinement::View;
use models::retrieval::{Hypothesis, Retrieval};
use nalgebra::{Matrix3, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::Evaluator;
use super::crops::CropKind;
use super::estimates::Known;
use super::refine::MeshRefiner;
use super::scores::{Scores, capped_error_deg};
use crate::datasets::benchmark::{BenchmarkObject, BenchmarkObjects};

/// Nearer than this is there.
const THERE_DEG: f64 = 2.0;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Starts are turned away from the truth by these angles about random axes.
    pub angles_deg: Vec<f64>,
    /// Starts of each object and angle.
    pub starts: usize,
    /// Bounds on the steps that are compared, from the retrieved poses.
    pub steps: Vec<u32>,
    /// Of the axes.
    pub seed: u64,
}

/// Starts at one angle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Basin {
    /// How far the starts were turned away.
    pub start_deg: f64,
    /// Starts.
    pub count: usize,
    /// Share that ended within two degrees of the truth, percent.
    pub at_truth: f64,
    /// Share that ended within two degrees of where a start at the truth ends, percent: what the features say, right or wrong.
    pub at_optimum: f64,
    /// Median error.
    pub median_deg: f64,
}

/// Answers under one bound on the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bounded {
    /// Steps of each hypothesis, at most.
    pub steps_max: u32,
    /// Mean of the errors, each at most 40 degrees.
    pub capped_error_deg: f64,
    /// Median error.
    pub median_deg: f64,
    /// Mean of what the score gained over the start's.
    pub gain: f64,
    /// Objects whose answer has a lower score than its start: there must be none.
    pub worse_count: usize,
}

/// One split.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub split: String,
    /// A line for each angle.
    pub basins: Vec<Basin>,
    /// A line for each bound on the steps.
    pub bounded: Vec<Bounded>,
}

/// Everything of one split so far.
#[derive(Default)]
struct Found {
    /// Of each angle, errors to the truth and to the optimum.
    from_angles: Vec<Vec<[f64; 2]>>,
    /// Of each bound, errors and gains.
    bounded: Vec<Vec<[f64; 2]>>,
}

/// Measures every object that the model covers, at its tight box.
///
/// # Errors
/// An object that cannot be read, cropped or answered, by its name; a model that does not refine.
pub fn measure(evaluator: &mut Evaluator, objects: BenchmarkObjects, options: &Options) -> Result<Vec<Row>> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut splits: BTreeMap<String, Found> = BTreeMap::new();
    for some in objects {
        for object in some? {
            let found = splits.entry(object.split.clone()).or_default();
            found.from_angles.resize(options.angles_deg.len(), Vec::new());
            found.bounded.resize(options.steps.len(), Vec::new());
            look(evaluator, &object, options, &mut rng, found).with_context(|| object.name.clone())?;
        }
    }
    Ok(splits.into_iter().map(|(split, found)| found.row(split, options)).collect())
}

fn look(
    evaluator: &mut Evaluator,
    object: &BenchmarkObject,
    options: &Options,
    rng: &mut ChaCha8Rng,
    found: &mut Found,
) -> Result<()> {
    let Some(rows) = evaluator.rows_of(&object.category) else { return Ok(()) };
    let image = object.sample.picture.decode()?;
    let placed = CropKind::Tight.place(object, &image, evaluator.spec(), rng)?;
    if !placed.is_inside(&image) {
        return Ok(());
    }
    let known = Known { up: object.sample.up(&placed.box_px), camera: object.sample.camera };
    let retrieved = evaluator.retrieve(&image, &placed.seen_px, rows.clone(), known)?;
    let view = evaluator.view(&image, &placed.seen_px, rows, known).context("the model does not refine")?;
    let features = evaluator.features().to_vec();
    let refiner = evaluator.refiner_mut().context("the model does not refine")?;
    let truth = object.sample.viewpoint.to_rotation();
    let mut end =
        |start: &Rotation| -> Result<Rotation> { Ok(refiner.refine(&features, &view, unsure(start))?.best.rotation) };
    let optimum = end(&truth)?;
    for (&angle_deg, found) in options.angles_deg.iter().zip(&mut found.from_angles) {
        for _ in 0..options.starts {
            let ended = end(&(exp(&(direction(rng) * angle_deg.to_radians())) * truth))?;
            found.push([&truth, &optimum].map(|to| geodesic_angle(to, &ended).to_degrees()));
        }
    }
    bound(refiner, &features, &view, &retrieved, (options, &object.sample.viewpoint), found)
}

/// Refines what was retrieved under each bound on the steps.
fn bound(
    refiner: &mut MeshRefiner,
    features: &[f32],
    view: &View,
    retrieved: &Retrieval,
    (options, truth): (&Options, &Viewpoint),
    found: &mut Found,
) -> Result<()> {
    let spec = refiner.spec();
    for (&steps_max, found) in options.steps.iter().zip(&mut found.bounded) {
        refiner.set_spec(RefinementSpec { steps_max, ..spec });
        let answer = refiner.refine(features, view, retrieved.clone())?;
        let gain = refiner.last().map_or(0.0, |refined| refined.score - refined.start_score);
        found.push([geodesic_angle(&truth.to_rotation(), &answer.best.rotation).to_degrees(), gain]);
    }
    refiner.set_spec(spec);
    Ok(())
}

/// A retrieval of this rotation and no other that knows as good as nothing: features and box alone decide where it goes.
fn unsure(rotation: &Rotation) -> Retrieval {
    Retrieval {
        best: Hypothesis { rotation: *rotation, probability: 1.0 },
        covariance: Matrix3::identity() * std::f64::consts::PI.powi(2),
        similarity: 1.0,
        flip_probability: 0.0,
        alternatives: heapless::Vec::new(),
    }
}

/// Equally likely in all directions: through a point of the unit ball.
fn direction(rng: &mut ChaCha8Rng) -> Vector3<f64> {
    loop {
        let point = Vector3::from_fn(|_, _| rng.random_range(-1.0..1.0_f64));
        if (0.1..1.0).contains(&point.norm()) {
            return point.normalize();
        }
    }
}

impl Found {
    fn row(self, split: String, options: &Options) -> Row {
        let basin = |(&start_deg, pairs): (&f64, &Vec<[f64; 2]>)| {
            let share = |which: usize| {
                100.0 * pairs.iter().filter(|pair| pair[which] < THERE_DEG).count() as f64 / pairs.len().max(1) as f64
            };
            let median_deg = median_deg(pairs);
            Basin { start_deg, count: pairs.len(), at_truth: share(0), at_optimum: share(1), median_deg }
        };
        let bounded = |(&steps_max, pairs): (&u32, &Vec<[f64; 2]>)| Bounded {
            steps_max,
            capped_error_deg: capped_error_deg(pairs.iter().map(|pair| pair[0])).unwrap_or(f64::NAN),
            median_deg: median_deg(pairs),
            gain: pairs.iter().map(|pair| pair[1]).sum::<f64>() / pairs.len().max(1) as f64,
            worse_count: pairs.iter().filter(|pair| pair[1] < 0.0).count(),
        };
        Row {
            split,
            basins: options.angles_deg.iter().zip(&self.from_angles).map(basin).collect(),
            bounded: options.steps.iter().zip(&self.bounded).map(bounded).collect(),
        }
    }
}

/// Of the first of each pair.
fn median_deg(pairs: &[[f64; 2]]) -> f64 {
    let errors_deg: Vec<f64> = pairs.iter().map(|pair| pair[0]).collect();
    Scores::of(&errors_deg).map_or(f64::NAN, |scores| scores.median_deg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_medians_are_of_what_was_found() {
        let options = Options { angles_deg: vec![5.0], starts: 4, steps: vec![0, 10], seed: 0 };
        let found = Found {
            from_angles: vec![vec![[1.0, 0.5], [1.9, 3.0], [7.0, 1.0], [3.0, 0.1]]],
            bounded: vec![vec![[50.0, 0.0], [10.0, 0.0]], vec![[20.0, 1.0], [4.0, -0.5]]],
        };
        let row = found.row("L0".to_owned(), &options);
        assert_eq!(
            row.basins,
            [Basin { start_deg: 5.0, count: 4, at_truth: 50.0, at_optimum: 75.0, median_deg: 2.45 }]
        );
        assert_eq!(row.bounded[0].capped_error_deg, 25.0);
        let last = Bounded { steps_max: 10, capped_error_deg: 12.0, median_deg: 12.0, gain: 0.25, worse_count: 1 };
        assert_eq!(row.bounded[1], last);
    }

    #[test]
    fn directions_are_unit() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        assert!((0..20).all(|_| (direction(&mut rng).norm() - 1.0).abs() < 1e-12));
    }
}
