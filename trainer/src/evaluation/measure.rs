//! Runs a model over a test set: every object, at every crop, once.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use calibration::Viewpoint;
use image::RgbImage;
use kernels::BoxPx;
use models::retrieval::Retrieval;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Evaluator;
use super::crops::CropKind;
use super::estimates::Known;
use super::gallery::{Gallery, Look};
use super::rows::Scored;
use super::uncertainty::Claim;
use crate::datasets::benchmark::{BenchmarkObject, BenchmarkObjects};

/// A model's answer for one object, beside the truth.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Picture and object.
    pub name: String,
    /// Its category.
    pub category: String,
    /// Its split.
    pub split: String,
    /// KITTI's occlusion level.
    pub occlusion: u8,
    /// Labelled viewpoint.
    pub truth: Viewpoint,
    /// Retrieved viewpoint.
    pub found: Viewpoint,
    /// Error and published uncertainty.
    pub claim: Claim,
    /// Cosine to the nearest reference.
    pub similarity: f64,
    /// Share of the vote for the answer.
    pub probability: f64,
    /// The box, before it was clipped to the picture.
    pub box_px: BoxPx,
}

impl Outcome {
    fn new(object: &BenchmarkObject, box_px: BoxPx, answer: &Retrieval) -> Self {
        let truth = object.sample.viewpoint;
        Self {
            name: object.name.clone(),
            category: object.category.clone(),
            split: object.split.clone(),
            occlusion: object.sample.occlusion,
            truth,
            found: Viewpoint::from_rotation(&answer.best.rotation),
            claim: Claim::of(&truth.to_rotation(), answer),
            similarity: answer.similarity,
            probability: answer.best.probability,
            box_px,
        }
    }

    /// What a table needs of it.
    pub fn scored(&self) -> Scored<'_> {
        Scored {
            split: &self.split,
            category: &self.category,
            azimuth_deg: self.truth.azimuth_rad.to_degrees(),
            error_deg: self.claim.error_deg,
        }
    }
}

/// Everything measured at one crop.
#[derive(Debug)]
pub struct Measured {
    /// The crop.
    pub crop: CropKind,
    /// A line for each object.
    pub outcomes: Vec<Outcome>,
    /// Objects of which this crop shows nothing; they have no outcome.
    pub outside: usize,
    /// Best and worst cases, with what the network saw.
    pub gallery: Gallery,
    shown: Shown,
    rng: ChaCha8Rng,
}

/// What is kept to look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// Cases at either end.
    pub count_max: usize,
    /// With why their poses were answered.
    pub is_explained: bool,
}

impl Measured {
    /// Nothing yet.
    pub fn new(crop: CropKind, seed: u64, shown: Shown) -> Self {
        // Each crop draws from the seed anew: a floor's table is the same whatever other floors were asked for.
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { crop, outcomes: Vec::new(), outside: 0, gallery: Gallery::new(shown.count_max), shown, rng }
    }

    fn add(
        &mut self,
        evaluator: &mut Evaluator,
        object: &BenchmarkObject,
        image: &RgbImage,
        rows: std::ops::Range<u32>,
    ) -> Result<()> {
        let placed = self.crop.place(object, image, evaluator.spec(), &mut self.rng)?;
        if !placed.is_inside(image) {
            self.outside += 1;
            return Ok(());
        }
        let up = object.sample.up(&placed.box_px);
        let known = Known { up, camera: object.sample.camera };
        let answer = evaluator.answer(image, &placed.seen_px, rows, known)?;
        let outcome = Outcome::new(object, placed.box_px, &answer);
        self.gallery.offer(&outcome, || {
            let explanation = if self.shown.is_explained { evaluator.explain()? } else { None };
            Ok(Look { crop: evaluator.last_crop(), explanation })
        })?;
        self.outcomes.push(outcome);
        Ok(())
    }
}

/// What a run over a test set gives.
#[derive(Debug)]
pub struct Measurement {
    /// One for each crop asked for, in that order.
    pub crops: Vec<Measured>,
    /// Objects of categories that the model does not know, by category: they are in no table.
    pub not_covered: BTreeMap<String, usize>,
}

/// Measures every object at every crop; what is `shown` is kept as pictures.
///
/// # Errors
/// An object that cannot be read, cropped or answered, by its name; no object that the model covers.
pub fn measure(
    evaluator: &mut Evaluator,
    objects: BenchmarkObjects,
    crops: &[CropKind],
    seed: u64,
    shown: Shown,
) -> Result<Measurement> {
    let mut crops: Vec<Measured> = crops.iter().map(|&crop| Measured::new(crop, seed, shown)).collect();
    let mut not_covered = BTreeMap::new();
    for some in objects {
        for object in some? {
            let Some(rows) = evaluator.rows_of(&object.category) else {
                *not_covered.entry(object.category.clone()).or_insert(0) += 1;
                continue;
            };
            let place = || object.name.clone();
            let image = object.sample.picture.decode().with_context(place)?;
            for measured in &mut crops {
                measured.add(evaluator, &object, &image, rows.clone()).with_context(place)?;
            }
        }
    }
    let covered = crops.first().is_some_and(|measured| !measured.outcomes.is_empty());
    ensure!(covered, "no object of the protocol that the model covers (not covered: {not_covered:?})");
    Ok(Measurement { crops, not_covered })
}
