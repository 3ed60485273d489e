//! From a frame and its detections to oriented objects. Decides; never sends.
//!
//! All memory is allocated in [`Pipeline::new`]; [`Pipeline::process`] allocates nothing (the network's
//! runtime keeps its own memory). Detections are worked on in chunks, those with the highest scores first;
//! each chunk passes all stages before the next one starts, so that whatever the deadline cuts off is the
//! least certain part. A network pass that was paid for is always finished: retrieval and placing take a
//! fraction of its time, and their answer carries the status `DeadlineReached`. Refinement, where the model can, has what is left of the time
//! after the poses of all chunks.
//!
//! The clock is read in a fixed order, which a test or a trace may rely on: once at the start, once after
//! selection, and for each chunk after each of [`Stage::ALL`] that it reached; where objects get a second look, for each of them
//! after its crops, its network pass and its retrieval, before the chunk is refined; where the model refines and there is time to,
//! after each object that is begun, after each round of their steps, and once more at the end of the stage.

mod error;
mod look_again;
mod place;
mod refine;
mod search;
mod stage_times;

pub use error::{PipelineBuildError, PipelineError};
pub use stage_times::{Stage, StageTimes};

use std::ops::Range;

use calibration::PinholeCamera;
use kernels::{CpuCrop, CropSpec};
use models::retrieval::level::LevelPrior;
use models::retrieval::second_look::SecondLook;
use models::retrieval::{NoNeighbor, Retrieval, Retriever};
use models::{BackboneError, Manifest, Model, Provider};

use crate::detection::{ClassName, Detection};
use crate::frame::Frame;
use crate::level::Level;
use crate::limits::Limits;
use crate::object_pose::{Mismatch, ObjectPose, ObjectStatus};
use crate::stages::crop::{Candidate, CropStage, class_name};
use crate::stages::embed::EmbedStage;
use crate::stages::locate::LocateStage;
use crate::stages::refine::RefineStage;
use crate::time::{Clock, Deadline};
use look_again::LookAgain;
use place::{place, viewing_ray};
use search::TableSearch;

/// A class as the pipeline needs it.
struct Class {
    name: ClassName,
    rows: Range<u32>,
    dimensions_m: [f64; 3],
}

/// The time that a chunk has.
struct Budget {
    deadline: Deadline,
    /// When the work on it began.
    started_us: u64,
    /// How long the network took on its crops.
    embed_us: u64,
}

/// The pose path of one camera.
pub struct Pipeline {
    manifest: Manifest,
    sha256: String,
    refused: Vec<(Provider, String)>,
    classes: Vec<Class>,
    side_px_max: u32,
    batch_max: usize,
    crop: CropStage<CpuCrop>,
    embed: EmbedStage,
    retrieve: Retriever<TableSearch>,
    /// None where the model has no neural mesh, or its network was opened without a feature map.
    refine: Option<RefineStage>,
    locate: LocateStage,
    level: Option<Level>,
    again: LookAgain,
    candidates: Vec<Candidate>,
    /// Of the chunk in work, what the table said, then what refinement made of it.
    retrievals: Vec<Result<Retrieval, Mismatch>>,
    poses: Vec<ObjectPose>,
    times: StageTimes,
    cut_count: usize,
    backbone_failure: Option<BackboneError>,
}

