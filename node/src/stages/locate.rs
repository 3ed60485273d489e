//! Last stage: where the object is, from its orientation, its class' mean size and its 2D box.
//!
//! An upright box of known size and orientation, seen by a known camera, touches the four sides of its 2D
//! box with four of its corners. Given which corner touches which side, each side is one equation that is
//! linear in the translation (Mousavian et al., "3D Bounding Box Estimation Using Deep Learning and
//! Geometry", 2017); which corners touch follows from the translation. The two are iterated a few times.
//! A side at the border of the image says where the image ends, not where the object does: it is left out.

use calibration::{PinholeCamera, Rotation};
use kernels::BoxPx;
use nalgebra::{Matrix3, Vector3};

/// A side this near to the border of the image is taken for cut off, pixels.
const BORDER_PX: f64 = 2.0;
/// Rounds of "which corners touch" and "solve"; real boxes rest after three or four.
const ROUNDS_MAX: usize = 12;
/// A round that moves the object by less than this fraction of its depth is the last.
const MOVE_MIN: f64 = 1e-6;
/// Noise of one side of a detector's box: this many pixels ...
const SIDE_NOISE_PX: f64 = 1.5;
/// ... and this fraction of the box along the same axis, independent of each other.
const SIDE_NOISE_FRACTION: f64 = 0.02;
/// Spread of sizes within a class, as a fraction. Size and distance cannot be told apart in one image.
const SIZE_SPREAD: f64 = 0.08;
/// Uncertainty of the first guess where sides are missing, as a fraction of the depth: along the ray, across it.
const GUESS_SPREAD: [f64; 2] = [0.5, 0.25];
/// Every corner stays at least this far in front of the camera, metres.
const NEAR_M: f64 = 0.1;

/// A position with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// Centre of the 3D box in the camera, metres.
    pub translation_m: Vector3<f64>,
    /// Camera axes, m^2.
    pub covariance: Matrix3<f64>,
    /// Root mean square distance between the sides used and the projected 3D box, pixels.
    pub residual_px: f64,
}

/// Places objects between a nearest and a farthest range.
#[derive(Clone, Copy, Debug)]
pub struct LocateStage {
    range_m_min: f64,
    range_m_max: f64,
}

/// One usable side of the 2D box: which image axis, where, and whether the least or the greatest corner touches it.
#[derive(Clone, Copy, Debug)]
struct Side {
    /// 0 = left or right, 1 = top or bottom.
    axis: usize,
    /// Focal length along the axis, pixels.
    focal_px: f64,
    /// Distance of the side from the principal point, pixels.
    offset_px: f64,
    greatest: bool,
    noise_px: f64,
}

type Sides = heapless::Vec<Side, 4>;
type Corners = [Vector3<f64>; 8];

impl LocateStage {
    /// Objects are placed with their centre between the two depths, metres.
    pub fn new(range_m_min: f64, range_m_max: f64) -> Self {
        Self { range_m_min, range_m_max }
    }

