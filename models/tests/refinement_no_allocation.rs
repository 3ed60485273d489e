//! After [`Refiner::new`], refining allocates nothing: not to take an object in, not to search the grid, not to step, not to answer.
#![expect(
    unsafe_code,
    reason = "a global allocator is unsafe to implement; this one counts and hands on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use calibration::Viewpoint;
use kernels::{BoxPx, CpuFeatureResidual, CpuFeatureScore, VertexMatch};
use models::neural_mesh::{Bounds, NeuralMesh, SubType, cuboid};
use models::refinement::placement::CellCamera;
use models::refinement::{RefinedShape, Refiner, Status, View};
use models::retrieval::{Hypothesis, Retrieval, flipped};
use models::{RefinementSpec, sha256_hex};
use nalgebra::Matrix3;

thread_local! {
    // Per thread: other tests may allocate as they like.
    static ALLOCATION_COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting touches a thread-local
// integer that needs no allocation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATION_COUNT.set(ALLOCATION_COUNT.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `alloc` was the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_in(run: impl FnOnce()) -> usize {
    let before = ALLOCATION_COUNT.get();
    run();
    ALLOCATION_COUNT.get() - before
}

const DIM: usize = 32;
const CELLS: usize = 16 * 28;

/// A unit feature that changes slowly with a place.
fn feature(place: [f32; 3]) -> impl Iterator<Item = f32> {
    let scale = (2.0 / DIM as f32).sqrt();
    (0..DIM / 2).flat_map(move |at| {
        let [a, b, c] = [1, 2, 3].map(|axis| ((at * axis) as f32 * 2.4).sin());
        let angle = a * place[0] + b * place[1] + c * place[2];
        [angle.cos() * scale, angle.sin() * scale]
    })
}

fn mesh() -> NeuralMesh {
    let sub_type = |name: &str, length: f32| {
        let bounds = Bounds { low: [-length, -0.9, -0.7], high: [length, 0.9, 0.7] };
        let surface = cuboid(&bounds, 1000).expect("a cuboid");
        let features: Vec<f32> = surface.positions().iter().flat_map(|p| feature(*p)).collect();
        SubType::new(name, 0, surface, &features, &[0.0; DIM]).expect("a sub-type")
    };
    NeuralMesh {
        class_names: vec!["car".into()],
        stride: 8,
        clutter: vec![0.0; DIM],
        encoder_sha256: sha256_hex(b""),
        sub_types: vec![sub_type("short", 1.8), sub_type("long", 2.3)],
    }
}

#[test]
fn refining_allocates_nothing() {
    let shapes = RefinedShape::of(&mesh());
    let mut matches = vec![VertexMatch::UNSEEN; shapes.iter().map(|s| s.surface.vertex_count()).max().unwrap_or(0)];
    let (score, residual) = (CpuFeatureScore::new(), CpuFeatureResidual::new());
    let mut refiner = Refiner::new(score, residual, shapes, RefinementSpec::default(), [DIM, 16, 28], 2).unwrap();
    // What is seen changes slowly over the map.
    let cells: Vec<f32> =
        (0..CELLS).flat_map(|cell| feature([(cell % 28) as f32 * 0.15, 1.0, (cell / 28) as f32 * 0.1])).collect();
    let map: Vec<f32> = (0..DIM).flat_map(|at| cells.iter().skip(at).step_by(DIM).copied()).collect();
    let box_cells = BoxPx { x1: 3.0, y1: 2.0, x2: 25.0, y2: 13.0 };
    let view = View {
        class_id: 0,
        box_cells,
        is_edge: [true; 4],
        camera: Some(CellCamera { focal: 90.0, principal: [60.0, 8.0] }),
    };
    let rotation = Viewpoint::from_degrees(40.0, 5.0, 0.0).to_rotation();
    let side = Viewpoint::from_degrees(120.0, 5.0, 0.0).to_rotation();
    // In doubt, so that the grid is searched too.
    let alternatives = [(flipped(&rotation), 0.3), (side, 0.1)];
    let retrieval = Retrieval {
        best: Hypothesis { rotation, probability: 0.6 },
        covariance: Matrix3::identity() * 0.02,
        similarity: 0.9,
        flip_probability: 0.3,
        alternatives: alternatives
            .map(|(rotation, probability)| Hypothesis { rotation, probability })
            .into_iter()
            .collect(),
    };
    let mut steps = 0;
    let stage = |name: &str, run: &mut dyn FnMut()| assert_eq!(allocations_in(run), 0, "{name}");
    // Twice, in the other slot, and after a map that is refused.
    for slot in [0, 1, 0] {
        stage("begin", &mut || refiner.begin(slot, &map, &view, &retrieval));
        stage("step", &mut || {
            while refiner.step(slot) {
                steps += 1;
            }
        });
        stage("stop", &mut || refiner.stop(slot, Status::DeadlineReached));
        let mut refined = None;
        stage("finish", &mut || refined = refiner.finish(slot).ok());
        let refined = refined.expect("something was compared");
        assert_eq!(refined.hypotheses.len(), 4, "the grid was searched, and found another pose");
        let room = refiner.shapes()[refined.shape].surface.vertex_count();
        stage("matches", &mut || refiner.matches(slot, &refined, &mut matches[..room]).unwrap());
        let mut answer = Some(refined);
        stage("answer", &mut || {
            std::hint::black_box(answer.take().map(|refined| refined.into_retrieval(&retrieval)));
        });
        stage("refuse", &mut || refiner.begin(1 - slot, &map[1..], &view, &retrieval));
    }
    assert!(steps > 12, "{steps}");
}

#[test]
fn the_counter_counts() {
    assert!(allocations_in(|| drop(std::hint::black_box(vec![1_u8; 100]))) > 0);
}
