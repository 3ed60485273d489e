//! The promise of the pipeline: after warm-up, working on a frame allocates nothing.
//!
//! A counting allocator is armed for this thread around `process`. The network's runtime allocates its own
//! tensors; that is the one documented exception, so the test puts a backbone around the real one that
//! disarms the counter while the runtime works, and nowhere else.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; every call is passed on to the system's allocator")]
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod small_model;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};

use calibration::PinholeCamera;
use kernels::{BoxPx, ImageView, PixelFormat};
use models::retrieval::second_look::SecondLook;
use models::{Backbone, BackboneError, Model, Provider};
use node::detection::Detection;
use node::frame::Frame;
use node::level::Level;
use node::limits::Limits;
use node::object_pose::ObjectStatus;
use node::pipeline::{Pipeline, Stage};
use node::time::{Clock, Deadline, Stamp};

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static FIRST_BYTES: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: usize) {
    // `try_with`: a thread that is ending has no thread-locals, and nothing to count.
    if ARMED.try_with(Cell::get).unwrap_or(false) {
        if ALLOCATIONS.get() == 0 {
            FIRST_BYTES.set(bytes);
        }
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    }
}

// SAFETY: every method passes its arguments unchanged to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The real backbone, with the counter off while its runtime works.
struct Exempt(Box<dyn Backbone>);

impl Backbone for Exempt {
    fn provider(&self) -> Provider {
        self.0.provider()
    }

    fn description(&self) -> String {
        self.0.description()
    }

