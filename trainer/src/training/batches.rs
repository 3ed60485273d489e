//! Ready batches, made by worker threads while the network learns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, Result};
use calibration::Viewpoint;
use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::config::{DataConfig, TrainingConfig};
use super::sampling::{Sampler, reference_viewpoints};
use super::surface_rows::{RowMaker, SurfaceRows};
use super::templates::Templates;
use crate::augmentation::{Augmenter, Material};
use crate::datasets::kitti::{KittiSelection, load_sequence};
use crate::datasets::{Picture, Sample, Source, cars_real, cutouts};
use crate::rendering::{Renderer, Shape, load_shapes};

/// Batches waiting for the network.
const QUEUE_MAX: usize = 4;
/// Frames of a KITTI tracking sequence whose labelled boxes are visibly shifted.
pub fn shifted_frames(sequence: &str) -> std::ops::Range<u32> {
    if sequence == "0001" { 175..186 } else { 0..0 }
}

/// Smallest box side used for training.
const SIDE_MIN_PX: f64 = 24.0;
/// Every so many Carvana pictures one is kept as an occluder.
const CAR_CUTOUT_STRIDE: usize = 3;
/// Every so many crops one stands in as a street behind cut-out cars.
const BACKGROUND_STRIDE: usize = 23;

/// One step's inputs, row-major; bytes, because what waits in the queue and travels to a GPU should be small.
#[derive(Debug)]
pub struct Batch {
    /// `[Q, 3, H, W]` crops before normalisation, 0 to 255.
    pub queries: Vec<u8>,
    /// `[R, 3, h, w]` renderings, -127 to 127 for -1 to 1.
    pub references: Vec<i8>,
    /// Allocentric pose of each query.
    pub query_viewpoints: Vec<Viewpoint>,
    /// Allocentric pose of each reference.
    pub reference_viewpoints: Vec<Viewpoint>,
    /// What dense features learn from; empty where the run trains none.
    pub surface: SurfaceRows,
}

/// Everything a batch is made of.
#[derive(Debug)]
pub struct TrainingData {
    /// Posed crops.
    pub samples: Vec<Sample>,
    /// CAD shapes.
    pub shapes: Vec<Shape>,
    /// Surfaces of the neural mesh, where the run trains one.
    pub templates: Option<Templates>,
    material: Arc<Material>,
    sampler: Sampler,
}

impl TrainingData {
    /// Loads all that the run names; errors name the file.
    pub fn load(config: &TrainingConfig) -> Result<Self> {
        let (mut samples, material) = load_samples(&config.data)?;
        let mut templates = None;
        if let Some(mesh) = &config.mesh {
            // What hides a real car, and what a picture's border cuts off, nobody has marked.
            samples.retain(|sample| sample.occlusion <= mesh.occlusion_max && !sample.is_cut());
            let mut built = Templates::new(mesh)?;
            built.fit_sizes(samples.iter())?;
            templates = Some(built);
        }
        let shapes = match config.references_per_step {
            0 => Vec::new(),
            _ => load_shapes(&config.shapes, config.vehicles, &config.data.root)?,
        };
        let sampler = Sampler::new(&samples, &config.data.shares)?;
        Ok(Self { samples, shapes, templates, material: Arc::new(material), sampler })
    }

    /// Makes the batch of a step; depends on the seed and the step alone, so a resumed run sees the same batches.
    pub fn batch(&self, config: &TrainingConfig, step: usize, maker: &mut BatchMaker) -> Result<Batch> {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        rng.set_stream(step as u64);
        let chosen = self.sampler.draw(config.queries_per_step, &mut rng);
        let mut queries = Vec::with_capacity(chosen.len() * maker.crop.len());
        let mut query_viewpoints = Vec::with_capacity(chosen.len());
        let mut surface = SurfaceRows::default();
        for (crop, &index) in chosen.iter().enumerate() {
            let sample = &self.samples[index];
            let augmented = maker.augmenter.augment(sample, &mut rng, &mut maker.crop);
            let augmented = augmented.with_context(|| format!("sample {index} ({:?})", sample.source))?;
            query_viewpoints.push(augmented.viewpoint);
            if let (Some(mesh), Some(templates)) = (&config.mesh, &self.templates) {
                let BatchMaker { rows, augmenter, .. } = maker;
                let shown = (crop, sample, &augmented);
                rows.add(mesh, templates, shown, |x, y| augmenter.is_covered(x, y), &mut rng, &mut surface);
            }
            queries.extend(maker.crop.iter().map(|v| (v * 255.0 + 0.5) as u8));
        }
        let reference_viewpoints = reference_viewpoints(&query_viewpoints, config.references_per_step, &mut rng);
        let mut references = Vec::with_capacity(reference_viewpoints.len() * maker.rendering.len());
        for viewpoint in &reference_viewpoints {
            let shape = &self.shapes[rng.random_range(0..self.shapes.len())];
            maker.renderer.render(shape, viewpoint, config.modality, &mut maker.rendering)?;
            references.extend(maker.rendering.iter().map(|v| ((v * 127.0 + 127.5) as u8).wrapping_sub(127) as i8));
        }
        Ok(Batch { queries, references, query_viewpoints, reference_viewpoints, surface })
    }