impl Pipeline {
    /// Takes the model over and allocates everything a frame can need within `limits`.
    ///
    /// The backbone must have been opened for at least `limits.batch_max` crops.
    ///
    /// # Errors
    /// [`PipelineBuildError`] naming the limit, the row or the class at fault.
    pub fn new(model: Model, limits: &Limits) -> Result<Self, PipelineBuildError> {
        limits.validate()?;
        let classes = classes(&model)?;
        let batch_max = limits.batch_max.min(limits.detections_max);
        let refine =
            RefineStage::of(&model, batch_max, limits.refine_steps_max).map_err(PipelineBuildError::Refinement)?;
        let feature_len = refine.as_ref().map_or(0, RefineStage::feature_len);
        let Model { manifest, table, backbone, refused, sha256, .. } = model;
        let neighbors = manifest.retrieval.neighbors;
        if neighbors > limits.neighbors_max {
            return Err(PipelineBuildError::Neighbors { neighbors, neighbors_max: limits.neighbors_max });
        }
        let network_on_gpu = matches!(backbone.provider(), Provider::OnnxRuntimeCuda | Provider::OnnxRuntimeTensorRt);
        let top_k = TableSearch::new(&table.view(), neighbors, batch_max, network_on_gpu);
        let mut crop = CpuCrop::new();
        let side_px_max = limits.image_side_px_max;
        crop.reserve(side_px_max, side_px_max, &CropSpec::from(&manifest.input));
        let crop = CropStage::new(crop, &manifest, limits);
        Ok(Self {
            classes,
            side_px_max,
            batch_max,
            embed: EmbedStage::new(backbone, crop.crop_len(), table.dim, feature_len, batch_max),
            retrieve: Retriever::new(top_k, table, manifest.retrieval.clone(), batch_max)?,
            refine,
            locate: LocateStage::new(limits.range_m_min, limits.range_m_max),
            level: None,
            again: LookAgain::new(SecondLook::OFF, batch_max, 0),
            crop,
            candidates: Vec::with_capacity(limits.detections_max),
            retrievals: Vec::with_capacity(batch_max),
            poses: Vec::with_capacity(limits.detections_max),
            times: StageTimes::default(),
            cut_count: 0,
            backbone_failure: None,
            manifest,
            sha256,
            refused,
        })
    }

    /// With what is known about up and down.
    #[must_use]
    pub fn with_level(self, level: Option<Level>) -> Self {
        Self { level, ..self }
    }

    /// With a second look at objects in doubt, of at most `batch_max` crops each. Allocates for it.
    #[must_use]
    pub fn with_second_look(self, rule: SecondLook) -> Self {
        let dim = self.retrieve.table().dim;
        Self { again: LookAgain::new(rule, self.batch_max, dim), ..self }
    }

    /// Works on one frame: one answer for each detection considered, in the order of the detections.
    ///
    /// Of more than `detections_max` detections, those with the highest scores are considered
    /// ([`Pipeline::cut_count`] tells how many were not). `camera` must be of the image's size.
    ///
    /// # Errors
    /// [`PipelineError`] where no detection of the frame could be answered.
    pub fn process(
        &mut self,
        frame: &Frame<'_>,
        camera: &PinholeCamera,
        detections: &[Detection],
        deadline: Deadline,
        clock: &dyn Clock,
    ) -> Result<&[ObjectPose], PipelineError> {
        let started_us = clock.now_us();
        self.times = StageTimes::default();
        self.backbone_failure = None;
        self.cut_count = 0;
        self.poses.clear();
        let image_px = [frame.image.width(), frame.image.height()];
        let camera_px = [camera.width_px, camera.height_px];
        if image_px != camera_px {
            return Err(PipelineError::CameraSize { image_px, camera_px });
        }
        if image_px.iter().any(|&side| side > self.side_px_max) {
            return Err(PipelineError::ImageSize { image_px, side_px_max: self.side_px_max });
        }
        self.select(detections, image_px);
        let mut now_us = self.lap(Stage::Crop, started_us, clock);

        let mut start = 0;
        while start < self.candidates.len() {
            let chunk = start..(start + self.batch_max).min(self.candidates.len());
            start = chunk.end;
            now_us = self.work(frame, camera, chunk, deadline, now_us, clock)?;
        }
        self.poses.sort_unstable_by_key(|pose| pose.detection_index);
        self.times.total_us = now_us.saturating_sub(started_us);
        Ok(&self.poses)
    }

