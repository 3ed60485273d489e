//! Wheels and the housings they turn in.

use std::f32::consts::{PI, TAU};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::proportions::Proportions;
use super::shell::{Part, Shell};

const SEGMENTS: usize = 22;

/// Adds four wheels and their housings.
pub(super) fn add(shell: &mut Shell, p: &Proportions, rng: &mut ChaCha8Rng) {
    let rim_radius = p.wheel_radius * (0.66 + 0.08 * rng.random::<f32>());
    let spokes = rng.random_range(5..=9usize);
    let covered = rng.random_bool(0.2);
    for axle in [p.front_axle_x, p.rear_axle_x] {
        let outer_y = p.half_width(axle) - 0.022;
        let phase = rng.random::<f32>() * TAU;
        for side in [1.0f32, -1.0] {
            let wheel = Wheel { axle, outer_y, side, radius: p.wheel_radius, rim_radius, phase };
            wheel.tyre(shell, p.tyre_width);
            wheel.rim(shell, spokes, covered);
            wheel.housing(shell, p);
        }
    }
}

struct Wheel {
    axle: f32,
    outer_y: f32,
    side: f32,
    radius: f32,
    rim_radius: f32,
    phase: f32,
}

impl Wheel {
    /// Point at `angle` round the axle, `radius` from it, `depth` inwards from the outer face.
    fn point(&self, angle: f32, radius: f32, depth: f32) -> [f32; 3] {
        [self.axle + radius * angle.cos(), self.side * (self.outer_y - depth), self.radius + radius * angle.sin()]
    }

    /// Lathes a (radius, depth, normal outwards share) profile into a ring of quads.
    fn ring(&self, shell: &mut Shell, from: [f32; 3], to: [f32; 3], segments: usize, part: Part) {
        let mut previous: Option<[u32; 2]> = None;
        for k in 0..=segments {
            let angle = k as f32 / segments as f32 * TAU;
            let corners = [from, to].map(|[radius, depth, outward]| {
                let radial = (1.0 - outward * outward).max(0.0).sqrt();
                let normal = [radial * angle.cos(), self.side * outward, radial * angle.sin()];
                shell.vertex(self.point(angle, radius, depth), normal)
            });
            if let Some([a, b]) = previous {
                let quad =
                    if self.side > 0.0 { [a, b, corners[1], corners[0]] } else { [a, corners[0], corners[1], b] };
                shell.quad(quad, part);
            }
            previous = Some(corners);
        }
    }

    fn tyre(&self, shell: &mut Shell, width: f32) {
        let r = self.radius;
        self.ring(shell, [r, width - 0.02, 0.0], [r, 0.03, 0.15], SEGMENTS, Part::Tyre);
        self.ring(shell, [r, 0.03, 0.5], [r - 0.025, 0.004, 0.85], SEGMENTS, Part::Tyre);
        self.ring(shell, [r - 0.025, 0.004, 0.95], [self.rim_radius, 0.008, 0.98], SEGMENTS, Part::Tyre);
        self.ring(shell, [r - 0.02, width, -0.9], [r, width - 0.02, -0.2], SEGMENTS, Part::Tyre);
        self.ring(shell, [0.0, width, -1.0], [r - 0.02, width, -1.0], SEGMENTS, Part::RimShade);
    }

    fn rim(&self, shell: &mut Shell, spokes: usize, covered: bool) {
        let r = self.rim_radius;
        self.ring(shell, [r, 0.006, 0.9], [r - 0.022, 0.014, 0.8], SEGMENTS, Part::Rim);
        if covered {
            self.ring(shell, [r - 0.022, 0.014, 0.97], [0.3 * r, 0.004, 0.99], SEGMENTS, Part::Rim);
            self.ring(shell, [0.3 * r, 0.004, 0.97], [0.0, 0.010, 1.0], 12, Part::RimShade);
            return;
        }
        self.ring(shell, [r - 0.022, 0.05, 0.9], [0.0, 0.05, 1.0], SEGMENTS, Part::RimShade);
        self.ring(shell, [0.2 * r, 0.012, 0.9], [0.0, 0.004, 1.0], 10, Part::Rim);
        for k in 0..spokes {
            let angle = self.phase + k as f32 / spokes as f32 * TAU;
            let (inner, outer) = (0.55 / spokes as f32 * 2.2, 0.30 / spokes as f32 * 2.2);
            let corners = [
                self.point(angle - inner * 2.2, 0.18 * r, 0.014),
                self.point(angle - outer, r - 0.02, 0.016),
                self.point(angle + outer, r - 0.02, 0.016),
                self.point(angle + inner * 2.2, 0.18 * r, 0.014),
            ];
            let corners = if self.side > 0.0 { [corners[0], corners[3], corners[2], corners[1]] } else { corners };
            shell.flat_quad(corners, Part::Rim);
        }
    }

    /// A half barrel over the wheel, closed towards the middle of the vehicle.
    fn housing(&self, shell: &mut Shell, p: &Proportions) {
        let inner = 0.42 * p.width;
        let radius = p.arch_radius + 0.003;
        let mut previous: Option<[u32; 3]> = None;
        let count = 14;
        for k in 0..=count {
            let angle = -0.45 + (PI + 0.9) * k as f32 / count as f32;
            let inward = [-angle.cos(), 0.0, -angle.sin()];
            // Up to the skin of the body and no further; low points stay above the floor.
            let x = self.axle + radius * angle.cos();
            let z = (self.radius + radius * angle.sin()).max(p.sill - 0.02);
            let skin = (p.half_width(x) - 0.075 - 0.10 * (z - p.sill - 0.25).max(0.0)).min(self.outer_y);
            let edge = shell.vertex([x, self.side * skin, z], inward);
            let deep = shell.vertex([x, self.side * (self.outer_y + 0.022 - inner * 0.72), z], inward);
            let center = shell.vertex(
                [self.axle, self.side * (self.outer_y + 0.022 - inner * 0.72), p.sill - 0.02],
                [0.0, self.side, 0.0],
            );
            if let Some([a, b, _]) = previous {
                shell.quad([a, edge, deep, b], Part::Underbody);
                shell.triangle([b, deep, center], Part::Underbody);
            }
            previous = Some([edge, deep, center]);
        }
    }
}