    /// Working memory for one worker.
    pub fn maker(&self, config: &TrainingConfig) -> BatchMaker {
        let spec = config.query.crop_spec();
        let renderer = Renderer::new(config.reference.crop_spec());
        BatchMaker {
            augmenter: Augmenter::new(config.augmentation.clone(), spec, Arc::clone(&self.material)),
            crop: vec![0.0; 3 * (spec.width * spec.height) as usize],
            rendering: vec![0.0; renderer.len()],
            renderer,
            rows: RowMaker::new(&spec),
        }
    }
}

/// A worker's buffers.
#[derive(Debug)]
pub struct BatchMaker {
    augmenter: Augmenter,
    crop: Vec<f32>,
    renderer: Renderer,
    rendering: Vec<f32>,
    rows: RowMaker,
}

/// Starts `workers` threads that make the batches of `steps`, and returns them in order.
pub fn stream(
    data: Arc<TrainingData>,
    config: Arc<TrainingConfig>,
    steps: std::ops::Range<usize>,
    workers: usize,
) -> impl Iterator<Item = Result<Batch>> {
    let workers = workers.max(1);
    let receivers: Vec<Receiver<Result<Batch>>> = (0..workers)
        .map(|worker| {
            let (sender, receiver) = sync_channel(QUEUE_MAX.div_ceil(workers));
            let (data, config, steps) = (Arc::clone(&data), Arc::clone(&config), steps.clone());
            std::thread::spawn(move || {
                let mut maker = data.maker(&config);
                for step in steps.skip(worker).step_by(workers) {
                    if sender.send(data.batch(&config, step, &mut maker)).is_err() {
                        break;
                    }
                }
            });
            receiver
        })
        .collect();
    let count = steps.len();
    (0..count).map(move |i| receivers[i % workers].recv().context("a batch worker ended early")?)
}

fn load_samples(data: &DataConfig) -> Result<(Vec<Sample>, Material)> {
    let mut samples = Vec::new();
    for sequence in &data.sequences {
        let selection = KittiSelection {
            classes: vec!["Car".into(), "Van".into()],
            side_min_px: SIDE_MIN_PX,
            occluded_max: 2,
            frames: sequence.first..sequence.end.unwrap_or(u32::MAX),
            frames_skipped: if sequence.synthetic { 0..0 } else { shifted_frames(&sequence.sequence) },
        };
        let source = if sequence.synthetic { Source::Synth } else { Source::Kitti };
        samples.extend(load_sequence(&data.path(&sequence.path), &sequence.sequence, &selection, source)?);
    }
    let backgrounds: Vec<RgbImage> = samples
        .iter()
        .step_by(BACKGROUND_STRIDE)
        .filter(|s| !s.is_photograph())
        .map(|s| s.picture.decode().map(|image| RgbImage::clone(&image)))
        .collect::<Result<_>>()?;
    let mut material = Material { backgrounds, ..Material::default() };
    if let Some(folder) = &data.cars_real {
        let folder = data.path(folder);
        if data.shares.stanford > 0.0 {
            samples.extend(cars_real::load_stanford(&folder)?);
        }
        if data.shares.epfl > 0.0 {
            samples.extend(cars_real::load_epfl(&folder)?);
        }
        if data.shares.carvana > 0.0 {
            let carvana = cars_real::load_carvana(&folder)?;
            material.cars = cutouts::load_cars(&carvana, CAR_CUTOUT_STRIDE);
            samples.extend(carvana);
        }
    }
    decode_some(&mut samples, data.decoded_max_mb)?;
    if let Some(folder) = &data.coco {
        material.occluders = cutouts::load_coco(&data.path(folder))?;
    }
    Ok((samples, material))
}

/// Decodes pictures ahead until they fill `budget_mb`: decoding costs as much as augmenting.
fn decode_some(samples: &mut [Sample], budget_mb: usize) -> Result<()> {
    let left = AtomicUsize::new(budget_mb << 20);
    samples.par_iter_mut().try_for_each(|sample| {
        if !matches!(sample.picture, Picture::Encoded(_)) || left.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let image = sample.picture.decode()?;
        let size = image.as_raw().len();
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(size));
        if taken.is_ok() {
            sample.picture = Picture::Decoded(image);
        }
        Ok(())
    })
}