    /// The position whose projected 3D box best fits `box_px` (clipped to the image, continuous coordinates).
    ///
    /// `dimensions_m` is length, width, height along body x, y, z; all above zero. `None` only where the
    /// arithmetic fails (dimensions or rotation not finite).
    pub fn run(
        &self,
        box_px: &BoxPx,
        camera: &PinholeCamera,
        camera_from_object: &Rotation,
        dimensions_m: [f64; 3],
    ) -> Option<Location> {
        // Boxes count pixels from the image's corner, calibrations from the first pixel's centre.
        let camera = camera.with_corner_origin();
        let corners = corners(camera_from_object, dimensions_m);
        let sides = usable_sides(box_px, &camera);
        let guess = self.guess(box_px, &camera, &corners, &sides);
        let prior = if sides.len() == 4 { Matrix3::zeros() } else { guess_information(&guess) };

        let mut best: Option<(f64, Vector3<f64>)> = None;
        let mut translation = guess;
        for _ in 0..ROUNDS_MAX {
            let cost = cost(&translation, &corners, &sides) + quadratic(&prior, &(translation - guess));
            if cost.is_finite() && best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, translation));
            }
            let Some(solved) = solve(&translation, &guess, &prior, &corners, &sides) else { break };
            let next = self.bounded(&solved, &translation, &corners);
            let moved = (next - translation).norm();
            translation = next;
            if moved < MOVE_MIN * translation.z {
                break;
            }
        }
        let last = cost(&translation, &corners, &sides) + quadratic(&prior, &(translation - guess));
        if last.is_finite() && best.is_none_or(|(least, _)| last < least) {
            best = Some((last, translation));
        }
        let (_, translation_m) = best?;
        Some(Location {
            translation_m,
            covariance: covariance(&translation_m, &guess, &corners, &sides)?,
            residual_px: residual_px(&translation_m, &corners, &sides),
        })
    }

    /// As if every corner had the depth of the centre: similar triangles, on the ray of the box centre.
    fn guess(&self, box_px: &BoxPx, camera: &PinholeCamera, corners: &Corners, sides: &Sides) -> Vector3<f64> {
        let extent = |axis: usize| {
            let along = corners.iter().map(|corner| corner[axis]);
            along.clone().fold(f64::NEG_INFINITY, f64::max) - along.fold(f64::INFINITY, f64::min)
        };
        let by_width = camera.fx_px * extent(0) / f64::from(box_px.width());
        let by_height = camera.fy_px * extent(1) / f64::from(box_px.height());
        let whole = |axis: usize| sides.iter().filter(|side| side.axis == axis).count() == 2;
        let depth_m = match (whole(0), whole(1)) {
            (true, false) => by_width,
            (false, true) => by_height,
            (true, true) => (by_width * by_height).sqrt(),
            // Both are cut: what is left is too small and puts the object too far.
            (false, false) => by_width.min(by_height),
        };
        let [u, v] = box_px.center().map(f64::from);
        let across = Vector3::new((u - camera.cx_px) / camera.fx_px, (v - camera.cy_px) / camera.fy_px, 1.0);
        across * self.depth_in_range(depth_m, corners)
    }

    fn depth_in_range(&self, depth_m: f64, corners: &Corners) -> f64 {
        let nearest = corners.iter().map(|corner| corner.z).fold(f64::INFINITY, f64::min);
        let least = self.range_m_min.max(NEAR_M - nearest);
        depth_m.max(least).min(self.range_m_max.max(least))
    }

    /// At most doubles or halves the depth in one round and stays in range, along the solved ray.
    fn bounded(&self, solved: &Vector3<f64>, from: &Vector3<f64>, corners: &Corners) -> Vector3<f64> {
        let depth_m = self.depth_in_range(solved.z.clamp(0.5 * from.z, 2.0 * from.z), corners);
        if depth_m == solved.z || solved.z <= 0.0 {
            return Vector3::new(solved.x, solved.y, depth_m);
        }
        solved * (depth_m / solved.z)
    }
}

/// Corners of the 3D box relative to its centre, in camera axes.
fn corners(camera_from_object: &Rotation, [length, width, height]: [f64; 3]) -> Corners {
    std::array::from_fn(|i| {
        let sign = |bit: usize| if i >> bit & 1 == 0 { -0.5 } else { 0.5 };
        camera_from_object * Vector3::new(sign(0) * length, sign(1) * width, sign(2) * height)
    })
}

fn usable_sides(b: &BoxPx, camera: &PinholeCamera) -> Sides {
    let [x1, y1, x2, y2] = [b.x1, b.y1, b.x2, b.y2].map(f64::from);
    let mut sides = Sides::new();
    for (axis, least, greatest, size_px, focal_px, principal_px) in [
        (0, x1, x2, camera.width_px, camera.fx_px, camera.cx_px),
        (1, y1, y2, camera.height_px, camera.fy_px, camera.cy_px),
    ] {
        let noise_px = SIDE_NOISE_PX.hypot(SIDE_NOISE_FRACTION * (greatest - least));
        let side = |at: f64, greatest| Side { axis, focal_px, offset_px: at - principal_px, greatest, noise_px };
        // Four sides at most: pushing cannot fail.
        if least > BORDER_PX {
            let _ = sides.push(side(least, false));
        }
        if greatest < f64::from(size_px) - BORDER_PX {
            let _ = sides.push(side(greatest, true));
        }
    }
    sides
}

