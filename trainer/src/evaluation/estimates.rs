//! A model's answers on posed samples, through the very crop, session and vote of the node.

use std::ops::Range;

use anyhow::Result;
use image::{Rgb, RgbImage};
use kernels::{BoxPx, CpuCrop, CpuTopK, Crop, CropSpec, ImageView, PixelFormat};
use models::retrieval::level::LevelPrior;
use models::retrieval::{Retrieval, Retriever};
use models::{Backbone, Manifest, Model};
use nalgebra::Vector3;

use crate::datasets::Sample;

/// A loaded model and its buffers.
pub struct Evaluator {
    crop: CpuCrop,
    spec: CropSpec,
    manifest: Manifest,
    backbone: Box<dyn Backbone>,
    retriever: Retriever<CpuTopK>,
    pixels: Vec<f32>,
    embedding: Vec<f32>,
    level_sigma_deg: f64,
}

impl Evaluator {
    /// Takes a model apart.
    pub fn new(model: Model) -> Result<Self> {
        let spec = CropSpec::from(&model.manifest.input);
        let dim = model.table.dim;
        let neighbors_max = model.manifest.retrieval.neighbors;
        let retriever =
            Retriever::new(CpuTopK::new(neighbors_max, 1), model.table, model.manifest.retrieval.clone(), 1)?;
        Ok(Self {
            crop: CpuCrop::default(),
            pixels: vec![0.0; 3 * (spec.width * spec.height) as usize],
            spec,
            manifest: model.manifest,
            backbone: model.backbone,
            retriever,
            embedding: vec![0.0; dim],
            level_sigma_deg: 0.0,
        })
    }

    /// With objects on ground that is level to `sigma_deg` (standard deviation, degrees), where the camera is known; 0: off.
    #[must_use]
    pub fn with_level_sigma_deg(self, sigma_deg: f64) -> Self {
        Self { level_sigma_deg: sigma_deg, ..self }
    }

    /// How the model wants its crops.
    pub fn spec(&self) -> &CropSpec {
        &self.spec
    }

    /// Rows of the table that may answer for an object of `category`; `None` where the model does not know the category.
    pub fn rows_of(&self, category: &str) -> Option<Range<u32>> {
        let class = self.manifest.classes.iter().position(|class| {
            std::iter::once(&class.name).chain(&class.aliases).any(|name| name.eq_ignore_ascii_case(category))
        })?;
        Some(self.retriever.table().class_range(u16::try_from(class).ok()?))
    }

    /// The unit embedding of a sample's crop at `box_px`, of which a camera sees what is inside the picture.
    pub fn embed(&mut self, sample: &Sample, box_px: &BoxPx) -> Result<&[f32]> {
        let image = sample.picture.decode()?;
        let seen = sample.clip(*box_px, &image);
        self.embed_crop(&image, &seen)
    }

    /// The model's answer from `rows` of its table for the crop of `image` at `box_px`, which may reach beyond the borders. `up` is
    /// the upright axis in the crop's virtual camera, where it is known.
    pub fn answer(
        &mut self,
        image: &RgbImage,
        box_px: &BoxPx,
        rows: Range<u32>,
        up: Option<Vector3<f64>>,
    ) -> Result<Retrieval> {
        self.embed_crop(image, box_px)?;
        self.retriever.search(&self.embedding, rows)?;
        Ok(self.retriever.vote(0, level_prior(up, self.level_sigma_deg).as_ref())?)
    }

    /// The last crop, as the network saw it.
    pub fn last_crop(&self) -> RgbImage {
        let CropSpec { width, height, mean, std, .. } = self.spec;
        let plane = (width * height) as usize;
        RgbImage::from_fn(width, height, |x, y| {
            let at = (y * width + x) as usize;
            let value = |channel: usize| self.pixels[channel * plane + at] * std[channel] + mean[channel];
            Rgb([0, 1, 2].map(|channel| (value(channel) * 255.0).round().clamp(0.0, 255.0) as u8))
        })
    }

    fn embed_crop(&mut self, image: &RgbImage, box_px: &BoxPx) -> Result<&[f32]> {
        let stride = 3 * image.width() as usize;
        let view = ImageView::new(image.as_raw(), image.width(), image.height(), stride, PixelFormat::Rgb8)?;
        self.crop.crop(&view, std::slice::from_ref(box_px), &self.spec, &mut self.pixels)?;
        self.backbone.embed(&self.pixels, 1, &mut self.embedding)?;
        Ok(&self.embedding)
    }
}

/// The prior of an object with this up axis on ground that is level to `sigma_deg`; none without an axis or with 0 degrees.
pub fn level_prior(up: Option<Vector3<f64>>, sigma_deg: f64) -> Option<LevelPrior> {
    up.filter(|_| sigma_deg > 0.0).map(|up| LevelPrior { up, sigma_rad: sigma_deg.to_radians() })
}
