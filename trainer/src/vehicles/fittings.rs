//! Small solids on the body: mirrors, door handles, roof rails.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Kind;
use super::proportions::Proportions;
use super::shell::{Part, Shell, normalized};

/// Adds mirrors, handles and, on some, roof rails.
pub(super) fn add(shell: &mut Shell, p: &Proportions, rng: &mut ChaCha8Rng) {
    let rails = match p.kind {
        Kind::Estate => rng.random_bool(0.7),
        Kind::Suv => rng.random_bool(0.75),
        _ => false,
    };
    let rail_part = if rng.random_bool(0.5) { Part::Chrome } else { Part::Cladding };
    for side in [1.0f32, -1.0] {
        mirror(shell, p, side);
        for edge in p.door_edges.iter().skip(1) {
            handle(shell, p, edge + 0.13, side);
        }
        if rails {
            roof_rail(shell, p, side, rail_part);
        }
    }
}

fn mirror(shell: &mut Shell, p: &Proportions, side: f32) {
    let x = p.cowl_x - 0.40 - 0.08 * p.style[7];
    let z = p.shoulder.at(x) + 0.085;
    let skin = p.cabin_half_width(x, z);
    let tall = if p.kind == Kind::Van { 0.14 } else { 0.075 };
    let center = [x, side * (skin + 0.135), z + 0.3 * (tall - 0.075)];
    ellipsoid(shell, center, [0.075, 0.105, tall], Part::Mirror);
    let mut face = [
        [-0.079, -0.075, -0.7 * tall],
        [-0.079, 0.075, -0.7 * tall],
        [-0.079, 0.075, 0.7 * tall],
        [-0.079, -0.075, 0.7 * tall],
    ]
    .map(|d| [center[0] + d[0], center[1] + d[1], center[2] + d[2]]);
    face.reverse();
    shell.flat_quad(face, Part::MirrorGlass);
    block(shell, [x + 0.02, side * (skin + 0.02), z - 0.045], [0.05, 0.07, 0.022], Part::Intake);
}

fn handle(shell: &mut Shell, p: &Proportions, x: f32, side: f32) {
    let z = p.shoulder.at(x) - 0.075;
    let y = side * 0.978 * p.half_width(x);
    let part = if p.style[3] < 0.25 { Part::Chrome } else { Part::Mirror };
    block(shell, [x, y, z], [0.085, 0.026, 0.014], part);
}

fn roof_rail(shell: &mut Shell, p: &Proportions, side: f32, part: Part) {
    let (front, rear) = (p.screen_top_x - 0.25, p.roof_rear_x + 0.25);
    let pieces = 8;
    let (thick, tall) = (0.017, 0.034);
    let section = |k: usize| {
        let share = k as f32 / pieces as f32;
        let x = front + (rear - front) * share;
        // Both ends dip into the roof.
        let z = p.top.at(x) - 0.02 - if k == 0 || k == pieces { 0.05 } else { 0.0 };
        let y = side * (p.cabin_half_width(x, p.top.at(x)) - 0.07);
        [[x, y - thick, z], [x, y - thick, z + tall], [x, y + thick, z + tall], [x, y + thick, z]]
    };
    for k in 0..pieces {
        let (from, to) = (section(k), section(k + 1));
        for j in 0..3 {
            shell.flat_quad([from[j], from[j + 1], to[j + 1], to[j]], part);
        }
    }
}

/// Axis-aligned box with flat faces.
fn block(shell: &mut Shell, center: [f32; 3], half: [f32; 3], part: Part) {
    for axis in 0..3 {
        for sign in [1.0f32, -1.0] {
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            let corner = |su: f32, sv: f32| {
                let mut c = center;
                c[axis] += sign * half[axis];
                c[u] += su * half[u];
                c[v] += sv * half[v];
                c
            };
            let mut corners = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
            if sign < 0.0 {
                corners.reverse();
            }
            shell.flat_quad(corners, part);
        }
    }
}

/// A boxy ellipsoid.
fn ellipsoid(shell: &mut Shell, center: [f32; 3], radii: [f32; 3], part: Part) {
    let (rings, segments) = (5usize, 8usize);
    let squash = |v: f32| v.signum() * v.abs().powf(0.65);
    let first = shell.positions.len() as u32;
    for i in 0..=rings {
        let polar = i as f32 / rings as f32 * std::f32::consts::PI;
        for j in 0..segments {
            let around = j as f32 / segments as f32 * std::f32::consts::TAU;
            let unit = [polar.sin() * around.cos(), polar.sin() * around.sin(), polar.cos()];
            let position = std::array::from_fn(|k| center[k] + radii[k] * squash(unit[k]));
            let normal = normalized(std::array::from_fn(|k| unit[k] / radii[k]));
            shell.vertex(position, normal);
        }
    }
    let at = |i: usize, j: usize| first + (i * segments + j % segments) as u32;
    for i in 0..rings {
        for j in 0..segments {
            shell.quad([at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)], part);
        }
    }
}
