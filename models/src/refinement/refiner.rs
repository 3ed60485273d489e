//! Refines objects against a neural mesh, a bounded step at a time.

use calibration::Rotation;
use calibration::so3::geodesic_angle;
use kernels::{
    FeatureMap, FeatureResidual, FeatureScore, KernelError, Placement, RobustSpec, VertexMatch, channels_last,
};
use nalgebra::{Matrix3, Matrix6, Vector3, Vector6};

use super::descent::{Cost, Descent, Status, rows};
use super::hypotheses::{GRID_COUNT, grid};
use super::placement::{Perspective, fit_box};
use super::prior::{BoxPrior, RotationPrior};
use super::refined::Refined;
use super::view::View;
use crate::RefinementSpec;
use crate::neural_mesh::{NeuralMesh, SubType};
use crate::retrieval::{Hypothesis, Retrieval};

/// Most hypotheses of an object that are refined side by side.
pub const HYPOTHESES_MAX: usize = 4;
/// Modes with less of the vote are not refined; the flip always is.
const PROBABILITY_MIN: f64 = 0.02;
/// Retrieval is in doubt where the flip is likelier than this: then the grid is searched as well.
const DOUBT_FLIP: f64 = 0.1;
/// So much of the vote is left to a pose that only the grid found.
const GRID_PROBABILITY: f64 = 0.01;
/// A grid pose nearer than this to a hypothesis is that hypothesis, radians.
pub(super) const SAME_RAD: f64 = 0.44;

/// A sub-type ready to be placed.
#[derive(Clone, Debug)]
pub struct RefinedShape {
    /// Row of the manifest's classes.
    pub class_id: u16,
    /// Vertices with features, gradients and clutter.
    pub surface: kernels::Surface,
    /// Outermost vertices, mesh units.
    pub outline: Vec<[f32; 3]>,
    /// Longest side, mesh units.
    pub length: f32,
}

impl RefinedShape {
    /// All sub-types of a mesh.
    pub fn of(mesh: &NeuralMesh) -> Vec<Self> {
        let shape = |sub_type: &SubType| {
            let surface = sub_type.surface();
            let outline = surface.outline();
            let point = |row: &u32| surface.positions().get(*row as usize).copied();
            Self {
                class_id: sub_type.class_id(),
                surface: sub_type.textured().clone(),
                outline: outline.iter().filter_map(point).collect(),
                length: surface.bounds().size().into_iter().fold(0.0, f32::max),
            }
        };
        mesh.sub_types.iter().map(shape).collect()
    }
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    descent: Descent,
    prior: RotationPrior,
    shape: usize,
    /// The vote's share.
    probability: f64,
    start_cost: f64,
}

/// One object's memory.
#[derive(Debug, Default)]
struct Slot {
    map: Vec<f32>,
    view: Option<View>,
    candidates: heapless::Vec<Candidate, HYPOTHESES_MAX>,
    next: usize,
}

/// Refines up to so many objects at once; all memory is allocated by [`Refiner::new`].
pub struct Refiner<S, R> {
    score: S,
    residual: R,
    shapes: Vec<RefinedShape>,
    spec: RefinementSpec,
    /// D, h, w.
    map_shape: [usize; 3],
    slots: Vec<Slot>,
    grid: Vec<Rotation>,
    placements: Vec<Placement>,
    scores: Vec<f32>,
}

