//! From linear light to the picture of an imperfect camera: blur, exposure, tone, noise.

use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::V3;
use super::noise::hash;

/// Settings of the camera's electronics.
#[derive(Clone, Copy, Debug)]
pub(super) struct Development {
    exposure: f32,
    contrast: f32,
    saturation: f32,
    balance: [f32; 3],
    blur: f32,
    noise: f32,
}

impl Development {
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self {
            exposure: rng.random_range(0.78..1.15),
            contrast: rng.random_range(1.06..1.28),
            saturation: rng.random_range(0.74..1.0),
            balance: std::array::from_fn(|_| rng.random_range(0.97..1.03)),
            blur: rng.random_range(0.05..0.16),
            noise: rng.random_range(0.006..0.016),
        }
    }
}

/// Develops `width` x `height` linear pixels.
pub(super) fn develop(light: &[V3], width: usize, height: usize, settings: &Development, seed: u64) -> RgbImage {
    let blurred = blur(light, width, height, settings.blur);
    let seed = ChaCha8Rng::seed_from_u64(seed).random::<u32>();
    let mut out = RgbImage::new(width as u32, height as u32);
    for (index, (pixel, color)) in out.pixels_mut().zip(&blurred).enumerate() {
        let (x, y) = (index % width, index / width);
        let vignette = {
            let (dx, dy) = (x as f32 / width as f32 - 0.5, (y as f32 - 0.5 * height as f32) / width as f32);
            1.0 - 0.35 * (dx * dx + dy * dy)
        };
        let toned = tone(color * (settings.exposure * vignette), settings);
        let random = hash(x as i32, y as i32, seed);
        for (channel, (byte, level)) in pixel.0.iter_mut().zip(toned).enumerate() {
            // Sum of two uniform bytes: near enough to a bell curve.
            let bits = random.rotate_left(11 * channel as u32);
            let bell = ((bits & 255) as f32 + ((bits >> 8) & 255) as f32) / 255.0 - 1.0;
            let grain = bell * settings.noise * 1.6 * (1.15 - 0.8 * level);
            *byte = ((level + grain).clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    }
    out
}

/// A filmic curve (K. Narkowicz's fit of ACES), then saturation, contrast and gamma.
fn tone(color: V3, settings: &Development) -> [f32; 3] {
    let mean = (0.25 * color.x + 0.6 * color.y + 0.15 * color.z).max(0.0);
    std::array::from_fn(|channel| {
        let saturated = (mean + (color[channel] - mean) * settings.saturation) * settings.balance[channel];
        let x = saturated.max(0.0);
        let curve = (x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0.0, 1.0);
        let display = curve.powf(1.0 / 2.2);
        (0.46 + (display - 0.46) * settings.contrast).clamp(0.0, 1.0)
    })
}

/// A small symmetric blur: `share` of each neighbour, rows first and columns after.
fn blur(light: &[V3], width: usize, height: usize, share: f32) -> Vec<V3> {
    let mut rows = Vec::with_capacity(light.len());
    for row in light.chunks_exact(width) {
        for x in 0..width {
            let (left, right) = (row[x.saturating_sub(1)], row[(x + 1).min(width - 1)]);
            rows.push(row[x] * (1.0 - 2.0 * share) + (left + right) * share);
        }
    }
    let mut out = Vec::with_capacity(light.len());
    for y in 0..height {
        let (above, below) = (y.saturating_sub(1) * width, (y + 1).min(height - 1) * width);
        for x in 0..width {
            out.push(rows[y * width + x] * (1.0 - 2.0 * share) + (rows[above + x] + rows[below + x]) * share);
        }
    }
    out
}
