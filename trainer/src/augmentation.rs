//! What happens to a real crop before the network sees it, so that it tolerates what a vehicle meets: noisy boxes,
//! occluders, image borders, distance, light. Everything is decided by the random generator handed in.

pub mod box_noise;
pub mod canvas;
pub mod occlusion;
pub mod stage;

use std::sync::Arc;

use anyhow::Result;
use calibration::Viewpoint;
use image::RgbImage;
use kernels::{BoxPx, CropSpec};
use rand::Rng;
use serde::{Deserialize, Serialize};

use self::canvas::Paper;
use self::stage::{Shown, Stage};
use crate::datasets::Sample;
use crate::datasets::cutouts::Cutout;

/// Strengths and probabilities; the defaults train `models/zoo/car`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentationConfig {
    /// Lowest intersection over union of a jittered box with the tight one (1 - beta of Kouros et al., Eq. 4-5); each crop
    /// draws its own floor between this and 1, because detectors are mostly better than their worst.
    pub box_iou_min: f32,
    /// Share of samples cut by an image border.
    pub truncated_share: f64,
    /// Largest part of the box that a border cuts off.
    pub truncated_max: f32,
    /// Share of samples with pasted objects.
    pub occluded_share: f64,
    /// Most objects pasted (paper: 8).
    pub occluders_max: usize,
    /// Share of samples with another car pasted in front of a side.
    pub car_occluded_share: f64,
    /// Largest part of the box' width that such a car hides.
    pub car_occluded_max: f32,
    /// Share of samples with another car pasted beside the box: the one that is meant is the one in the middle.
    pub car_beside_share: f64,
    /// Share of samples made as coarse as a distant car.
    pub coarse_share: f64,
    /// Narrowest box, in pixels, that a coarse sample imitates.
    pub coarse_min_px: f32,
    /// Brightness, contrast and saturation factors are drawn from 1 - x to 1 + x.
    pub colour: f32,
    /// Hue is turned by up to this part of a circle.
    pub hue: f32,
    /// Share of blurred samples.
    pub blurred_share: f64,
    /// Largest standard deviation of sensor noise (1 = white).
    pub noise_max: f32,
    /// Share of mirrored samples.
    pub mirrored_share: f64,
}

impl Default for AugmentationConfig {
    fn default() -> Self {
        Self {
            box_iou_min: 0.75,
            truncated_share: 0.1,
            truncated_max: 0.4,
            occluded_share: 0.3,
            occluders_max: 4,
            car_occluded_share: 0.25,
            car_occluded_max: 0.65,
            car_beside_share: 0.15,
            coarse_share: 0.4,
            coarse_min_px: 36.0,
            colour: 0.4,
            hue: 0.08,
            blurred_share: 0.25,
            noise_max: 0.04,
            mirrored_share: 0.5,
        }
    }
}

impl AugmentationConfig {
    /// Every value that is a share or a part of one, with its key.
    pub fn shares(&self) -> [(&'static str, f64); 12] {
        [
            ("truncated_share", self.truncated_share),
            ("truncated_max", self.truncated_max.into()),
            ("occluded_share", self.occluded_share),
            ("car_occluded_share", self.car_occluded_share),
            ("car_occluded_max", self.car_occluded_max.into()),
            ("car_beside_share", self.car_beside_share),
            ("coarse_share", self.coarse_share),
            ("colour", self.colour.into()),
            ("hue", self.hue.into()),
            ("blurred_share", self.blurred_share),
            ("noise_max", self.noise_max.into()),
            ("mirrored_share", self.mirrored_share),
        ]
    }
}

/// Pictures the augmentation draws from.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// Everyday objects.
    pub occluders: Vec<Cutout>,
    /// Whole cars.
    pub cars: Vec<Cutout>,
    /// Streets, for what comes with a mask only.
    pub backgrounds: Vec<RgbImage>,
}

/// Where an augmented crop shows its object.
#[derive(Clone, Copy, Debug)]
pub struct Augmented {
    /// Allocentric.
    pub viewpoint: Viewpoint,
    /// The object's tight box, whole and not jittered, in canvas pixels.
    pub box_px: BoxPx,
    /// Canvas pixels per pixel of the sample's picture.
    pub scale: f32,
    /// Left and right are exchanged; the viewpoint and the box have been, too.
    pub is_mirrored: bool,
}

/// Turns samples into network inputs.
#[derive(Debug)]
pub struct Augmenter {
    config: AugmentationConfig,
    spec: CropSpec,
    material: Arc<Material>,
    stage: Stage,
    coarse: Vec<f32>,
    /// Of the canvas that was drawn last, before enlarging and mirroring.
    covered: Covered,
    mirrored: bool,
}

/// How much of each pixel hides the object: pasted things, and what is beyond the camera's border.
#[derive(Debug, Default)]
struct Covered {
    values: Vec<f32>,
    width: usize,
    height: usize,
}

impl Augmenter {
    /// `spec` is the crop the node will make.
    pub fn new(config: AugmentationConfig, spec: CropSpec, material: Arc<Material>) -> Self {
        Self {
            config,
            spec,
            material,
            stage: Stage::default(),
            coarse: Vec::new(),
            covered: Covered::default(),
            mirrored: false,
        }
    }

