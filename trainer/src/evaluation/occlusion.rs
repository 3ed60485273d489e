//! A benchmark of occlusion for every day, in the manner of OccludedPASCAL3D+: rendered cars, the same at four levels, behind pasted
//! objects that cover a known part of the car and of its surroundings. It needs no data, and everything follows from the seed.
//!
//! The scenes are drawn from seeds at and above [`SCENE_SEED_FIRST`]. `trainer synth` would need a `--seed` beyond 213 million to come
//! there, and the vehicles of a scene are drawn from 64-bit seeds of its own: no model has seen these cars, unless it was trained on
//! this very benchmark. Rendered cars are easier than photographs; the benchmark compares models and levels, not data sets.

mod coverage;
mod occluders;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use calibration::kitti::Calibration;
use image::RgbImage;
use kernels::BoxPx;
use nalgebra::Vector3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::kitti3d::CATEGORY;
use crate::datasets::benchmark::{BenchmarkObject, BenchmarkObjects};
use crate::datasets::cutouts::{Cutout, load_coco};
use crate::datasets::kitti::viewpoint;
use crate::datasets::kitti_object::SIDE_MIN_PX;
use crate::datasets::{Picture, Sample, Source};
use crate::synth::{Rendered, Scene, VehicleLabel, render, scene};
use coverage::Target;

pub use coverage::Coverage;

/// Seed of the first scene; `--seed` moves on by 2^24 scenes.
pub const SCENE_SEED_FIRST: u64 = 0x0cc1_0000_0000_0000;
/// Scenes rendered at once.
const SCENES_AT_ONCE: usize = 4;
/// Scenes looked through for one object, at most.
const SCENES_PER_OBJECT_MAX: usize = 20;
/// Less of a car hidden by the scene itself counts as nothing.
const VISIBLE_SHARE_MIN: f64 = 0.995;
/// Surroundings kept around a box, as a fraction of its sides on each side.
const SURROUNDINGS: f64 = 0.75;

/// Which part of the object and of its surroundings a level covers, as half-open ranges of shares.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// Name of its split.
    pub split: &'static str,
    /// Share of the object's pixels.
    pub object: [f64; 2],
    /// Share of the pixels around it, within a quarter of the box's sides.
    pub surroundings: [f64; 2],
}

/// OccludedPASCAL3D+: `L1` is FGL1_BGL1, and so on.
pub const LEVELS: [Level; 4] = [
    Level { split: "L0", object: [0.0, 0.0], surroundings: [0.0, 0.0] },
    Level { split: "L1", object: [0.2, 0.4], surroundings: [0.0, 0.2] },
    Level { split: "L2", object: [0.4, 0.6], surroundings: [0.2, 0.4] },
    Level { split: "L3", object: [0.6, 0.8], surroundings: [0.4, 0.6] },
];

/// What the benchmark consists of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Objects a level.
    pub object_count: usize,
    /// Everything follows from it.
    pub seed: u64,
    /// COCO folder whose instances occlude; without it, rendered cars and simple shapes.
    pub coco: Option<PathBuf>,
}

/// The objects, each at all levels.
///
/// # Errors
/// A COCO folder that cannot be read; while iterating, scenes that give too few objects.
pub fn open(options: &Options) -> Result<BenchmarkObjects> {
    ensure!(options.object_count > 0, "--objects must be at least 1");
    let occluders = match &options.coco {
        Some(root) => load_coco(root)?,
        None => occluders::own(options.seed)?,
    };
    ensure!(!occluders.is_empty(), "no occluders to paste");
    let (wanted, seed) = (options.object_count, options.seed);
    let (mut found, mut first) = (0, 0);
    Ok(Box::new(std::iter::from_fn(move || {
        (found < wanted).then(|| {
            let scenes = first..first + SCENES_AT_ONCE;
            first = scenes.end;
            ensure!(first <= SCENES_PER_OBJECT_MAX * wanted + SCENES_AT_ONCE, "the scenes show too few whole cars");
            let per_scene: Vec<_> =
                scenes.into_par_iter().map(|index| of_scene(seed, index, &occluders)).collect::<Result<_>>()?;
            let objects: Vec<_> = per_scene.into_iter().flatten().take(wanted - found).collect();
            found += objects.len();
            Ok(objects.into_iter().flatten().collect())
        })
    })))
}

