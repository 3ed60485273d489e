//! Lens distortion: ROS `plumb_bob` and `rational_polynomial`, there and back.
//!
//! With `s = x^2 + y^2` on the plane z = 1 (OpenCV's formula; `plumb_bob` has k4 = k5 = k6 = 0):
//!
//! ```text
//! c  = (1 + k1 s + k2 s^2 + k3 s^3) / (1 + k4 s + k5 s^2 + k6 s^3)
//! x' = x c + 2 p1 x y + p2 (s + 2 x^2)
//! y' = y c + p1 (s + 2 y^2) + 2 p2 x y
//! ```
//!
//! A polynomial folds back somewhere outside of the calibrated image: beyond that radius two directions share
//! a pixel. Both ways stop there, with `None`, instead of placing what is beside the car in front of it.

use nalgebra::{Matrix2, Vector2};

/// 85 degrees off the axis: a plane at z = 1 does not describe lenses wider than this.
const RADIUS_MAX: f64 = 11.43;
/// Steps of the search for the fold. A region of folding thinner than a step is not noticed.
const FOLD_SEARCH_STEPS: u32 = 2048;
const BISECTION_STEPS: u32 = 40;
const NEWTON_STEPS_MAX: u32 = 24;
const HALVINGS_MAX: u32 = 12;
/// Residual on the plane z = 1 below which a point counts as undistorted: a millionth of a pixel at f = 1000 px.
const RESIDUAL_MAX: f64 = 1e-9;

/// Distortion of a lens, on the plane z = 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distortion {
    numerator: [f64; 3],
    denominator: [f64; 3],
    tangential: [f64; 2],
    /// Largest undistorted radius up to which the radial part grows.
    radius_max: f64,
}

/// Why a list of coefficients is not a distortion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DistortionError {
    /// A model we have no formula for, fisheye models above all.
    #[error("distortion model {name:?} is not one of plumb_bob, rational_polynomial")]
    UnknownModel {
        /// The model's name, at most 64 characters of it.
        name: String,
    },
    /// Too few or too many coefficients.
    #[error("distortion model {model} takes {expected} coefficients, {found} given")]
    CoefficientCount {
        /// Name of the model.
        model: &'static str,
        /// What the model takes.
        expected: &'static str,
        /// How many were given.
        found: usize,
    },
    /// NaN or infinite coefficient.
    #[error("distortion coefficient d[{index}] is not finite")]
    NotFinite {
        /// Which one.
        index: usize,
    },
    /// Thin-prism or tilt terms of the 12 and 14 coefficient forms.
    #[error("distortion coefficient d[{index}] (thin prism or tilt) is not supported and not zero")]
    Unsupported {
        /// Which one.
        index: usize,
    },
}

impl Distortion {
    /// A lens that does not distort.
    pub const NONE: Self =
        Self { numerator: [0.0; 3], denominator: [0.0; 3], tangential: [0.0; 2], radius_max: f64::INFINITY };

    /// From a model's name and its coefficients in ROS order, `k1 k2 p1 p2 k3 [k4 k5 k6]`.
    ///
    /// An empty list means no distortion, whatever the model, as ROS has it for rectified cameras.
    /// `plumb_bob` takes 4 or 5; `rational_polynomial` 8, or 12 or 14 whose tail is zero.
    pub fn from_model(name: &str, coefficients: &[f64]) -> Result<Self, DistortionError> {
        if let Some(index) = coefficients.iter().position(|value| !value.is_finite()) {
            return Err(DistortionError::NotFinite { index });
        }
        let found = coefficients.len();
        let count = |model, expected| DistortionError::CoefficientCount { model, expected, found };
        match (name, coefficients) {
            (_, &[]) => Ok(Self::NONE),
            ("plumb_bob", &[k1, k2, p1, p2]) => Ok(Self::new([k1, k2, 0.0], [0.0; 3], [p1, p2])),
            ("plumb_bob", &[k1, k2, p1, p2, k3]) => Ok(Self::new([k1, k2, k3], [0.0; 3], [p1, p2])),
            ("plumb_bob", _) => Err(count("plumb_bob", "4 or 5")),
            ("rational_polynomial", &[k1, k2, p1, p2, k3, k4, k5, k6, ref tail @ ..])
                if matches!(tail.len(), 0 | 4 | 6) =>
            {
                match tail.iter().position(|value| *value != 0.0) {
                    Some(offset) => Err(DistortionError::Unsupported { index: 8 + offset }),
                    None => Ok(Self::new([k1, k2, k3], [k4, k5, k6], [p1, p2])),
                }
            }
            ("rational_polynomial", _) => Err(count("rational_polynomial", "8, 12 or 14")),
            _ => Err(DistortionError::UnknownModel { name: name.chars().take(64).collect() }),
        }
    }

    fn new(numerator: [f64; 3], denominator: [f64; 3], tangential: [f64; 2]) -> Self {
        let mut lens = Self { numerator, denominator, tangential, radius_max: RADIUS_MAX };
        if lens.is_none() {
            return Self::NONE;
        }
        let step = RADIUS_MAX / f64::from(FOLD_SEARCH_STEPS);
        let grows = |radius: f64| {
            let (factor, slope) = lens.radial(radius * radius);
            factor > 0.0 && factor + 2.0 * radius * radius * slope > 0.0
        };
        let fold = (1..=FOLD_SEARCH_STEPS).find(|i| !grows(f64::from(*i) * step));
        if let Some(first_bad) = fold {
            let bracket = [f64::from(first_bad - 1) * step, f64::from(first_bad) * step];
            lens.radius_max = bisect(bracket, grows)[0];
        }
        lens
    }

