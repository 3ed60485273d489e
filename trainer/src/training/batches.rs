//! Ready batches, made by worker threads while the network learns.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, Result};
use calibration::{Rotation, Viewpoint};
use image::RgbImage;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::{DataConfig, TrainingConfig};
use super::sampling::{Sampler, reference_viewpoints};
use crate::augmentation::{Augmenter, Material};
use crate::datasets::kitti::{KittiSelection, load_sequence};
use crate::datasets::{Sample, Source, cars_real, cutouts};
use crate::rendering::{NormalRenderer, Shape, load_shapes};

/// Batches waiting for the network.
const QUEUE_MAX: usize = 4;
/// Frames of a KITTI tracking sequence whose labelled boxes are visibly shifted.
pub fn shifted_frames(sequence: &str) -> std::ops::Range<u32> {
    if sequence == "0001" { 175..186 } else { 0..0 }
}

/// Smallest box side used for training.
const SIDE_MIN_PX: f64 = 24.0;
/// Every so many Carvana pictures one is kept as an occluder.
const CAR_CUTOUT_STRIDE: usize = 7;
/// Every so many crops one stands in as a street behind cut-out cars.
const BACKGROUND_STRIDE: usize = 23;

/// One step's inputs, row-major.
#[derive(Debug)]
pub struct Batch {
    /// `[Q, 3, H, W]` normalised crops.
    pub queries: Vec<f32>,
    /// `[R, 3, h, w]` normal maps.
    pub references: Vec<f32>,
    /// Pose of each query, allocentric `camera_from_object`.
    pub query_rotations: Vec<Rotation>,
    /// Pose of each reference.
    pub reference_rotations: Vec<Rotation>,
}

/// Everything a batch is made of.
#[derive(Debug)]
pub struct TrainingData {
    /// Posed crops.
    pub samples: Vec<Sample>,
    /// CAD shapes.
    pub shapes: Vec<Shape>,
    material: Arc<Material>,
    sampler: Sampler,
}

impl TrainingData {
    /// Loads all that the run names; errors name the file.
    pub fn load(config: &TrainingConfig) -> Result<Self> {
        let (samples, material) = load_samples(&config.data)?;
        let shapes = load_shapes(&config.shapes, config.vehicles, &config.data.root)?;
        let sampler = Sampler::new(&samples, &config.data.shares)?;
        Ok(Self { samples, shapes, material: Arc::new(material), sampler })
    }

    /// Makes the batch of a step; depends on the seed and the step alone, so a resumed run sees the same batches.
    pub fn batch(&self, config: &TrainingConfig, step: usize, maker: &mut BatchMaker) -> Result<Batch> {
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
        rng.set_stream(step as u64);
        let chosen = self.sampler.draw(config.queries_per_step, &mut rng);
        let side = 3 * (config.query.width * config.query.height) as usize;
        let mut queries = vec![0.0; chosen.len() * side];
        let mut viewpoints = Vec::with_capacity(chosen.len());
        for (&index, out) in chosen.iter().zip(queries.chunks_exact_mut(side)) {
            let sample = &self.samples[index];
            let viewpoint = maker.augmenter.augment(sample, &mut rng, out);
            viewpoints.push(viewpoint.with_context(|| format!("sample {index} ({:?})", sample.source))?);
        }
        let reference_poses = reference_viewpoints(&viewpoints, config.references_per_step, &mut rng);
        let mut references = vec![0.0; reference_poses.len() * maker.renderer.len()];
        for (viewpoint, out) in reference_poses.iter().zip(references.chunks_exact_mut(maker.renderer.len())) {
            let shape = &self.shapes[rng.random_range(0..self.shapes.len())];
            maker.renderer.render(&shape.mesh, viewpoint, out)?;
        }
        let rotations =
            |viewpoints: &[Viewpoint]| viewpoints.iter().map(Viewpoint::to_rotation).collect::<Vec<Rotation>>();
        let (query_rotations, reference_rotations) = (rotations(&viewpoints), rotations(&reference_poses));
        Ok(Batch { queries, references, query_rotations, reference_rotations })
    }

    /// Working memory for one worker.
    pub fn maker(&self, config: &TrainingConfig) -> BatchMaker {
        BatchMaker {
            augmenter: Augmenter::new(
                config.augmentation.clone(),
                config.query.crop_spec(),
                Arc::clone(&self.material),
            ),
            renderer: NormalRenderer::new(config.reference.crop_spec()),
        }
    }
}

/// A worker's buffers.
#[derive(Debug)]
pub struct BatchMaker {
    augmenter: Augmenter,
    renderer: NormalRenderer,
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
        samples.extend(load_sequence(&data.root.join(&sequence.path), &sequence.sequence, &selection, source)?);
    }
    let backgrounds: Vec<RgbImage> = samples
        .iter()
        .step_by(BACKGROUND_STRIDE)
        .map(|s| s.picture.decode().map(|image| RgbImage::clone(&image)))
        .collect::<Result<_>>()?;
    let mut material = Material { backgrounds, ..Material::default() };
    if let Some(folder) = &data.cars_real {
        let folder = data.root.join(folder);
        if data.shares.stanford > 0.0 {
            samples.extend(cars_real::load_stanford(&folder)?);
        }
        if data.shares.epfl > 0.0 {
            samples.extend(cars_real::load_epfl(&folder)?);
        }
        if data.shares.carvana > 0.0 {
            let carvana = cars_real::load_carvana(&folder)?;
            material.cars = cutouts::load_cars(&carvana, CAR_CUTOUT_STRIDE)?;
            samples.extend(carvana);
        }
    }
    if let Some(folder) = &data.coco {
        material.occluders = cutouts::load_coco(&data.root.join(folder))?;
    }
    Ok((samples, material))
}
