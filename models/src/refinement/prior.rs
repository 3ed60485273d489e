//! What is known of a placement before the features are looked at: the rotation that retrieval found, and the detector's box.

use calibration::Rotation;
use calibration::so3::log;
use kernels::{BoxPx, Placement};
use nalgebra::{Matrix3, Matrix6, RowVector6, Vector6};

/// Half a squared sum, with its gradient and Gauss-Newton Hessian along the six numbers of a step (see [`Placement`]).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quadratic {
    /// The value.
    pub cost: f64,
    /// Its slope.
    pub gradient: Vector6<f64>,
    /// Its curvature.
    pub hessian: Matrix6<f64>,
}

impl Quadratic {
    /// Adds half of `weight * residual^2`.
    fn add(&mut self, residual: f64, slope: &RowVector6<f64>, weight: f64) {
        self.cost += 0.5 * weight * residual * residual;
        self.gradient += slope.transpose() * (weight * residual);
        self.hessian += slope.transpose() * slope * weight;
    }
}

/// Gaussian about a rotation.
#[derive(Clone, Copy, Debug)]
pub struct RotationPrior {
    /// `camera_from_object`.
    pub mean: Rotation,
    /// Inverse covariance about the camera's axes, per rad^2; zero: nothing is known.
    pub information: Matrix3<f64>,
}

impl RotationPrior {
    /// The same about the axes of another camera.
    pub fn seen_from(&self, other_from_this: &Rotation) -> Self {
        let turn = other_from_this.to_rotation_matrix().into_inner();
        Self { mean: other_from_this * self.mean, information: turn * self.information * turn.transpose() }
    }

    /// At a rotation, for left perturbations. The value is exact; gradient and Hessian are at the mean, and where all axes are known
    /// equally well the gradient is everywhere. Elsewhere the gradient errs by about half the distance, as a part of itself.
    pub fn at(&self, rotation: &Rotation) -> Quadratic {
        let away = log(&(rotation * self.mean.inverse()));
        let slope = self.information * away;
        let mut quadratic = Quadratic { cost: 0.5 * away.dot(&slope), ..Quadratic::default() };
        quadratic.gradient.fixed_rows_mut::<3>(0).copy_from(&slope);
        quadratic.hessian.fixed_view_mut::<3, 3>(0, 0).copy_from(&self.information);
        quadratic
    }
}

/// The edges of a box, which the outline should touch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxPrior {
    /// The detector's box in cells.
    pub box_cells: BoxPx,
    /// Which of left, top, right, bottom are the object's own: an edge that the picture's border made is not.
    pub is_edge: [bool; 4],
    /// Standard deviation of an edge as a part of the box's side across it.
    pub sigma: f64,
}

/// Residuals beyond so many standard deviations pull no harder (Huber): a box around the visible part is wrong by much.
const HUBER: f64 = 1.5;

impl BoxPrior {
    /// For a surface's outline (mesh units, body axes) at `placement`; outline points behind the camera are left out.
    pub fn at(&self, outline: &[[f32; 3]], placement: &Placement) -> Quadratic {
        let BoxPx { x1, y1, x2, y2 } = self.box_cells;
        let mut quadratic = Quadratic::default();
        let Some(extremes) = extremes(outline, placement) else { return quadratic };
        let sides = [x1, y1, x2, y2].map(f64::from);
        let (width, height) = (f64::from(x2 - x1), f64::from(y2 - y1));
        for (edge, (at, point)) in extremes.into_iter().enumerate().filter(|(edge, _)| self.is_edge[*edge]) {
            let sigma = self.sigma * if edge % 2 == 0 { width } else { height };
            let residual = (f64::from(at) - sides[edge]) / sigma;
            let slope = placement.jacobian(point)[edge % 2].map(|v| f64::from(v) / sigma);
            let weight = if residual.abs() > HUBER { HUBER / residual.abs() } else { 1.0 };
            let before = quadratic.cost;
            quadratic.add(residual, &RowVector6::from(slope), weight);
            if residual.abs() > HUBER {
                quadratic.cost = before + HUBER * (residual.abs() - 0.5 * HUBER);
            }
        }
        quadratic
    }
}

/// Leftmost, topmost, rightmost and bottommost projections, each with its point.
fn extremes(outline: &[[f32; 3]], placement: &Placement) -> Option<[(f32, [f32; 3]); 4]> {
    let mut found: Option<[(f32, [f32; 3]); 4]> = None;
    for &point in outline {
        let seen = placement.place(point, [0.0; 3]);
        if seen.depth <= kernels::DEPTH_MIN {
            continue;
        }
        let at = [seen.u, seen.v, seen.u, seen.v].map(|at| (at, point));
        let Some(best) = &mut found else {
            found = Some(at);
            continue;
        };
        for (edge, (best, at)) in best.iter_mut().zip(at).enumerate() {
            let is_farther = if edge < 2 { at.0 < best.0 } else { at.0 > best.0 };
            if is_farther {
                *best = at;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
