//! Refines objects against a neural mesh, a bounded step at a time.

use calibration::so3::geodesic_angle;
use kernels::{FeatureMapBuffer, FeatureResidual, FeatureScore, KernelError, VertexMatch};
use nalgebra::{Matrix3, Matrix6};

use super::comparer::{Candidate, Comparer, RefinedShape, robust};
use super::descent::Status;
use super::explain::{Explanation, explain};
use super::placement::{allocentric, camera_from_sight};
use super::refined::Refined;
use super::view::View;
use crate::RefinementSpec;
use crate::retrieval::{Hypothesis, Retrieval, flipped};

/// Most hypotheses of an object that are refined side by side.
pub const HYPOTHESES_MAX: usize = 4;
/// All hypotheses of an object together may take the steps of two, the retrieved pose and its flip; of one where the grid was searched, which
/// costs about as much as the other. So all objects cost about the same.
const FULL_DESCENTS: u32 = 2;
const FULL_DESCENTS_SEARCHED: u32 = 1;
/// A pose nearer than this to a hypothesis is that hypothesis, radians.
pub(super) const SAME_RAD: f64 = 0.44;

/// One object's memory.
#[derive(Debug)]
struct Slot {
    map: FeatureMapBuffer,
    view: Option<View>,
    candidates: heapless::Vec<Candidate, HYPOTHESES_MAX>,
    next: usize,
    /// Steps that may follow.
    steps_left: u32,
}

/// Refines up to so many objects at once; all memory is allocated by [`Refiner::new`].
pub struct Refiner<S, R> {
    comparer: Comparer<S, R>,
    slots: Vec<Slot>,
}

impl<S: FeatureScore, R: FeatureResidual> Refiner<S, R> {
    /// For feature maps `[D, h, w]` and `objects_max` objects at once.
    ///
    /// # Errors
    /// [`KernelError`] where the kernels refuse the sizes.
    pub fn new(
        score: S,
        residual: R,
        shapes: Vec<RefinedShape>,
        spec: RefinementSpec,
        map_shape: [usize; 3],
        objects_max: usize,
    ) -> Result<Self, KernelError> {
        let [dim, height, width] = map_shape;
        let comparer = Comparer::new(score, residual, shapes, spec, map_shape)?;
        let slot = || {
            let map = FeatureMapBuffer::new(width, height, dim)?;
            Ok(Slot { map, view: None, candidates: heapless::Vec::new(), next: 0, steps_left: 0 })
        };
        let slots = std::iter::repeat_with(slot).take(objects_max).collect::<Result<_, KernelError>>()?;
        Ok(Self { comparer, slots })
    }

    /// The sub-types.
    pub fn shapes(&self) -> &[RefinedShape] {
        &self.comparer.shapes
    }

    /// Whether one of them is of this class, row of the manifest's classes.
    pub fn has_class(&self, class_id: u16) -> bool {
        self.shapes().iter().any(|shape| shape.class_id == class_id)
    }

    /// What is weighed against what.
    pub fn spec(&self) -> &RefinementSpec {
        &self.comparer.spec
    }

    /// Weighs anew, for calibration; the steps of objects that were begun go on with the new weights.
    pub fn set_spec(&mut self, spec: RefinementSpec) {
        self.comparer.spec = spec;
    }

    /// Takes an object in: copies its features `[D, h, w]`, and finds sub-type, scale and centre for every hypothesis.
    ///
    /// A map that is not finite, a box without extent, or a class without a mesh gives an object that cannot be refined: see
    /// [`Refiner::finish`].
    pub fn begin(&mut self, slot: usize, features: &[f32], view: &View, retrieval: &Retrieval) {
        let Some(Slot { map, view: kept, candidates, next, steps_left }) = self.slots.get_mut(slot) else { return };
        candidates.clear();
        (*kept, *next) = (Some(*view), 0);
        // What fails leaves no map.
        let _ = map.fill(features);
        let is_searched = map.map().is_some_and(|map| self.comparer.add_hypotheses(&map, view, retrieval, candidates));
        *steps_left = self.comparer.spec.steps_max * if is_searched { FULL_DESCENTS_SEARCHED } else { FULL_DESCENTS };
    }

    /// Tries one step of the object's next hypothesis; false when there is none left to try.
    ///
    /// A hypothesis takes at most `steps_max`, all of an object together twice as many; as many where the grid was searched.
    pub fn step(&mut self, slot: usize) -> bool {
        let Some(Slot { map, view: Some(view), candidates, next, steps_left }) = self.slots.get_mut(slot) else {
            return false;
        };
        let Some(left) = steps_left.checked_sub(1) else {
            candidates.iter_mut().for_each(|candidate| candidate.descent.stop(Status::StepLimit));
            return false;
        };
        let count = candidates.len();
        let running = |at: &usize| candidates.get(*at).is_some_and(|c| c.descent.status() == Status::Running);
        let Some(at) = (0..count).map(|i| (*next + i) % count).find(running) else { return false };
        (*next, *steps_left) = (at + 1, left);
        let (Some(map), Some(candidate)) = (map.map(), candidates.get_mut(at)) else { return false };
        self.comparer.step(&map, view, candidate);
        true
    }

