//! A model's answers on posed samples, through the very crop, session and vote of the node.

use std::ops::Range;

use anyhow::{Result, bail};
use calibration::PinholeCamera;
use image::{Rgb, RgbImage};
use kernels::{BoxPx, CpuCrop, CpuTopK, Crop, CropSpec, ImageView, PixelFormat};
use models::refinement::View;
use models::refinement::explain::Explanation;
use models::retrieval::level::LevelPrior;
use models::retrieval::second_look::{SecondLook, add, jittered, normalize};
use models::retrieval::{Retrieval, Retriever};
use models::{Backbone, Manifest, Model};
use nalgebra::Vector3;

use super::classifier::Classifier;
use super::kitti3d;
use super::refine::{MeshRefiner, RefinerKind};
use crate::datasets::Sample;

/// What is known of an object besides its picture and box.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Up (unit) in the crop's virtual camera.
    pub up: Option<Vector3<f64>>,
    /// The camera that took the picture, for the picture's pixels.
    pub camera: Option<PinholeCamera>,
}

/// A loaded model and its buffers.
pub struct Evaluator {
    crop: CpuCrop,
    spec: CropSpec,
    pixels: Vec<f32>,
    answerer: Answerer,
    level_sigma_deg: f64,
    second_look: SecondLook,
}

/// What turns a crop into a pose.
enum Answerer {
    /// As the node does it.
    Retrieval(Box<TableModel>),
    /// The baseline of `trainer train baseline`.
    Classifier(Box<Classifier>),
}

struct TableModel {
    manifest: Manifest,
    backbone: Box<dyn Backbone>,
    retriever: Retriever<CpuTopK>,
    embedding: Vec<f32>,
    features: Vec<f32>,
    refiner: Option<MeshRefiner>,
}

impl Evaluator {
    /// Takes a model apart; `refiner` says who refines its answers, where it has a mesh to refine with.
    ///
    /// # Errors
    /// A table that cannot be searched, or a mesh that the kernels refuse.
    pub fn new(model: Model, refiner: RefinerKind) -> Result<Self> {
        let spec = CropSpec::from(&model.manifest.input);
        let embedding = vec![0.0; model.table.dim];
        let retrieval = model.manifest.retrieval.clone();
        let retriever = Retriever::new(CpuTopK::new(retrieval.neighbors, 1), model.table, retrieval, 1)?;
        let Model { manifest, backbone, neural_mesh, .. } = model;
        let shape = backbone.feature_shape().filter(|_| refiner != RefinerKind::None);
        let refinement = manifest.refinement.unwrap_or_default();
        let refiner = match (neural_mesh, shape) {
            (Some(mesh), Some(shape)) => Some(MeshRefiner::new(refiner, mesh, refinement, shape)?),
            _ => None,
        };
        let features = vec![0.0; shape.map_or(0, |shape| shape.iter().product())];
        let model = TableModel { manifest, backbone, retriever, embedding, features, refiner };
        Ok(Self::with(spec, Answerer::Retrieval(Box::new(model))))
    }

    /// How long each object's refinement took, in the order of the objects.
    pub fn refine_times(&self) -> &[std::time::Duration] {
        match &self.answerer {
            Answerer::Retrieval(model) => model.refiner.as_ref().map_or(&[], |refiner| &refiner.times),
            Answerer::Classifier(_) => &[],
        }
    }

    /// The baseline, which knows cars only.
    pub fn of_classifier(classifier: Classifier) -> Self {
        Self::with(classifier.config().query_spec(), Answerer::Classifier(Box::new(classifier)))
    }

