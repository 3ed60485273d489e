//! After their first call, or after construction, the CPU twins allocate nothing.
#![expect(
    unsafe_code,
    reason = "a global allocator is unsafe to implement; this one counts and hands on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kernels::{
    BoxPx, Clusters, CpuCrop, CpuFeatureResidual, CpuFeatureScore, CpuRasterize, CpuTopK, Crop, CropSpec, FeatureMap,
    FeatureResidual, FeatureScore, ImageView, MeshView, Neighbor, PixelFormat, Placement, RasterBuffers, Rasterize,
    RobustSpec, Rows, Sketch, Surface, SurfaceView, TableView, TopK, VertexMatch,
};

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

#[test]
fn the_counter_counts() {
    assert!(allocations_in(|| drop(std::hint::black_box(vec![1_u8; 100]))) > 0);
}

#[test]
fn crop_allocates_in_its_first_call_only() {
    let bytes = vec![100; 200 * 150 * 3];
    let image = ImageView::new(&bytes, 200, 150, 600, PixelFormat::Rgb8).unwrap();
    let spec = CropSpec { width: 56, height: 32, context_margin: 0.1, fill: [0.5; 3], mean: [0.5; 3], std: [0.2; 3] };
    let boxes: Vec<BoxPx> = (1..40)
        .map(|step| {
            let side = 5.0 * step as f32;
            BoxPx { x1: 60.0 - side, y1: 50.0 - side, x2: 60.3 + side, y2: 50.7 + side }
        })
        .collect();
    let mut out = vec![0.0; spec.element_count().unwrap() * boxes.len()];
    let single = spec.element_count().unwrap();
    let mut crop = CpuCrop::new();
    crop.crop(&image, &boxes[..1], &spec, &mut out[..single]).unwrap();
    assert_eq!(allocations_in(|| crop.crop(&image, &boxes, &spec, &mut out).unwrap()), 0);
    let mut reserved = CpuCrop::new();
    reserved.reserve(200, 150, &spec);
    assert_eq!(allocations_in(|| reserved.crop(&image, &boxes, &spec, &mut out).unwrap()), 0);
}

