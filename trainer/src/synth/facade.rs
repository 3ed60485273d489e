//! Walls of houses: plaster or brick, with windows, frames, shutters and doors.

use super::V3;
use super::noise::{band, fractal, hash_unit, smoothstep, value};
use super::shade::{Fragment, Shader, fresnel, reflect};

/// Parameters of one facade, see [`super::geometry::Surface::Facade`].
pub(super) struct Spec {
    pub(super) color: [f32; 3],
    pub(super) pitch_m: [f32; 2],
    pub(super) share: [f32; 2],
    pub(super) base_z_m: f32,
    pub(super) style: u32,
}

pub(super) fn shade(shader: &Shader<'_>, spec: &Spec, fragment: &Fragment) -> V3 {
    let p = &fragment.position;
    let along = if fragment.normal.y.abs() > 0.5 { p.x } else { p.y };
    let footprint = fragment.footprint_m / fragment.normal.dot(&fragment.to_eye).abs().max(0.15).sqrt();
    let height = p.z - spec.base_z_m;
    let (u, v) = (along / spec.pitch_m[0] + 0.37, height / spec.pitch_m[1]);
    let (column, floor) = (u.floor(), v.floor());
    let (in_u, in_v) = ((u - column - 0.5) * spec.pitch_m[0], (v - floor - 0.55) * spec.pitch_m[1]);
    let half = [0.5 * spec.share[0] * spec.pitch_m[0], 0.5 * spec.share[1] * spec.pitch_m[1]];
    let pick = |salt: u32| hash_unit(column as i32, floor as i32, spec.style.wrapping_add(salt));
    let (out_u, out_v) = (in_u.abs() - half[0], in_v.abs() - half[1]);
    let outside = out_u.max(out_v);
    let blur = footprint.max(0.01);
    let has_window = v > 0.0 && pick(1) > 0.06;
    let glass = if has_window { smoothstep(0.5 * blur, -0.5 * blur, outside) } else { 0.0 };
    let frame = if has_window { band(outside + 0.02, 0.045, blur).max(band(in_u, 0.025, blur) * glass) } else { 0.0 };
    let openness = 0.7 + 0.3 * smoothstep(0.0, 1.5, p.z);
    let wall =
        shader.diffuse(&wall_color(spec, fragment, along, footprint, [out_u, out_v], has_window), fragment, openness);
    if glass <= 0.0 && frame <= 0.0 {
        return wall;
    }
    let framed =
        shader.diffuse(&V3::repeat(if spec.style.is_multiple_of(3) { 0.16 } else { 0.60 }), fragment, openness);
    let pane = window(shader, fragment, pick(2), in_v / half[1]);
    let color = wall + (pane - wall) * glass;
    color + (framed - color) * frame.min(1.0)
}

fn wall_color(spec: &Spec, fragment: &Fragment, along: f32, footprint: f32, out: [f32; 2], has_window: bool) -> V3 {
    let z = fragment.position.z;
    let mut color = V3::from(spec.color);
    let bricks = spec.color[0] > 2.0 * spec.color[1];
    if bricks {
        let row = (z / 0.075).floor();
        let shift = if row as i32 % 2 == 0 { 0.0 } else { 0.12 };
        let joint = band((z / 0.075 - row) * 0.075 - 0.0375, 0.006, footprint).max(band(
            ((along + shift) / 0.24).fract().abs() * 0.24 - 0.12,
            0.006,
            footprint,
        ));
        let each = hash_unit(((along + shift) / 0.24).floor() as i32, row as i32, spec.style) - 0.5;
        color *= 1.0 + 0.5 * each * smoothstep(0.2, 0.03, footprint);
        color += (V3::new(0.30, 0.28, 0.25) - color) * (0.6 * joint);
    }
    let weather = fractal(0.8 * along, 0.25 * z + 9.0, 0.8 * footprint) - 0.5;
    color *= 1.0 + 0.28 * weather + 0.12 * (value(14.0 * along, 14.0 * z, 14.0 * footprint) - 0.5);
    // A plinth, and streaks of rain under the sills.
    if z < 0.65 {
        color *= 0.62;
    }
    if has_window && out[0] < 0.0 && out[1] > 0.0 && spec.style.is_multiple_of(2) {
        color *= 0.92;
    }
    // Shutters on some houses.
    let shuttered = spec.style % 5 == 1 && has_window && out[1] < 0.0 && (0.05..0.42).contains(&out[0]);
    if shuttered { V3::new(0.06, 0.13, 0.08) + V3::repeat(0.04 * ((z * 18.0).fract() - 0.5)) } else { color }
}

/// A pane: sky and street in it, a curtain behind it.
fn window(shader: &Shader<'_>, fragment: &Fragment, pick: f32, height: f32) -> V3 {
    let reflected = shader.scene.sky.reflected(&reflect(&fragment.normal, &fragment.to_eye), 0.03);
    let mirror = fresnel(0.08, fragment.normal.dot(&fragment.to_eye));
    let behind = if pick < 0.35 {
        V3::new(0.30, 0.29, 0.27) * (0.5 + 0.3 * fragment.sunlight)
    } else if pick < 0.5 && height > 0.0 {
        V3::repeat(0.22)
    } else {
        V3::repeat(0.018)
    };
    behind * (1.0 - mirror) + reflected * mirror
}
