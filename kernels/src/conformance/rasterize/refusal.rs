//! Cases of input without meaning.

use super::{NEAR, PLAIN, RECTANGLE, covered_count, draw, mesh, rectangle};
use crate::{KernelError, MeshView, RasterBuffers, Rasterize};

/// One bad triangle costs itself, not the mesh; a bad vertex that no triangle uses costs nothing.
pub fn triangles_without_area_or_with_nan_are_left_out_and_counted<I: Rasterize>(make: impl Fn() -> I) {
    let mut positions = rectangle([0.0, 0.0], [8.0, 8.0], 2.0).to_vec();
    positions.extend([
        [f32::NAN, 1.0, 1.0],
        [1.0, f32::INFINITY, 1.0],
        [8.0, 0.0, 1.0],
        [4.0, 0.0, 1.0],
        [f32::NAN; 3],
    ]);
    // Doubled vertices, vertices in a line, an edge-on triangle, NaN and infinity.
    let bad = [[1, 1, 2], [2, 1, 2], [3, 3, 3], [0, 6, 7], [1, 6, 0], [0, 1, 4], [5, 1, 0]];
    let mut triangles = bad.to_vec();
    triangles.extend(RECTANGLE);
    let out = draw(&mut make(), &mesh(&positions, &triangles), 8);
    assert_eq!(out.skipped_count, bad.len());
    assert_eq!(covered_count(&out), 64);
    assert!(out.triangle.iter().all(|&triangle| triangle as usize >= bad.len()));
}

/// Draws a good mesh, then something that must be refused for `fault` and leave the drawing alone.
fn assert_refused<I: Rasterize>(
    mut instance: I,
    bad: &MeshView<'_>,
    camera: &[[f32; 4]; 3],
    near: f32,
    fault: KernelError,
) {
    let positions = rectangle([0.0, 0.0], [8.0, 4.0], 2.0);
    let before = draw(&mut instance, &mesh(&positions, &RECTANGLE), 8);
    let mut after = before.clone();
    assert_eq!(instance.rasterize(bad, camera, near, &mut after), Err(fault));
    assert_eq!(before, after, "{fault}");
}

/// The triangle and the vertex are named.
pub fn a_vertex_that_does_not_exist_is_refused<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], 1.0);
    for vertex in [4, u32::MAX] {
        let triangles = [[0, 1, 2], [0, vertex, 2]];
        let fault = KernelError::VertexIndex { triangle: 1, vertex, vertex_count: 4 };
        assert_refused(make(), &mesh(&positions, &triangles), &PLAIN, NEAR, fault);
    }
}

/// Some parts are as bad as too many.
pub fn parts_must_be_complete_or_absent<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], 1.0);
    for parts in [&[1][..], &[1, 2, 3]] {
        let fault = KernelError::PartCount { part_count: parts.len(), triangle_count: 2 };
        assert_refused(make(), &MeshView { parts, ..mesh(&positions, &RECTANGLE) }, &PLAIN, NEAR, fault);
    }
}

/// Depth divides: zero, negative and NaN have no meaning.
pub fn the_near_plane_must_be_in_front_of_the_camera<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], 1.0);
    for near in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert_refused(make(), &mesh(&positions, &RECTANGLE), &PLAIN, near, KernelError::NearPlane);
    }
}

/// A broken pose must not draw.
pub fn a_projection_that_is_not_finite_is_refused<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], 1.0);
    for bad in [f32::NAN, f32::NEG_INFINITY] {
        let mut camera = PLAIN;
        camera[1][3] = bad;
        assert_refused(make(), &mesh(&positions, &RECTANGLE), &camera, NEAR, KernelError::ProjectionNotFinite);
    }
}

/// Buffers are public fields; they are checked before they are written.
pub fn buffers_that_do_not_match_their_size_are_refused<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], 1.0);
    let spoil: [fn(&mut RasterBuffers); 5] = [
        |out| out.width = 9,
        |out| out.height = usize::MAX,
        |out| out.depth.truncate(63),
        |out| out.barycentric.push([0.0; 2]),
        |out| out.part.clear(),
    ];
    for spoil in spoil {
        let mut out = RasterBuffers::new(8, 8);
        spoil(&mut out);
        let refused = make().rasterize(&mesh(&positions, &RECTANGLE), &PLAIN, NEAR, &mut out);
        assert_eq!(refused, Err(KernelError::RasterBufferLength));
    }
}
