//! Between retrieval and `locate`: poses brought into agreement with the network's feature map, as far as the time reaches.
//!
//! How a pose is refined is [`models::refinement`]'s; this is who is refined when. The objects of a chunk are begun in the order of their
//! doubt, then take turns in the same order, a bounded step each, so that no object eats the time of the others, and those that
//! gain most come first. What is cut off keeps the best it had found.
//!
//! The clock is read after each object that is begun and after each round of turns. What would end after the deadline, at the pace of the
//! one before, is not started; as much again is kept for what follows, so that what was refined is also published in time.

use std::cmp::Ordering;

use calibration::PinholeCamera;
use kernels::{CpuFeatureResidual, CpuFeatureScore, CropSpec, KernelError};
use models::refinement::explain::Explanation;
use models::refinement::{RefinedShape, Refiner, Status, View};
use models::retrieval::Retrieval;
use models::{Model, RefinementSpec};

use super::crop::Candidate;
use crate::object_pose::Mismatch;
use crate::time::{Clock, Deadline};

/// The objects of one chunk.
pub struct Chunk<'a> {
    /// What was cut out.
    pub candidates: &'a [Candidate],
    /// Their feature maps, [objects, D, h, w].
    pub features: &'a [f32],
    /// What the table said; refined answers take its place.
    pub retrievals: &'a mut [Result<Retrieval, Mismatch>],
}

/// The refiner with one slot for each object of a chunk.
pub struct RefineStage {
    refiner: Refiner<CpuFeatureScore, CpuFeatureResidual>,
    crop: CropSpec,
    /// Canvas pixels a cell.
    stride: u32,
    /// Floats of one feature map: D x h x w.
    feature_len: usize,
    /// Rows of the chunk, the most doubtful first.
    order: Vec<usize>,
    /// Of these, whose refinement goes on.
    running: Vec<usize>,
    /// Of each row, how its refinement ended.
    ended: Vec<Option<Status>>,
}

impl RefineStage {
    /// Allocates for `objects_max` objects at once, each of at most `steps_max` steps and the manifest's. `None` where the model has no
    /// neural mesh, or its network no feature map (also where it was opened without).
    ///
    /// # Errors
    /// [`KernelError`] where the kernels refuse the sizes.
    pub fn of(model: &Model, objects_max: usize, steps_max: u32) -> Result<Option<Self>, KernelError> {
        let (Some(mesh), Some(map_shape)) = (&model.neural_mesh, model.backbone.feature_shape()) else {
            return Ok(None);
        };
        let spec = model.manifest.refinement.unwrap_or_default();
        let spec = RefinementSpec { steps_max: spec.steps_max.min(steps_max), ..spec };
        let (score, residual) = (CpuFeatureScore::new(), CpuFeatureResidual::new());
        Ok(Some(Self {
            refiner: Refiner::new(score, residual, RefinedShape::of(mesh), spec, map_shape, objects_max)?,
            crop: CropSpec::from(&model.manifest.input),
            stride: mesh.stride,
            feature_len: map_shape.iter().product(),
            order: Vec::with_capacity(objects_max),
            running: Vec::with_capacity(objects_max),
            ended: vec![None; objects_max],
        }))
    }

    /// Floats of one feature map: D x h x w.
    pub fn feature_len(&self) -> usize {
        self.feature_len
    }

    /// How the refinement of a row of the last chunk ended; none where there was no time, or no mesh, for one.
    pub fn status(&self, row: usize) -> Option<Status> {
        self.ended.get(row).copied().flatten()
    }

    /// Why the refinement of a row of the last chunk ended as it did; none where there is nothing to show. Allocates.
    ///
    /// # Errors
    /// [`KernelError`] where the kernels refuse the mesh.
    pub fn explain(&mut self, row: usize) -> Result<Option<Explanation>, KernelError> {
        match self.refiner.finish(row) {
            Ok(refined) if self.status(row).is_some() => self.refiner.explain(row, &refined),
            _ => Ok(None),
        }
    }

    /// Forgets the last chunk.
    pub fn clear(&mut self) {
        self.ended.fill(None);
    }

    /// Refines what was retrieved, until nothing is left to gain or `until`. Where nothing comes of it (a feature map that is not finite, a
    /// class without a mesh, no time), the retrieved answer stays, in the first case with the status [`Status::Diverged`].
    pub fn run(
        &mut self,
        chunk: &mut Chunk<'_>,
        camera: &PinholeCamera,
        until: Deadline,
        now_us: u64,
        clock: &dyn Clock,
    ) {
        self.clear();
        by_doubt(chunk.retrievals, &mut self.order);
        let pace = self.begin(chunk, camera, until, now_us, clock);
        self.take_turns(until, pace, clock);
        for &row in &self.order {
            self.refiner.stop(row, Status::DeadlineReached);
            let (Some(candidate), Some(Ok(answer)), Some(ended)) =
                (chunk.candidates.get(row), chunk.retrievals.get_mut(row), self.ended.get_mut(row))
            else {
                continue;
            };
            *ended = match self.refiner.finish(row).map(|refined| (refined.status, refined.into_retrieval(answer))) {
                Ok((status, refined)) if is_finite(&refined) => {
                    *answer = refined;
                    Some(status)
                }
                // Where there is no mesh, nothing was tried.
                _ => self.refiner.has_class(class_id(candidate)).then_some(Status::Diverged),
            };
        }
    }

