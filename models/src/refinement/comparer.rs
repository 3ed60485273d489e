//! Compares placements of a mesh with one feature map: candidates to start from, and what each costs.

use calibration::Rotation;
use calibration::so3::geodesic_angle;
use kernels::{FeatureMap, FeatureResidual, FeatureScore, KernelError, Placement, RobustSpec};
use nalgebra::{Matrix3, Matrix6, Vector3, Vector6};

use super::descent::{Cost, Descent, Status};
use super::hypotheses::{GRID_COUNT, grid};
use super::placement::{Perspective, allocentric, camera_from_sight, fit_box};
use super::prior::{BoxPrior, RotationPrior};
use super::refiner::{HYPOTHESES_MAX, SAME_RAD};
use super::view::View;
use crate::RefinementSpec;
use crate::neural_mesh::{NeuralMesh, SubType};
use crate::retrieval::Retrieval;

/// Modes with less of the vote are not refined; the flip always is.
const PROBABILITY_MIN: f64 = 0.02;
/// Retrieval is in doubt where the flip is likelier than this: then the grid is searched as well.
const DOUBT_FLIP: f64 = 0.1;
/// So much of the vote is left to a pose that only the grid found.
const GRID_PROBABILITY: f64 = 0.01;
/// The grid is so coarse that every so many vertices are enough to search it.
const GRID_THINNING: usize = 4;

/// A sub-type ready to be placed.
#[derive(Clone, Debug)]
pub struct RefinedShape {
    /// Row of the manifest's classes.
    pub class_id: u16,
    /// Vertices with features, gradients and clutter.
    pub surface: kernels::Surface,
    /// Some of these, for the search.
    thinned: kernels::Surface,
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
                thinned: sub_type.textured().thinned(GRID_THINNING),
                outline: outline.iter().filter_map(point).collect(),
                length: surface.bounds().size().into_iter().fold(0.0, f32::max),
            }
        };
        mesh.sub_types.iter().map(shape).collect()
    }
}

/// A hypothesis on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) descent: Descent,
    pub(super) prior: RotationPrior,
    pub(super) shape: usize,
    /// The vote's share.
    pub(super) probability: f64,
    pub(super) start_cost: f64,
    pub(super) start: Placement,
}

/// A placement's cost, and what the features are of that.
struct Compared {
    cost: Cost,
    /// Over clutter, less the price of what is hidden.
    gain: f64,
    /// Cells that the shape covers.
    area: f64,
}

/// The kernels with all that they compare, and memory for the search; allocates when it is made.
pub(super) struct Comparer<S, R> {
    score: S,
    pub(super) residual: R,
    pub(super) shapes: Vec<RefinedShape>,
    pub(super) spec: RefinementSpec,
    grid: Vec<Rotation>,
    placements: Vec<Placement>,
    scores: Vec<f32>,
}

impl<S: FeatureScore, R: FeatureResidual> Comparer<S, R> {
    /// For feature maps `[D, h, w]`.
    pub(super) fn new(
        mut score: S,
        mut residual: R,
        shapes: Vec<RefinedShape>,
        spec: RefinementSpec,
        [dim, height, width]: [usize; 3],
    ) -> Result<Self, KernelError> {
        let most = |surface: fn(&RefinedShape) -> &kernels::Surface| {
            shapes.iter().map(|shape| surface(shape).vertex_count()).max().unwrap_or(0)
        };
        score.reserve(most(|shape| &shape.thinned), height * width, dim)?;
        residual.reserve(most(|shape| &shape.surface), height * width, dim)?;
        Ok(Self {
            score,
            residual,
            shapes,
            spec,
            grid: grid().collect(),
            placements: Vec::with_capacity(GRID_COUNT),
            scores: Vec::with_capacity(GRID_COUNT),
        })
    }

    /// Tries one step of a candidate.
    pub(super) fn step(&mut self, map: &FeatureMap<'_>, view: &View, candidate: &mut Candidate) {
        let Candidate { descent, prior, shape, .. } = candidate;
        let steps_max = self.spec.steps_max;
        descent.step(steps_max, |placement| Some(self.compare(map, view, prior, *shape, placement)?.cost));
    }

    /// The retrieved rotation, its flip and other modes, and where retrieval is in doubt the best of a grid, each with the sub-type
    /// that fits it best. Returns whether the grid was searched.
    pub(super) fn add_hypotheses(
        &mut self,
        map: &FeatureMap<'_>,
        view: &View,
        retrieval: &Retrieval,
        candidates: &mut heapless::Vec<Candidate, HYPOTHESES_MAX>,
    ) -> bool {
        let retrieved = retrieval.covariance.try_inverse().unwrap_or_else(Matrix3::zeros);
        let modes = std::iter::once((0, &retrieval.best)).chain((1..).zip(&retrieval.alternatives));
        for (rank, mode) in modes {
            // The flip is the first alternative.
            if rank > 1 && mode.probability < PROBABILITY_MIN {
                continue;
            }
            let information = about_upright(&retrieved, &mode.rotation, self.spec.rotation_prior_scale);
            let mean = RotationPrior { mean: mode.rotation, information };
            let best = (0..self.shapes.len())
                .filter_map(|shape| self.candidate(map, view, &mean, shape, mode.probability))
                .min_by(|(_, a), (_, b)| a.total_cmp(b));
            if let Some((best, _)) = best {
                let _ = candidates.push(best);
            }
        }
        let is_searched = retrieval.flip_probability > DOUBT_FLIP && !candidates.is_full();
        if is_searched && let Some(found) = self.search_grid(map, view, candidates) {
            let _ = candidates.push(found);
        }
        is_searched
    }

