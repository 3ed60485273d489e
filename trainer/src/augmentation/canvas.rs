//! Operations on a planar RGB canvas `[3, H, W]`, values 0..1.

use rand::Rng;

/// A canvas with its size, to draw on.
#[derive(Debug)]
pub struct Paper<'a> {
    /// `[3, height, width]`.
    pub values: &'a mut [f32],
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width]`, 0 to 1: how much of a pixel was drawn over.
    pub covered: &'a mut [f32],
}

impl Paper<'_> {
    /// Lays a colour over a pixel, covering `alpha` of it.
    pub fn mix(&mut self, x: usize, y: usize, colour: [u8; 3], alpha: f32) {
        for (channel, value) in colour.into_iter().enumerate() {
            let at = &mut self.values[(channel * self.height + y) * self.width + x];
            *at = *at * (1.0 - alpha) + alpha * f32::from(value) / 255.0;
        }
        let covered = &mut self.covered[y * self.width + x];
        *covered = covered.max(alpha);
    }
}

/// Exchanges left and right.
pub fn mirror(canvas: &mut [f32], width: usize) {
    for row in canvas.chunks_exact_mut(width) {
        row.reverse();
    }
}

/// Bilinear enlargement of a planar picture; pixel centres are aligned.
pub fn enlarge(from: &[f32], (from_w, from_h): (usize, usize), to: &mut [f32], (to_w, to_h): (usize, usize)) {
    let taps = |i: usize, to: usize, from: usize| {
        let at = ((i as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, (from - 1) as f32);
        let low = at as usize;
        (low, (low + 1).min(from - 1), at - low as f32)
    };
    let columns: Vec<_> = (0..to_w).map(|x| taps(x, to_w, from_w)).collect();
    let mut line = vec![0.0; from_w];
    for (plane, target) in from.chunks_exact(from_w * from_h).zip(to.chunks_exact_mut(to_w * to_h)) {
        for (y, row) in target.chunks_exact_mut(to_w).enumerate() {
            let (y0, y1, fy) = taps(y, to_h, from_h);
            let (upper, lower) = (&plane[y0 * from_w..][..from_w], &plane[y1 * from_w..][..from_w]);
            for ((value, upper), lower) in line.iter_mut().zip(upper).zip(lower) {
                *value = upper * (1.0 - fy) + lower * fy;
            }
            for (out, &(x0, x1, fx)) in row.iter_mut().zip(&columns) {
                *out = line[x0] * (1.0 - fx) + line[x1] * fx;
            }
        }
    }
}

/// Random brightness, contrast, saturation (factors 1 - `strength` to 1 + `strength`) and hue.
pub fn jitter_colour(canvas: &mut [f32], strength: f32, hue: f32, rng: &mut impl Rng) {
    let mut factor = || 1.0 + if strength > 0.0 { rng.random_range(-strength..=strength) } else { 0.0 };
    let (brightness, contrast, saturation) = (factor(), factor(), factor());
    let turn = if hue > 0.0 { rng.random_range(-hue..=hue) } else { 0.0 } * std::f32::consts::TAU;
    let (sin, cos) = turn.sin_cos();
    let count = canvas.len() / 3;
    let (red, rest) = canvas.split_at_mut(count);
    let (green, blue) = rest.split_at_mut(count);
    let mean = red.iter().chain(green.iter()).chain(blue.iter()).sum::<f32>() / (3 * count) as f32;
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        // YIQ: luma, and two chroma axes in which a hue shift is a rotation.
        let y = 0.299 * *r + 0.587 * *g + 0.114 * *b;
        let i = (0.596 * *r - 0.274 * *g - 0.322 * *b) * saturation;
        let q = (0.211 * *r - 0.523 * *g + 0.312 * *b) * saturation;
        let (i, q) = (i * cos - q * sin, i * sin + q * cos);
        let y = ((y - mean) * contrast + mean) * brightness;
        *r = (y + 0.956 * i + 0.621 * q).clamp(0.0, 1.0);
        *g = (y - 0.272 * i - 0.647 * q).clamp(0.0, 1.0);
        *b = (y - 1.106 * i + 1.703 * q).clamp(0.0, 1.0);
    }
}

/// Separable Gaussian blur of standard deviation `sigma` pixels; edges repeat.
pub fn blur(canvas: &mut [f32], width: usize, height: usize, sigma: f32) {
    let radius = (2.5 * sigma).ceil() as usize;
    let mut kernel: Vec<f32> =
        (0..=2 * radius).map(|i| (-0.5 * ((i as f32 - radius as f32) / sigma).powi(2)).exp()).collect();
    let sum: f32 = kernel.iter().sum();
    kernel.iter_mut().for_each(|k| *k /= sum);
    let mut source = vec![0.0; width * height];
    let mut padded = vec![0.0; width + 2 * radius];
    for plane in canvas.chunks_exact_mut(width * height) {
        for row in plane.chunks_exact_mut(width) {
            padded[..radius].fill(row[0]);
            padded[radius..radius + width].copy_from_slice(row);
            padded[radius + width..].fill(row[width - 1]);
            weigh(row, &kernel, |tap| &padded[tap..tap + width]);
        }
        source.copy_from_slice(plane);
        for (y, row) in plane.chunks_exact_mut(width).enumerate() {
            let line = |tap: usize| (y + tap).saturating_sub(radius).min(height - 1);
            weigh(row, &kernel, |tap| &source[line(tap) * width..][..width]);
        }
    }
}

/// `out` = the sum of `kernel[tap]` times the values of `tap`; whole rows at once, which processors like.
fn weigh<'a>(out: &mut [f32], kernel: &[f32], values: impl Fn(usize) -> &'a [f32]) {
    out.fill(0.0);
    for (tap, weight) in kernel.iter().enumerate() {
        for (sum, value) in out.iter_mut().zip(values(tap)) {
            *sum += weight * value;
        }
    }
}

/// Adds noise of standard deviation `sigma` (sum of uniforms: close enough to Gaussian, and quick).
pub fn add_noise(canvas: &mut [f32], sigma: f32, rng: &mut impl Rng) {
    if sigma <= 0.0 {
        return;
    }
    // All at once: drawing number by number costs more than the rest of the augmentation.
    let mut bytes = vec![0; 4 * canvas.len()];
    rng.fill_bytes(&mut bytes);
    // The sum of four uniforms of width 1 has variance 4/12.
    let scale = sigma * 1.732 / 255.0;
    for (value, four) in canvas.iter_mut().zip(bytes.chunks_exact(4)) {
        let sum = i32::from(four[0]) + i32::from(four[1]) + i32::from(four[2]) + i32::from(four[3]) - 510;
        *value = (*value + scale * sum as f32).clamp(0.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn blurring_keeps_the_mean_of_a_flat_canvas_and_spreads_a_point() {
        let mut flat = vec![0.25; 3 * 8 * 6];
        blur(&mut flat, 8, 6, 1.0);
        assert!(flat.iter().all(|v| (v - 0.25).abs() < 1e-5));
        let mut point = vec![0.0; 3 * 9 * 9];
        point[4 * 9 + 4] = 1.0;
        blur(&mut point, 9, 9, 1.0);
        assert!((point[..81].iter().sum::<f32>() - 1.0).abs() < 1e-3);
        assert!((point[4 * 9 + 4] - 1.0 / (2.0 * std::f32::consts::PI)).abs() < 0.01);
    }

    #[test]
    fn no_colour_strength_changes_nothing() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let before: Vec<f32> = (0..3 * 16).map(|i| i as f32 / 48.0).collect();
        let mut after = before.clone();
        jitter_colour(&mut after, 0.0, 0.0, &mut rng);
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 3e-3));
    }

    #[test]
    fn mirroring_twice_is_the_identity() {
        let before: Vec<f32> = (0..3 * 4 * 2).map(|i| i as f32).collect();
        let mut after = before.clone();
        mirror(&mut after, 4);
        assert_eq!(after[0], 3.0);
        mirror(&mut after, 4);
        assert_eq!(before, after);
    }

    #[test]
    fn enlarging_a_ramp_keeps_it_a_ramp() {
        let from: Vec<f32> = (0..3).flat_map(|_| (0..4).map(|x| x as f32)).collect();
        let mut to = vec![0.0; 3 * 8];
        enlarge(&from, (4, 1), &mut to, (8, 1));
        assert_eq!(&to[1..7], &[0.25, 0.75, 1.25, 1.75, 2.25, 2.75]);
    }
}
