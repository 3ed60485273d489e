//! The order of the work, with a network whose answers the test writes.

mod refining;

use super::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use calibration::Viewpoint;
use calibration::so3::to_wxyz;
use half::f16;
use kernels::{BoxPx, ImageView, PixelFormat};
use models::{Backbone, ClassSpec, InputSpec, OutputSpec, ReferenceTable, RetrievalSpec};

use crate::time::{ManualClock, Stamp};

const DIM: usize = 4;
const WIDTH: u32 = 200;
const HEIGHT: u32 = 100;

type Answer = dyn FnMut(usize, &mut [f32]) -> Result<(), BackboneError> + Send;

/// Answers with what the closure writes; counts the passes.
struct Scripted {
    answer: Box<Answer>,
    passes: Arc<AtomicUsize>,
}

impl Backbone for Scripted {
    fn provider(&self) -> Provider {
        Provider::Tract
    }

    fn description(&self) -> String {
        "scripted".to_owned()
    }

    fn embed(&mut self, _crops: &[f32], batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        (self.answer)(batch, embeddings)
    }
}

fn class(name: &str) -> ClassSpec {
    ClassSpec { name: name.to_owned(), aliases: vec![], length_m: 4.0, width_m: 1.8, height_m: 1.5 }
}

/// Row 0: a car along axis 0, azimuth 40. Row 1: a van along axis 1, azimuth 160.
fn model(answer: Box<Answer>) -> (Model, Arc<AtomicUsize>) {
    let passes = Arc::new(AtomicUsize::new(0));
    (model_of(Box::new(Scripted { answer, passes: Arc::clone(&passes) })), passes)
}

fn model_of(backbone: Box<dyn Backbone>) -> Model {
    let mut embeddings = vec![f16::ZERO; 2 * DIM];
    embeddings[0] = f16::ONE;
    embeddings[DIM + 1] = f16::ONE;
    let rotation = |azimuth| to_wxyz(&Viewpoint::from_degrees(azimuth, 0.0, 0.0).to_rotation()).map(|x| x as f32);
    Model {
        manifest: Manifest {
            name: "scripted".to_owned(),
            version: "1".to_owned(),
            licence: "MIT".to_owned(),
            provenance: "a test".to_owned(),
            classes: vec![class("car"), class("van")],
            input: InputSpec {
                width: 4,
                height: 4,
                context_margin: 0.0,
                fill: [0.0; 3],
                mean: [0.0; 3],
                std: [1.0; 3],
            },
            outputs: OutputSpec { embedding: "embedding".to_owned(), dim: DIM, features: None },
            retrieval: RetrievalSpec {
                neighbors: 8,
                temperature: 0.1,
                mode_radius_deg: 20.0,
                covariance_scale: 1.0,
                flip_temperature: 0.1,
            },
            refinement: None,
            artifacts: BTreeMap::new(),
        },
        table: ReferenceTable {
            dim: DIM,
            embeddings,
            rotations: vec![rotation(40.0), rotation(160.0)],
            class_id: vec![0, 1],
            shape_id: vec![0, 0],
            class_names: vec!["car".to_owned(), "van".to_owned()],
            encoder_sha256: String::new(),
        },
        neural_mesh: None,
        backbone,
        refused: vec![],
        sha256: String::new(),
        directory: std::path::PathBuf::new(),
    }
}