    /// A sub-type placed where `retrieved`, about the axes of the camera that looks at the object, is likeliest; and how badly it fits
    /// beside other sub-types.
    fn candidate(
        &mut self,
        map: &FeatureMap<'_>,
        view: &View,
        retrieved: &RotationPrior,
        shape: usize,
        probability: f64,
    ) -> Option<(Candidate, f64)> {
        let of_shape = self.shapes.get(shape).filter(|of_shape| of_shape.class_id == view.class_id)?;
        let placement = fit(of_shape, &retrieved.mean, view)?;
        let prior = retrieved.seen_from(&camera_from_sight(&placement)?);
        let Compared { cost, gain, area } = self.compare(map, view, &prior, shape, &placement)?;
        // A large shape sees more, and gains more from that alone: sub-types are compared by what a cell gains.
        let cells = f64::from((view.box_cells.x2 - view.box_cells.x1) * (view.box_cells.y2 - view.box_cells.y1));
        let misfit = cost.value + self.spec.feature_weight * gain * (1.0 - cells / area);
        // A candidate whose cost is no number would make every probability none.
        let descent = Some(Descent::new(placement, cost)).filter(|descent| descent.status() == Status::Running)?;
        Some((Candidate { descent, prior, shape, probability, start_cost: cost.value, start: placement }, misfit))
    }

    /// The best of NeMo's 144 starts that no hypothesis is near to, by the score table.
    fn search_grid(&mut self, map: &FeatureMap<'_>, view: &View, known: &[Candidate]) -> Option<Candidate> {
        let shape = known.first()?.shape;
        let of_shape = self.shapes.get(shape)?;
        self.score.similarities(map, &of_shape.thinned, self.spec.similarity_floor as f32).ok()?;
        self.placements.clear();
        self.placements.extend(self.grid.iter().filter_map(|rotation| fit(of_shape, rotation, view)));
        self.scores.clear();
        self.scores.resize(self.placements.len(), 0.0);
        self.score.score(&self.placements, &mut self.scores).ok()?;
        let best = (0..self.scores.len()).max_by(|&a, &b| self.scores[a].total_cmp(&self.scores[b]))?;
        let found = self.placements.get(best)?;
        let rotation = super::descent::rotation(found);
        if known.iter().any(|candidate| geodesic_angle(&candidate.descent.rotation(), &rotation) < SAME_RAD) {
            return None;
        }
        let anywhere = RotationPrior { mean: allocentric(found)?, information: Matrix3::zeros() };
        self.candidate(map, view, &anywhere, shape, GRID_PROBABILITY).map(|(candidate, _)| candidate)
    }

    /// The cost of a rotation that nobody retrieved, fitted into the box.
    pub(super) fn loss(
        &mut self,
        map: &FeatureMap<'_>,
        view: &View,
        shape: usize,
        allocentric: &Rotation,
    ) -> Option<f64> {
        let placement = fit(self.shapes.get(shape)?, allocentric, view)?;
        let anywhere = RotationPrior { mean: *allocentric, information: Matrix3::zeros() };
        Some(self.compare(map, view, &anywhere, shape, &placement)?.cost.value)
    }

    /// The cost of a placement: what the features say against it, and the priors. `None` where no vertex is seen.
    fn compare(
        &mut self,
        map: &FeatureMap<'_>,
        view: &View,
        prior: &RotationPrior,
        shape: usize,
        placement: &Placement,
    ) -> Option<Compared> {
        let (spec, shape) = (&self.spec, self.shapes.get(shape)?);
        let equations = self.residual.residual(map, &shape.surface, placement, &robust(spec)).ok()?;
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
        let cost = Cost {
            value: edges.cost + turned.cost - spec.feature_weight * gain,
            gradient: gradient * spec.feature_weight + edges.gradient + turned.gradient,
            hessian: hessian * spec.feature_weight + edges.hessian + turned.hessian,
        };
        Some(Compared { cost, gain, area: f64::from(equations.visible_area) })
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
    let perspective = Perspective::of(view.camera, shape.length);
    fit_box(&shape.outline, rotation, &view.box_cells, view.is_edge, perspective).map(|fit| fit.placement)
}

pub(super) fn robust(spec: &RefinementSpec) -> RobustSpec {
    RobustSpec { temperature: spec.temperature as f32, floor: spec.similarity_floor as f32 }
}
