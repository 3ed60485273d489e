//! Pasted occluders (Kouros et al. 2022, section 3.3) and, beyond the paper, whole cars standing beside the target:
//! in traffic it is mostly cars that hide cars.

use rand::Rng;

use super::{AugmentationConfig, Material};
use crate::datasets::cutouts::Cutout;

/// A pasted object is scaled by a factor from this to 1 of half the canvas (Eq. 3 with s_occ = 0.5).
const SCALE_MIN: f32 = 0.2;
const SCALE_OCCLUSION: f32 = 0.6;

/// Pastes occluders into a planar canvas as the configuration's shares say.
pub fn paste(
    config: &AugmentationConfig,
    material: &Material,
    canvas: &mut [f32],
    w: usize,
    h: usize,
    rng: &mut impl Rng,
) {
    if !material.cars.is_empty() && rng.random_bool(config.car_occluded_share) {
        let cutout = &material.cars[rng.random_range(0..material.cars.len())];
        paste_beside(cutout, canvas, w, h, rng);
    }
    if !material.occluders.is_empty() && rng.random_bool(config.occluded_share) {
        for _ in 0..rng.random_range(1..=config.occluders_max.max(1)) {
            let cutout = &material.occluders[rng.random_range(0..material.occluders.len())];
            let scale = SCALE_OCCLUSION * rng.random_range(SCALE_MIN..1.0);
            let longest = cutout.colour.width().max(cutout.colour.height()) as f32;
            let factor = scale * w as f32 / longest;
            let center = (rng.random_range(0.0..w as f32), rng.random_range(0.0..h as f32));
            blend(cutout, canvas, w, h, center, factor, false);
        }
    }
}

/// A car at one side, reaching into the canvas by up to half of it and standing on about the same ground.
fn paste_beside(cutout: &Cutout, canvas: &mut [f32], w: usize, h: usize, rng: &mut impl Rng) {
    let (width, height) = (w as f32, h as f32);
    let factor = rng.random_range(0.7..1.6) * height / cutout.colour.height() as f32;
    let half = 0.5 * factor * cutout.colour.width() as f32;
    let reach = rng.random_range(0.08..0.5) * width;
    let x = if rng.random_bool(0.5) { reach - half } else { width - reach + half };
    let ground = rng.random_range(0.92..1.25) * height;
    let y = ground - 0.5 * factor * cutout.colour.height() as f32;
    blend(cutout, canvas, w, h, (x, y), factor, rng.random_bool(0.5));
}

/// Draws a cut-out centred at `center`, enlarged by `factor` (nearest pixel: the canvas is coarse anyway).
fn blend(cutout: &Cutout, canvas: &mut [f32], w: usize, h: usize, center: (f32, f32), factor: f32, mirrored: bool) {
    let (cw, ch) = (cutout.colour.width() as f32, cutout.colour.height() as f32);
    let (left, top) = (center.0 - 0.5 * factor * cw, center.1 - 0.5 * factor * ch);
    let rows = top.max(0.0) as usize..((top + factor * ch).clamp(0.0, h as f32)) as usize;
    let columns = left.max(0.0) as usize..((left + factor * cw).clamp(0.0, w as f32)) as usize;
    for y in rows {
        let v = ((y as f32 + 0.5 - top) / factor).clamp(0.0, ch - 1.0) as u32;
        for x in columns.clone() {
            let u = ((x as f32 + 0.5 - left) / factor).clamp(0.0, cw - 1.0) as u32;
            let u = if mirrored { cutout.colour.width() - 1 - u } else { u };
            let alpha = f32::from(cutout.alpha.get_pixel(u, v).0[0]) / 255.0;
            if alpha > 0.0 {
                for (channel, value) in cutout.colour.get_pixel(u, v).0.into_iter().enumerate() {
                    let at = &mut canvas[channel * w * h + y * w + x];
                    *at = *at * (1.0 - alpha) + alpha * f32::from(value) / 255.0;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};
    use rand::SeedableRng;

    #[test]
    fn an_opaque_cutout_covers_its_scaled_area() {
        let cutout = Cutout {
            colour: RgbImage::from_pixel(10, 10, Rgb([255, 255, 255])),
            alpha: GrayImage::from_pixel(10, 10, Luma([255])),
        };
        let mut canvas = vec![0.0; 3 * 64 * 32];
        blend(&cutout, &mut canvas, 64, 32, (32.0, 16.0), 1.6, false);
        assert_eq!(canvas.iter().filter(|&&v| v == 1.0).count(), 3 * 16 * 16);
    }

    #[test]
    fn a_car_beside_never_hides_more_than_half() {
        let cutout = Cutout {
            colour: RgbImage::from_pixel(20, 10, Rgb([255, 255, 255])),
            alpha: GrayImage::from_pixel(20, 10, Luma([255])),
        };
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for _ in 0..200 {
            let mut canvas = vec![0.0; 3 * 64 * 32];
            paste_beside(&cutout, &mut canvas, 64, 32, &mut rng);
            let covered = canvas.iter().filter(|&&v| v == 1.0).count() as f32 / canvas.len() as f32;
            assert!(covered <= 0.52, "{covered}");
        }
    }
}
