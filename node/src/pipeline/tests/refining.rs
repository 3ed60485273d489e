//! Refinement within the pipeline: with a network that draws the feature map of a car turned a little further than the table knows.

use super::*;
use calibration::Rotation;
use calibration::so3::geodesic_angle;
use models::RefinementSpec;
use models::neural_mesh::{Bounds, NeuralMesh, SubType, cuboid};
use models::refinement::placement::{Perspective, fit_box};
use models::refinement::{RefinedShape, Status, View};

const FEATURES: usize = 16;
const STRIDE: u32 = 4;
/// Columns, rows of the canvas and of the feature map.
const CANVAS: [u32; 2] = [128, 96];
const CELLS: [usize; 2] = [32, 24];
/// The table knows 40 degrees.
const TRUE_AZIMUTH_DEG: f64 = 49.0;

/// Half the sides of the car.
const HALF_M: [f32; 3] = [2.0, 0.9, 0.75];

/// What is seen at a point of the car: smooth, and nowhere the same.
fn texture([x, y, z]: [f32; 3]) -> Vec<f32> {
    let waves = [1.4 * x, 2.6 * y, 3.4 * z, x + 1.8 * y, 1.2 * x - 1.6 * z, 2.2 * y + 1.4 * z, 2.4 * x];
    let mut feature: Vec<f32> = waves.iter().flat_map(|wave| [wave.sin(), wave.cos()]).chain([0.0, 0.0]).collect();
    let norm = feature.iter().map(|v| v * v).sum::<f32>().sqrt();
    feature.iter_mut().for_each(|v| *v /= norm);
    feature
}

/// What is seen beside it.
fn clutter() -> Vec<f32> {
    let mut clutter = vec![0.0; FEATURES];
    clutter[FEATURES - 1] = 1.0;
    clutter
}

/// The class `car`; `van` has no shape.
fn mesh() -> NeuralMesh {
    let surface = cuboid(&Bounds { low: HALF_M.map(|side| -side), high: HALF_M }, 600).unwrap();
    let features: Vec<f32> = surface.positions().iter().flat_map(|&at| texture(at)).collect();
    let clutter = clutter();
    NeuralMesh {
        class_names: vec!["car".to_owned(), "van".to_owned()],
        stride: STRIDE,
        encoder_sha256: String::new(),
        sub_types: vec![SubType::new("box", 0, surface, &features, &clutter).unwrap()],
        clutter,
    }
}

/// The feature map [D, h, w] that the crop of `box_px` has where the car is seen under `rotation`.
fn map(mesh: &NeuralMesh, spec: &CropSpec, box_px: &BoxPx, rotation: &Rotation) -> Vec<f32> {
    let view = View::of_crop(0, box_px, spec, STRIDE, Some(&camera()), [WIDTH, HEIGHT]);
    let shape = RefinedShape::of(mesh).remove(0);
    let perspective = Perspective::of(view.camera, shape.length);
    let at = fit_box(&shape.outline, rotation, &view.box_cells, [true; 4], perspective).unwrap().placement;
    let rows = at.rotation;
    // Of a cell's centre: the points (a, b, 0) + z (the ray's slant, 1) are seen there; body axes are the columns of the rotation.
    let seen = |cell: usize| {
        let (u, v) = ((cell % CELLS[0]) as f32 + 0.5, (cell / CELLS[0]) as f32 + 0.5);
        let (a, b) = ((u - at.centre[0]) / at.scale, (v - at.centre[1]) / at.scale);
        let body = |p: [f32; 3]| [0, 1, 2].map(|axis| (0..3).map(|row| rows[row][axis] * p[row]).sum::<f32>());
        let ray = [at.slant[0] + a * at.nearness, at.slant[1] + b * at.nearness, 1.0];
        let (from, along) = (body([a, b, 0.0]), body(ray));
        let (mut enter, mut leave) = (f32::NEG_INFINITY, f32::INFINITY);
        for axis in 0..3 {
            let ends = [-HALF_M[axis], HALF_M[axis]].map(|side| (side - from[axis]) / along[axis]);
            (enter, leave) = (enter.max(ends[0].min(ends[1])), leave.min(ends[0].max(ends[1])));
        }
        match enter < leave {
            true => texture([0, 1, 2].map(|axis| from[axis] + enter * along[axis])),
            false => clutter(),
        }
    };
    let cells: Vec<Vec<f32>> = (0..CELLS[0] * CELLS[1]).map(seen).collect();
    (0..FEATURES).flat_map(|channel| cells.iter().map(move |feature| feature[channel])).collect()
}