impl<S: FeatureScore, R: FeatureResidual> Refiner<S, R> {
    /// For feature maps `[D, h, w]` and `objects_max` objects at once.
    ///
    /// # Errors
    /// [`KernelError`] where the kernels refuse the sizes.
    pub fn new(
        mut score: S,
        mut residual: R,
        shapes: Vec<RefinedShape>,
        spec: RefinementSpec,
        map_shape: [usize; 3],
        objects_max: usize,
    ) -> Result<Self, KernelError> {
        let [dim, height, width] = map_shape;
        let vertices = shapes.iter().map(|shape| shape.surface.vertex_count()).max().unwrap_or(0);
        score.reserve(vertices, height * width, dim)?;
        residual.reserve(vertices, height * width, dim)?;
        let slot = || Slot { map: vec![0.0; dim * height * width], ..Slot::default() };
        Ok(Self {
            score,
            residual,
            shapes,
            spec,
            map_shape,
            slots: std::iter::repeat_with(slot).take(objects_max).collect(),
            grid: grid().collect(),
            placements: Vec::with_capacity(GRID_COUNT),
            scores: Vec::with_capacity(GRID_COUNT),
        })
    }

    /// The sub-types.
    pub fn shapes(&self) -> &[RefinedShape] {
        &self.shapes
    }

    /// What is weighed against what.
    pub fn spec(&self) -> &RefinementSpec {
        &self.spec
    }

    /// Weighs anew, for calibration; the steps of objects that were begun go on with the new weights.
    pub fn set_spec(&mut self, spec: RefinementSpec) {
        self.spec = spec;
    }

    /// Takes an object in: copies its features `[D, h, w]`, and finds sub-type, scale and centre for every hypothesis.
    ///
    /// A map that is not finite, a box without extent, or a class without a mesh gives an object that cannot be refined: its
    /// [`Refiner::finish`] is `None`.
    pub fn begin(&mut self, slot: usize, features: &[f32], view: &View, retrieval: &Retrieval) {
        let [dim, height, width] = self.map_shape;
        let Some(memory) = self.slots.get_mut(slot) else { return };
        memory.candidates.clear();
        (memory.view, memory.next) = (None, 0);
        if channels_last(features, width, height, dim, &mut memory.map).is_err() {
            return;
        }
        memory.view = Some(*view);
        // Taken out, so that the kernels can be borrowed beside it; moved back below.
        let mut memory = std::mem::take(memory);
        if let Ok(map) = FeatureMap::new(&memory.map, width, height, dim) {
            self.add_hypotheses(&map, view, retrieval, &mut memory.candidates);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = memory;
        }
    }

    /// Tries one step of the object's next hypothesis; false when there is none left to try.
    pub fn step(&mut self, slot: usize) -> bool {
        let [dim, height, width] = self.map_shape;
        let Some(memory) = self.slots.get_mut(slot) else { return false };
        let Some(view) = memory.view else { return false };
        let count = memory.candidates.len();
        let running = |at: &usize| memory.candidates.get(*at).is_some_and(|c| c.descent.status() == Status::Running);
        let Some(at) = (0..count).map(|i| (memory.next + i) % count).find(running) else { return false };
        memory.next = at + 1;
        let Slot { map, candidates, .. } = memory;
        let (Ok(map), Some(candidate)) = (FeatureMap::new(map, width, height, dim), candidates.get_mut(at)) else {
            return false;
        };
        let Candidate { descent, prior, shape, .. } = candidate;
        let (spec, residual) = (&self.spec, &mut self.residual);
        let Some(shape) = self.shapes.get(*shape) else { return false };
        descent.step(spec.steps_max, |placement| cost(residual, spec, &map, shape, &view, prior, placement));
        true
    }

    /// Ends what is still running.
    pub fn stop(&mut self, slot: usize, status: Status) {
        if let Some(memory) = self.slots.get_mut(slot) {
            memory.candidates.iter_mut().for_each(|candidate| candidate.descent.stop(status));
        }
    }

