//! Cases of the fill rule: every pixel once.

use super::{NEAR, PLAIN, RECTANGLE, covered_count, draw, mesh, rectangle};
use crate::conformance::random::Random;
use crate::{EMPTY_TRIANGLE, RasterBuffers, Rasterize};

/// How many of the triangles draw each pixel, each drawn into empty buffers of its own.
fn coverage<I: Rasterize>(instance: &mut I, positions: &[[f32; 3]], triangles: &[[u32; 3]], side: usize) -> Vec<u32> {
    let mut counts = vec![0; side * side];
    let mut out = RasterBuffers::new(side, side);
    for triangle in triangles {
        out.clear();
        instance.rasterize(&mesh(positions, &[*triangle]), &PLAIN, NEAR, &mut out).expect("a valid mesh");
        for (count, &drawn) in counts.iter_mut().zip(&out.triangle) {
            *count += u32::from(drawn != EMPTY_TRIANGLE);
        }
    }
    counts
}

/// Whatever the diagonal and the winding: no pixel of the canvas is left out or drawn twice.
pub fn a_quad_of_two_triangles_covers_every_pixel_once<I: Rasterize>(make: impl Fn() -> I) {
    let mut instance = make();
    let diagonals: [[[u32; 3]; 2]; 4] =
        [RECTANGLE, [[0, 1, 3], [1, 2, 3]], [[2, 1, 0], [0, 2, 3]], [[3, 1, 0], [2, 3, 1]]];
    // The third one's diagonal passes through pixel centres.
    for (from, to) in [([0.0, 0.0], [16.0, 16.0]), ([-3.0, -5.5], [21.25, 17.0]), ([-0.5, -0.5], [16.5, 16.5])] {
        let positions = rectangle(from, to, 2.0);
        for triangles in diagonals {
            let counts = coverage(&mut instance, &positions, &triangles, 16);
            assert!(counts.iter().all(|&count| count == 1), "{from:?} {to:?} {triangles:?}: {counts:?}");
        }
    }
}

/// Many edges of all directions, vertices on and off pixel centres, corners shared by six.
pub fn a_jittered_grid_covers_every_pixel_once<I: Rasterize>(make: impl Fn() -> I) {
    const CELLS: u32 = 9;
    let mut random = Random::new(31);
    let mut instance = make();
    for round in 0..6 {
        let jitter = if round == 0 { 0.0 } else { 0.9 };
        let mut positions = Vec::new();
        for row in 0..=CELLS {
            for column in 0..=CELLS {
                let z = random.between(1.0, 3.0);
                let x = -3.5 + 4.0 * column as f32 + random.between(-jitter, jitter);
                let y = -3.5 + 4.0 * row as f32 + random.between(-jitter, jitter);
                positions.push([x * z, y * z, z]);
            }
        }
        let mut triangles = Vec::new();
        for cell in 0..CELLS * CELLS {
            let corner = cell / CELLS * (CELLS + 1) + cell % CELLS;
            let (right, below, across) = (corner + 1, corner + CELLS + 1, corner + CELLS + 2);
            if random.below(2) == 0 {
                triangles.extend([[corner, right, across], [corner, below, across]]);
            } else {
                triangles.extend([[corner, right, below], [across, right, below]]);
            }
        }
        let counts = coverage(&mut instance, &positions, &triangles, 24);
        assert!(counts.iter().all(|&count| count == 1), "round {round}: {counts:?}");
    }
}

/// A square with its corners on pixel centres owns its top row and left column only.
pub fn pixel_centres_on_an_edge_belong_to_its_top_or_left_side<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([2.5, 3.5], [6.5, 5.5], 1.0);
    for triangles in [RECTANGLE, [[0, 1, 3], [1, 2, 3]], [[2, 1, 0], [3, 2, 0]]] {
        let out = draw(&mut make(), &mesh(&positions, &triangles), 10);
        for (index, triangle) in out.triangle.iter().enumerate() {
            let inside = (2..6).contains(&(index % 10)) && (3..5).contains(&(index / 10));
            assert_eq!(*triangle != EMPTY_TRIANGLE, inside, "{triangles:?}: column {} row {}", index % 10, index / 10);
        }
    }
}

/// A floor that begins behind the camera, cut into strips: the cut ends of shared edges meet.
pub fn shared_edges_through_the_near_plane_leave_no_gap<I: Rasterize>(make: impl Fn() -> I) {
    let mut random = Random::new(32);
    let mut positions = Vec::new();
    for strip in 0..=12 {
        let x = -60.0 + 10.0 * strip as f32;
        positions.push([x + random.between(-2.0, 2.0), 1.0, -3.0 + random.between(-1.0, 1.0)]);
        positions.push([x + random.between(-2.0, 2.0), 1.0, 4.0 + random.between(-1.0, 1.0)]);
    }
    let triangles: Vec<[u32; 3]> = (0..12)
        .flat_map(|strip| [[2 * strip, 2 * strip + 1, 2 * strip + 2], [2 * strip + 3, 2 * strip + 2, 2 * strip + 1]])
        .collect();
    // The floor is at y = 1: with near 0.25 it fills the rows from 1 / 3 (its far end) to 4.
    let counts = coverage(&mut make(), &positions, &triangles, 8);
    for (index, &count) in counts.iter().enumerate() {
        let row = index / 8;
        assert_eq!(count, u32::from(row < 4), "column {} row {row}", index % 8);
    }
    assert_eq!(covered_count(&draw(&mut make(), &mesh(&positions, &triangles), 8)), 32);
}