#[test]
fn rasterize_allocates_nothing_after_reserve() {
    let positions = [[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, -1.0]];
    let mesh = MeshView { positions: &positions, triangles: &[[0, 1, 2]], parts: &[5] };
    let camera = [[20.0, 0.0, 10.0, 0.0], [0.0, 20.0, 10.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let mut out = RasterBuffers::new(20, 20);
    let mut rasterize = CpuRasterize::new();
    rasterize.reserve(positions.len());
    let allocated = allocations_in(|| {
        out.clear();
        rasterize.rasterize(&mesh, &camera, 0.1, &mut out).unwrap();
    });
    assert_eq!(allocated, 0);
    assert!(out.part.contains(&5));
}

#[test]
fn top_k_allocates_nothing_after_reserve() {
    let half = vec![half::f16::ONE; 300 * 1100];
    let single: Vec<f32> = (0..300 * 1100).map(|index| (index as f32).sin()).collect();
    let queries = vec![0.5; 300 * 7];
    let mut out = vec![Neighbor::UNUSED; 7 * 20];
    let mut top_k = CpuTopK::new(20, 7);
    let mut threaded = CpuTopK::new(20, 7).with_threads(2).with_work_per_thread(0);
    for top_k in [&mut top_k, &mut threaded] {
        top_k.reserve(300);
        for rows in [Rows::F32(&single), Rows::F16(&half)] {
            let plain = TableView::new(rows, 300);
            let (sketch, clusters) = (Sketch::new(&plain).unwrap(), Clusters::new(&plain, 7).unwrap());
            let sketched = plain.with_sketch(&sketch);
            for table in [plain, sketched, plain.with_clusters(&clusters), sketched.with_clusters(&clusters)] {
                let allocated = allocations_in(|| {
                    top_k.top_k(&table, 0..1100, &queries, 20, &mut out).unwrap();
                });
                assert_eq!(allocated, 0);
            }
        }
    }
}

#[test]
fn top_k_without_reserve_allocates_in_its_first_call_only() {
    let (rows, queries, mut out) = (vec![1.0; 300 * 100], vec![0.5; 300 * 7], vec![Neighbor::UNUSED; 7 * 20]);
    let mut top_k = CpuTopK::new(20, 7);
    let mut search = |dim: usize| {
        let table = TableView::new(Rows::F32(&rows), dim);
        allocations_in(|| {
            top_k.top_k(&table, 0..50, &queries[..7 * dim], 20, &mut out).unwrap();
        })
    };
    assert!(search(300) > 0);
    assert_eq!([search(300), search(100)], [0, 0]);
}

const PLACEMENT: Placement = Placement {
    rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    scale: 8.0,
    nearness: 0.1,
    centre: [10.0, 8.0],
    slant: [0.3, 0.1],
};

/// Vertices on a square that faces the viewer.
fn square(vertex_count: usize, dim: usize) -> Surface {
    let position = |vertex: usize| [(vertex % 20) as f32 / 10.0 - 1.0, (vertex / 20) as f32 / 20.0 - 1.0, 0.0];
    let view = SurfaceView {
        positions: &(0..vertex_count).map(position).collect::<Vec<_>>(),
        normals: &vec![[0.0, 0.0, -1.0]; vertex_count],
        areas: &vec![0.1; vertex_count],
        tangents: &vec![[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]; vertex_count],
        features: &vec![0.1; vertex_count * dim],
        gradients: &vec![0.2; 2 * vertex_count * dim],
        clutter: &vec![0.0; dim],
    };
    Surface::new(&view).expect("a valid surface")
}

#[test]
fn feature_score_allocates_nothing_after_reserve() {
    let features = vec![0.1; 21 * 17 * 70];
    let mut scores = vec![0.0; 30];
    let mut score = CpuFeatureScore::new();
    score.reserve(500, 21 * 17, 70).unwrap();
    for (vertex_count, dim) in [(500, 70), (3, 5), (499, 64)] {
        let surface = square(vertex_count, dim);
        let map = FeatureMap::new(&features[..21 * 17 * dim], 21, 17, dim).unwrap();
        let allocated = allocations_in(|| {
            score.similarities(&map, &surface, 0.0).unwrap();
            score.score(&[PLACEMENT; 30], &mut scores).unwrap();
        });
        assert_eq!(allocated, 0);
        assert!(scores[0] > 0.0);
    }
}

#[test]
fn feature_score_without_reserve_allocates_in_its_first_comparison_only() {
    let features = vec![0.1; 21 * 17 * 70];
    let map = FeatureMap::new(&features, 21, 17, 70).unwrap();
    let surface = square(500, 70);
    let mut score = CpuFeatureScore::new();
    let mut compare = || allocations_in(|| score.similarities(&map, &surface, 0.0).unwrap());
    assert!(compare() > 0);
    assert_eq!(compare(), 0);
}

#[test]
fn feature_residual_never_allocates() {
    let features = vec![0.1; 21 * 17 * 70];
    let map = FeatureMap::new(&features, 21, 17, 70).unwrap();
    let surface = square(500, 70);
    let mut matches = vec![VertexMatch::UNSEEN; 500];
    let mut residual = CpuFeatureResidual::new();
    let spec = RobustSpec { temperature: 0.1, floor: 0.0 };
    let allocated = allocations_in(|| {
        residual.residual(&map, &surface, &PLACEMENT, &spec).unwrap();
        residual.residual_and_matches(&map, &surface, &PLACEMENT, &spec, &mut matches).unwrap();
    });
    assert_eq!(allocated, 0);
    assert!(matches.iter().any(VertexMatch::is_seen));
}