    /// Takes the objects in, and out of `order` those for which there is no time.
    fn begin(
        &mut self,
        chunk: &Chunk<'_>,
        camera: &PinholeCamera,
        until: Deadline,
        now_us: u64,
        clock: &dyn Clock,
    ) -> Pace {
        let image_px = [camera.width_px, camera.height_px];
        let (mut begun_count, mut pace) = (0, Pace { now_us, one_us: 0 });
        for &row in &self.order {
            if !pace.has_time(until) {
                break;
            }
            let features = chunk.features.get(row * self.feature_len..(row + 1) * self.feature_len);
            if let (Some(features), Some(candidate), Some(Ok(retrieval))) =
                (features, chunk.candidates.get(row), chunk.retrievals.get(row))
            {
                let view = View::of_crop(
                    class_id(candidate),
                    &candidate.box_px,
                    &self.crop,
                    self.stride,
                    Some(camera),
                    image_px,
                );
                self.refiner.begin(row, features, &view, retrieval);
            }
            begun_count += 1;
            pace.read(clock);
        }
        self.order.truncate(begun_count);
        pace
    }

    /// A step for each object in turn, until none is left to make or `until`. How long a round takes is not known before the first: beginning an
    /// object looks at more placements than a few steps do.
    fn take_turns(&mut self, until: Deadline, mut pace: Pace, clock: &dyn Clock) {
        self.running.clear();
        self.running.extend_from_slice(&self.order);
        while !self.running.is_empty() && pace.has_time(until) {
            let refiner = &mut self.refiner;
            self.running.retain(|&row| refiner.step(row));
            pace.read(clock);
        }
    }
}

/// Row of the manifest's classes. More classes than a mesh can have are not in it: none of its shapes has the last number.
fn class_id(candidate: &Candidate) -> u16 {
    u16::try_from(candidate.class).unwrap_or(u16::MAX)
}

/// The time, and how long the last piece of work took.
#[derive(Clone, Copy, Debug)]
struct Pace {
    now_us: u64,
    one_us: u64,
}

impl Pace {
    /// Whether another piece like the last would end in time, and what follows too.
    fn has_time(self, until: Deadline) -> bool {
        !until.is_reached(self.now_us.saturating_add(self.one_us.saturating_mul(2)))
    }

    fn read(&mut self, clock: &dyn Clock) {
        let now_us = clock.now_us();
        *self = Self { now_us, one_us: now_us.saturating_sub(self.now_us) };
    }
}

/// Rows with an answer: the likeliest flips first, then the widest spreads, then as they came.
fn by_doubt(retrievals: &[Result<Retrieval, Mismatch>], order: &mut Vec<usize>) {
    let doubt = |row: usize| match retrievals.get(row) {
        Some(Ok(answer)) => [answer.flip_probability, answer.covariance.trace()],
        _ => [0.0; 2],
    };
    let more_first = |&a: &usize, &b: &usize| -> Ordering {
        let ([flip_a, spread_a], [flip_b, spread_b]) = (doubt(a), doubt(b));
        flip_b.total_cmp(&flip_a).then(spread_b.total_cmp(&spread_a)).then(a.cmp(&b))
    };
    order.clear();
    order.extend((0..retrievals.len()).filter(|&row| matches!(retrievals.get(row), Some(Ok(_)))));
    order.sort_unstable_by(more_first);
}

/// Whether an answer can be published: arithmetic at the edge of what floats hold must not replace a good answer.
fn is_finite(answer: &Retrieval) -> bool {
    let rotations = std::iter::once(&answer.best).chain(&answer.alternatives);
    let mut numbers = rotations.flat_map(|one| one.rotation.coords.iter().copied().chain([one.probability]));
    numbers.all(f64::is_finite)
        && answer.flip_probability.is_finite()
        && answer.covariance.iter().all(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use calibration::Rotation;
    use models::retrieval::Hypothesis;
    use nalgebra::Matrix3;

    fn answer(flip_probability: f64, variance: f64) -> Result<Retrieval, Mismatch> {
        Ok(Retrieval {
            best: Hypothesis { rotation: Rotation::identity(), probability: 1.0 - flip_probability },
            covariance: Matrix3::identity() * variance,
            similarity: 0.5,
            flip_probability,
            alternatives: heapless::Vec::new(),
        })
    }

    #[test]
    fn the_most_doubtful_come_first_and_who_has_no_answer_not_at_all() {
        let retrievals = [
            answer(0.1, 0.3),
            Err(Mismatch::NoNeighbor),
            answer(0.4, 0.1),
            answer(0.1, 0.5),
            answer(0.1, 0.3),
            answer(0.0, 9.0),
        ];
        let mut order = vec![7];
        by_doubt(&retrievals, &mut order);
        assert_eq!(order, [2, 3, 0, 4, 5]);
        by_doubt(&[], &mut order);
        assert!(order.is_empty());
    }

    #[test]
    fn an_answer_with_a_number_that_is_none_is_not_published() {
        let spoilt = |spoil: fn(&mut Retrieval)| {
            let mut answer = answer(0.1, 0.3).unwrap();
            spoil(&mut answer);
            is_finite(&answer)
        };
        assert!(spoilt(|_| ()));
        assert!(!spoilt(|answer| answer.best.probability = f64::NAN));
        assert!(!spoilt(|answer| answer.flip_probability = f64::INFINITY));
        assert!(!spoilt(|answer| answer.covariance[(1, 2)] = f64::NAN));
        assert!(!spoilt(|answer| {
            let _ = answer.alternatives.push(Hypothesis { probability: f64::NAN, ..answer.best });
        }));
    }
}