    /// Ends what is still running.
    pub fn stop(&mut self, slot: usize, status: Status) {
        if let Some(memory) = self.slots.get_mut(slot) {
            memory.candidates.iter_mut().for_each(|candidate| candidate.descent.stop(status));
        }
    }

    /// The best of what was found.
    ///
    /// # Errors
    /// [`Status::Diverged`] where nothing could be compared: what was retrieved stands.
    pub fn finish(&self, slot: usize) -> Result<Refined, Status> {
        let memory = self.slots.get(slot).ok_or(Status::Diverged)?;
        self.best_of(&memory.candidates).ok_or(Status::Diverged)
    }

    fn best_of(&self, candidates: &[Candidate]) -> Option<Refined> {
        let spec = &self.comparer.spec;
        let lowest = candidates.iter().map(|c| c.descent.cost().value).fold(f64::INFINITY, f64::min);
        let weight =
            |c: &Candidate| c.probability.max(1e-6) * (spec.flip_weight * (lowest - c.descent.cost().value)).exp();
        let total: f64 = candidates.iter().map(weight).sum();
        let best = candidates.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
        let placement = best.descent.placement();
        let rotation = allocentric(placement)?;
        let flip = flipped(&rotation);
        let mut hypotheses = heapless::Vec::new();
        let _ = hypotheses.push(Hypothesis { rotation, probability: weight(best) / total });
        let mut flip_probability = 0.0;
        for other in candidates.iter().filter(|other| !std::ptr::eq(*other, best)) {
            let rotation = allocentric(other.descent.placement())?;
            let hypothesis = Hypothesis { rotation, probability: weight(other) / total };
            if geodesic_angle(&hypothesis.rotation, &flip) < SAME_RAD {
                flip_probability += hypothesis.probability;
            }
            let _ = hypotheses.push(hypothesis);
        }
        let sight = camera_from_sight(placement)?.to_rotation_matrix().into_inner();
        let turns = covariance(&best.descent.cost().hessian) * spec.covariance_scale;
        let covariance = sight.transpose() * turns * sight;
        Some(Refined {
            hypotheses,
            covariance: (covariance + covariance.transpose()) * 0.5,
            flip_probability,
            placement: *placement,
            start: best.start,
            shape: best.shape,
            score: -best.descent.cost().value,
            start_score: -best.start_cost,
            status: best.descent.status(),
            steps: candidates.iter().map(|c| c.descent.steps()).sum(),
        })
    }

    /// Why an answer was given, to look at; `None` where there is no such slot or sub-type. Allocates.
    ///
    /// # Errors
    /// [`KernelError`] where a size is wrong.
    pub fn explain(&mut self, slot: usize, refined: &Refined) -> Result<Option<Explanation>, KernelError> {
        let Some(Slot { map, view: Some(view), .. }) = self.slots.get(slot) else { return Ok(None) };
        let Some(map) = map.map() else { return Ok(None) };
        explain(&mut self.comparer, &map, view, refined)
    }

    /// What each vertex of an answer's sub-type is compared with: the occlusion map. `matches` has one entry for each of its vertices; it
    /// is left alone where there is no such slot or sub-type.
    ///
    /// # Errors
    /// [`KernelError`] where a size is wrong.
    pub fn matches(&mut self, slot: usize, refined: &Refined, matches: &mut [VertexMatch]) -> Result<(), KernelError> {
        let Comparer { residual, shapes, spec, .. } = &mut self.comparer;
        let map = self.slots.get(slot).and_then(|memory| memory.map.map());
        let (Some(map), Some(shape)) = (map, shapes.get(refined.shape)) else { return Ok(()) };
        residual.residual_and_matches(&map, &shape.surface, &refined.placement, &robust(spec), matches)?;
        Ok(())
    }
}

/// The rotation's part of the inverse Hessian, symmetric and positive definite whatever rounding has done to that.
fn covariance(hessian: &Matrix6<f64>) -> Matrix3<f64> {
    /// Nothing known about a direction is half a turn.
    const VARIANCE_MAX: f64 = 9.9;
    /// What rounding to f32 in the features' part may have taken from a direction, of the largest curvature.
    const ROUNDING: f64 = 1e-6;
    let mut known = *hessian;
    let rounding = ROUNDING * known.diagonal().amax();
    for i in 0..6 {
        // A scale or shift of which nothing is known must not make the matrix singular; any tiny curvature will do.
        known[(i, i)] += rounding + if i < 3 { 1.0 / VARIANCE_MAX } else { 1e-9 };
    }
    let inverse = known.cholesky().map_or_else(|| Matrix6::identity() * VARIANCE_MAX, |root| root.inverse());
    let turns = inverse.fixed_view::<3, 3>(0, 0);
    (turns + turns.transpose()) * 0.5
}

#[cfg(test)]
mod tests;
