//! Cases against the third implementation: one ray through each pixel centre, against each
//! triangle.

use crate::conformance::random::Random;
use crate::{EMPTY_TRIANGLE, MeshView, RasterBuffers, Rasterize};

const SIDE: usize = 24;

/// A hit nearer to an edge than this (as a barycentric weight) may fall to either side.
const EDGE_MARGIN: f64 = 1e-5;

struct Hit {
    triangle: u32,
    depth: f64,
    weights: [f64; 2],
}

/// What a ray meets: the nearest hit, and whether rounding may decide otherwise.
struct Seen {
    nearest: Option<Hit>,
    doubtful: bool,
}

/// A camera that looks at the object from somewhere, its rows `(u * w, v * w, w)`.
fn random_camera(random: &mut Random, distance_m: f32) -> [[f32; 4]; 3] {
    let (pan, tilt) = (random.between(-3.1, 3.1), random.between(-0.9, 0.9));
    let ((sp, cp), (st, ct)) = (pan.sin_cos(), tilt.sin_cos());
    let right = [cp, 0.0, sp, random.between(-0.2, 0.2)];
    let down = [st * sp, ct, -st * cp, random.between(-0.2, 0.2)];
    let forward = [-ct * sp, st, ct * cp, distance_m];
    let (focal_px, center_px) = (random.between(15.0, 40.0), SIDE as f32 / 2.0);
    let row = |axis: [f32; 4]| std::array::from_fn(|index| focal_px * axis[index] + center_px * forward[index]);
    [row(right), row(down), forward]
}

/// Inverse of the left 3 x 3 part, in double precision.
fn inverse(camera: &[[f32; 4]; 3]) -> [[f64; 3]; 3] {
    let m = camera.map(|row| row.map(f64::from));
    let cofactor = |row: usize, column: usize| {
        let (r, s, c, d) = ((row + 1) % 3, (row + 2) % 3, (column + 1) % 3, (column + 2) % 3);
        m[r][c] * m[s][d] - m[r][d] * m[s][c]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * cofactor(0, column)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| cofactor(column, row) / determinant))
}

fn apply(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Moeller and Trumbore, "Fast, minimum storage ray/triangle intersection" (1997). `direction` is
/// scaled so that the ray's parameter is the camera's z.
fn look(mesh: &MeshView<'_>, origin: [f64; 3], direction: [f64; 3], near: f64) -> Seen {
    let mut seen = Seen { nearest: None, doubtful: false };
    let mut depths = Vec::new();
    for (index, vertices) in mesh.triangles.iter().enumerate() {
        let [a, b, c] = vertices.map(|vertex| mesh.positions[vertex as usize].map(f64::from));
        let (ab, ac, from_a) = (minus(b, a), minus(c, a), minus(origin, a));
        let (p, q) = (cross(direction, ac), cross(from_a, ab));
        let determinant = dot(ab, p);
        let weights = [dot(from_a, p) / determinant, dot(direction, q) / determinant];
        let depth = dot(ac, q) / determinant;
        let rim = weights[0].min(weights[1]).min(1.0 - weights[0] - weights[1]);
        if rim.abs() < EDGE_MARGIN || (rim > 0.0 && (depth - near).abs() < 1e-4) {
            seen.doubtful = true;
        }
        if rim >= 0.0 && depth >= near {
            depths.push(depth);
            if seen.nearest.as_ref().is_none_or(|hit| depth < hit.depth) {
                seen.nearest = Some(Hit { triangle: index as u32, depth, weights });
            }
        }
    }
    depths.sort_by(f64::total_cmp);
    if let [first, second, ..] = depths[..] {
        seen.doubtful |= second - first < 1e-5 * second;
    }
    seen
}

/// Draws and compares every pixel about which there is no doubt; returns how many were hit.
fn compare<I: Rasterize>(instance: &mut I, mesh: &MeshView<'_>, camera: &[[f32; 4]; 3], near: f32) -> usize {
    let mut out = RasterBuffers::new(SIDE, SIDE);
    instance.rasterize(mesh, camera, near, &mut out).expect("a valid mesh");
    let object_from_pixel = inverse(camera);
    let origin = apply(&object_from_pixel, camera.map(|row| -f64::from(row[3])));
    let (mut hit_count, mut doubtful_count) = (0, 0);
    for at in 0..SIDE * SIDE {
        let pixel = [(at % SIDE) as f64 + 0.5, (at / SIDE) as f64 + 0.5, 1.0];
        let seen = look(mesh, origin, apply(&object_from_pixel, pixel), f64::from(near));
        if seen.doubtful {
            doubtful_count += 1;
            continue;
        }
        let Some(hit) = seen.nearest else {
            assert_eq!(out.triangle[at], EMPTY_TRIANGLE, "{pixel:?}: nothing is there");
            assert!(out.depth[at] == f32::INFINITY && out.barycentric[at] == [0.0; 2]);
            continue;
        };
        hit_count += 1;
        assert_eq!(out.triangle[at], hit.triangle, "{pixel:?}: depth {} instead of {}", out.depth[at], hit.depth);
        assert!((f64::from(out.depth[at]) - hit.depth).abs() < 1e-5 * hit.depth, "{pixel:?}");
        for (actual, expected) in out.barycentric[at].iter().zip(hit.weights) {
            assert!((f64::from(*actual) - expected).abs() < 1e-4, "{pixel:?}: weight {actual} instead of {expected}");
        }
    }
    assert!(doubtful_count * 10 < SIDE * SIDE, "{doubtful_count} pixels say nothing");
    hit_count
}

fn random_mesh(random: &mut Random, triangle_count: u32) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let positions = (0..3 * triangle_count).map(|_| std::array::from_fn(|_| random.between(-1.0, 1.0))).collect();
    (positions, (0..triangle_count).map(|index| [3 * index, 3 * index + 1, 3 * index + 2]).collect())
}

/// Which triangle, how far, and where on it: as a ray says.
pub fn random_meshes_agree_with_ray_casting<I: Rasterize>(make: impl Fn() -> I) {
    let mut random = Random::new(21);
    let mut instance = make();
    for round in 0..12 {
        let (positions, triangles) = random_mesh(&mut random, 1 + 4 * round);
        let mesh = MeshView { positions: &positions, triangles: &triangles, parts: &[] };
        let hit_count = compare(&mut instance, &mesh, &random_camera(&mut random, 4.0), 0.1);
        assert!(round == 0 || hit_count > 10, "round {round}: {hit_count} pixels");
    }
}

/// The camera stands amid the triangles: what is visible of them is drawn as a ray sees it.
pub fn triangles_through_the_near_plane_are_cut_there<I: Rasterize>(make: impl Fn() -> I) {
    let mut random = Random::new(22);
    let mut instance = make();
    let mut hit_count = 0;
    for _ in 0..12 {
        let (positions, triangles) = random_mesh(&mut random, 12);
        let mesh = MeshView { positions: &positions, triangles: &triangles, parts: &[] };
        let distance_m = random.between(-0.2, 0.2);
        hit_count += compare(&mut instance, &mesh, &random_camera(&mut random, distance_m), 0.05);
    }
    assert!(hit_count > 1000, "{hit_count}");
}