    /// Whether every coefficient is zero.
    pub fn is_none(&self) -> bool {
        let zero = |values: &[f64]| values.iter().all(|value| *value == 0.0);
        zero(&self.numerator) && zero(&self.denominator) && zero(&self.tangential)
    }

    /// Largest radius on the plane z = 1, undistorted, that the model describes; infinite without distortion.
    pub fn radius_max(&self) -> f64 {
        self.radius_max
    }

    /// Where the lens puts the undistorted point (x, y). `None` beyond the fold or where (x, y) is not finite.
    pub fn distort(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        if self.is_none() {
            return (x.is_finite() && y.is_finite()).then_some([x, y]);
        }
        let point = Vector2::new(x, y);
        let (image, jacobian) = self.evaluate(&point);
        (self.describes(&point) && jacobian.determinant() > 0.0).then_some(image.into())
    }

    /// The undistorted point that the lens puts at (x, y): inverse of [`Distortion::distort`].
    ///
    /// Damped Newton steps from the radial solution, at most 24. `None` where no point within the fold goes
    /// there, the steps do not arrive, or (x, y) is not finite.
    pub fn undistort(&self, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
        if !(x.is_finite() && y.is_finite()) {
            return None;
        }
        if self.is_none() {
            return Some([x, y]);
        }
        let target = Vector2::new(x, y);
        let mut point = self.undistort_radially(&target);
        let (mut image, mut jacobian) = self.evaluate(&point);
        for _ in 0..NEWTON_STEPS_MAX {
            let Some(step) = jacobian.try_inverse().map(|j| j * (image - target)) else {
                break;
            };
            let residual = (image - target).norm();
            let better = (0..HALVINGS_MAX)
                .map(|halvings| point - step * 0.5f64.powi(halvings as i32))
                .filter(|candidate| self.describes(candidate))
                .map(|candidate| (candidate, self.evaluate(&candidate)))
                .find(|(_, (reached, _))| (reached - target).norm() < residual);
            let Some(accepted) = better else {
                break;
            };
            (point, (image, jacobian)) = accepted;
        }
        let arrived = (image - target).norm() <= RESIDUAL_MAX * (1.0 + target.norm());
        (arrived && self.describes(&point) && jacobian.determinant() > 0.0).then_some(point.into())
    }

    fn describes(&self, point: &Vector2<f64>) -> bool {
        point.norm() <= self.radius_max // false for NaN
    }

    /// The factor c and dc/ds at s = radius squared.
    fn radial(&self, s: f64) -> (f64, f64) {
        let value = |[a, b, c]: [f64; 3]| 1.0 + s * (a + s * (b + s * c));
        let slope = |[a, b, c]: [f64; 3]| a + s * (2.0 * b + s * 3.0 * c);
        let (top, bottom) = (value(self.numerator), value(self.denominator));
        if bottom <= 0.0 {
            return (f64::NAN, f64::NAN); // past a pole: nothing compares with it
        }
        let factor = top / bottom;
        let slope = (slope(self.numerator) - factor * slope(self.denominator)) / bottom;
        (factor, slope)
    }

    /// The distorted point and its derivatives by the undistorted one.
    fn evaluate(&self, point: &Vector2<f64>) -> (Vector2<f64>, Matrix2<f64>) {
        let (x, y) = (point.x, point.y);
        let [p1, p2] = self.tangential;
        let s = x * x + y * y;
        let (factor, slope) = self.radial(s);
        let image = Vector2::new(
            x * factor + 2.0 * p1 * x * y + p2 * (s + 2.0 * x * x),
            y * factor + p1 * (s + 2.0 * y * y) + 2.0 * p2 * x * y,
        );
        let mixed = 2.0 * (x * y * slope + p1 * x + p2 * y);
        let jacobian = Matrix2::new(
            factor + 2.0 * x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x,
            mixed,
            mixed,
            factor + 2.0 * y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x,
        );
        (image, jacobian)
    }

    /// The point within the fold whose radial distortion alone has the radius of `target`.
    fn undistort_radially(&self, target: &Vector2<f64>) -> Vector2<f64> {
        let wanted = target.norm();
        if wanted == 0.0 {
            return *target;
        }
        let below = |radius: f64| radius * self.radial(radius * radius).0 <= wanted;
        let [radius, _] = bisect([0.0, self.radius_max], below);
        target * (radius / wanted)
    }
}

/// Narrows the bracket [holds, fails] of a predicate; the first number still holds at the end.
fn bisect([mut holds, mut fails]: [f64; 2], predicate: impl Fn(f64) -> bool) -> [f64; 2] {
    for _ in 0..BISECTION_STEPS {
        let middle = 0.5 * (holds + fails);
        if predicate(middle) {
            holds = middle;
        } else {
            fails = middle;
        }
    }
    [holds, fails]
}

#[cfg(test)]
mod tests;
