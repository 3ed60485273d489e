//! The law of [`Rasterize`].

mod coverage;
mod ray;
mod refusal;

pub use coverage::{
    a_jittered_grid_covers_every_pixel_once, a_quad_of_two_triangles_covers_every_pixel_once,
    pixel_centres_on_an_edge_belong_to_its_top_or_left_side, shared_edges_through_the_near_plane_leave_no_gap,
};
pub use ray::{random_meshes_agree_with_ray_casting, triangles_through_the_near_plane_are_cut_there};
pub use refusal::{
    a_projection_that_is_not_finite_is_refused, a_vertex_that_does_not_exist_is_refused,
    buffers_that_do_not_match_their_size_are_refused, parts_must_be_complete_or_absent,
    the_near_plane_must_be_in_front_of_the_camera, triangles_without_area_or_with_nan_are_left_out_and_counted,
};

use crate::{EMPTY_PART, EMPTY_TRIANGLE, MeshView, RasterBuffers, Rasterize};

/// Makes one test of every case: `rasterize_conformance!(name, make)`, `make` a function without
/// arguments that returns an instance.
#[macro_export]
macro_rules! rasterize_conformance {
    ($(#[$attribute:meta])* $name:ident, $make:expr) => {
        $crate::conformance_tests! { [$(#[$attribute])*] $name, $make, rasterize:
            random_meshes_agree_with_ray_casting,
            triangles_through_the_near_plane_are_cut_there,
            a_quad_of_two_triangles_covers_every_pixel_once,
            a_jittered_grid_covers_every_pixel_once,
            pixel_centres_on_an_edge_belong_to_its_top_or_left_side,
            shared_edges_through_the_near_plane_leave_no_gap,
            both_faces_are_visible,
            the_nearest_triangle_wins_in_any_order,
            at_equal_depth_what_was_drawn_first_stays,
            a_second_mesh_is_drawn_over_the_first,
            parts_follow_their_triangles,
            what_lies_behind_the_camera_is_not_drawn,
            an_empty_mesh_draws_nothing,
            triangles_without_area_or_with_nan_are_left_out_and_counted,
            a_vertex_that_does_not_exist_is_refused,
            parts_must_be_complete_or_absent,
            the_near_plane_must_be_in_front_of_the_camera,
            a_projection_that_is_not_finite_is_refused,
            buffers_that_do_not_match_their_size_are_refused,
        }
    };
}

/// Object axes are the camera's, and `(x, y)` at z = 1 are pixels: what a case writes is what it
/// sees.
const PLAIN: [[f32; 4]; 3] = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];

const NEAR: f32 = 0.25;

/// The four corners of a rectangle at depth `z` whose projection is `from` to `to` pixels.
fn rectangle(from: [f32; 2], to: [f32; 2], z: f32) -> [[f32; 3]; 4] {
    [[from[0], from[1]], [to[0], from[1]], [to[0], to[1]], [from[0], to[1]]].map(|[x, y]| [x * z, y * z, z])
}

const RECTANGLE: [[u32; 3]; 2] = [[0, 1, 2], [0, 2, 3]];

fn mesh<'a>(positions: &'a [[f32; 3]], triangles: &'a [[u32; 3]]) -> MeshView<'a> {
    MeshView { positions, triangles, parts: &[] }
}

fn draw<I: Rasterize>(instance: &mut I, mesh: &MeshView<'_>, side: usize) -> RasterBuffers {
    let mut out = RasterBuffers::new(side, side);
    instance.rasterize(mesh, &PLAIN, NEAR, &mut out).expect("a valid mesh");
    out
}

fn covered_count(buffers: &RasterBuffers) -> usize {
    buffers.triangle.iter().filter(|&&triangle| triangle != EMPTY_TRIANGLE).count()
}

/// The winding does not matter.
pub fn both_faces_are_visible<I: Rasterize>(make: impl Fn() -> I) {
    let corners = [[1.0, 1.0, 1.0], [9.0, 2.0, 1.0], [3.0, 8.0, 1.0]];
    let front = draw(&mut make(), &mesh(&corners, &[[0, 1, 2]]), 10);
    let back = draw(&mut make(), &mesh(&corners, &[[0, 2, 1]]), 10);
    assert!(covered_count(&front) > 20);
    assert_eq!(front.triangle, back.triangle);
    for (front, back) in front.barycentric.iter().zip(&back.barycentric) {
        assert!((front[0] - back[1]).abs() < 1e-6 && (front[1] - back[0]).abs() < 1e-6);
    }
}

/// Depth decides, not the order of drawing.
pub fn the_nearest_triangle_wins_in_any_order<I: Rasterize>(make: impl Fn() -> I) {
    let mut positions = rectangle([0.0, 0.0], [8.0, 8.0], 4.0).to_vec();
    positions.extend(rectangle([2.0, 2.0], [6.0, 6.0], 3.0));
    let (far, near) = ([[0, 1, 2], [0, 2, 3]], [[4, 5, 6], [4, 6, 7]]);
    for triangles in [[far, near].concat(), [near, far].concat()] {
        let out = draw(&mut make(), &mesh(&positions, &triangles), 8);
        for (index, depth) in out.depth.iter().enumerate() {
            let inside = (2..6).contains(&(index % 8)) && (2..6).contains(&(index / 8));
            assert_eq!(*depth, if inside { 3.0 } else { 4.0 }, "pixel {index}");
        }
    }
}

/// Two equal triangles: the first one is seen.
pub fn at_equal_depth_what_was_drawn_first_stays<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], 2.0);
    let out = draw(&mut make(), &mesh(&positions, &[[0, 1, 2], [0, 2, 3], [0, 1, 2], [0, 2, 3]]), 8);
    assert!(out.triangle.iter().all(|&triangle| triangle < 2));
}