/// Whole cars of one scene, each at all levels. A shape that no occluder of the collection covers as wanted is left out at all.
fn of_scene(seed: u64, index: usize, occluders: &[Cutout]) -> Result<Vec<Vec<BenchmarkObject>>> {
    let scene_seed = SCENE_SEED_FIRST.wrapping_add(seed << 24).wrapping_add(index as u64);
    let scene = scene(scene_seed)?;
    let rendered = render(&scene)?;
    let whole = rendered.labels.iter().filter(|label| is_whole(label));
    let levels = whole.map(|label| {
        let mut rng = ChaCha8Rng::seed_from_u64(scene_seed);
        rng.set_stream(1 + label.vehicle as u64);
        at_all_levels(&scene, &rendered, label, index, occluders, &mut rng)
    });
    levels.filter(|levels| !levels.as_ref().is_ok_and(Vec::is_empty)).collect()
}

fn is_whole(label: &VehicleLabel) -> bool {
    let [x1, y1, x2, y2] = label.object.box_px;
    label.object.class == "Car"
        && label.object.truncated == 0.0
        && label.visible_share >= VISIBLE_SHARE_MIN
        && x2 - x1 > SIDE_MIN_PX
        && y2 - y1 > SIDE_MIN_PX
}

/// Empty where a level cannot be had.
fn at_all_levels(
    scene: &Scene,
    rendered: &Rendered,
    label: &VehicleLabel,
    scene_index: usize,
    occluders: &[Cutout],
    rng: &mut ChaCha8Rng,
) -> Result<Vec<BenchmarkObject>> {
    let (plain, target, [left_px, top_px]) = cut(rendered, label);
    let camera = scene.camera.window(left_px, top_px, plain.width(), plain.height())?;
    let calibration = Calibration { camera: scene.camera, camera2_from_camera0_m: Vector3::zeros() };
    let viewpoint = viewpoint(&label.object, &calibration)?;
    let mut out = Vec::with_capacity(LEVELS.len());
    for (occlusion, level) in LEVELS.iter().enumerate() {
        let mut picture = plain.clone();
        if target.occlude(&mut picture, level, occluders, rng).is_none() {
            return Ok(Vec::new());
        }
        out.push(BenchmarkObject {
            sample: Sample {
                source: Source::Synth,
                picture: Picture::Decoded(Arc::new(picture)),
                box_px: target.box_px,
                viewpoint,
                group: label.vehicle as u32,
                occlusion: occlusion as u8,
                size_m: None,
                center_m: None,
                camera: Some(camera),
            },
            category: CATEGORY.to_owned(),
            split: level.split.to_owned(),
            name: format!("scene_{scene_index:04}/{}/{}", label.vehicle, level.split),
            oracle: None,
        });
    }
    Ok(out)
}

/// The car's surroundings, what of them is the car, and where their left upper corner is.
fn cut(rendered: &Rendered, label: &VehicleLabel) -> (RgbImage, Target, [u32; 2]) {
    let [x1, y1, x2, y2] = label.object.box_px;
    let (width, height) = rendered.rgb.dimensions();
    let (dx, dy) = ((x2 - x1) * SURROUNDINGS, (y2 - y1) * SURROUNDINGS);
    let (left, top) = ((x1 - dx).max(0.0) as u32, (y1 - dy).max(0.0) as u32);
    let (right, bottom) = (((x2 + dx).ceil() as u32).min(width), ((y2 + dy).ceil() as u32).min(height));
    let picture = image::imageops::crop_imm(&rendered.rgb, left, top, right - left, bottom - top).to_image();
    let rows = (top..bottom).flat_map(|y| (left..right).map(move |x| (y * width + x) as usize));
    let mask = rows.map(|at| usize::from(rendered.ids[at]) == label.vehicle).collect();
    let [x1, x2] = [x1, x2].map(|x| (x - f64::from(left)) as f32);
    let [y1, y2] = [y1, y2].map(|y| (y - f64::from(top)) as f32);
    let target = Target::new(BoxPx { x1, y1, x2, y2 }, mask, picture.width());
    (picture, target, [left, top])
}

#[cfg(test)]
mod tests;