fn all_alike(_batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError> {
    embeddings.fill(0.5);
    Ok(())
}

fn detections(classes: &[&str]) -> Vec<Detection> {
    classes
        .iter()
        .enumerate()
        .map(|(i, class)| Detection {
            box_px: BoxPx { x1: 60.0, y1: 40.0, x2: 110.0, y2: 70.0 },
            class_id: (*class).try_into().unwrap(),
            // The last detection has the highest score.
            score: 0.1 + 0.01 * i as f32,
            id: heapless::String::new(),
        })
        .collect()
}

fn limits() -> Limits {
    Limits { batch_max: 2, detections_max: 8, ..Limits::default() }
}

fn camera() -> PinholeCamera {
    PinholeCamera::new(150.0, 150.0, 99.5, 49.5, WIDTH, HEIGHT).unwrap()
}

fn process(
    pipeline: &mut Pipeline,
    detections: &[Detection],
    deadline: Deadline,
    clock: &dyn Clock,
) -> Vec<ObjectPose> {
    let pixels = vec![77; (WIDTH * HEIGHT) as usize];
    let image = ImageView::new(&pixels, WIDTH, HEIGHT, WIDTH as usize, PixelFormat::Mono8).unwrap();
    let camera = camera();
    let frame = Frame { stamp: Stamp::default(), image };
    pipeline.process(&frame, &camera, detections, deadline, clock).unwrap().to_vec()
}

fn azimuth_deg(pose: &ObjectPose) -> f64 {
    let rotation = calibration::so3::from_wxyz(pose.allocentric.map(|x| x as f32)).unwrap();
    Viewpoint::from_rotation(&rotation).azimuth_rad.to_degrees()
}

#[test]
fn each_class_is_looked_up_among_its_own_rows() {
    let (model, passes) = model(Box::new(all_alike));
    let mut pipeline = Pipeline::new(model, &limits()).unwrap();
    let list = detections(&["van", "car", "Car", "VAN", "car"]);
    let poses = process(&mut pipeline, &list, Deadline::NEVER, &ManualClock::at(0));
    let expected = [160.0, 40.0, 40.0, 160.0, 40.0];
    for (index, (pose, expected)) in poses.iter().zip(expected).enumerate() {
        assert_eq!((pose.detection_index, pose.status), (index, ObjectStatus::Ok));
        assert!((azimuth_deg(pose) - expected).abs() < 0.1, "{index}: {}", azimuth_deg(pose));
    }
    assert_eq!(passes.load(Ordering::Relaxed), 3, "five crops in chunks of two");
}

#[test]
fn an_embedding_without_meaning_costs_only_its_own_object() {
    for (bad, mismatch) in [
        (f32::NAN, Mismatch::EmbeddingNotFinite),
        (f32::INFINITY, Mismatch::EmbeddingNotFinite),
        (0.0, Mismatch::EmbeddingZero),
    ] {
        let (model, _) = model(Box::new(move |_, embeddings| {
            embeddings.fill(0.5);
            embeddings[..DIM].fill(bad);
            Ok(())
        }));
        let mut pipeline = Pipeline::new(model, &limits()).unwrap();
        let poses = process(&mut pipeline, &detections(&["car", "car"]), Deadline::NEVER, &ManualClock::at(0));
        // The first crop is that of the highest score, which is the last detection.
        assert_eq!(poses[1].status, ObjectStatus::Unmatched(mismatch));
        assert!(!poses[1].has_pose);
        assert_eq!(poses[0].status, ObjectStatus::Ok);
    }
}

#[test]
fn a_network_that_writes_nothing_does_not_repeat_its_last_answer() {
    let mut first = true;
    let (model, _) = model(Box::new(
        move |batch, embeddings| {
            if std::mem::take(&mut first) { all_alike(batch, embeddings) } else { Ok(()) }
        },
    ));
    let mut pipeline = Pipeline::new(model, &limits()).unwrap();
    let list = detections(&["car"]);
    assert_eq!(process(&mut pipeline, &list, Deadline::NEVER, &ManualClock::at(0))[0].status, ObjectStatus::Ok);
    let second = process(&mut pipeline, &list, Deadline::NEVER, &ManualClock::at(0));
    assert_eq!(second[0].status, ObjectStatus::Unmatched(Mismatch::EmbeddingNotFinite));
}

#[test]
fn the_deadline_cuts_the_lowest_scores_and_finishes_what_was_paid_for() {
    // Each reading is one microsecond later: start 0, selection 1, first chunk crop 2, embed 3, retrieve 4, locate 5.
    let run = |at_us: u64| {
        let (model, passes) = model(Box::new(all_alike));
        let mut pipeline = Pipeline::new(model, &limits()).unwrap();
        let list = detections(&["car"; 4]);
        let poses = process(&mut pipeline, &list, Deadline { at_us }, &ManualClock::stepping(1));
        assert_eq!(poses.len(), 4);
        let late = poses.iter().filter(|pose| pose.status == ObjectStatus::DeadlineReached);
        (late.count(), poses.iter().filter(|pose| pose.has_pose).count(), passes.load(Ordering::Relaxed), poses)
    };
    // (deadline, late, with a pose, network passes)
    for (at_us, late, with_pose, passes) in [
        (0, 4, 0, 0),
        (1, 4, 0, 0),
        (2, 4, 0, 0),
        (3, 4, 2, 1),
        (4, 4, 2, 1),
        (5, 2, 2, 1),
        (6, 2, 2, 1),
        (7, 2, 4, 2),
        (9, 0, 4, 2),
    ] {
        let found = run(at_us);
        assert_eq!((found.0, found.1, found.2), (late, with_pose, passes), "deadline {at_us}");
    }
    let (.., poses) = run(5);
    let in_time: Vec<_> =
        poses.iter().filter(|pose| pose.status == ObjectStatus::Ok).map(|pose| pose.detection_index).collect();
    assert_eq!(in_time, [2, 3]);
}

#[test]
fn the_time_of_each_stage_is_the_difference_of_its_borders() {
    let (model, _) = model(Box::new(all_alike));
    let mut pipeline = Pipeline::new(model, &limits()).unwrap();
    process(&mut pipeline, &detections(&["car"; 3]), Deadline::NEVER, &ManualClock::stepping(10));
    let times = pipeline.stage_us();
    // Selection and two chunks of four stages, 10 microseconds each; the model does not refine, and no clock is read for it.
    assert_eq!(times.iter().map(|(_, us)| us).collect::<Vec<_>>(), [30, 20, 20, 0, 20]);
    assert_eq!(times.total_us(), 90);
    assert_eq!((times.get(Stage::Crop), pipeline.refines()), (30, false));
}

#[test]
fn the_published_rotation_is_the_allocentric_one_seen_along_the_objects_ray() {
    let (model, _) = model(Box::new(all_alike));
    let mut pipeline = Pipeline::new(model, &limits()).unwrap();
    let pose = process(&mut pipeline, &detections(&["car"]), Deadline::NEVER, &ManualClock::at(0)).remove(0);
    let rotation = |wxyz: [f64; 4]| calibration::so3::from_wxyz(wxyz.map(|x| x as f32)).unwrap();
    let along = |ray| calibration::ray::egocentric_from_allocentric(&ray, &rotation(pose.allocentric)).unwrap();
    let apart = |ray| calibration::so3::geodesic_angle(&rotation(pose.camera_from_object), &along(ray));
    assert!(apart(pose.translation_m.into()) < 2e-3);
    // Box centre (85, 55) counted from the corner is (84.5, 54.5) from the first pixel's centre.
    assert!(apart(camera().ray(84.5, 54.5)) > 2e-2, "the object's centre is not behind the box's");
    assert!(calibration::so3::geodesic_angle(&rotation(pose.camera_from_object), &rotation(pose.allocentric)) > 0.05);
}

#[test]
fn a_class_that_could_never_be_answered_is_refused_at_the_start() {
    let refused = |change: &dyn Fn(&mut Model)| {
        let (mut model, _) = model(Box::new(all_alike));
        change(&mut model);
        Pipeline::new(model, &limits()).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(&|model| model.manifest.classes.push(class("bus"))).contains("`bus`"));
    assert!(refused(&|model| model.manifest.classes[1].width_m = 0.0).contains("`van`"));
    assert!(refused(&|model| model.manifest.classes[0].name = "c".repeat(33)).contains("32 bytes"));
    assert!(refused(&|model| model.manifest.retrieval.neighbors = 65).contains("limits.neighbors_max = 64"));
    assert!(refused(&|model| model.table.rotations[1] = [0.0; 4]).contains("row 1"));
    let (model, _) = model(Box::new(all_alike));
    let limits = Limits { batch_max: 0, ..limits() };
    assert!(matches!(Pipeline::new(model, &limits), Err(PipelineBuildError::Limit(_))));
}

/// The reference was seen at elevation 0, in a box whose centre lies 4.3 degrees below the horizon of a level camera.
#[test]
fn a_level_camera_settles_the_tilt_and_leaves_the_azimuth() {
    let elevation_deg = |level: Option<Level>| {
        let (model, _) = model(Box::new(|_, embeddings| {
            embeddings.copy_from_slice(&[1.0, 0.0, 0.0, 0.0]);
            Ok(())
        }));
        let mut pipeline = Pipeline::new(model, &limits()).unwrap().with_level(level);
        let pixels = vec![77; (WIDTH * HEIGHT) as usize];
        let image = ImageView::new(&pixels, WIDTH, HEIGHT, WIDTH as usize, PixelFormat::Mono8).unwrap();
        let camera = PinholeCamera::new(400.0, 400.0, 84.5, 24.5, WIDTH, HEIGHT).unwrap();
        let frame = Frame { stamp: Stamp::default(), image };
        let clock = ManualClock::at(0);
        let poses = pipeline.process(&frame, &camera, &detections(&["car"]), Deadline::NEVER, &clock).unwrap();
        assert!((azimuth_deg(&poses[0]) - 40.0).abs() < 0.5);
        let rotation = calibration::so3::from_wxyz(poses[0].allocentric.map(|x| x as f32)).unwrap();
        Viewpoint::from_rotation(&rotation).elevation_rad.to_degrees()
    };
    assert!(elevation_deg(None).abs() < 1e-3);
    // Box centre (85, 55), 30 below the principal point: atan(30 / 400) = 4.289 degrees; without spread the crop's own
    // variance is the floor of one degree squared, as is the prior's: half of it, and all of it where the prior is certain.
    let expected = (30.0_f64 / 400.0).atan().to_degrees();
    let found = elevation_deg(Level::new(1.0, 0.0, 0.0).unwrap());
    assert!((found - 0.5 * expected).abs() < 0.01, "{found}");
    let pitched = elevation_deg(Level::new(1.0, 1.0, 0.0).unwrap());
    assert!((pitched - 0.5 * (expected + 1.0)).abs() < 0.01, "{pitched}");
}

/// Every object is in doubt: the first look shows (0.6, 0.8), the two crops of the second (1, 0).
fn doubtful() -> (Pipeline, Arc<AtomicUsize>) {
    let mut is_first = true;
    let (model, passes) = model(Box::new(move |batch, embeddings| {
        for row in embeddings.chunks_exact_mut(DIM) {
            row.copy_from_slice(if is_first { &[0.6, 0.8, 0.0, 0.0] } else { &[1.0, 0.0, 0.0, 0.0] });
        }
        assert!(is_first || batch == 2);
        is_first = !is_first;
        Ok(())
    }));
    let rule = SecondLook { crops: 2, flip_probability_min: 0.0, spread_rad_min: 0.0 };
    (Pipeline::new(model, &Limits { detections_max: 2, ..limits() }).unwrap().with_second_look(rule), passes)
}

#[test]
fn a_second_look_answers_with_the_mean_of_all_crops() {
    let (mut pipeline, passes) = doubtful();
    let poses = process(&mut pipeline, &detections(&["car"]), Deadline::NEVER, &ManualClock::at(0));
    assert_eq!((poses[0].status, passes.load(Ordering::Relaxed)), (ObjectStatus::Ok, 2));
    // (0.6 + 1 + 1, 0.8), to the reference at (1, 0); half-precision rows.
    assert!((f64::from(poses[0].similarity) - 2.6 / 2.6_f64.hypot(0.8)).abs() < 1e-3, "{}", poses[0].similarity);
}

#[test]
fn without_time_for_a_second_pass_the_first_look_stands() {
    // Readings at 0 (start), 10 (selection), 20 (crop), 30 (embed: one crop took 10), 40 (retrieve): a pass of two takes 20.
    for (at_us, passes_expected, similarity) in [(60, 1, 0.6), (61, 2, 0.956)] {
        let (mut pipeline, passes) = doubtful();
        let clock = ManualClock::stepping(10);
        let poses = process(&mut pipeline, &detections(&["car"]), Deadline { at_us }, &clock);
        assert_eq!(passes.load(Ordering::Relaxed), passes_expected);
        assert!((f64::from(poses[0].similarity) - similarity).abs() < 2e-3, "{}", poses[0].similarity);
    }
}

#[test]
fn who_is_not_in_doubt_is_looked_at_once() {
    let (model, passes) = model(Box::new(all_alike));
    let rule = SecondLook { crops: 2, flip_probability_min: 0.5, spread_rad_min: 1.0 };
    let mut pipeline = Pipeline::new(model, &limits()).unwrap().with_second_look(rule);
    process(&mut pipeline, &detections(&["car", "van"]), Deadline::NEVER, &ManualClock::at(0));
    assert_eq!(passes.load(Ordering::Relaxed), 1);
}
