//! Colour of the ground: asphalt with its markings and patches, kerbs, slabs, grass.

use super::V3;
use super::geometry::Ground;
use super::layout::{Layout, Theme};
use super::noise::{band, fractal, hash_unit, smoothstep, value};

/// Diffuse reflectance at (x, y) as a pixel of width `footprint_m` sees it.
pub(super) fn color(kind: Ground, layout: &Layout, x: f32, y: f32, footprint_m: f32) -> V3 {
    match kind {
        Ground::Asphalt => asphalt(layout, x, y, footprint_m),
        Ground::Kerb => {
            let joint = band(x - (x).round(), 0.008, footprint_m);
            let tone = 0.30 * (0.8 + 0.4 * fractal(3.0 * x, 3.0 * y, 3.0 * footprint_m));
            V3::new(1.0, 0.985, 0.95) * (tone * (1.0 - 0.6 * joint))
        }
        Ground::Pavement => slabs(layout, x, y, footprint_m),
        Ground::Grass => grass(layout, x, y, footprint_m),
    }
}

fn asphalt(layout: &Layout, x: f32, y: f32, footprint: f32) -> V3 {
    let offset = (layout.seed % 97) as f32;
    let grain = value(60.0 * x, 60.0 * y, 60.0 * footprint) - 0.5;
    let coarse = fractal(0.35 * x + offset, 0.35 * y, 0.35 * footprint) - 0.5;
    let streaks = value(0.05 * x, 2.2 * y + offset, 2.2 * footprint) - 0.5;
    let mut tone = layout.asphalt * (1.0 + 0.55 * grain + 0.35 * coarse + 0.22 * streaks);
    tone *= 1.0 - 0.5 * repairs(layout, x, y, footprint);
    let crack_noise = fractal(0.8 * x + 31.0, 0.8 * y + offset, 0.8 * footprint) - 0.5;
    tone *= 1.0
        - 0.45
            * band(crack_noise, 0.006, 0.8 * footprint + 0.002)
            * smoothstep(0.45, 0.6, value(0.11 * x, 0.11 * y + offset, 0.0));
    // Oil drips along the middle of lanes and in parking bays, dust along the kerb.
    let edge = (layout.half_m[0] - y).min(y + layout.half_m[1]);
    let stain = smoothstep(0.62, 0.85, fractal(0.9 * x + 7.0, 0.9 * y + offset, 0.9 * footprint));
    tone *= 1.0 - 0.30 * stain;
    let dust = smoothstep(0.5, 0.0, edge) * (0.4 + 0.6 * value(1.3 * x, 5.0 * y, 5.0 * footprint));
    let base = V3::new(1.0, 0.985, 0.965) * tone + V3::new(0.09, 0.075, 0.055) * (0.7 * dust);
    let wear = smoothstep(0.25, 0.75, fractal(2.5 * x, 2.5 * y + offset, 2.5 * footprint) + 0.5 * layout.paint);
    let painted = markings(layout, x, y, footprint) * (0.45 + 0.55 * wear) * layout.paint.sqrt();
    base + (V3::new(0.66, 0.66, 0.64) - base) * painted.min(1.0)
}

/// Darker rectangles where the road was opened.
fn repairs(layout: &Layout, x: f32, y: f32, footprint: f32) -> f32 {
    let cell = (x / 14.0).floor();
    let pick = |salt: i32| hash_unit(cell as i32, salt, layout.seed);
    if pick(1) > 0.55 {
        return 0.0;
    }
    let half = [0.8 + 4.0 * pick(2) * pick(2), 0.4 + 0.9 * pick(3)];
    let center = [cell * 14.0 + 3.0 + 8.0 * pick(4), (pick(5) - 0.5) * 1.6 * layout.half_m[0].min(layout.half_m[1])];
    let (dx, dy) = ((x - center[0]).abs() - half[0], (y - center[1]).abs() - half[1]);
    let inside = smoothstep(footprint.max(0.02), 0.0, dx.max(dy));
    let seam = band(dx.max(dy), 0.03, footprint.max(0.01));
    (0.35 * inside + 0.5 * seam).min(1.0)
}