    /// Writes one augmented crop `[3, H, W]`, values 0 to 1, and returns what it shows where.
    pub fn augment(&mut self, sample: &Sample, rng: &mut impl Rng, out: &mut [f32]) -> Result<Augmented> {
        let image = sample.picture.decode()?;
        let floor = rng.random_range(self.config.box_iou_min..=1.0);
        let mut box_px = sample.clip(box_noise::jitter(&sample.box_px, floor, rng), &image);
        let mut visible = BoxPx { x1: f32::MIN, y1: f32::MIN, x2: f32::MAX, y2: f32::MAX };
        if rng.random_bool(self.config.truncated_share) {
            truncate(&mut box_px, &mut visible, self.config.truncated_max, rng);
        }
        let shown = Shown {
            image: &image,
            mask: sample.picture.mask(),
            box_px,
            visible,
            is_photograph: sample.is_photograph(),
        };
        let (width, height) = (self.spec.width, self.spec.height);
        match self.coarse_size(&box_px, rng) {
            None => self.draw(&shown, (width, height), rng, out)?,
            Some((w, h)) => {
                let mut coarse = std::mem::take(&mut self.coarse);
                coarse.resize(3 * (w * h) as usize, 0.0);
                let drawn = self.draw(&shown, (w, h), rng, &mut coarse);
                canvas::enlarge(&coarse, (w as usize, h as usize), out, (width as usize, height as usize));
                self.coarse = coarse;
                drawn?;
            }
        }
        let viewpoint = self.finish(sample, rng, out);
        let mut tight = stage::on_canvas(&sample.box_px, &box_px, &self.spec);
        if self.mirrored {
            (tight.x1, tight.x2) = (width as f32 - tight.x2, width as f32 - tight.x1);
        }
        let scale = (tight.x2 - tight.x1) / (sample.box_px.x2 - sample.box_px.x1);
        Ok(Augmented { viewpoint, box_px: tight, scale, is_mirrored: self.mirrored })
    }

    /// Whether the last crop shows what is at a point of its canvas, pixels, or something in front of it.
    pub fn is_covered(&self, x: f32, y: f32) -> bool {
        let Covered { values, width, height } = &self.covered;
        let x = if self.mirrored { self.spec.width as f32 - x } else { x };
        let at = |v: f32, count: usize, side: u32| ((v / side as f32 * count as f32).max(0.0) as usize).min(count - 1);
        values[at(y, *height, self.spec.height) * width + at(x, *width, self.spec.width)] > 0.5
    }

    /// The crop with everything that stands in the scene, on a canvas of `size`.
    fn draw(&mut self, shown: &Shown<'_>, size: (u32, u32), rng: &mut impl Rng, out: &mut [f32]) -> Result<()> {
        let spec = CropSpec { width: size.0, height: size.1, mean: [0.0; 3], std: [1.0; 3], ..self.spec };
        self.stage.draw(shown, &spec, &self.material.backgrounds, rng, out)?;
        let target = stage::on_canvas(&shown.box_px, &shown.box_px, &spec);
        let (width, height) = (size.0 as usize, size.1 as usize);
        self.covered.values.clear();
        self.covered.values.resize(width * height, 0.0);
        (self.covered.width, self.covered.height) = (width, height);
        let mut paper = Paper { values: out, width, height, covered: &mut self.covered.values };
        occlusion::paste(&self.config, &self.material, &target, &mut paper, rng);
        stage::hide_beyond(shown, &spec, &mut paper);
        Ok(())
    }

    /// What camera and light do to the whole crop.
    fn finish(&mut self, sample: &Sample, rng: &mut impl Rng, out: &mut [f32]) -> Viewpoint {
        let (width, height) = (self.spec.width as usize, self.spec.height as usize);
        let mut viewpoint = sample.viewpoint;
        self.mirrored = rng.random_bool(self.config.mirrored_share);
        if self.mirrored {
            canvas::mirror(out, width);
            viewpoint = viewpoint.mirrored();
        }
        canvas::jitter_colour(out, self.config.colour, self.config.hue, rng);
        if rng.random_bool(self.config.blurred_share) {
            canvas::blur(out, width, height, rng.random_range(0.2..1.3));
        }
        canvas::add_noise(out, rng.random_range(0.0..=self.config.noise_max), rng);
        viewpoint
    }

    /// The canvas of a sample that is to look like a distant car, where it is to.
    fn coarse_size(&self, at: &BoxPx, rng: &mut impl Rng) -> Option<(u32, u32)> {
        let (width, height) = (self.spec.width as f32, self.spec.height as f32);
        let on_canvas = stage::on_canvas(at, at, &self.spec);
        let box_px = (on_canvas.x2 - on_canvas.x1).min(at.x2 - at.x1);
        if box_px <= self.config.coarse_min_px || !rng.random_bool(self.config.coarse_share) {
            return None;
        }
        let scale = rng.random_range(self.config.coarse_min_px..=box_px) / (on_canvas.x2 - on_canvas.x1);
        Some(((width * scale).round().max(4.0) as u32, (height * scale).round().max(4.0) as u32))
    }
}

/// Lets an image border run through the box, and clips the box to what remains.
fn truncate(box_px: &mut BoxPx, visible: &mut BoxPx, part_max: f32, rng: &mut impl Rng) {
    let part = rng.random_range(0.05..part_max.max(0.051));
    let (width, height) = (box_px.x2 - box_px.x1, box_px.y2 - box_px.y1);
    match rng.random_range(0..5) {
        0 | 1 => (box_px.x1, visible.x1) = (box_px.x1 + part * width, box_px.x1 + part * width),
        2 | 3 => (box_px.x2, visible.x2) = (box_px.x2 - part * width, box_px.x2 - part * width),
        _ => (box_px.y2, visible.y2) = (box_px.y2 - 0.5 * part * height, box_px.y2 - 0.5 * part * height),
    }
}
