//! Trees, bushes and hedges out of many small leaf quads.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::V3;
use super::geometry::{Geometry, Surface};

/// Brightness steps from the inside of a crown to its top.
const SHADES: usize = 6;

/// Colours of one species.
#[derive(Clone, Copy, Debug)]
pub(super) struct Species {
    shades: [u16; SHADES],
    bark: u16,
}

/// Linear RGB of leaves in full light.
const LEAVES: [[f32; 3]; 6] = [
    [0.082, 0.112, 0.036],
    [0.058, 0.088, 0.030],
    [0.110, 0.125, 0.036],
    [0.046, 0.070, 0.032],
    [0.135, 0.118, 0.034],
    [0.070, 0.100, 0.042],
];

impl Species {
    pub(super) fn draw(geometry: &mut Geometry, rng: &mut ChaCha8Rng) -> Self {
        let color = LEAVES[rng.random_range(0..LEAVES.len())];
        let jitter: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.85..1.15));
        let shades = std::array::from_fn(|k| {
            let level = 0.34 + 1.0 * k as f32 / (SHADES - 1) as f32;
            geometry.surface(Surface::Foliage { color: std::array::from_fn(|c| color[c] * jitter[c] * level) })
        });
        let bark = geometry.surface(Surface::Plain { color: [0.075, 0.060, 0.047], roughness: 0.9, noise: 0.6 });
        Self { shades, bark }
    }

    /// `depth` 0 in the middle of the crown, 1 at its rim.
    fn shade(&self, depth: f32, height: f32, rng: &mut ChaCha8Rng) -> u16 {
        let level = (0.15 + 0.5 * depth * depth + 0.35 * height + rng.random_range(-0.16..0.16)).clamp(0.0, 0.999);
        self.shades[(level * SHADES as f32) as usize]
    }
}

/// Where leaves grow.
struct Blob {
    center: V3,
    radii: V3,
}

/// A crown on a trunk. `leaf_m` is the size of a leaf quad: larger for trees that are only seen from afar.
pub(super) fn tree(
    geometry: &mut Geometry,
    species: &Species,
    foot: V3,
    height_m: f32,
    leaf_m: f32,
    rng: &mut ChaCha8Rng,
) {
    let spread = height_m * rng.random_range(0.26..0.38);
    let clear = height_m * rng.random_range(0.20..0.32);
    let lean = V3::new(rng.random_range(-0.3..0.3), rng.random_range(-0.3..0.3), 0.0);
    let top = foot + lean + V3::new(0.0, 0.0, clear + 0.35 * (height_m - clear));
    let girth = 0.018 * height_m + 0.06;
    geometry.tube(foot - V3::new(0.0, 0.0, 0.1), top, [girth, girth * 0.55], species.bark);
    let middle = foot + lean + V3::new(0.0, 0.0, 0.5 * (clear + height_m));
    let half_height = 0.5 * (height_m - clear);
    let mut blobs = vec![Blob { center: middle, radii: V3::new(spread * 0.72, spread * 0.72, half_height * 0.8) }];
    for _ in 0..rng.random_range(7..12) {
        let (sin, cos) = (rng.random::<f32>() * std::f32::consts::TAU).sin_cos();
        let out = spread * rng.random_range(0.35..0.75);
        let up = half_height * rng.random_range(-0.7..0.75);
        let size = spread * rng.random_range(0.30..0.52);
        let center = middle + V3::new(cos * out, sin * out, up);
        geometry.tube(top - V3::new(0.0, 0.0, 0.2), center, [girth * 0.35, girth * 0.1], species.bark);
        blobs.push(Blob { center, radii: V3::new(size, size, size * 0.8) });
    }
    for (index, blob) in blobs.iter().enumerate() {
        let area = blob.radii.x * blob.radii.z * 12.0;
        // The first blob fills the middle, mostly behind the others.
        let density = if index == 0 { 0.6 } else { 1.15 };
        let count = (area / (leaf_m * leaf_m) * density) as usize;
        leaves(geometry, species, blob, count, leaf_m, middle, spread.max(half_height), rng);
    }
}