/// Share of a pixel that road paint covers.
fn markings(layout: &Layout, x: f32, y: f32, footprint: f32) -> f32 {
    if layout.theme == Theme::Yard {
        return bays(layout, x, y, footprint);
    }
    if layout.in_crossing(x, 0.0) {
        return 0.0;
    }
    let mut cover: f32 = 0.0;
    let dashes = |period: f32, share: f32| {
        let phase = (x / period).rem_euclid(1.0) - 0.5;
        band(phase * period, 0.5 * share * period, footprint)
    };
    let near_crossing = layout.in_crossing(x, 14.0);
    let center_line = if near_crossing { 1.0 } else { dashes(9.0, 0.4) };
    cover = cover.max(band(y, 0.06, footprint) * center_line);
    for lane in 1..layout.lanes_each_way {
        for heading in [1.0f32, -1.0] {
            cover = cover.max(band(y - heading * lane as f32 * layout.lane_m, 0.06, footprint) * dashes(9.0, 0.33));
        }
    }
    for (index, side) in [1.0f32, -1.0].into_iter().enumerate() {
        let edge = side * layout.lanes_each_way as f32 * layout.lane_m;
        if layout.parking_m[index] > 0.0 {
            let angle = layout.parking_rad[index];
            let (pitch, shear) = if angle > 0.0 { (2.8 / angle.sin(), angle.cos() / angle.sin()) } else { (6.0, 0.0) };
            let bay = ((x + shear * (y - edge)) / pitch).rem_euclid(1.0) - 0.5;
            let across = if side * (y - edge) > 0.0 { band(bay * pitch, 0.05, footprint) } else { 0.0 };
            cover = cover.max(band(y - edge, 0.05, footprint) * dashes(2.0, 0.5)).max(0.8 * across);
        } else {
            cover = cover.max(band(y - edge + side * 0.05, 0.06, footprint));
        }
        for center in &layout.crossings_x {
            // Stop lines on the approach, zebras across.
            let stop = center + side * (layout.crossing_half_m + 1.2);
            let own_half = if side < 0.0 { y < 0.0 && y > edge } else { y > 0.0 && y < edge };
            if own_half {
                cover = cover.max(band(x - stop, 0.22, footprint));
            }
            if layout.zebra {
                let from = center + side * (layout.crossing_half_m + 3.6);
                let stripe = band((y / 1.0).rem_euclid(1.0) - 0.5, 0.25, footprint);
                cover = cover.max(band(x - from, 1.5, footprint) * stripe);
            }
        }
    }
    cover
}

/// Parking bays of a yard.
fn bays(layout: &Layout, x: f32, y: f32, footprint: f32) -> f32 {
    let row = (x / 16.0).rem_euclid(1.0) * 16.0;
    let in_row = !(5.0..=11.0).contains(&row);
    let column = (y / 2.5).rem_euclid(1.0) * 2.5 - 1.25;
    let stripe = if in_row { band(column, 0.05, footprint) } else { 0.0 };
    let back = band(if row > 8.0 { row - 16.0 } else { row }, 0.05, footprint);
    if layout.paint > 0.6 { stripe.max(back) } else { 0.0 }
}

fn slabs(layout: &Layout, x: f32, y: f32, footprint: f32) -> V3 {
    let size = [0.30, 0.40, 0.50][(layout.seed % 3) as usize];
    let (cx, cy) = ((x / size).floor(), (y / size).floor());
    let joint = band((x / size - cx - 0.5).abs() - 0.5, 0.012, footprint / size).max(band(
        (y / size - cy - 0.5).abs() - 0.5,
        0.012,
        footprint / size,
    ));
    let fade = smoothstep(1.2, 0.3, footprint / size);
    let own = (hash_unit(cx as i32, cy as i32, layout.seed) - 0.5) * fade;
    let tone = 0.24
        * (1.0
            + 0.22 * own
            + 0.5 * (fractal(1.7 * x, 1.7 * y, 1.7 * footprint) - 0.5)
            + 0.2 * (value(30.0 * x, 30.0 * y, 30.0 * footprint) - 0.5));
    V3::new(1.0, 0.965, 0.91) * (tone * (1.0 - 0.45 * joint))
}

fn grass(layout: &Layout, x: f32, y: f32, footprint: f32) -> V3 {
    let offset = (layout.seed % 89) as f32;
    let patch = fractal(0.22 * x + offset, 0.22 * y, 0.22 * footprint);
    let blades = value(38.0 * x, 38.0 * y, 38.0 * footprint) - 0.5;
    let tufts = fractal(4.0 * x, 4.0 * y + offset, 4.0 * footprint) - 0.5;
    let green = V3::new(0.066, 0.088, 0.032);
    let dry = V3::new(0.165, 0.145, 0.070);
    (green + (dry - green) * smoothstep(0.40, 0.72, patch)) * (1.0 + 0.7 * blades + 0.6 * tufts)
}
