//! A model's answers on posed samples, through the very crop, session and vote of the node.

use anyhow::{Context, Result};
use calibration::{Rotation, so3};
use kernels::{BoxPx, CpuCrop, CpuTopK, Crop, CropSpec, ImageView, PixelFormat};
use models::retrieval::level::LevelPrior;
use models::retrieval::second_look::{SecondLook, add, jittered, normalize};
use models::retrieval::{Retrieval, Retriever};
use models::{Backbone, Model};
use nalgebra::Vector3;

use crate::datasets::Sample;

/// One answer beside the truth.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Labelled allocentric rotation.
    pub truth: Rotation,
    /// What the table said.
    pub retrieval: Retrieval,
    /// Geodesic error in degrees.
    pub error_deg: f64,
    /// KITTI's occlusion level.
    pub occlusion: u8,
    /// It was in doubt, and more crops were asked.
    pub looked_twice: bool,
}

/// A loaded model and its buffers.
pub struct Evaluator {
    crop: CpuCrop,
    spec: CropSpec,
    backbone: Box<dyn Backbone>,
    retriever: Retriever<CpuTopK>,
    pixels: Vec<f32>,
    embedding: Vec<f32>,
    level_sigma_deg: f64,
    second_look: SecondLook,
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
            backbone: model.backbone,
            retriever,
            embedding: vec![0.0; dim],
            level_sigma_deg: 0.0,
            second_look: SecondLook::OFF,
        })
    }

    /// With objects on ground that is level to `sigma_deg` (standard deviation, degrees), where the camera is known; 0: off.
    #[must_use]
    pub fn with_level_sigma_deg(self, sigma_deg: f64) -> Self {
        Self { level_sigma_deg: sigma_deg, ..self }
    }

    /// With a second look at objects in doubt.
    #[must_use]
    pub fn with_second_look(self, second_look: SecondLook) -> Self {
        Self { second_look, ..self }
    }

    /// The unit embedding of a sample's crop at `box_px`.
    pub fn embed(&mut self, sample: &Sample, box_px: &BoxPx) -> Result<&[f32]> {
        let image = sample.picture.decode()?;
        let stride = 3 * image.width() as usize;
        let view = ImageView::new(image.as_raw(), image.width(), image.height(), stride, PixelFormat::Rgb8)?;
        let seen = sample.clip(*box_px, &image);
        self.crop.crop(&view, std::slice::from_ref(&seen), &self.spec, &mut self.pixels)?;
        self.backbone.embed(&self.pixels, 1, &mut self.embedding)?;
        Ok(&self.embedding)
    }

    /// The model's answer for a sample at `box_px`.
    pub fn estimate(&mut self, sample: &Sample, box_px: &BoxPx) -> Result<Estimate> {
        let mut embedding = self.embed(sample, box_px)?.to_vec();
        let first = self.estimate_embedded(sample, box_px, &embedding)?;
        if !self.second_look.is_due(&first.retrieval) {
            return Ok(first);
        }
        let image = sample.picture.decode()?;
        let seen = sample.clip(*box_px, &image);
        for crop in 0..self.second_look.crops {
            add(&mut embedding, self.embed(sample, &jittered(&seen, crop, image.width(), image.height()))?);
        }
        let is_better = normalize(&mut embedding);
        let second = self.estimate_embedded(sample, box_px, &embedding)?;
        Ok(if is_better { Estimate { looked_twice: true, ..second } } else { first })
    }

    /// The same for an embedding that was made of the crop at `box_px` before.
    pub fn estimate_embedded(&mut self, sample: &Sample, box_px: &BoxPx, embedding: &[f32]) -> Result<Estimate> {
        let rows = 0..u32::try_from(self.retriever.table().rotations.len()).context("the table is too long")?;
        self.retriever.search(embedding, rows)?;
        let level = level_prior(sample.up(box_px), self.level_sigma_deg);
        let retrieval = self.retriever.vote(0, level.as_ref())?;
        let truth = sample.viewpoint.to_rotation();
        let error_deg = so3::geodesic_angle(&truth, &retrieval.best.rotation).to_degrees();
        Ok(Estimate { truth, retrieval, error_deg, occlusion: sample.occlusion, looked_twice: false })
    }
}

/// The prior of an object with this up axis on ground that is level to `sigma_deg`; none without an axis or with 0 degrees.
pub fn level_prior(up: Option<Vector3<f64>>, sigma_deg: f64) -> Option<LevelPrior> {
    up.filter(|_| sigma_deg > 0.0).map(|up| LevelPrior { up, sigma_rad: sigma_deg.to_radians() })
}
