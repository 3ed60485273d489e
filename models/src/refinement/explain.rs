//! Why a pose was answered, to look at: where the mesh lies, what of it is hidden, how the loss runs along each angle, and what the
//! network and the mesh make of the object. Not for the way from frame to pose: everything here allocates.

mod colours;
mod svg;

use calibration::Viewpoint;
use kernels::{FeatureMap, FeatureResidual, FeatureScore, KernelError, Placement, VertexMatch};

use super::comparer::{Comparer, robust};
use super::refined::Refined;
use super::view::View;
use colours::Palette;

/// Farthest from a vertex that a cell still shows it, cells.
const NEAR_CELLS: f32 = 1.2;
/// Between the azimuths that are looked at, all round.
const AZIMUTH_STEP_DEG: f64 = 5.0;
/// Between the elevations and in-plane angles that are looked at, and the farthest of them from the answer's.
const LEAN_STEP_DEG: f64 = 2.0;
const LEAN_DEG: f64 = 30.0;

/// What a cell of the feature map shows, as in the third figure of NeMo (Wang et al., ICLR 2021).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// No part of the mesh lies here.
    Background,
    /// The mesh explains it better than clutter does.
    Object,
    /// The mesh lies here, and clutter explains it better: something is in front.
    Occluded,
}

/// A vertex as the answer has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenVertex {
    /// Where it lies, cells.
    pub at: [f32; 2],
    /// Whether the mesh explains what is seen there better than clutter does.
    pub is_object: bool,
    /// Colour of its feature: red, green, blue.
    pub colour: [u8; 3],
}

/// The loss (minus the score, lower is better) where one angle leaves the answer and the others stay. The box is fitted anew each time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Away from the answer, degrees, and the loss there; where no vertex would be seen there is none.
    pub points: Vec<[f64; 2]>,
}

/// One object's picture and numbers.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Columns and rows of the feature map.
    pub size: [usize; 2],
    /// Where the visible vertices lay before refinement, cells.
    pub retrieved: Vec<[f32; 2]>,
    /// Where they lie after it.
    pub refined: Vec<SeenVertex>,
    /// Row by row.
    pub cells: Vec<Cell>,
    /// The first three principal components of the mesh's features as red, green and blue (as NVSM draws them; Wang et al.,
    /// NeurIPS 2021), of each cell's feature.
    pub colours: Vec<[u8; 3]>,
    /// Along azimuth, elevation and in-plane angle.
    pub curves: [Curve; 3],
    /// The answer's loss, and the start's.
    pub loss: [f64; 2],
}

/// Explains an answer for a map. `None` where the answer is of another refiner.
///
/// # Errors
/// [`KernelError`] where the kernels refuse the mesh.
pub(super) fn explain<S: FeatureScore, R: FeatureResidual>(
    comparer: &mut Comparer<S, R>,
    map: &FeatureMap<'_>,
    view: &View,
    refined: &Refined,
) -> Result<Option<Explanation>, KernelError> {
    let curves = curves(comparer, map, view, refined);
    let Comparer { residual, shapes, spec, .. } = comparer;
    let Some(shape) = shapes.get(refined.shape) else { return Ok(None) };
    let mut matches = vec![VertexMatch::UNSEEN; shape.surface.vertex_count()];
    residual.residual_and_matches(map, &shape.surface, &refined.placement, &robust(spec), &mut matches)?;
    let palette = Palette::of(shape.surface.features(), map.dim());
    let floor = spec.similarity_floor as f32;
    let vertices = matches.iter().enumerate().filter(|(_, found)| found.is_seen()).filter_map(|(vertex, found)| {
        let feature = shape.surface.features().get(vertex * map.dim()..(vertex + 1) * map.dim())?;
        let at = position(&shape.surface, &refined.placement, vertex)?;
        let is_object = found.similarity > found.clutter.max(floor);
        Some(SeenVertex { at, is_object, colour: palette.colour(feature) })
    });
    let vertices: Vec<SeenVertex> = vertices.collect();
    let size = [map.width(), map.height()];
    Ok(Some(Explanation {
        size,
        retrieved: visible(&shape.surface, &refined.start),
        cells: cells(size, &vertices),
        colours: map.features().chunks_exact(map.dim()).map(|feature| palette.colour(feature)).collect(),
        refined: vertices,
        curves,
        loss: [-refined.score, -refined.start_score],
    }))
}

/// Where a vertex lies that is turned to the viewer.
fn position(surface: &kernels::Surface, placement: &Placement, vertex: usize) -> Option<[f32; 2]> {
    let seen = placement.place(surface.position(vertex)?, surface.normal(vertex)?);
    seen.faces_viewer().then_some([seen.u, seen.v])
}

fn visible(surface: &kernels::Surface, placement: &Placement) -> Vec<[f32; 2]> {
    (0..surface.vertex_count()).filter_map(|vertex| position(surface, placement, vertex)).collect()
}

/// Each cell is what the nearest vertex is.
fn cells([width, height]: [usize; 2], vertices: &[SeenVertex]) -> Vec<Cell> {
    let cell = |index: usize| {
        let center = [(index % width) as f32 + 0.5, (index / width) as f32 + 0.5];
        let away = |vertex: &SeenVertex| (vertex.at[0] - center[0]).hypot(vertex.at[1] - center[1]);
        let nearest = vertices.iter().min_by(|a, b| away(a).total_cmp(&away(b)));
        match nearest.filter(|vertex| away(vertex) < NEAR_CELLS) {
            None => Cell::Background,
            Some(vertex) if vertex.is_object => Cell::Object,
            Some(_) => Cell::Occluded,
        }
    };
    (0..width * height).map(cell).collect()
}

fn curves<S: FeatureScore, R: FeatureResidual>(
    comparer: &mut Comparer<S, R>,
    map: &FeatureMap<'_>,
    view: &View,
    refined: &Refined,
) -> [Curve; 3] {
    let Some(best) = refined.hypotheses.first() else { return Default::default() };
    let answer = Viewpoint::from_rotation(&best.rotation);
    let mut along = |step_deg: f64, most_deg: f64, moved: fn(Viewpoint, f64) -> Viewpoint| {
        let count = (most_deg / step_deg).round() as i32;
        let at = |index: i32| {
            let away_deg = f64::from(index) * step_deg;
            let rotation = moved(answer, away_deg.to_radians()).to_rotation();
            Some([away_deg, comparer.loss(map, view, refined.shape, &rotation)?])
        };
        Curve { points: (-count..=count).filter_map(at).collect() }
    };
    [
        along(AZIMUTH_STEP_DEG, 180.0, |v, by| Viewpoint { azimuth_rad: v.azimuth_rad + by, ..v }),
        along(LEAN_STEP_DEG, LEAN_DEG, |v, by| Viewpoint { elevation_rad: v.elevation_rad + by, ..v }),
        along(LEAN_STEP_DEG, LEAN_DEG, |v, by| Viewpoint { in_plane_rad: v.in_plane_rad + by, ..v }),
    ]
}

#[cfg(test)]
mod tests;
