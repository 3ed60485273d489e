//! Repeatable noise: hashes, and a tiling value-noise texture with smaller levels for what is far away.

use std::sync::OnceLock;

/// Side of the finest level, texels.
const SIDE: usize = 256;

/// 32 well-mixed bits of three integers.
pub(super) fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77).rotate_left(13);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// [`hash`] as a number in [0, 1).
pub(super) fn hash_unit(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 / (1 << 24) as f32
}

/// Levels of white noise, each the mean of 2 x 2 texels of the one before.
struct Texture {
    levels: Vec<Vec<f32>>,
}

fn texture() -> &'static Texture {
    static TEXTURE: OnceLock<Texture> = OnceLock::new();
    TEXTURE.get_or_init(|| {
        let finest = (0..SIDE * SIDE).map(|i| hash_unit((i % SIDE) as i32, (i / SIDE) as i32, 77)).collect();
        let mut levels: Vec<Vec<f32>> = vec![finest];
        let mut side = SIDE;
        while side > 1 {
            let next = side / 2;
            let last = levels.last().map_or(&[][..], Vec::as_slice);
            let at = |x: usize, y: usize| last[y * side + x];
            let level = (0..next * next)
                .map(|i| (2 * (i % next), 2 * (i / next)))
                .map(|(x, y)| 0.25 * (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)))
                .collect();
            levels.push(level);
            side = next;
        }
        Texture { levels }
    })
}

/// Smooth noise in [0, 1] with one feature per unit; `footprint` is the size of a pixel in the same units, beyond which it fades to 0.5.
pub(super) fn value(x: f32, y: f32, footprint: f32) -> f32 {
    let level = if footprint > 1.0 { footprint.log2().ceil().min(7.0) as usize } else { 0 };
    let side = SIDE >> level;
    let texels = &texture().levels[level];
    let scale = 1.0 / (1u32 << level) as f32;
    let (x, y) = (x * scale, y * scale);
    let (x0, y0) = (x.floor(), y.floor());
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (smooth(x - x0), smooth(y - y0));
    let mask = side - 1;
    let (ix, iy) = (x0 as i64 as usize & mask, y0 as i64 as usize & mask);
    let (jx, jy) = ((ix + 1) & mask, (iy + 1) & mask);
    let top = texels[iy * side + ix] * (1.0 - fx) + texels[iy * side + jx] * fx;
    let bottom = texels[jy * side + ix] * (1.0 - fx) + texels[jy * side + jx] * fx;
    top * (1.0 - fy) + bottom * fy
}

/// Three octaves of [`value`], in [0, 1].
pub(super) fn fractal(x: f32, y: f32, footprint: f32) -> f32 {
    0.55 * value(x, y, footprint)
        + 0.29 * value(2.03 * x + 17.3, 2.03 * y + 5.1, 2.03 * footprint)
        + 0.16 * value(4.1 * x + 3.7, 4.1 * y + 41.9, 4.1 * footprint)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Share of a pixel of width `footprint` at distance `distance` from a line of half width `half` that the line covers.
pub(super) fn band(distance: f32, half: f32, footprint: f32) -> f32 {
    let blur = footprint.max(1e-3);
    let (from, to) = ((distance - 0.5 * blur).max(-half), (distance + 0.5 * blur).min(half));
    ((to - from) / blur).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_repeats_stays_in_range_and_fades_with_distance() {
        let mut spread = [0.0f32; 2];
        for i in 0..500 {
            let (x, y) = (i as f32 * 0.37 - 60.0, i as f32 * 1.13 - 200.0);
            let near = value(x, y, 0.0);
            assert!((0.0..=1.0).contains(&near));
            assert_eq!(near, value(x, y, 0.0));
            spread[0] = spread[0].max((near - 0.5).abs());
            spread[1] = spread[1].max((value(x, y, 40.0) - 0.5).abs());
        }
        assert!(spread[0] > 0.3 && spread[1] < 0.1, "{spread:?}");
    }

    #[test]
    fn a_thin_line_covers_its_share_of_a_wide_pixel() {
        assert!((band(0.0, 0.06, 0.001) - 1.0).abs() < 1e-5);
        assert!((band(0.0, 0.06, 1.2) - 0.1).abs() < 1e-5);
        assert_eq!(band(0.5, 0.06, 0.1), 0.0);
    }
}