    fn with(spec: CropSpec, answerer: Answerer) -> Self {
        let pixels = vec![0.0; 3 * (spec.width * spec.height) as usize];
        Self { crop: CpuCrop::default(), spec, pixels, answerer, level_sigma_deg: 0.0, second_look: SecondLook::OFF }
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

    /// How the model wants its crops.
    pub fn spec(&self) -> &CropSpec {
        &self.spec
    }

    /// Rows of the table that may answer for an object of `category`; `None` where the model does not know the category.
    pub fn rows_of(&self, category: &str) -> Option<Range<u32>> {
        let model = match &self.answerer {
            Answerer::Retrieval(model) => model,
            Answerer::Classifier(_) => return (category == kitti3d::CATEGORY).then_some(0..0),
        };
        let class = model.manifest.classes.iter().position(|class| {
            std::iter::once(&class.name).chain(&class.aliases).any(|name| name.eq_ignore_ascii_case(category))
        })?;
        Some(model.retriever.table().class_range(u16::try_from(class).ok()?))
    }

    /// The unit embedding of a sample's crop at `box_px`, of which a camera sees what is inside the picture.
    ///
    /// # Errors
    /// A crop that cannot be made or embedded; a classifier, which has no embedding.
    pub fn embed(&mut self, sample: &Sample, box_px: &BoxPx) -> Result<&[f32]> {
        let image = sample.picture.decode()?;
        let seen = sample.clip(*box_px, &image);
        self.cut(&image, &seen)?;
        match &mut self.answerer {
            Answerer::Retrieval(model) => model.embed(&self.pixels),
            Answerer::Classifier(_) => bail!("a classifier embeds nothing"),
        }
    }

    /// The model's answer from `rows` of its table for the crop of `image` at `box_px`, which may reach beyond the borders.
    ///
    /// # Errors
    /// A crop that cannot be made, or a network or table that gives nothing for it.
    pub fn answer(&mut self, image: &RgbImage, box_px: &BoxPx, rows: Range<u32>, known: Known) -> Result<Retrieval> {
        let retrieved = self.retrieve(image, box_px, rows.clone(), known)?;
        let Some(view) = self.view(image, box_px, rows, known) else { return Ok(retrieved) };
        let Answerer::Retrieval(model) = &mut self.answerer else { return Ok(retrieved) };
        let TableModel { refiner: Some(refiner), features, .. } = &mut **model else { return Ok(retrieved) };
        refiner.refine(features, &view, retrieved)
    }

    /// What the refinement of the last answer knows beside its features; `None` where nothing refines.
    pub fn view(&self, image: &RgbImage, box_px: &BoxPx, rows: Range<u32>, known: Known) -> Option<View> {
        let Answerer::Retrieval(model) = &self.answerer else { return None };
        let stride = model.refiner.as_ref()?.stride();
        let size = [image.width(), image.height()];
        let class_id = model.retriever.table().class_id.get(rows.start as usize).copied().unwrap_or(0);
        Some(View::of_crop(class_id, box_px, &self.spec, stride, known.camera.as_ref(), size))
    }

    /// Why the last answer was given, where the model refined it.
    ///
    /// # Errors
    /// None, unless the kernels refuse the mesh.
    pub fn explain(&mut self) -> Result<Option<Explanation>> {
        self.refiner_mut().map_or(Ok(None), MeshRefiner::explain)
    }

    /// The refiner, where the model has one.
    pub fn refiner_mut(&mut self) -> Option<&mut MeshRefiner> {
        if let Answerer::Retrieval(model) = &mut self.answerer { model.refiner.as_mut() } else { None }
    }

    /// The retrieved answer alone.
    ///
    /// # Errors
    /// As [`Evaluator::answer`].
    pub fn retrieve(&mut self, image: &RgbImage, box_px: &BoxPx, rows: Range<u32>, known: Known) -> Result<Retrieval> {
        self.cut(image, box_px)?;
        let prior = level_prior(known.up, self.level_sigma_deg);
        let first = match &mut self.answerer {
            Answerer::Classifier(classifier) => return classifier.answer(&self.pixels, prior.as_ref()),
            Answerer::Retrieval(model) => {
                model.embed(&self.pixels)?;
                model.vote(rows.clone(), prior.as_ref())?
            }
        };
        if !self.second_look.is_due(&first) {
            return Ok(first);
        }
        // The network's next passes overwrite the features of the box itself.
        let features = self.features().to_vec();
        let again = self.look_again(image, box_px, rows, prior.as_ref())?.unwrap_or(first);
        self.features_mut().copy_from_slice(&features);
        Ok(again)
    }

    /// Features of the last crop `[D, h, w]`; empty where nothing refines.
    pub fn features(&self) -> &[f32] {
        if let Answerer::Retrieval(model) = &self.answerer { &model.features } else { &[] }
    }

    fn features_mut(&mut self) -> &mut [f32] {
        if let Answerer::Retrieval(model) = &mut self.answerer { &mut model.features } else { &mut [] }
    }

    /// The answer of the last crop together with those of jittered boxes; `None` where their embeddings cancel out.
    fn look_again(
        &mut self,
        image: &RgbImage,
        box_px: &BoxPx,
        rows: Range<u32>,
        prior: Option<&LevelPrior>,
    ) -> Result<Option<Retrieval>> {
        let mut sum = Vec::new();
        for crop in 0..=self.second_look.crops {
            let Answerer::Retrieval(model) = &mut self.answerer else { bail!("a classifier looks once") };
            match crop {
                0 => sum.extend_from_slice(&model.embedding),
                _ => add(&mut sum, model.embed(&self.pixels)?),
            }
            if crop == self.second_look.crops {
                let is_better = normalize(&mut sum);
                model.embedding.copy_from_slice(&sum);
                return if is_better { model.vote(rows, prior).map(Some) } else { Ok(None) };
            }
            self.cut(image, &jittered(box_px, crop, image.width(), image.height()))?;
        }
        Ok(None)
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

    fn cut(&mut self, image: &RgbImage, box_px: &BoxPx) -> Result<()> {
        let stride = 3 * image.width() as usize;
        let view = ImageView::new(image.as_raw(), image.width(), image.height(), stride, PixelFormat::Rgb8)?;
        Ok(self.crop.crop(&view, std::slice::from_ref(box_px), &self.spec, &mut self.pixels)?)
    }
}

impl TableModel {
    fn embed(&mut self, pixels: &[f32]) -> Result<&[f32]> {
        match self.refiner {
            Some(_) => self.backbone.embed_with_features(pixels, 1, &mut self.embedding, &mut self.features)?,
            None => self.backbone.embed(pixels, 1, &mut self.embedding)?,
        }
        Ok(&self.embedding)
    }

    /// What the table says about the embedding.
    fn vote(&mut self, rows: Range<u32>, prior: Option<&LevelPrior>) -> Result<Retrieval> {
        self.retriever.search(&self.embedding, rows)?;
        Ok(self.retriever.vote(0, prior)?)
    }
}

/// The prior of an object with this up axis on ground that is level to `sigma_deg`; none without an axis or with 0 degrees.
pub fn level_prior(up: Option<Vector3<f64>>, sigma_deg: f64) -> Option<LevelPrior> {
    up.filter(|_| sigma_deg > 0.0).map(|up| LevelPrior { up, sigma_rad: sigma_deg.to_radians() })
}
