//! From pictures to a report, with the model that ships.

use std::path::Path;

use models::{BackboneConfig, Model, Provider};

use super::crops::CropKind;
use super::measure::{Measurement, Shown, measure};
use super::refine::RefinerKind;
use super::summary::{Subject, Summary};
use super::*;
use crate::datasets::benchmark::BenchmarkObject;

fn evaluator() -> Evaluator {
    let config =
        BackboneConfig { providers: vec![Provider::Tract], threads: 2, batch_max: 1, ..BackboneConfig::default() };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/car");
    Evaluator::new(Model::load(&folder, &config).unwrap(), RefinerKind::Mesh).unwrap()
}

fn objects() -> Vec<BenchmarkObject> {
    let options = occlusion::Options { object_count: 4, seed: 0, coco: None };
    occlusion::open(&options).unwrap().collect::<anyhow::Result<Vec<_>>>().unwrap().into_iter().flatten().collect()
}

#[test]
fn the_shipped_model_is_measured_at_every_level_and_crop() {
    let mut objects = objects();
    assert_eq!(objects.len(), 4 * occlusion::LEVELS.len());
    let mut stranger = objects[0].clone();
    stranger.category = "bus".to_owned();
    objects.push(stranger);
    let crops = [CropKind::Tight, CropKind::Jitter(0.75)];
    let mut evaluator = evaluator();
    let set = |objects: &[BenchmarkObject]| Box::new(std::iter::once(Ok(objects.to_vec())));
    let Measurement { crops, not_covered } =
        measure(&mut evaluator, set(&objects), &crops, 0, Shown { count_max: 2, is_explained: true }).unwrap();
    assert_eq!(not_covered.into_iter().collect::<Vec<_>>(), [("bus".to_owned(), 1)]);
    let [model, model_sha256, protocol] = ["car", "", "synthetic_occlusion"].map(String::from);
    let subject = Subject { model, model_sha256, protocol, level_sigma_deg: 0.0 };
    for measured in &crops {
        let summary = Summary::of(&subject, measured, &Default::default());
        let splits: Vec<&str> = summary.rows.iter().map(|row| row.split.as_str()).collect();
        assert_eq!(splits, ["L0", "L1", "L2", "L3", "all"]);
        assert!(summary.rows.iter().all(|row| row.scores.count == if row.split == "all" { 16 } else { 4 }));
        assert!(summary.rows[0].scores.median_deg < 15.0, "whole cars are easy: {:?}", summary.rows[0].scores);
        assert_eq!(
            measured.gallery.worst()[0].look.crop.dimensions(),
            (evaluator.spec().width, evaluator.spec().height)
        );
    }
    let svg = crops[0].gallery.worst()[0].look.explanation.as_ref().map(|explanation| explanation.svg(""));
    assert!(svg.is_some_and(|svg| svg.contains("polyline")), "the model refines, and that is explained");
    // Another floor beside it does not change a table.
    let alone = measure(&mut evaluator, set(&objects), &[CropKind::Jitter(0.75)], 0, Shown::default()).unwrap();
    let errors = |outcomes: &[measure::Outcome]| outcomes.iter().map(|o| o.claim.error_deg).collect::<Vec<_>>();
    assert_eq!(errors(&alone.crops[0].outcomes), errors(&crops[1].outcomes));
    // No centre and scale are known here.
    let error = measure(&mut evaluator, set(&objects), &[CropKind::Oracle], 0, Shown::default()).unwrap_err();
    assert!(format!("{error:#}").contains("no oracle crop") && format!("{error:#}").contains("/L0"), "{error:#}");
}