    fn embed(&mut self, crops: &[f32], batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError> {
        let was_armed = ARMED.replace(false);
        let result = self.0.embed(crops, batch, embeddings);
        ARMED.set(was_armed);
        result
    }

    fn feature_shape(&self) -> Option<[usize; 3]> {
        self.0.feature_shape()
    }

    fn embed_with_features(
        &mut self,
        crops: &[f32],
        batch: usize,
        embeddings: &mut [f32],
        features: &mut [f32],
    ) -> Result<(), BackboneError> {
        let was_armed = ARMED.replace(false);
        let result = self.0.embed_with_features(crops, batch, embeddings, features);
        ARMED.set(was_armed);
        result
    }
}

/// Notes how much was allocated at each reading: the pipeline reads the clock at the borders of its stages.
struct BorderClock {
    readings: RefCell<Vec<u64>>,
}

impl Clock for BorderClock {
    fn now_us(&self) -> u64 {
        let mut readings = self.readings.borrow_mut();
        assert!(readings.len() < readings.capacity(), "room for every reading is made beforehand");
        readings.push(ALLOCATIONS.get());
        readings.len() as u64
    }
}

/// The border that reading `index` closes, by the order that `node::pipeline` documents; refinement and second looks have readings of their
/// own, whose number depends on the work.
fn part_before(index: usize, has_readings_between: bool) -> String {
    let parts = Stage::ALL.iter().filter(|&&stage| stage != Stage::Refine);
    match index.checked_sub(2) {
        None => "selection".to_owned(),
        Some(_) if has_readings_between => format!("what reading {index} of the clock closes"),
        Some(later) => {
            let (chunk, at) = (later / parts.clone().count(), later % parts.clone().count());
            format!("{} of chunk {chunk}", parts.map(|part| part.as_str()).nth(at).unwrap_or_default())
        }
    }
}

const WIDTH: usize = 320;
const HEIGHT: usize = 120;

/// Good boxes of all sizes, cut ones, and one of every kind of nonsense.
fn detections(shift: f32) -> Vec<Detection> {
    let detection = |box_px: [f32; 4], class: &str, score: f32| {
        let [x1, y1, x2, y2] = box_px;
        Detection {
            box_px: BoxPx { x1, y1, x2, y2 },
            class_id: class.try_into().unwrap(),
            score,
            id: heapless::String::new(),
        }
    };
    let mut list: Vec<_> = (0..11)
        .map(|i| {
            let i = i as f32;
            let (x, y) = (20.0 * i + shift, 3.0 * i);
            detection([x, y, x + 20.0 + 7.0 * i, y + 12.0 + 4.0 * i], "car", 0.3 + 0.05 * i)
        })
        .collect();
    list.extend([
        detection([-50.0, -50.0, 60.0, 60.0], "VEHICLE", 0.9),
        detection([0.0, 0.0, 320.0, 120.0], "car", 0.9),
        detection([f32::NAN, 0.0, 10.0, 10.0], "car", 0.9),
        detection([30.0, 30.0, 10.0, 10.0], "car", 0.9),
        detection([30.0, 30.0, 31.0, 31.0], "car", 0.9),
        detection([500.0, 30.0, 531.0, 61.0], "car", 0.9),
        detection([30.0, 30.0, 60.0, 60.0], "cow", 0.9),
        detection([30.0, 30.0, 60.0, 60.0], "car", f32::NAN),
    ]);
    list
}

fn frames_allocate_nothing(model: Model, second_look: SecondLook) {
    let limits = Limits { detections_max: 16, batch_max: 4, ..Limits::default() };
    let model = Model { backbone: Box::new(Exempt(model.backbone)), ..model };
    let level = Level::new(1.5, 2.0, -1.0).unwrap();
    let mut pipeline = Pipeline::new(model, &limits).unwrap().with_level(level).with_second_look(second_look);
    let has_readings_between = pipeline.refines() || second_look.crops > 0;
    let mut refined_count = 0;
    let mut pixels = vec![0_u8; WIDTH * HEIGHT * 3];
    for (index, byte) in pixels.iter_mut().enumerate() {
        *byte = (index * 37 % 251) as u8;
    }
    let image = ImageView::new(&pixels, WIDTH as u32, HEIGHT as u32, WIDTH * 3, PixelFormat::Rgb8).unwrap();
    let frame = Frame { stamp: Stamp::default(), image };
    let camera = PinholeCamera::new(200.0, 200.0, 159.5, 59.5, WIDTH as u32, HEIGHT as u32).unwrap();

    for round in 0..6 {
        // A different number and place of boxes in every round, so that no buffer fits by accident.
        let mut list = detections(3.0 * round as f32);
        list.truncate(if round == 4 { 0 } else { 5 + 3 * round });
        let deadline = if round == 5 { Deadline { at_us: 3 } } else { Deadline::NEVER };
        let clock = BorderClock { readings: RefCell::new(Vec::with_capacity(4096)) };
        // The first round warms the scratch memory up.
        ALLOCATIONS.set(0);
        ARMED.set(round > 0);
        let result = pipeline.process(&frame, &camera, &list, deadline, &clock);
        ARMED.set(false);

        let poses = result.unwrap();
        assert_eq!(poses.len(), list.len().min(limits.detections_max));
        assert_eq!(poses.iter().any(|pose| pose.status == ObjectStatus::Ok), !(round == 4 || round == 5));
        let readings = clock.readings.into_inner();
        let guilty = readings.iter().position(|&count| count > 0);
        let place = guilty.map_or_else(|| "the end".to_owned(), |index| part_before(index, has_readings_between));
        let (count, bytes) = (ALLOCATIONS.get(), FIRST_BYTES.get());
        assert_eq!(count, 0, "round {round}: {count} allocation(s), the first of {bytes} bytes in {place}");
        refined_count += poses.iter().filter(|pose| pose.refinement.is_some()).count();
    }
    assert_eq!(refined_count > 0, pipeline.refines());
}

#[test]
fn the_counter_counts() {
    ARMED.set(true);
    let boxed = std::hint::black_box(Box::new(7_u64));
    ARMED.set(false);
    assert_eq!((*boxed, ALLOCATIONS.get(), FIRST_BYTES.get()), (7, 1, 8));
}

#[test]
fn a_frame_allocates_nothing_after_warm_up() {
    let folder = tempfile::tempdir().unwrap();
    small_model::write(folder.path());
    frames_allocate_nothing(small_model::load(folder.path(), 4), SecondLook::OFF);
}

#[test]
fn looking_twice_at_everything_allocates_nothing_either() {
    let folder = tempfile::tempdir().unwrap();
    small_model::write(folder.path());
    let everything = SecondLook { crops: 3, flip_probability_min: 0.0, spread_rad_min: 0.0 };
    frames_allocate_nothing(small_model::load(folder.path(), 4), everything);
}

#[test]
fn refining_everything_allocates_nothing_either() {
    let folder = tempfile::tempdir().unwrap();
    small_model::write_refining(folder.path());
    let everything = SecondLook { crops: 3, flip_probability_min: 0.0, spread_rad_min: 0.0 };
    for second_look in [SecondLook::OFF, everything] {
        let mut model = small_model::load(folder.path(), 4);
        assert!(model.neural_mesh.is_some() && model.backbone.feature_shape().is_some());
        // So that the network's views of both directions leave every object in doubt, and the grid is searched.
        model.manifest.retrieval.flip_temperature = 100.0;
        frames_allocate_nothing(model, second_look);
    }
}

#[test]
fn a_frame_with_the_shipped_model_allocates_nothing_after_warm_up() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/car");
    frames_allocate_nothing(small_model::load(&folder, 4), SecondLook::OFF);
}