    /// Fills `candidates` with what is worked on and `poses` with an answer for each rejected detection.
    fn select(&mut self, detections: &[Detection], [width_px, height_px]: [u32; 2]) {
        let (candidates, poses) = (&mut self.candidates, &mut self.poses);
        candidates.clear();
        self.cut_count = self.crop.select(
            detections,
            width_px,
            height_px,
            |candidate| candidates.push(candidate),
            |index, reason| {
                let class = detections.get(index).map_or_else(ClassName::new, |d| d.class_id.clone());
                poses.push(ObjectPose::without_pose(index, class, ObjectStatus::Rejected(reason)));
            },
        );
    }

    /// Takes one chunk through all stages; returns the time after the last.
    fn work(
        &mut self,
        frame: &Frame<'_>,
        camera: &PinholeCamera,
        chunk: Range<usize>,
        deadline: Deadline,
        mut now_us: u64,
        clock: &dyn Clock,
    ) -> Result<u64, PipelineError> {
        if deadline.is_reached(now_us) {
            self.answer_without_pose(chunk, ObjectStatus::DeadlineReached);
            return Ok(now_us);
        }
        let (batch, started_us) = (chunk.len(), now_us);
        self.crop.cut(&frame.image, &self.candidates[chunk.clone()], self.embed.crops_mut(batch))?;
        now_us = self.lap(Stage::Crop, now_us, clock);
        if deadline.is_reached(now_us) {
            self.answer_without_pose(chunk, ObjectStatus::DeadlineReached);
            return Ok(now_us);
        }
        let embedded = self.embed.run(batch);
        let cut_us = now_us;
        now_us = self.lap(Stage::Embed, now_us, clock);
        if let Err(failure) = embedded {
            self.backbone_failure = Some(failure);
            self.answer_without_pose(chunk, ObjectStatus::Unavailable);
            return Ok(now_us);
        }
        self.retrieve_chunk(chunk.clone(), camera)?;
        let budget = Budget { deadline, started_us, embed_us: now_us.saturating_sub(cut_us) };
        now_us = self.lap(Stage::Retrieve, now_us, clock);
        now_us = self.look_again(frame, camera, chunk.clone(), &budget, now_us, clock)?;
        now_us = self.refine_chunk(camera, chunk.clone(), &budget, now_us, clock);
        let late = deadline.is_reached(now_us);
        self.locate_chunk(chunk, camera, late);
        Ok(self.lap(Stage::Locate, now_us, clock))
    }

    /// Fills `retrievals`; neighbouring objects of one class share one pass over its rows.
    fn retrieve_chunk(&mut self, chunk: Range<usize>, camera: &PinholeCamera) -> Result<(), PipelineError> {
        self.retrievals.clear();
        let candidates = &self.candidates[chunk];
        let mut start = 0;
        for run in candidates.chunk_by(|a, b| a.class == b.class) {
            let crops = start..start + run.len();
            start = crops.end;
            let rows =
                run.first().and_then(|first| self.classes.get(first.class)).map_or(0..0, |class| class.rows.clone());
            self.retrieve.search(self.embed.rows(crops.clone()), rows)?;
            for (index, (crop, candidate)) in crops.zip(run).enumerate() {
                let prior = prior(self.level.as_ref(), candidate, camera);
                self.retrievals.push(match self.embed.fault(crop) {
                    Some(fault) => Err(fault),
                    None => self.retrieve.vote(index, prior.as_ref()).map_err(|NoNeighbor| Mismatch::NoNeighbor),
                });
            }
        }
        Ok(())
    }

