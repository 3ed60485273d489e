//! Where a mesh stands in a feature map: scale and centre from the 2D box, for any rotation.
//!
//! A detector's box says how large an object is drawn, once it is known how it is turned: the mesh's projected extents are
//! fitted into it (least squares of width and height, centres aligned). No distance is needed.

use kernels::{BoxPx, Placement};

/// How strong the perspective of a view is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Perspective {
    /// Focal length in cells of the feature map: near objects are seen with more perspective.
    Focal(f32),
    /// Distance of the object's centre in mesh units, where nothing is known about the camera.
    Distance(f32),
}

/// Times that the scale is fitted, each with the perspective that the one before gave; the change falls about tenfold each time.
const FITS: usize = 4;
/// Nearest a vertex may come to the camera, as a part of the centre's distance.
const DEPTH_MIN: f32 = 0.1;

/// A placement and how badly the box fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Rotation as asked for, scale and centre fitted.
    pub placement: Placement,
    /// Logarithm of the drawn over the boxed width, and of the heights: 0 where the shape fits.
    pub misfit: [f32; 2],
}

/// Fits points (mesh units, body axes), those of [`crate::neural_mesh::Surface::outline`] suffice, seen under `rotation` (rows of
/// `camera_from_object`) into a box in cells. Of left, top, right and bottom, `is_edge` tells which are the object's own: a side that
/// the picture's border made says nothing, and the object is aligned with the side opposite to it. `None` where there is no extent, the
/// box is empty, or the placement would not be valid ([`Placement::is_valid`]).
#[must_use]
pub fn fit_box(
    outline: &[[f32; 3]],
    rotation: &[[f32; 3]; 3],
    box_cells: &BoxPx,
    is_edge: [bool; 4],
    perspective: Perspective,
) -> Option<Fit> {
    let (width, height) = (box_cells.x2 - box_cells.x1, box_cells.y2 - box_cells.y1);
    let center = [0.5 * (box_cells.x1 + box_cells.x2), 0.5 * (box_cells.y1 + box_cells.y2)];
    if outline.is_empty() || !(width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite()) {
        return None;
    }
    let mut nearness = match perspective {
        Perspective::Focal(_) => 0.0,
        Perspective::Distance(distance) => 1.0 / distance,
    };
    let mut fit = None;
    for _ in 0..FITS {
        let [low, high] = extents(outline, rotation, nearness);
        let drawn = [high[0] - low[0], high[1] - low[1]];
        // Sides that are cut leave the scale to the other two; where none is whole, what is left has to do.
        let whole = [0, 1].map(|axis| is_edge[axis] && is_edge[axis + 2]);
        let weight = |axis: usize| if whole[axis] || whole == [false; 2] { 1.0 } else { 0.0 };
        let [wide, high_weight] = [weight(0), weight(1)];
        let scale = (wide * drawn[0] * width + high_weight * drawn[1] * height)
            / (wide * drawn[0] * drawn[0] + high_weight * drawn[1] * drawn[1]);
        if let Perspective::Focal(focal) = perspective {
            nearness = scale / focal;
        }
        let sides = [[box_cells.x1, box_cells.x2], [box_cells.y1, box_cells.y2]];
        let place = |axis: usize| match (is_edge[axis], is_edge[axis + 2]) {
            (true, false) => sides[axis][0] - scale * low[axis],
            (false, true) => sides[axis][1] - scale * high[axis],
            _ => center[axis] - 0.5 * scale * (low[axis] + high[axis]),
        };
        let placement = Placement { rotation: *rotation, scale, nearness, centre: [place(0), place(1)] };
        fit = Some(Fit { placement, misfit: [(scale * drawn[0] / width).ln(), (scale * drawn[1] / height).ln()] });
    }
    fit.filter(|fit| fit.placement.is_valid() && fit.misfit.iter().all(|misfit| misfit.is_finite()))
}

/// Bounds of the projections for a scale of 1 and the centre at 0.
fn extents(outline: &[[f32; 3]], rotation: &[[f32; 3]; 3], nearness: f32) -> [[f32; 2]; 2] {
    let dot = |row: &[f32; 3], p: &[f32; 3]| row[0] * p[0] + row[1] * p[1] + row[2] * p[2];
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for point in outline {
        let depth = (1.0 + nearness * dot(&rotation[2], point)).max(DEPTH_MIN);
        for axis in 0..2 {
            let at = dot(&rotation[axis], point) / depth;
            low[axis] = low[axis].min(at);
            high[axis] = high[axis].max(at);
        }
    }
    [low, high]
}

#[cfg(test)]
mod tests;