/// A bush: one flattened crown on the ground.
pub(super) fn bush(
    geometry: &mut Geometry,
    species: &Species,
    foot: V3,
    radius_m: f32,
    leaf_m: f32,
    rng: &mut ChaCha8Rng,
) {
    for _ in 0..3 {
        let shift = V3::new(rng.random_range(-0.5..0.5), rng.random_range(-0.5..0.5), 0.0) * radius_m;
        let radii = V3::new(radius_m, radius_m, radius_m * rng.random_range(0.6..1.0)) * 0.8;
        let blob = Blob { center: foot + shift + V3::new(0.0, 0.0, radii.z * 0.8), radii };
        let count = (radii.x * radii.z * 14.0 / (leaf_m * leaf_m)) as usize;
        leaves(geometry, species, &blob, count, leaf_m, foot, radius_m * 1.5, rng);
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one loop shared by trees and bushes, with nothing to keep between calls"
)]
fn leaves(
    geometry: &mut Geometry,
    species: &Species,
    blob: &Blob,
    count: usize,
    leaf_m: f32,
    crown: V3,
    crown_radius: f32,
    rng: &mut ChaCha8Rng,
) {
    for _ in 0..count {
        let direction = unit(rng);
        let depth = rng.random::<f32>().sqrt().sqrt();
        let position = blob.center + direction.component_mul(&blob.radii) * depth;
        if position.z < 0.05 {
            continue;
        }
        let from_crown = (position - crown) / crown_radius;
        let shade = species.shade(from_crown.norm().min(1.0), (0.5 + 0.5 * from_crown.z).clamp(0.0, 1.0), rng);
        let normal = (direction + from_crown * 0.7 + unit(rng) * 0.45).normalize();
        leaf(geometry, position, normal, leaf_m * rng.random_range(0.6..1.25), shade, rng);
    }
}

/// An irregular quad, turned at random, that shades like the crown's surface.
fn leaf(geometry: &mut Geometry, position: V3, normal: V3, size_m: f32, shade: u16, rng: &mut ChaCha8Rng) {
    let facing = (normal + unit(rng) * 1.2).normalize();
    let side = facing.cross(&unit(rng)).normalize();
    let other = facing.cross(&side);
    let mut reach = || size_m * rng.random_range(0.25..0.75);
    let corners =
        [position + side * reach(), position + other * reach(), position - side * reach(), position - other * reach()];
    if corners.iter().flatten().all(|value| value.is_finite()) {
        geometry.quad(corners, normal, shade);
    }
}

/// A trimmed hedge along x from `low` to `high`.
pub(super) fn hedge(geometry: &mut Geometry, species: &Species, low: V3, high: V3, leaf_m: f32, rng: &mut ChaCha8Rng) {
    let inset = V3::new(0.08, 0.08, 0.10);
    geometry.block(low, high - inset, species.shades[0]);
    let size = high - low;
    let faces = [
        (V3::z(), size.x * size.y),
        (V3::y(), size.x * size.z),
        (-V3::y(), size.x * size.z),
        (-V3::x(), size.y * size.z),
    ];
    for (normal, area) in faces {
        for _ in 0..(area * 1.6 / (leaf_m * leaf_m)) as usize {
            let mut position = V3::from_fn(|k, _| low[k] + size[k] * rng.random::<f32>());
            for k in 0..3 {
                if normal[k] > 0.5 {
                    position[k] = high[k] + rng.random_range(-0.10..0.06);
                } else if normal[k] < -0.5 {
                    position[k] = low[k] + rng.random_range(-0.06..0.10);
                }
            }
            let shade = species.shade(0.75, ((position.z - low.z) / size.z).clamp(0.0, 1.0), rng);
            leaf(
                geometry,
                position,
                (normal + unit(rng) * 0.5).normalize(),
                leaf_m * rng.random_range(0.7..1.2),
                shade,
                rng,
            );
        }
    }
}

/// A unit vector of any direction.
fn unit(rng: &mut ChaCha8Rng) -> V3 {
    loop {
        let v = V3::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
        let norm = v.norm();
        if norm > 0.05 && norm <= 1.0 {
            return v / norm;
        }
    }
}
