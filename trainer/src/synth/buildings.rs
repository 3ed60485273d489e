//! Houses: boxes with window grids, and their roofs.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::V3;
use super::geometry::{Geometry, Surface};

/// Linear RGB of plaster, brick and concrete.
const WALLS: [[f32; 3]; 9] = [
    [0.52, 0.48, 0.40],
    [0.62, 0.60, 0.55],
    [0.42, 0.30, 0.20],
    [0.30, 0.115, 0.075],
    [0.36, 0.35, 0.33],
    [0.58, 0.47, 0.27],
    [0.45, 0.33, 0.27],
    [0.24, 0.10, 0.07],
    [0.40, 0.43, 0.42],
];

const ROOFS: [[f32; 3]; 4] = [[0.20, 0.065, 0.040], [0.13, 0.070, 0.050], [0.060, 0.060, 0.065], [0.10, 0.085, 0.075]];

/// A house over the rectangle `x` by `y` (either order), `eaves_m` high without its roof.
pub(super) fn house(geometry: &mut Geometry, x: [f32; 2], y: [f32; 2], eaves_m: f32, rng: &mut ChaCha8Rng) {
    let (low_y, high_y) = (y[0].min(y[1]), y[0].max(y[1]));
    let jitter: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.88..1.10));
    let wall = WALLS[rng.random_range(0..WALLS.len())];
    let facade = geometry.surface(Surface::Facade {
        color: std::array::from_fn(|k| wall[k] * jitter[k]),
        window_pitch_m: [rng.random_range(2.2..3.6), rng.random_range(2.8..3.3)],
        window_share: [rng.random_range(0.32..0.58), rng.random_range(0.42..0.58)],
        base_z_m: rng.random_range(0.2..0.9),
        style: rng.random(),
    });
    let (low, high) = (V3::new(x[0], low_y, -0.05), V3::new(x[1], high_y, eaves_m));
    geometry.block(low, high, facade);
    if rng.random_bool(0.25) && eaves_m > 6.0 {
        let rim = geometry.surface(Surface::Plain { color: [0.3, 0.29, 0.28], roughness: 0.8, noise: 0.2 });
        let grow = V3::new(0.15, 0.15, 0.0);
        geometry.block(V3::new(x[0], low_y, eaves_m) - grow, V3::new(x[1], high_y, eaves_m + 0.5) + grow, rim);
        return;
    }
    let tiles = ROOFS[rng.random_range(0..ROOFS.len())];
    let roof = geometry.surface(Surface::Roof { color: std::array::from_fn(|k| tiles[k] * jitter[k]) });
    gable(geometry, [x[0], x[1]], [low_y, high_y], eaves_m, rng.random_range(0.55..0.95), [roof, facade]);
    if rng.random_bool(0.6) {
        let brick = geometry.surface(Surface::Plain { color: [0.17, 0.09, 0.07], roughness: 0.9, noise: 0.3 });
        let at =
            V3::new(x[0] + rng.random_range(0.25..0.75) * (x[1] - x[0]), 0.5 * (low_y + high_y) + 0.8, eaves_m + 1.0);
        geometry.block(at, at + V3::new(0.7, 0.6, 0.30 * (high_y - low_y)), brick);
    }
}

/// Two slopes with the ridge along x, and the triangles that close them.
fn gable(geometry: &mut Geometry, x: [f32; 2], y: [f32; 2], eaves_m: f32, pitch: f32, [roof, facade]: [u16; 2]) {
    let middle = 0.5 * (y[0] + y[1]);
    let ridge = eaves_m + pitch * 0.5 * (y[1] - y[0]);
    let over = 0.35;
    for (edge, sign) in [(y[0], -1.0f32), (y[1], 1.0)] {
        let normal = V3::new(0.0, sign * pitch, 1.0).normalize();
        let low = eaves_m - over * pitch;
        let corners = [
            V3::new(x[0] - 0.2, edge + sign * over, low),
            V3::new(x[1] + 0.2, edge + sign * over, low),
            V3::new(x[1] + 0.2, middle, ridge),
            V3::new(x[0] - 0.2, middle, ridge),
        ];
        geometry.quad(corners, normal, roof);
    }
    for (at, normal) in [(x[0], -V3::x()), (x[1], V3::x())] {
        let corners = [V3::new(at, y[0], eaves_m), V3::new(at, y[1], eaves_m), V3::new(at, middle, ridge)];
        let indices = corners.map(|corner| geometry.vertex(corner, normal));
        geometry.triangle(indices, facade);
    }
}