    /// The best of what was found; `None` where nothing could be compared.
    pub fn finish(&self, slot: usize) -> Option<Refined> {
        let memory = self.slots.get(slot)?;
        let lowest = memory.candidates.iter().map(|c| c.descent.cost().value).fold(f64::INFINITY, f64::min);
        let weight =
            |c: &Candidate| c.probability.max(1e-6) * (self.spec.flip_weight * (lowest - c.descent.cost().value)).exp();
        let total: f64 = memory.candidates.iter().map(weight).sum();
        let best = memory.candidates.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
        if !lowest.is_finite() {
            return None;
        }
        let rotation = best.descent.rotation();
        let flip = crate::retrieval::flipped(&rotation);
        let mut hypotheses = heapless::Vec::new();
        let _ = hypotheses.push(Hypothesis { rotation, probability: weight(best) / total });
        let mut flip_probability = 0.0;
        for other in memory.candidates.iter().filter(|other| !std::ptr::eq(*other, best)) {
            let hypothesis = Hypothesis { rotation: other.descent.rotation(), probability: weight(other) / total };
            if geodesic_angle(&hypothesis.rotation, &flip) < SAME_RAD {
                flip_probability += hypothesis.probability;
            }
            let _ = hypotheses.push(hypothesis);
        }
        Some(Refined {
            hypotheses,
            covariance: covariance(&best.descent.cost().hessian) * self.spec.covariance_scale,
            flip_probability,
            placement: *best.descent.placement(),
            shape: best.shape,
            score: -best.descent.cost().value,
            start_score: -best.start_cost,
            status: best.descent.status(),
            steps: memory.candidates.iter().map(|c| c.descent.steps()).sum(),
        })
    }

    /// What each vertex of an answer's sub-type is compared with: the occlusion map. `matches` has one entry for each of its vertices; it
    /// is left alone where there is no such slot or sub-type.
    ///
    /// # Errors
    /// [`KernelError`] where a size is wrong.
    pub fn matches(&mut self, slot: usize, refined: &Refined, matches: &mut [VertexMatch]) -> Result<(), KernelError> {
        let [dim, height, width] = self.map_shape;
        let (Some(memory), Some(shape)) = (self.slots.get(slot), self.shapes.get(refined.shape)) else { return Ok(()) };
        let map = FeatureMap::new(&memory.map, width, height, dim)?;
        let robust = robust(&self.spec);
        self.residual.residual_and_matches(&map, &shape.surface, &refined.placement, &robust, matches)?;
        Ok(())
    }

    fn add_hypotheses(
        &mut self,
        map: &FeatureMap<'_>,
        view: &View,
        retrieval: &Retrieval,
        candidates: &mut heapless::Vec<Candidate, HYPOTHESES_MAX>,
    ) {
        let retrieved = retrieval.covariance.try_inverse().unwrap_or_else(Matrix3::zeros);
        let modes = std::iter::once((0, &retrieval.best)).chain((1..).zip(&retrieval.alternatives));
        for (rank, mode) in modes {
            // The flip is the first alternative.
            if rank > 1 && mode.probability < PROBABILITY_MIN {
                continue;
            }
            let information = about_upright(&retrieved, &mode.rotation, self.spec.rotation_prior_scale);
            let prior = RotationPrior { mean: mode.rotation, information };
            let best = (0..self.shapes.len())
                .filter_map(|shape| self.candidate(map, view, &prior, shape, mode.probability))
                .min_by(|a, b| a.descent.cost().value.total_cmp(&b.descent.cost().value));
            if let Some(best) = best {
                let _ = candidates.push(best);
            }
        }
        if retrieval.flip_probability > DOUBT_FLIP
            && let Some(found) = self.search_grid(map, view, candidates)
        {
            let _ = candidates.push(found);
        }
    }

    fn candidate(
        &mut self,
        map: &FeatureMap<'_>,
        view: &View,
        prior: &RotationPrior,
        shape: usize,
        probability: f64,
    ) -> Option<Candidate> {
        let of_shape = self.shapes.get(shape).filter(|of_shape| of_shape.class_id == view.class_id)?;
        let placement = fit(of_shape, &prior.mean, view)?;
        let cost = cost(&mut self.residual, &self.spec, map, of_shape, view, prior, &placement)?;
        // A candidate whose cost is no number would make every probability none.
        let descent = Some(Descent::new(placement, cost)).filter(|descent| descent.status() == Status::Running)?;
        Some(Candidate { descent, prior: *prior, shape, probability, start_cost: cost.value })
    }