    fn locate_chunk(&mut self, chunk: Range<usize>, camera: &PinholeCamera, late: bool) {
        let found = if late { ObjectStatus::DeadlineReached } else { ObjectStatus::Ok };
        for (row, (candidate, retrieval)) in self.candidates[chunk].iter().zip(&self.retrievals).enumerate() {
            let Some(class) = self.classes.get(candidate.class) else { continue };
            let mut pose = ObjectPose::without_pose(candidate.detection_index, class.name.clone(), found);
            pose.refinement = self.refine.as_ref().and_then(|refine| refine.status(row));
            let placed = retrieval.as_ref().map_err(|&mismatch| mismatch).and_then(|retrieval| {
                place(&mut pose, retrieval, &candidate.box_px, camera, class.dimensions_m, &self.locate)
                    .ok_or(Mismatch::NotPlaced)
            });
            if let Err(mismatch) = placed {
                pose.status = ObjectStatus::Unmatched(mismatch);
            }
            self.poses.push(pose);
        }
    }

    fn answer_without_pose(&mut self, chunk: Range<usize>, status: ObjectStatus) {
        for candidate in &self.candidates[chunk] {
            let class = self.classes.get(candidate.class).map_or_else(ClassName::new, |class| class.name.clone());
            self.poses.push(ObjectPose::without_pose(candidate.detection_index, class, status));
        }
    }

    /// Books the time since `since_us` on `stage` and returns the time now.
    fn lap(&mut self, stage: Stage, since_us: u64, clock: &dyn Clock) -> u64 {
        let now_us = clock.now_us();
        self.times.us[stage as usize] += now_us.saturating_sub(since_us);
        now_us
    }

    /// Where the time of the last frame went.
    pub fn stage_us(&self) -> StageTimes {
        self.times
    }

    /// Detections of the last frame that were not considered because there were too many.
    pub fn cut_count(&self) -> usize {
        self.cut_count
    }

    /// What the network's runtime said, where objects of the last frame are `Unavailable`.
    pub fn backbone_failure(&self) -> Option<&BackboneError> {
        self.backbone_failure.as_ref()
    }

    /// The model's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether poses are refined: the model has a neural mesh, and its network was opened with the feature map.
    pub fn refines(&self) -> bool {
        self.refine.is_some()
    }

    /// SHA-256 of the manifest, hexadecimal: it names the hashes of all files of the model.
    pub fn model_sha256(&self) -> &str {
        &self.sha256
    }

    /// The provider that runs the network.
    pub fn provider(&self) -> Provider {
        self.embed.backbone().provider()
    }

    /// The provider's library and version.
    pub fn provider_description(&self) -> String {
        self.embed.backbone().description()
    }

    /// Providers that were allowed and refused, with the reason.
    pub fn refused(&self) -> &[(Provider, String)] {
        &self.refused
    }
}

/// What the viewing ray of a candidate says about its tilt, where up is known.
fn prior(level: Option<&Level>, candidate: &Candidate, camera: &PinholeCamera) -> Option<LevelPrior> {
    level?.prior(&viewing_ray(&candidate.box_px, camera))
}

/// Collects the classes of a model; each needs rows to be found among and a size to be placed with.
fn classes(model: &Model) -> Result<Vec<Class>, PipelineBuildError> {
    let wrong = |class: &str, reason| PipelineBuildError::Class { class: class.to_owned(), reason };
    let mut classes = Vec::with_capacity(model.manifest.classes.len());
    for (class_id, spec) in (0_u16..).zip(&model.manifest.classes) {
        let name = class_name(&spec.name).ok_or_else(|| wrong(&spec.name, "has a name of more than 32 bytes"))?;
        let rows = model.table.class_range(class_id);
        if rows.is_empty() {
            return Err(wrong(&spec.name, "has no row in the reference table"));
        }
        let dimensions_m = [spec.length_m, spec.width_m, spec.height_m];
        if !dimensions_m.iter().all(|&side| side.is_finite() && side > 0.0) {
            return Err(wrong(&spec.name, "needs a length, width and height above 0 m"));
        }
        classes.push(Class { name, rows, dimensions_m });
    }
    Ok(classes)
}

#[cfg(test)]
mod tests;
