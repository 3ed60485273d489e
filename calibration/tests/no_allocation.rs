//! What the node calls per frame does not touch the heap.

#![expect(
    unsafe_code,
    reason = "a counting allocator has to implement GlobalAlloc; every call goes unchanged to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use calibration::{Distortion, PinholeCamera, Viewpoint, ray, so3};
use nalgebra::Vector3;

thread_local! {
    static ALLOCATION_COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: forwards to `System`, which upholds the contract; the counter is a plain `Cell` without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATION_COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: same contract as ours.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: same contract as ours.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocation_count(work: impl FnOnce()) -> usize {
    let before = ALLOCATION_COUNT.with(Cell::get);
    work();
    ALLOCATION_COUNT.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    let count = allocation_count(|| drop(black_box(vec![1u8; 100])));
    assert!(count >= 1);
}

#[test]
fn poses_are_computed_without_allocation() {
    let rotations: Vec<_> = (0..32).map(|i| so3::exp(&Vector3::new(0.1 * f64::from(i), 0.2, -0.3))).collect();
    let weights = vec![0.5; rotations.len()];
    let camera = PinholeCamera::new(700.0, 700.0, 600.0, 180.0, 1242, 375);
    let camera = camera.expect("a valid camera");
    let lens = Distortion::from_model("plumb_bob", &[-0.3, 0.1, 0.001, 0.0, 0.0]);
    let lens = lens.expect("a valid lens");
    let count = allocation_count(|| {
        let mean = so3::weighted_mean(black_box(&rotations), black_box(&weights));
        let mean = mean.expect("positive weights");
        let ray = camera.ray(black_box(300.0), 200.0);
        let egocentric = ray::egocentric_from_allocentric(&ray, &mean);
        black_box(egocentric.map(|rotation| Viewpoint::from_rotation(&rotation)));
        black_box(lens.undistort(black_box([0.3, 0.2])));
    });
    assert_eq!(count, 0);
}
