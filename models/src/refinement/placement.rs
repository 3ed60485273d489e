//! Where a mesh stands in a feature map: scale and centre from the 2D box, for any rotation.
//!
//! A detector's box says how large an object is drawn, once it is known how it is turned: the mesh's projected extents are
//! fitted into it (least squares of width and height, centres aligned). No distance is needed.

use calibration::Rotation;
use calibration::ray::camera_from_ray;
use calibration::so3::to_rows;
use kernels::{BoxPx, Placement};
use nalgebra::Vector3;

use super::descent::rotation;

/// A pinhole camera in cells of a crop's feature map; its axis need not be inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellCamera {
    /// Focal length.
    pub focal: f32,
    /// Where its axis meets the map: u, v.
    pub principal: [f32; 2],
}

/// How a crop came to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Perspective {
    /// Cut from the picture of this camera: near objects are seen with more perspective, and those away from its axis wider.
    Camera(CellCamera),
    /// The camera looks at the object's centre from this distance, mesh units: what is assumed where nothing is known about it.
    Distance(f32),
}

impl Perspective {
    /// Of a camera; without one, as renderings of an object of this length are seen: from five lengths.
    #[must_use]
    pub fn of(camera: Option<CellCamera>, length: f32) -> Self {
        const LENGTHS: f32 = 5.0;
        camera.map_or(Self::Distance(LENGTHS * length), Self::Camera)
    }
}

/// From the axes of the virtual camera that looks at a placement's centre to those of the camera. `None` where a number is not finite.
#[must_use]
pub fn camera_from_sight(placement: &Placement) -> Option<Rotation> {
    let [a, b] = placement.slant.map(f64::from);
    camera_from_ray(&Vector3::new(a, b, 1.0))
}

/// The rotation of a placement relative to the ray to its centre: what retrieval calls the object's rotation.
#[must_use]
pub fn allocentric(placement: &Placement) -> Option<Rotation> {
    Some(camera_from_sight(placement)?.inverse() * rotation(placement))
}

/// Times that the scale is fitted, each with the perspective that the one before gave; the change falls about tenfold each time.
const FITS: usize = 4;
/// Nearest a vertex may come to the camera, as a part of the centre's distance.
const DEPTH_MIN: f32 = 0.1;

/// A placement and how badly the box fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Turned as asked for, scale and centre fitted.
    pub placement: Placement,
    /// Logarithm of the drawn over the boxed width, and of the heights: 0 where the shape fits.
    pub misfit: [f32; 2],
}

/// Fits points (mesh units, body axes), those of [`crate::neural_mesh::Surface::outline`] suffice, seen under an allocentric rotation
/// into a box in cells. Of left, top, right and bottom, `is_edge` tells which are the object's own: a side that the picture's border made
/// says nothing, and the object is aligned with the side opposite to it. `None` where there is no extent, the box is empty, or the
/// placement would not be valid ([`Placement::is_valid`]).
#[must_use]
pub fn fit_box(
    outline: &[[f32; 3]],
    allocentric: &Rotation,
    box_cells: &BoxPx,
    is_edge: [bool; 4],
    perspective: Perspective,
) -> Option<Fit> {
    let sides = [[box_cells.x1, box_cells.x2], [box_cells.y1, box_cells.y2]];
    let [width, height] = sides.map(|[low, high]| high - low);
    let middle = sides.map(|[low, high]| 0.5 * (low + high));
    if outline.is_empty() || !(width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite()) {
        return None;
    }
    let nearness = match perspective {
        Perspective::Camera(_) => 0.0,
        Perspective::Distance(distance) => 1.0 / distance,
    };
    let mut placement =
        Placement { rotation: to_rows(allocentric), scale: 1.0, nearness, centre: middle, slant: [0.0; 2] };
    let mut misfit = [0.0; 2];
    for _ in 0..FITS {
        if let Perspective::Camera(CellCamera { focal, principal }) = perspective {
            placement.slant = [0, 1].map(|axis| (placement.centre[axis] - principal[axis]) / focal);
            placement.rotation = to_rows(&(camera_from_sight(&placement)? * allocentric));
        }
        let [low, high] = extents(outline, &placement);
        let drawn = [high[0] - low[0], high[1] - low[1]];
        // Sides that are cut leave the scale to the other two; where none is whole, what is left has to do.
        let whole = [0, 1].map(|axis| is_edge[axis] && is_edge[axis + 2]);
        let weight = |axis: usize| if whole[axis] || whole == [false; 2] { 1.0 } else { 0.0 };
        let [wide, tall] = [weight(0), weight(1)];
        let scale = (wide * drawn[0] * width + tall * drawn[1] * height)
            / (wide * drawn[0] * drawn[0] + tall * drawn[1] * drawn[1]);
        placement.scale = scale;
        if let Perspective::Camera(CellCamera { focal, .. }) = perspective {
            placement.nearness = scale / focal;
        }
        placement.centre = [0, 1].map(|axis| match (is_edge[axis], is_edge[axis + 2]) {
            (true, false) => sides[axis][0] - scale * low[axis],
            (false, true) => sides[axis][1] - scale * high[axis],
            _ => middle[axis] - 0.5 * scale * (low[axis] + high[axis]),
        });
        misfit = [(scale * drawn[0] / width).ln(), (scale * drawn[1] / height).ln()];
    }
    (placement.is_valid() && misfit.iter().all(|misfit| misfit.is_finite())).then_some(Fit { placement, misfit })
}

/// Bounds of the projections for a scale of 1 and the centre at 0.
fn extents(outline: &[[f32; 3]], placement: &Placement) -> [[f32; 2]; 2] {
    /// Points that are projected side by side, so that the compiler takes one instruction for several.
    const LANES: usize = 8;
    let Placement { rotation, nearness, slant, .. } = *placement;
    let dot = |row: [f32; 3], p: [f32; 3]| row[0] * p[0] + row[1] * p[1] + row[2] * p[2];
    // A row that gives what lies across the sight, sheared.
    let across = [0, 1].map(|axis| [0, 1, 2].map(|column| rotation[axis][column] - slant[axis] * rotation[2][column]));
    let (mut low, mut high) = ([[f32::INFINITY; LANES]; 2], [[f32::NEG_INFINITY; LANES]; 2]);
    let mut project = |lane: usize, point: [f32; 3]| {
        let depth = (1.0 + nearness * dot(rotation[2], point)).max(DEPTH_MIN);
        for axis in 0..2 {
            let at = dot(across[axis], point) / depth;
            low[axis][lane] = low[axis][lane].min(at);
            high[axis][lane] = high[axis][lane].max(at);
        }
    };
    let (whole, rest) = outline.as_chunks::<LANES>();
    for points in whole {
        for (lane, point) in points.iter().enumerate() {
            project(lane, *point);
        }
    }
    rest.iter().enumerate().for_each(|(lane, point)| project(lane, *point));
    [
        low.map(|lanes| lanes.into_iter().fold(f32::INFINITY, f32::min)),
        high.map(|lanes| lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)),
    ]
}

#[cfg(test)]
mod tests;
