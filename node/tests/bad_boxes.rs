//! Whatever a detector sends, the pipeline answers: one status for each detection considered, no panic,
//! and an honest detection in the same frame is not harmed.
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod small_model;

use calibration::PinholeCamera;
use kernels::{BoxPx, ImageView, PixelFormat};
use node::detection::Detection;
use node::frame::Frame;
use node::limits::Limits;
use node::object_pose::{ObjectPose, ObjectStatus, Rejection};
use node::pipeline::{Pipeline, PipelineError};
use node::time::{Deadline, ManualClock, MonotonicClock, Stamp};
use proptest::prelude::*;

const WIDTH: u32 = 320;
const HEIGHT: u32 = 120;

fn detection([x1, y1, x2, y2]: [f32; 4], class: &str, score: f32) -> Detection {
    Detection {
        box_px: BoxPx { x1, y1, x2, y2 },
        class_id: class.try_into().unwrap(),
        score,
        id: heapless::String::new(),
    }
}

fn good() -> Detection {
    detection([100.0, 40.0, 164.0, 72.0], "car", 0.8)
}

struct Bench {
    pipeline: Pipeline,
    pixels: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(limits: &Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        small_model::write(folder.path());
        let pipeline = Pipeline::new(small_model::load(folder.path(), limits.batch_max), limits).unwrap();
        let mut pixels = vec![90; (WIDTH * HEIGHT * 3) as usize];
        small_model::reference(3).0.paint(&mut pixels, WIDTH as usize, [100, 40, 164, 72]);
        Self { pipeline, pixels, _folder: folder }
    }

    fn process(&mut self, detections: &[Detection], deadline: Deadline) -> Vec<ObjectPose> {
        let image = ImageView::new(&self.pixels, WIDTH, HEIGHT, WIDTH as usize * 3, PixelFormat::Rgb8).unwrap();
        let frame = Frame { stamp: Stamp::default(), image };
        let camera = PinholeCamera::new(200.0, 200.0, 159.5, 59.5, WIDTH, HEIGHT).unwrap();
        self.pipeline.process(&frame, &camera, detections, deadline, &MonotonicClock::new()).unwrap().to_vec()
    }
}

#[test]
fn each_kind_of_nonsense_has_its_own_reason_and_harms_no_neighbour() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let cases = [
        ([nan, 0.0, 10.0, 10.0], "car", 0.9, Rejection::BoxNotFinite),
        ([0.0, -inf, 10.0, 10.0], "car", 0.9, Rejection::BoxNotFinite),
        ([0.0, 0.0, inf, 10.0], "car", 0.9, Rejection::BoxNotFinite),
        ([20.0, 0.0, 10.0, 10.0], "car", 0.9, Rejection::BoxInverted),
        ([0.0, 20.0, 10.0, 10.0], "car", 0.9, Rejection::BoxInverted),
        ([50.0, 50.0, 51.0, 51.0], "car", 0.9, Rejection::BoxTooSmall),
        ([0.0, 50.0, 300.0, 50.1], "car", 0.9, Rejection::BoxTooSmall),
        ([-40.0, 10.0, 3.0, 60.0], "car", 0.9, Rejection::BoxTooSmall),
        ([400.0, 10.0, 500.0, 60.0], "car", 0.9, Rejection::BoxOutsideImage),
        ([-400.0, 10.0, -300.0, 60.0], "car", 0.9, Rejection::BoxOutsideImage),
        ([3e9, 3e9, 4e9, 4e9], "car", 0.9, Rejection::BoxOutsideImage),
        ([50.0, 20.0, 90.0, 60.0], "car", nan, Rejection::ScoreNotFinite),
        ([50.0, 20.0, 90.0, 60.0], "car", -inf, Rejection::ScoreNotFinite),
        ([50.0, 20.0, 90.0, 60.0], "unicorn", 0.9, Rejection::UnknownClass),
        ([50.0, 20.0, 90.0, 60.0], "", 0.9, Rejection::UnknownClass),
    ];
    let mut list: Vec<_> = cases.iter().map(|&(b, class, score, _)| detection(b, class, score)).collect();
    list.push(good());
    let poses = Bench::new(&Limits::default()).process(&list, Deadline::NEVER);
    assert_eq!(poses.len(), list.len());
    for (index, (pose, case)) in poses.iter().zip(&cases).enumerate() {
        assert_eq!(pose.detection_index, index);
        assert_eq!(pose.status, ObjectStatus::Rejected(case.3), "{case:?}");
        assert!(!pose.has_pose);
    }
    let last = poses.last().unwrap();
    assert_eq!(last.status, ObjectStatus::Ok);
    assert!(last.similarity > 0.99);
}

