//! Pasted occluders (Kouros et al. 2022, section 3.3) and, beyond the paper, whole cars standing beside the target:
//! in traffic it is mostly cars that hide cars.

use kernels::BoxPx;
use rand::Rng;

use super::canvas::Paper;
use super::{AugmentationConfig, Material};
use crate::datasets::cutouts::Cutout;

/// A pasted object is scaled by a factor from this to 1 of a part of the box (Eq. 3 with s_occ = 0.5).
const SCALE_MIN: f32 = 0.2;
const SCALE_OCCLUSION: f32 = 0.6;

/// Where and how a cut-out is drawn.
#[derive(Clone, Copy, Debug)]
struct Placement {
    center: (f32, f32),
    /// Canvas pixels per pixel of the cut-out.
    factor: f32,
    mirrored: bool,
}

/// Pastes occluders onto the canvas as the configuration's shares say; `target` is the box on it.
pub fn paste(
    config: &AugmentationConfig,
    material: &Material,
    target: &BoxPx,
    paper: &mut Paper<'_>,
    rng: &mut impl Rng,
) {
    if !material.cars.is_empty() && rng.random_bool(config.car_beside_share) {
        let cutout = &material.cars[rng.random_range(0..material.cars.len())];
        blend(cutout, paper, &beside(cutout, target, rng), Some(target));
    }
    if !material.cars.is_empty() && rng.random_bool(config.car_occluded_share) {
        let cutout = &material.cars[rng.random_range(0..material.cars.len())];
        blend(cutout, paper, &in_front(cutout, target, config.car_occluded_max, rng), None);
    }
    if !material.occluders.is_empty() && rng.random_bool(config.occluded_share) {
        for _ in 0..rng.random_range(1..=config.occluders_max.max(1)) {
            let cutout = &material.occluders[rng.random_range(0..material.occluders.len())];
            let longest = cutout.colour.width().max(cutout.colour.height()) as f32;
            let factor = SCALE_OCCLUSION * rng.random_range(SCALE_MIN..1.0) * (target.x2 - target.x1) / longest;
            let center = (rng.random_range(target.x1..target.x2), rng.random_range(target.y1..target.y2));
            blend(cutout, paper, &Placement { center, factor, mirrored: false }, None);
        }
    }
}

/// A nearer car at one side, hiding up to `part_max` of the box' width, its wheels lower than the target's.
fn in_front(cutout: &Cutout, target: &BoxPx, part_max: f32, rng: &mut impl Rng) -> Placement {
    let (width, height) = (target.x2 - target.x1, target.y2 - target.y1);
    let scale = rng.random_range(0.75..1.7);
    let reach = rng.random_range(0.08..part_max.max(0.09)) * width;
    let ground = target.y2 + rng.random_range(-0.02..0.45) * height;
    aside(cutout, target, scale * height, reach, ground, rng)
}

/// A car that is as far away or farther, next to the box or partly behind it.
fn beside(cutout: &Cutout, target: &BoxPx, rng: &mut impl Rng) -> Placement {
    let (width, height) = (target.x2 - target.x1, target.y2 - target.y1);
    let scale = rng.random_range(0.6..1.15);
    let reach = rng.random_range(-0.15..0.4) * width;
    let ground = target.y2 - rng.random_range(0.0..0.15) * height;
    aside(cutout, target, scale * height, reach, ground, rng)
}

/// On the left or right of the box, so high, reaching so far into it, standing on `ground`.
fn aside(cutout: &Cutout, target: &BoxPx, height: f32, reach: f32, ground: f32, rng: &mut impl Rng) -> Placement {
    let factor = height / cutout.colour.height() as f32;
    let half = 0.5 * factor * cutout.colour.width() as f32;
    let x = if rng.random_bool(0.5) { target.x1 + reach - half } else { target.x2 - reach + half };
    Placement { center: (x, ground - 0.5 * height), factor, mirrored: rng.random_bool(0.5) }
}

/// Draws a cut-out (nearest pixel: the canvas is coarse anyway), outside of `spared` only.
fn blend(cutout: &Cutout, paper: &mut Paper<'_>, at: &Placement, spared: Option<&BoxPx>) {
    let (cw, ch) = (cutout.colour.width() as f32, cutout.colour.height() as f32);
    let (left, top) = (at.center.0 - 0.5 * at.factor * cw, at.center.1 - 0.5 * at.factor * ch);
    let range =
        |start: f32, len: f32, end: usize| start.max(0.0) as usize..((start + len).clamp(0.0, end as f32)) as usize;
    for y in range(top, at.factor * ch, paper.height) {
        let v = ((y as f32 + 0.5 - top) / at.factor).clamp(0.0, ch - 1.0) as u32;
        for x in range(left, at.factor * cw, paper.width) {
            if spared.is_some_and(|spared| super::stage::contains(spared, x, y)) {
                continue;
            }
            let u = ((x as f32 + 0.5 - left) / at.factor).clamp(0.0, cw - 1.0) as u32;
            let u = if at.mirrored { cutout.colour.width() - 1 - u } else { u };
            let alpha = f32::from(cutout.alpha.get_pixel(u, v).0[0]) / 255.0;
            if alpha > 0.0 {
                paper.mix(x, y, cutout.colour.get_pixel(u, v).0, alpha);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};
    use rand::SeedableRng;

    const TARGET: BoxPx = BoxPx { x1: 12.0, y1: 6.0, x2: 52.0, y2: 26.0 };

    fn white(width: u32, height: u32) -> Cutout {
        Cutout {
            colour: RgbImage::from_pixel(width, height, Rgb([255, 255, 255])),
            alpha: GrayImage::from_pixel(width, height, Luma([255])),
        }
    }

    /// White pixels within the target, as a share of it.
    fn hidden(place: &Placement, spared: Option<&BoxPx>) -> (f32, usize) {
        let mut values = vec![0.0; 3 * 64 * 32];
        let mut covered = vec![0.0; 64 * 32];
        let mut paper = Paper { values: &mut values, width: 64, height: 32, covered: &mut covered };
        blend(&white(20, 10), &mut paper, place, spared);
        assert_eq!(covered, values[..64 * 32], "what is white was drawn over");
        let all = values[..64 * 32].iter().filter(|&&v| v == 1.0).count();
        let inside = |i: &usize| super::super::stage::contains(&TARGET, i % 64, i / 64);
        let inside = (0..64 * 32).filter(|i| values[*i] == 1.0 && inside(i)).count();
        (inside as f32 / (40.0 * 20.0), all)
    }

    #[test]
    fn an_opaque_cutout_covers_its_scaled_area() {
        let place = Placement { center: (32.0, 16.0), factor: 1.6, mirrored: false };
        assert_eq!(hidden(&place, None).1, 32 * 16);
    }

    #[test]
    fn a_car_in_front_hides_no_more_than_it_may() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let shares: Vec<f32> =
            (0..300).map(|_| hidden(&in_front(&white(20, 10), &TARGET, 0.6, &mut rng), None).0).collect();
        assert!(shares.iter().all(|&s| s <= 0.63), "{shares:?}");
        assert!(shares.iter().any(|&s| s > 0.35));
    }

    #[test]
    fn a_car_beside_hides_nothing() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let drawn: Vec<_> =
            (0..100).map(|_| hidden(&beside(&white(20, 10), &TARGET, &mut rng), Some(&TARGET))).collect();
        assert!(drawn.iter().all(|(inside, _)| *inside == 0.0));
        assert!(drawn.iter().any(|(_, all)| *all > 100));
    }
}