    /// The best of NeMo's 144 starts that no hypothesis is near to, by the score table.
    fn search_grid(&mut self, map: &FeatureMap<'_>, view: &View, known: &[Candidate]) -> Option<Candidate> {
        let shape = known.first()?.shape;
        let of_shape = self.shapes.get(shape)?;
        self.score.similarities(map, &of_shape.surface, self.spec.similarity_floor as f32).ok()?;
        self.placements.clear();
        self.placements.extend(self.grid.iter().filter_map(|rotation| fit(of_shape, rotation, view)));
        self.scores.clear();
        self.scores.resize(self.placements.len(), 0.0);
        self.score.score(&self.placements, &mut self.scores).ok()?;
        let best = (0..self.scores.len()).max_by(|&a, &b| self.scores[a].total_cmp(&self.scores[b]))?;
        let rotation = super::descent::rotation(self.placements.get(best)?);
        if known.iter().any(|candidate| geodesic_angle(&candidate.descent.rotation(), &rotation) < SAME_RAD) {
            return None;
        }
        let prior = RotationPrior { mean: rotation, information: Matrix3::zeros() };
        self.candidate(map, view, &prior, shape, GRID_PROBABILITY)
    }
}

/// The information with what it says about turns about the body's upright axis scaled: features know the azimuth better than votes do,
/// but how an object is tilted, the ground knows.
fn about_upright(information: &Matrix3<f64>, camera_from_object: &Rotation, scale: f64) -> Matrix3<f64> {
    let upright = camera_from_object * Vector3::z();
    let squeeze = Matrix3::identity() + upright * upright.transpose() * (scale.sqrt() - 1.0);
    squeeze * information * squeeze
}

fn fit(shape: &RefinedShape, rotation: &Rotation, view: &View) -> Option<Placement> {
    /// Distance that is assumed where the camera is unknown, in lengths of the object.
    const LENGTHS: f32 = 5.0;
    let perspective = match view.focal_cells {
        Some(focal) => Perspective::Focal(focal),
        None => Perspective::Distance(LENGTHS * shape.length),
    };
    fit_box(&shape.outline, &rows(rotation), &view.box_cells, view.is_edge, perspective).map(|fit| fit.placement)
}

fn robust(spec: &RefinementSpec) -> RobustSpec {
    RobustSpec { temperature: spec.temperature as f32, floor: spec.similarity_floor as f32 }
}

/// The cost of a placement: what the features say against it, and the priors. `None` where no vertex is seen.
fn cost<R: FeatureResidual>(
    residual: &mut R,
    spec: &RefinementSpec,
    map: &FeatureMap<'_>,
    shape: &RefinedShape,
    view: &View,
    prior: &RotationPrior,
    placement: &Placement,
) -> Option<Cost> {
    let equations = residual.residual(map, &shape.surface, placement, &robust(spec)).ok()?;
    if equations.visible_area <= 0.0 {
        return None;
    }
    let edges = BoxPrior { box_cells: view.box_cells, is_edge: view.is_edge, sigma: spec.box_sigma };
    let edges = edges.at(&shape.outline, placement);
    let turned = prior.at(&super::descent::rotation(placement));
    let full = equations.hessian_matrix();
    let hessian = Matrix6::from_fn(|i, j| f64::from(full[i][j]));
    let gradient = Vector6::from(equations.gradient.map(f64::from));
    let hidden = f64::from(equations.visible_area - equations.weight);
    let gain = f64::from(equations.score) - spec.occlusion_penalty * hidden;
    Some(Cost {
        value: edges.cost + turned.cost - spec.feature_weight * gain,
        gradient: gradient * spec.feature_weight + edges.gradient + turned.gradient,
        hessian: hessian * spec.feature_weight + edges.hessian + turned.hessian,
    })
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