/// The corner that touches `side` when the centre is at `translation`, and its distance from it, pixels.
fn touch<'a>(side: &Side, translation: &Vector3<f64>, corners: &'a Corners) -> (&'a Vector3<f64>, f64) {
    let mut touching = (&corners[0], f64::NAN);
    for corner in corners {
        let point = corner + translation;
        // A corner behind the camera is as far out as the side can be missed.
        let at_px = side.focal_px * point[side.axis] / point.z.max(NEAR_M);
        let further = if side.greatest { at_px > touching.1 } else { at_px < touching.1 };
        if touching.1.is_nan() || further {
            touching = (corner, at_px);
        }
    }
    (touching.0, touching.1 - side.offset_px)
}

/// d(pixel) / d(translation) of `corner` for `side`.
fn gradient(side: &Side, corner: &Vector3<f64>, translation: &Vector3<f64>) -> Vector3<f64> {
    let point = corner + translation;
    let depth = point.z.max(NEAR_M);
    let mut gradient = Vector3::zeros();
    gradient[side.axis] = side.focal_px / depth;
    gradient.z = -side.focal_px * point[side.axis] / (depth * depth);
    gradient
}

/// Squared distances from the sides, in units of their noise.
fn cost(translation: &Vector3<f64>, corners: &Corners, sides: &Sides) -> f64 {
    sides.iter().map(|side| (touch(side, translation, corners).1 / side.noise_px).powi(2)).sum()
}

fn residual_px(translation: &Vector3<f64>, corners: &Corners, sides: &Sides) -> f64 {
    let sum: f64 = sides.iter().map(|side| touch(side, translation, corners).1.powi(2)).sum();
    (sum / sides.len().max(1) as f64).sqrt()
}

fn quadratic(information: &Matrix3<f64>, offset: &Vector3<f64>) -> f64 {
    (information * offset).dot(offset)
}

/// With the corners that touch now held fixed: the weighted least-squares translation.
fn solve(
    translation: &Vector3<f64>,
    guess: &Vector3<f64>,
    prior: &Matrix3<f64>,
    corners: &Corners,
    sides: &Sides,
) -> Option<Vector3<f64>> {
    let mut normal = *prior;
    let mut right = prior * guess;
    for side in sides {
        let (corner, _) = touch(side, translation, corners);
        // focal (t + c)[axis] - offset (t + c).z = 0, divided by the depth to weigh it in pixels.
        let weight = 1.0 / ((corner.z + translation.z).max(NEAR_M) * side.noise_px);
        let mut row = Vector3::zeros();
        row[side.axis] = side.focal_px * weight;
        row.z = -side.offset_px * weight;
        normal += row * row.transpose();
        right -= row * row.dot(corner);
    }
    let solved = normal.cholesky()?.solve(&right);
    solved.iter().all(|x| x.is_finite()).then_some(solved)
}

/// Information of the first guess: loose along the ray and across it, in proportion to the distance.
fn guess_information(guess: &Vector3<f64>) -> Matrix3<f64> {
    let distance = guess.norm();
    let ray = guess / distance;
    let along = ray * ray.transpose();
    let [spread_along, spread_across] = GUESS_SPREAD.map(|fraction| (fraction * distance).powi(-2));
    along * spread_along + (Matrix3::identity() - along) * spread_across
}

/// From the noise of the sides and, along the line of sight, from the spread of sizes.
///
/// An object twice as large and twice as far gives the same picture, so a relative error of the size is
/// the same relative error of the whole translation.
fn covariance(
    translation: &Vector3<f64>,
    guess: &Vector3<f64>,
    corners: &Corners,
    sides: &Sides,
) -> Option<Matrix3<f64>> {
    // The guess is never better informed than this; with it a missing side leaves the matrix invertible.
    let mut information = guess_information(guess);
    for side in sides {
        let gradient = gradient(side, touch(side, translation, corners).0, translation) / side.noise_px;
        information += gradient * gradient.transpose();
    }
    let from_sides = information.cholesky()?.inverse();
    let from_size = translation * translation.transpose() * (SIZE_SPREAD * SIZE_SPREAD);
    let covariance = from_sides + from_size;
    covariance.iter().all(|x| x.is_finite()).then_some(0.5 * (covariance + covariance.transpose()))
}

#[cfg(test)]
mod tests;