#[test]
fn no_detection_is_an_empty_answer() {
    assert!(Bench::new(&Limits::default()).process(&[], Deadline::NEVER).is_empty());
}

#[test]
fn of_a_thousand_boxes_the_best_are_answered_and_the_rest_counted() {
    let limits = Limits { detections_max: 10, batch_max: 4, ..Limits::default() };
    let mut bench = Bench::new(&limits);
    let mut list = vec![detection([10.0, 10.0, 50.0, 40.0], "car", 0.5); 1000];
    for best in [17, 400, 999] {
        list[best].score = 0.9;
    }
    let poses = bench.process(&list, Deadline::NEVER);
    let answered: Vec<_> = poses.iter().map(|pose| pose.detection_index).collect();
    assert_eq!(answered, [0, 1, 2, 3, 4, 5, 6, 17, 400, 999]);
    assert!(poses.iter().all(|pose| pose.status == ObjectStatus::Ok));
    assert_eq!(bench.pipeline.cut_count(), 990);
}

#[test]
fn a_deadline_that_has_passed_still_gets_an_answer_for_each_detection() {
    let mut bench = Bench::new(&Limits::default());
    let list = [good(), detection([0.0; 4], "car", 0.1), good()];
    let poses = bench.process(&list, Deadline { at_us: 0 });
    assert_eq!(poses[0].status, ObjectStatus::DeadlineReached);
    assert!(matches!(poses[1].status, ObjectStatus::Rejected(_)));
    assert_eq!(poses[2].status, ObjectStatus::DeadlineReached);
    assert!(poses.iter().all(|pose| !pose.has_pose));
    // The next frame is none the worse for it.
    assert_eq!(bench.process(&list, Deadline::NEVER)[0].status, ObjectStatus::Ok);
}

#[test]
fn a_calibration_of_another_size_is_refused() {
    let mut bench = Bench::new(&Limits::default());
    let image = ImageView::new(&bench.pixels, WIDTH, HEIGHT, WIDTH as usize * 3, PixelFormat::Rgb8).unwrap();
    let frame = Frame { stamp: Stamp::default(), image };
    let camera = PinholeCamera::new(200.0, 200.0, 159.5, 59.5, WIDTH, HEIGHT + 1).unwrap();
    let refused = bench.pipeline.process(&frame, &camera, &[good()], Deadline::NEVER, &ManualClock::at(0));
    assert!(matches!(refused, Err(PipelineError::CameraSize { .. })));
}

fn any_side() -> impl Strategy<Value = f32> {
    prop_oneof![any::<f32>(), -50.0..400.0f32, Just(0.0), Just(-0.0), Just(320.0), Just(120.0), Just(f32::MIN_POSITIVE)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bit_pattern_gets_a_finite_answer_or_a_reason(
        sides in prop::collection::vec([any_side(), any_side(), any_side(), any_side()], 0..40),
        score in any::<f32>(),
    ) {
        let mut bench = Bench::new(&Limits { detections_max: 20, batch_max: 3, ..Limits::default() });
        let mut list: Vec<_> = sides.iter().map(|&b| detection(b, "Car", score)).collect();
        list.push(detection([100.0, 40.0, 164.0, 72.0], "car", f32::MAX));
        let poses = bench.process(&list, Deadline::NEVER);
        prop_assert_eq!(poses.len(), list.len().min(20));
        prop_assert!(poses.iter().any(|pose| pose.detection_index == list.len() - 1 && pose.status == ObjectStatus::Ok));
        for pose in &poses {
            prop_assert_eq!(pose.has_pose, pose.status == ObjectStatus::Ok);
            let numbers = pose.camera_from_object.iter().chain(&pose.translation_m).chain(&pose.covariance);
            prop_assert!(numbers.copied().all(f64::is_finite), "{pose:?}");
        }
    }
}
