//! Street furniture: lamp posts, signs, bollards, fences, garden walls.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::V3;
use super::geometry::{Geometry, Surface};
use super::layout::Layout;

fn metal(geometry: &mut Geometry, tone: f32) -> u16 {
    geometry.surface(Surface::Plain { color: [tone, tone * 1.02, tone], roughness: 0.5, noise: 0.15 })
}

/// A post with an arm that reaches out by `toward_y` (+1 or -1).
pub(super) fn lamp_post(geometry: &mut Geometry, foot: V3, toward_y: f32, rng: &mut ChaCha8Rng) {
    let gray = metal(geometry, 0.16);
    let height = rng.random_range(6.5..9.0);
    let top = foot + V3::new(0.0, 0.0, height);
    let head = top + V3::new(0.0, toward_y * 1.6, 0.25);
    geometry.tube(foot, top, [0.085, 0.055], gray);
    geometry.tube(top, head, [0.045, 0.035], gray);
    geometry.block(head - V3::new(0.12, 0.35, 0.05), head + V3::new(0.12, 0.35, 0.07), gray);
}

/// A traffic sign that faces the traffic on its side of the street.
pub(super) fn sign(geometry: &mut Geometry, foot: V3, rng: &mut ChaCha8Rng) {
    let gray = metal(geometry, 0.30);
    let height = rng.random_range(2.2..2.7);
    geometry.tube(foot, foot + V3::new(0.0, 0.0, height + 0.3), [0.03, 0.03], gray);
    let center = foot + V3::new(-0.04, 0.0, height);
    let plain = |color: [f32; 3]| Surface::Plain { color, roughness: 0.4, noise: 0.05 };
    let red = geometry.surface(plain([0.42, 0.025, 0.025]));
    let white = geometry.surface(plain([0.75, 0.75, 0.74]));
    let blue = geometry.surface(plain([0.02, 0.10, 0.36]));
    let yellow = geometry.surface(plain([0.70, 0.45, 0.02]));
    match rng.random_range(0..4) {
        0 => {
            disc(geometry, center, 0.32, 14, red);
            disc(geometry, center - V3::new(0.008, 0.0, 0.0), 0.23, 14, white);
        }
        1 => {
            disc(geometry, center, 0.32, 14, red);
            let bar = center - V3::new(0.012, 0.0, 0.0);
            geometry.block(bar - V3::new(0.002, 0.22, 0.05), bar + V3::new(0.002, 0.22, 0.05), white);
        }
        2 => geometry.block(center - V3::new(0.01, 0.3, 0.3), center + V3::new(0.01, 0.3, 0.3), blue),
        _ => {
            disc(geometry, center, 0.40, 4, white);
            disc(geometry, center - V3::new(0.008, 0.0, 0.0), 0.31, 4, yellow);
        }
    }
}

/// A disc that faces -x.
fn disc(geometry: &mut Geometry, center: V3, radius_m: f32, corners: usize, surface: u16) {
    let normal = -V3::x();
    let hub = geometry.vertex(center, normal);
    let rim: Vec<u32> = (0..corners)
        .map(|k| (k as f32 / corners as f32 * std::f32::consts::TAU).sin_cos())
        .map(|(sin, cos)| geometry.vertex(center + V3::new(0.0, cos * radius_m, sin * radius_m), normal))
        .collect();
    for k in 0..corners {
        geometry.triangle([hub, rim[k], rim[(k + 1) % corners]], surface);
    }
}

/// Posts that keep cars off the pavement.
pub(super) fn bollards(geometry: &mut Geometry, x: [f32; 2], y: f32, layout: &Layout) {
    let gray = metal(geometry, 0.10);
    let mut at = x[0];
    while at < x[1] {
        if !layout.in_crossing(at, 0.3) {
            geometry.tube(V3::new(at, y, 0.1), V3::new(at, y, 0.95), [0.06, 0.05], gray);
        }
        at += 1.5;
    }
}

/// A picket fence along x.
pub(super) fn fence(geometry: &mut Geometry, x: [f32; 2], y: f32, rng: &mut ChaCha8Rng) {
    let wood = [[0.20, 0.13, 0.08], [0.55, 0.54, 0.50], [0.09, 0.10, 0.09]][rng.random_range(0..3usize)];
    let surface = geometry.surface(Surface::Plain { color: wood, roughness: 0.8, noise: 0.3 });
    let height = rng.random_range(0.8..1.3);
    let mut at = x[0];
    while at < x[1] {
        geometry.block(V3::new(at, y - 0.012, 0.1), V3::new(at + 0.09, y + 0.012, 0.1 + height), surface);
        at += 0.16;
    }
    for z in [0.35, height - 0.15] {
        geometry.block(V3::new(x[0], y - 0.03, z), V3::new(x[1], y + 0.0, z + 0.08), surface);
    }
}

/// A low wall along x.
pub(super) fn wall(geometry: &mut Geometry, x: [f32; 2], y: f32, rng: &mut ChaCha8Rng) {
    let stone = [[0.30, 0.28, 0.24], [0.24, 0.11, 0.08], [0.45, 0.44, 0.40]][rng.random_range(0..3usize)];
    let surface = geometry.surface(Surface::Plain { color: stone, roughness: 0.9, noise: 0.45 });
    let height = rng.random_range(0.5..1.5);
    geometry.block(V3::new(x[0], y - 0.13, 0.0), V3::new(x[1], y + 0.13, 0.1 + height), surface);
    geometry.block(V3::new(x[0], y - 0.17, 0.1 + height), V3::new(x[1], y + 0.17, 0.16 + height), surface);
}
