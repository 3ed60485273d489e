//! What happens to a real crop before the network sees it, so that it tolerates what a vehicle meets: noisy boxes,
//! occluders, image borders, distance, light. Everything is decided by the random generator handed in.

pub mod box_noise;
pub mod canvas;
pub mod occlusion;

use std::sync::Arc;

use anyhow::{Context, Result};
use calibration::Viewpoint;
use image::{GrayImage, RgbImage, imageops};
use kernels::{BoxPx, CpuCrop, Crop, CropSpec, ImageView, PixelFormat};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::datasets::cutouts::Cutout;
use crate::datasets::{Picture, Sample};

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
    /// Share of samples with another car pasted at a side.
    pub car_occluded_share: f64,
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
    pub fn shares(&self) -> [(&'static str, f64); 10] {
        [
            ("truncated_share", self.truncated_share),
            ("truncated_max", self.truncated_max.into()),
            ("occluded_share", self.occluded_share),
            ("car_occluded_share", self.car_occluded_share),
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

/// Turns samples into network inputs.
#[derive(Debug)]
pub struct Augmenter {
    config: AugmentationConfig,
    spec: CropSpec,
    material: Arc<Material>,
    crop: CpuCrop,
    coarse: Vec<f32>,
}

impl Augmenter {
    /// `spec` is the crop the node will make.
    pub fn new(config: AugmentationConfig, spec: CropSpec, material: Arc<Material>) -> Self {
        Self { config, spec, material, crop: CpuCrop::default(), coarse: Vec::new() }
    }

    /// Writes one augmented crop `[3, H, W]`, normalised, and returns the viewpoint it shows.
    pub fn augment(&mut self, sample: &Sample, rng: &mut impl Rng, out: &mut [f32]) -> Result<Viewpoint> {
        let (image, tight) = self.picture(sample, rng)?;
        let floor = rng.random_range(self.config.box_iou_min..=1.0);
        let mut noisy = sample.clip(box_noise::jitter(&tight, floor, rng), &image);
        let image = match rng.random_bool(self.config.truncated_share) {
            true => Arc::new(self.truncate(&image, &mut noisy, rng)),
            false => image,
        };
        self.cut(&image, &noisy, rng, out)?;
        let (width, height) = (self.spec.width as usize, self.spec.height as usize);
        let mut viewpoint = sample.viewpoint;
        if rng.random_bool(self.config.mirrored_share) {
            canvas::mirror(out, width);
            viewpoint = viewpoint.mirrored();
        }
        occlusion::paste(&self.config, &self.material, out, width, height, rng);
        canvas::jitter_colour(out, self.config.colour, self.config.hue, rng);
        if rng.random_bool(self.config.blurred_share) {
            canvas::blur(out, width, height, rng.random_range(0.2..1.3));
        }
        canvas::add_noise(out, rng.random_range(0.0..=self.config.noise_max), rng);
        canvas::normalize(out, &self.spec);
        Ok(viewpoint)
    }

    /// The sample's pixels and tight box; masked samples are put in front of a street.
    fn picture(&self, sample: &Sample, rng: &mut impl Rng) -> Result<(Arc<RgbImage>, BoxPx)> {
        let image = sample.picture.decode()?;
        let Picture::Masked(_, mask) = &sample.picture else { return Ok((image, sample.box_px)) };
        let mask = image::load_from_memory(mask).context("decoding a mask")?.into_luma8();
        let tight = mask_box(&mask).unwrap_or(sample.box_px);
        if self.material.backgrounds.is_empty() {
            return Ok((image, tight));
        }
        let street = &self.material.backgrounds[rng.random_range(0..self.material.backgrounds.len())];
        Ok((Arc::new(in_front_of(street, &image, &mask, rng)), tight))
    }

    /// Cuts the picture so that a border runs through the box, and clips the box to what remains.
    fn truncate(&self, image: &RgbImage, tight: &mut BoxPx, rng: &mut impl Rng) -> RgbImage {
        let share = rng.random_range(0.05..self.config.truncated_max.max(0.051));
        let (width, height) = (image.width() as f32, image.height() as f32);
        let (mut left, mut right, mut bottom) = (0.0, width, height);
        match rng.random_range(0..5) {
            0 | 1 => left = tight.x1 + share * (tight.x2 - tight.x1),
            2 | 3 => right = tight.x2 - share * (tight.x2 - tight.x1),
            _ => bottom = tight.y2 - 0.5 * share * (tight.y2 - tight.y1),
        }
        let left = left.clamp(0.0, width - 2.0).floor();
        let (w, h) = ((right.min(width) - left).max(2.0) as u32, bottom.clamp(2.0, height) as u32);
        *tight = BoxPx {
            x1: (tight.x1 - left).max(0.0),
            y1: tight.y1.max(0.0),
            x2: (tight.x2 - left).min(w as f32),
            y2: tight.y2.min(h as f32),
        };
        imageops::crop_imm(image, left as u32, 0, w, h).to_image()
    }

    /// Crops to the canvas, values 0..1, sometimes through a coarser one.
    fn cut(&mut self, image: &RgbImage, at: &BoxPx, rng: &mut impl Rng, out: &mut [f32]) -> Result<()> {
        let view = ImageView::new(
            image.as_raw(),
            image.width(),
            image.height(),
            3 * image.width() as usize,
            PixelFormat::Rgb8,
        )?;
        let plain = CropSpec { mean: [0.0; 3], std: [1.0; 3], ..self.spec };
        let (width, height) = (self.spec.width, self.spec.height);
        let source_px = (at.x2 - at.x1).min(width as f32);
        if source_px <= self.config.coarse_min_px || !rng.random_bool(self.config.coarse_share) {
            self.crop.crop(&view, std::slice::from_ref(at), &plain, out)?;
            return Ok(());
        }
        let scale = rng.random_range(self.config.coarse_min_px..=source_px) / width as f32;
        let (w, h) = ((width as f32 * scale).round().max(4.0) as u32, (height as f32 * scale).round().max(4.0) as u32);
        self.coarse.resize(3 * (w * h) as usize, 0.0);
        let spec = CropSpec { width: w, height: h, ..plain };
        self.crop.crop(&view, std::slice::from_ref(at), &spec, &mut self.coarse)?;
        canvas::enlarge(&self.coarse, (w as usize, h as usize), out, (width as usize, height as usize));
        Ok(())
    }
}

/// Tight box of the set pixels of a mask.
fn mask_box(mask: &GrayImage) -> Option<BoxPx> {
    let mut found: Option<BoxPx> = None;
    for (x, y, _) in mask.enumerate_pixels().filter(|(_, _, p)| p.0[0] > 127) {
        let (x, y) = (x as f32, y as f32);
        let b = found.get_or_insert(BoxPx { x1: x, y1: y, x2: x + 1.0, y2: y + 1.0 });
        *b = BoxPx { x1: b.x1.min(x), y1: b.y1.min(y), x2: b.x2.max(x + 1.0), y2: b.y2.max(y + 1.0) };
    }
    found
}

/// The masked object over a random window of a street, at the object's own resolution.
fn in_front_of(street: &RgbImage, image: &RgbImage, mask: &GrayImage, rng: &mut impl Rng) -> RgbImage {
    let (w, h) = image.dimensions();
    let (cut_w, cut_h) = (w.min(street.width()), h.min(street.height()));
    let x = rng.random_range(0..=street.width() - cut_w);
    let y = rng.random_range(0..=street.height() - cut_h);
    let window = imageops::crop_imm(street, x, y, cut_w, cut_h).to_image();
    let mut out = imageops::resize(&window, w, h, imageops::FilterType::Triangle);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let alpha = u32::from(mask.get_pixel(x.min(mask.width() - 1), y.min(mask.height() - 1)).0[0]);
        for (to, from) in pixel.0.iter_mut().zip(image.get_pixel(x, y).0) {
            *to = ((u32::from(*to) * (255 - alpha) + u32::from(from) * alpha) / 255) as u8;
        }
    }
    out
}