/// The buffers are not emptied, and what is nearer stays.
pub fn a_second_mesh_is_drawn_over_the_first<I: Rasterize>(make: impl Fn() -> I) {
    let first = rectangle([0.0, 0.0], [8.0, 4.0], 3.0);
    let second = rectangle([0.0, 0.0], [8.0, 8.0], 5.0);
    let mut instance = make();
    let mut out = draw(&mut instance, &MeshView { parts: &[7, 7], ..mesh(&first, &RECTANGLE) }, 8);
    let over = MeshView { parts: &[9, 9], ..mesh(&second, &RECTANGLE) };
    instance.rasterize(&over, &PLAIN, NEAR, &mut out).expect("a valid mesh");
    let (upper, lower) = out.part.split_at(32);
    assert!(upper.iter().all(|&part| part == 7) && lower.iter().all(|&part| part == 9));
}

/// A pixel has the part of its triangle; 0 without parts; the empty mark where nothing is.
pub fn parts_follow_their_triangles<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 4.0], 1.0);
    let parts = [300, 41];
    let out = draw(&mut make(), &MeshView { parts: &parts, ..mesh(&positions, &RECTANGLE) }, 8);
    for (part, triangle) in out.part.iter().zip(&out.triangle) {
        let expected = if *triangle == EMPTY_TRIANGLE { EMPTY_PART } else { parts[*triangle as usize] };
        assert_eq!(*part, expected);
    }
    assert!(out.part.contains(&300) && out.part.contains(&41) && out.part.contains(&EMPTY_PART));
    let out = draw(&mut make(), &mesh(&positions, &RECTANGLE), 8);
    assert!(out.part[..32].iter().all(|&part| part == 0));
}

/// Also where the projection of a point behind the camera would fall into the image. Not a fault:
/// not counted.
pub fn what_lies_behind_the_camera_is_not_drawn<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], -2.0);
    let out = draw(&mut make(), &mesh(&positions, &RECTANGLE), 8);
    assert_eq!(out, RasterBuffers::new(8, 8));
}

/// No vertices, or vertices without triangles; buffers without pixels too.
pub fn an_empty_mesh_draws_nothing<I: Rasterize>(make: impl Fn() -> I) {
    let positions = rectangle([0.0, 0.0], [8.0, 8.0], 2.0);
    assert_eq!(draw(&mut make(), &mesh(&[], &[]), 8), RasterBuffers::new(8, 8));
    assert_eq!(draw(&mut make(), &mesh(&positions, &[]), 8), RasterBuffers::new(8, 8));
    assert_eq!(draw(&mut make(), &mesh(&positions, &RECTANGLE), 0), RasterBuffers::new(0, 0));
}