type Draw = dyn FnMut(usize, &mut [f32]) + Send;

/// The scripted network with a second output; `draw` is told how many crops were drawn before.
struct Drawing {
    scripted: Scripted,
    draw: Box<Draw>,
    crops: usize,
}

impl Backbone for Drawing {
    fn provider(&self) -> Provider {
        self.scripted.provider()
    }

    fn description(&self) -> String {
        self.scripted.description()
    }

    fn embed(&mut self, crops: &[f32], batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError> {
        self.scripted.embed(crops, batch, embeddings)
    }

    fn feature_shape(&self) -> Option<[usize; 3]> {
        Some([FEATURES, CELLS[1], CELLS[0]])
    }

    fn embed_with_features(
        &mut self,
        crops: &[f32],
        batch: usize,
        embeddings: &mut [f32],
        features: &mut [f32],
    ) -> Result<(), BackboneError> {
        for map in features.chunks_exact_mut(features.len() / batch) {
            (self.draw)(self.crops, map);
            self.crops += 1;
        }
        self.scripted.embed(crops, batch, embeddings)
    }
}

fn along_car(_batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError> {
    embeddings.chunks_exact_mut(DIM).for_each(|row| row.copy_from_slice(&[0.9, 0.1, 0.1, 0.1]));
    Ok(())
}

/// A model that refines, with the features that `draw` writes. The features alone decide about the azimuth.
fn refining(answer: Box<Answer>, draw: Box<Draw>) -> (Model, Arc<AtomicUsize>) {
    let passes = Arc::new(AtomicUsize::new(0));
    let scripted = Scripted { answer, passes: Arc::clone(&passes) };
    let mut model = model_of(Box::new(Drawing { scripted, draw, crops: 0 }));
    (model.manifest.input.width, model.manifest.input.height) = (CANVAS[0], CANVAS[1]);
    let spec = RefinementSpec { rotation_prior_scale: 0.0, steps_max: 50, ..RefinementSpec::default() };
    model.manifest.refinement = Some(spec);
    model.neural_mesh = Some(mesh());
    (model, passes)
}

fn limits() -> Limits {
    Limits { refine_steps_max: 50, ..super::limits() }
}

/// Boxes of several sizes, one behind the other; the list's last, which has the highest score, is the first to be cut out.
fn cars(count: usize) -> Vec<Detection> {
    let mut list = detections(&vec!["car"; count]);
    for (i, detection) in list.iter_mut().enumerate() {
        let i = i as f32;
        detection.box_px = BoxPx { x1: 60.0 - 6.0 * i, y1: 40.0 - 3.0 * i, x2: 110.0 + 5.0 * i, y2: 70.0 + 2.0 * i };
    }
    list
}

/// Draws the cars of `cars`, each a little further round than the one before, in the order in which they are cut out.
fn true_azimuth_deg(crop: usize) -> f64 {
    TRUE_AZIMUTH_DEG - 2.0 * crop as f64
}

/// Degrees to the truth of the car that is cut out as `crop`.
fn error_deg(pose: &ObjectPose, crop: usize) -> f64 {
    (azimuth_deg(pose) - true_azimuth_deg(crop)).abs()
}

/// Cells are coarse: what is left of an error of 5 to 9 degrees is 1 to 2.
fn is_refined(pose: &ObjectPose, crop: usize) -> bool {
    error_deg(pose, crop) < 0.4 * (true_azimuth_deg(crop) - 40.0)
}

fn draw_cars(count: usize) -> Box<Draw> {
    let (mesh, list) = (mesh(), cars(count));
    let spec = CropSpec {
        width: CANVAS[0],
        height: CANVAS[1],
        ..CropSpec::from(&model(Box::new(along_car)).0.manifest.input)
    };
    let maps: Vec<Vec<f32>> = (0..count)
        .map(|crop| {
            let rotation = Viewpoint::from_degrees(true_azimuth_deg(crop), 0.0, 0.0).to_rotation();
            map(&mesh, &spec, &list[count - 1 - crop].box_px, &rotation)
        })
        .collect();
    Box::new(move |crop, features| features.copy_from_slice(&maps[crop % maps.len()]))
}

/// Everything that is published of a pose.
fn published(pose: &ObjectPose) -> String {
    format!("{:?}", ObjectPose { refinement: None, ..pose.clone() })
}

fn retrieved(list: &[Detection], deadline: Deadline, clock: &dyn Clock) -> Vec<ObjectPose> {
    let (model, _) = model(Box::new(along_car));
    process(&mut Pipeline::new(model, &limits()).unwrap(), list, deadline, clock)
}

#[test]
fn poses_are_brought_into_agreement_with_the_features() {
    let (model, passes) = refining(Box::new(along_car), draw_cars(3));
    let mut pipeline = Pipeline::new(model, &limits()).unwrap();
    assert!(pipeline.refines());
    let poses = process(&mut pipeline, &cars(3), Deadline::NEVER, &ManualClock::at(0));
    for (index, pose) in poses.iter().enumerate() {
        assert_eq!((pose.status, pose.refinement), (ObjectStatus::Ok, Some(Status::Converged)));
        let crop = 2 - index;
        assert!(is_refined(pose, crop), "car {index}: {}, not {}", azimuth_deg(pose), true_azimuth_deg(crop));
    }
    assert_eq!(passes.load(Ordering::Relaxed), 2, "embedding and features come of one pass");
}

#[test]
fn without_a_feature_map_that_is_finite_the_retrieved_answer_stays() {
    let list = cars(4);
    let expected = retrieved(&list, Deadline::NEVER, &ManualClock::at(0));
    let spoil: [fn(usize, &mut [f32]); 4] = [
        |_, map| map.fill(f32::NAN),
        |_, map| {
            map.fill(0.1);
            map[77] = f32::INFINITY;
        },
        // A network that writes nothing must not leave the features of the frame before.
        |_, _| (),
        |_, map| map.fill(f32::MAX),
    ];
    for (kind, spoil) in spoil.into_iter().enumerate() {
        let mut draw = draw_cars(4);
        let draw = move |crop, map: &mut [f32]| if crop < 4 { draw(crop, map) } else { spoil(crop, map) };
        let (model, _) = refining(Box::new(along_car), Box::new(draw));
        let mut pipeline = Pipeline::new(model, &limits()).unwrap();
        let first = process(&mut pipeline, &list, Deadline::NEVER, &ManualClock::at(0));
        assert!(first.iter().all(|pose| pose.refinement.is_some()));
        let second = process(&mut pipeline, &list, Deadline::NEVER, &ManualClock::at(0));
        for (pose, expected) in second.iter().zip(&expected) {
            let diverged = Some(Status::Diverged);
            assert_eq!((pose.refinement, published(pose)), (diverged, published(expected)), "kind {kind}");
        }
    }
}

#[test]
fn an_object_without_features_costs_only_its_own_refinement() {
    let mut draw = draw_cars(2);
    let draw = move |crop, map: &mut [f32]| if crop == 1 { map.fill(f32::NAN) } else { draw(crop, map) };
    let (model, _) = refining(Box::new(along_car), Box::new(draw));
    let poses = process(&mut Pipeline::new(model, &limits()).unwrap(), &cars(2), Deadline::NEVER, &ManualClock::at(0));
    assert_eq!([poses[0].refinement, poses[1].refinement], [Some(Status::Diverged), Some(Status::Converged)]);
}

#[test]
fn a_class_without_a_shape_and_an_object_without_an_answer_are_not_refined() {
    let (model, _) = refining(
        Box::new(|_, embeddings| {
            embeddings.fill(0.5);
            embeddings[..DIM].fill(f32::NAN);
            Ok(())
        }),
        draw_cars(2),
    );
    let list = detections(&["van", "car"]);
    let poses = process(&mut Pipeline::new(model, &limits()).unwrap(), &list, Deadline::NEVER, &ManualClock::at(0));
    assert_eq!((poses[0].status, poses[0].refinement), (ObjectStatus::Ok, None));
    assert!((azimuth_deg(&poses[0]) - 160.0).abs() < 0.1);
    let unmatched = ObjectStatus::Unmatched(Mismatch::EmbeddingNotFinite);
    assert_eq!((poses[1].status, poses[1].refinement), (unmatched, None));
}

#[test]
fn how_objects_are_chunked_makes_no_difference() {
    let run = |batch_max| {
        let (model, _) = refining(Box::new(along_car), draw_cars(5));
        let mut pipeline = Pipeline::new(model, &Limits { batch_max, ..limits() }).unwrap();
        let poses = process(&mut pipeline, &cars(5), Deadline::NEVER, &ManualClock::stepping(3));
        assert!(poses.iter().all(|pose| pose.refinement.is_some()));
        poses.iter().map(|pose| format!("{pose:?}")).collect::<Vec<_>>()
    };
    let alone = run(1);
    for batch_max in [2, 3, 5, 8] {
        assert_eq!(run(batch_max), alone, "{batch_max} at once");
    }
}

#[test]
fn steps_are_bounded_by_the_limits_and_by_the_manifest() {
    for (of_manifest, of_limits, most) in [(100, 0, 0), (0, 100, 0), (1, 10, 1), (10, 1, 1)] {
        let (mut model, _) = refining(Box::new(along_car), draw_cars(1));
        model.manifest.refinement.as_mut().unwrap().steps_max = of_manifest;
        let limits = Limits { refine_steps_max: of_limits, ..limits() };
        let mut pipeline = Pipeline::new(model, &limits).unwrap();
        let clock = ManualClock::stepping(1);
        let poses = process(&mut pipeline, &cars(1), Deadline::NEVER, &clock);
        assert_eq!(poses[0].refinement, Some(Status::StepLimit));
        let is_unmoved = (azimuth_deg(&poses[0]) - 40.0).abs() < 1e-3;
        assert_eq!(is_unmoved, most == 0, "{}", azimuth_deg(&poses[0]));
    }
}

/// Readings: start 0, selection 1, crop 2, embed 3, retrieve 4; then the stage, if it is reached.
#[test]
fn without_time_left_after_retrieval_the_retrieved_answers_are_published_unchanged() {
    for at_us in 0..5 {
        let list = cars(2);
        let clocks = [ManualClock::stepping(1), ManualClock::stepping(1)];
        let expected = retrieved(&list, Deadline { at_us }, &clocks[0]);
        let (model, _) = refining(Box::new(along_car), draw_cars(2));
        let mut pipeline = Pipeline::new(model, &limits()).unwrap();
        let poses = process(&mut pipeline, &list, Deadline { at_us }, &clocks[1]);
        assert_eq!(poses.iter().map(published).collect::<Vec<_>>(), expected.iter().map(published).collect::<Vec<_>>());
        assert!(poses.iter().all(|pose| pose.status == ObjectStatus::DeadlineReached && pose.refinement.is_none()));
        assert_eq!(poses.iter().filter(|pose| pose.has_pose).count(), if at_us < 3 { 0 } else { 2 });
        assert_eq!(clocks[0].now_us(), clocks[1].now_us(), "the clock is read as often");
        assert_eq!(pipeline.stage_us().get(Stage::Refine), 0);
    }
}

/// As above; then each object that is begun (5, 6), each round of steps (7 and on), and the end of the stage.
#[test]
fn what_the_deadline_cuts_off_is_in_time_and_better_the_later_it_is() {
    let run = |at_us: u64| {
        let (model, _) = refining(Box::new(along_car), draw_cars(2));
        let mut pipeline = Pipeline::new(model, &limits()).unwrap();
        let poses = process(&mut pipeline, &cars(2), Deadline { at_us }, &ManualClock::stepping(1));
        // How long the first takes to begin, nobody knows before.
        let is_in_time = |pose: &ObjectPose| pose.status == ObjectStatus::Ok;
        assert!(at_us < 7 || poses.iter().all(is_in_time), "deadline {at_us}: {poses:?}");
        assert!(poses.iter().all(|pose| pose.has_pose));
        ([poses[0].refinement, poses[1].refinement], [error_deg(&poses[0], 1), error_deg(&poses[1], 0)])
    };
    let cut = Some(Status::DeadlineReached);
    // Both are in equal doubt: the first to be cut out, the last of the list, comes first.
    for at_us in 5..8 {
        assert_eq!(run(at_us).0, [None, cut], "{at_us}: the second would end too late, at the pace of the first");
    }
    let begun = run(8);
    let stepped = run(12);
    assert_eq!((begun.0, stepped.0), ([cut; 2], [cut; 2]));
    let is_better = |index: usize| stepped.1[index] < begun.1[index];
    assert!(is_better(0) && is_better(1), "{begun:?} {stepped:?}: both have had their turns");
    assert_eq!(run(1_000).0, [Some(Status::Converged); 2]);
    (8..60).for_each(|at_us| assert!(run(at_us).0.iter().all(Option::is_some)));
}

#[test]
fn refinement_takes_no_pose_from_the_chunks_after_it() {
    let list = cars(6);
    for at_us in 0..60 {
        let plain = retrieved(&list, Deadline { at_us }, &ManualClock::stepping(1));
        let (model, _) = refining(Box::new(along_car), draw_cars(6));
        let mut pipeline = Pipeline::new(model, &limits()).unwrap();
        let poses = process(&mut pipeline, &list, Deadline { at_us }, &ManualClock::stepping(1));
        let with_pose = |poses: &[ObjectPose]| poses.iter().filter(|pose| pose.has_pose).count();
        assert!(
            with_pose(&poses) >= with_pose(&plain),
            "deadline {at_us}: {} of {}",
            with_pose(&poses),
            with_pose(&plain)
        );
        let refined = poses.iter().filter(|pose| pose.refinement.is_some()).count();
        assert!(at_us < 40 || refined == 6, "deadline {at_us}: {refined} refined");
    }
}

#[test]
fn a_second_look_leaves_the_features_of_the_boxes_themselves() {
    let mut draw = draw_cars(2);
    let draw = move |crop, map: &mut [f32]| if crop < 2 { draw(crop, map) } else { map.fill(f32::NAN) };
    let (model, passes) = refining(Box::new(along_car), Box::new(draw));
    let rule = SecondLook { crops: 2, flip_probability_min: 0.0, spread_rad_min: 0.0 };
    let mut pipeline = Pipeline::new(model, &limits()).unwrap().with_second_look(rule);
    let poses = process(&mut pipeline, &cars(2), Deadline::NEVER, &ManualClock::at(0));
    assert_eq!(passes.load(Ordering::Relaxed), 3);
    for (index, pose) in poses.iter().enumerate() {
        assert!(is_refined(pose, 1 - index), "car {index}: {}", azimuth_deg(pose));
    }
}

#[test]
fn the_published_rotation_is_the_refined_one_seen_along_the_objects_ray() {
    let (model, _) = refining(Box::new(along_car), draw_cars(1));
    let pose = process(&mut Pipeline::new(model, &limits()).unwrap(), &cars(1), Deadline::NEVER, &ManualClock::at(0))
        .remove(0);
    let rotation = |wxyz: [f64; 4]| calibration::so3::from_wxyz(wxyz.map(|x| x as f32)).unwrap();
    let expected =
        calibration::ray::egocentric_from_allocentric(&pose.translation_m.into(), &rotation(pose.allocentric)).unwrap();
    assert!(geodesic_angle(&rotation(pose.camera_from_object), &expected) < 2e-3);
}

#[test]
fn a_model_whose_network_was_opened_without_features_answers_as_retrieved() {
    let list = cars(3);
    let (mut model, _) = model(Box::new(along_car));
    model.neural_mesh = Some(mesh());
    let mut pipeline = Pipeline::new(model, &limits()).unwrap();
    assert!(!pipeline.refines());
    let poses = process(&mut pipeline, &list, Deadline::NEVER, &ManualClock::at(0));
    let expected = retrieved(&list, Deadline::NEVER, &ManualClock::at(0));
    assert_eq!(poses.iter().map(published).collect::<Vec<_>>(), expected.iter().map(published).collect::<Vec<_>>());
}
