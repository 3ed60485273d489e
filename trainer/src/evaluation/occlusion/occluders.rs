//! Occluders from the repository alone: cars cut out of rendered scenes, and simple shapes: poles, boards, bins, bushes.

use anyhow::Result;
use image::{GrayImage, Luma, Rgb, RgbImage, imageops};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{SCENE_SEED_FIRST, is_whole};
use crate::datasets::cutouts::Cutout;
use crate::synth::{Rendered, VehicleLabel, render, scene};

/// Scenes that the cars are cut from; their seeds end where those of the objects begin.
const SCENE_COUNT: u64 = 8;
/// Simple shapes: in traffic it is mostly other things than cars that stand in front.
const SHAPE_COUNT: usize = 48;
/// Sides of a simple shape, pixels.
const SHAPE_PX: std::ops::Range<u32> = 40..160;

/// The collection that belongs to `seed`.
///
/// # Errors
/// As [`render`], never for these scenes.
pub fn own(seed: u64) -> Result<Vec<Cutout>> {
    let first = SCENE_SEED_FIRST - SCENE_COUNT;
    let cars: Vec<Vec<Cutout>> = (first..SCENE_SEED_FIRST)
        .into_par_iter()
        .map(|scene_seed| {
            let rendered = render(&scene(scene_seed)?)?;
            Ok(rendered.labels.iter().filter(|label| is_whole(label)).map(|label| cut(&rendered, label)).collect())
        })
        .collect::<Result<_>>()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Ok(cars.into_iter().flatten().chain((0..SHAPE_COUNT).map(|_| shape(&mut rng))).collect())
}

fn cut(rendered: &Rendered, label: &VehicleLabel) -> Cutout {
    let [x1, y1, x2, y2] = label.object.box_px.map(|value| value.round() as u32);
    let (width, height) = (x2 + 1 - x1, y2 + 1 - y1);
    let colour = imageops::crop_imm(&rendered.rgb, x1, y1, width, height).to_image();
    let alpha = GrayImage::from_fn(colour.width(), colour.height(), |x, y| {
        let id = rendered.ids[((y1 + y) * rendered.rgb.width() + x1 + x) as usize];
        Luma([if usize::from(id) == label.vehicle { 255 } else { 0 }])
    });
    Cutout { colour, alpha }
}

/// A disc, a board, a bush of discs or a ramp, in two colours with stripes or speckles, lit from above.
fn shape(rng: &mut impl Rng) -> Cutout {
    let (width, height) = (rng.random_range(SHAPE_PX), rng.random_range(SHAPE_PX));
    let form = rng.random_range(0..4);
    let discs: Vec<[f32; 3]> = (0..9)
        .map(|_| [rng.random_range(0.25..0.75), rng.random_range(0.25..0.75), rng.random_range(0.12..0.25)])
        .collect();
    let is_inside = |u: f32, v: f32| match form {
        0 => (u - 0.5).hypot(v - 0.5) < 0.5,
        1 => true,
        2 => discs.iter().any(|[x, y, radius]| (u - x).hypot(v - y) < *radius),
        _ => v > u,
    };
    let mut color = || -> [f32; 3] { std::array::from_fn(|_| rng.random_range(15.0..240.0)) };
    let colors = [color(), color()];
    let stripes = rng.random_range(0.0..14.0f32);
    let slant = rng.random_range(-1.0..1.0f32);
    let speckle = rng.random_range(0.0..0.5f32);
    let alpha = GrayImage::from_fn(width, height, |x, y| {
        let (u, v) = ((x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32);
        Luma([if is_inside(u, v) { 255 } else { 0 }])
    });
    let mut colour = RgbImage::new(width, height);
    for (x, y, pixel) in colour.enumerate_pixels_mut() {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let stripe = usize::from(((u + slant * v) * stripes).rem_euclid(2.0) >= 1.0);
        let light = (1.1 - 0.4 * v) * (1.0 + speckle * rng.random_range(-1.0..1.0f32));
        *pixel = Rgb(colors[stripe].map(|c| (c * light).clamp(0.0, 255.0) as u8));
    }
    Cutout { colour, alpha }
}
