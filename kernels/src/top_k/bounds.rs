//! Between which two numbers a distance lies, known before the row is read: why a search over a
//! sketch finds the very rows of a search over the table.
//!
//! # Claim
//!
//! For a finite query `q` and a row `r`, let `d` be the squared distance that the kernel would
//! compute in `f32`. [`Bounds::of`] returns `lower` and `upper` with `lower <= d <= upper`.
//!
//! # Proof
//!
//! *What is known.* The sketch holds `r' = a c` with whole numbers `c`, and `e >= |r - r'|`. The query
//! is replaced by `q' = s v` with whole numbers `v` of sixteen bits, and `f >= |q - q'|` (see
//! [`EncodedQuery::new`]). By the triangle inequality, twice,
//! `|q' - r'| - e - f <= |q - r| <= |q' - r'| + e + f`.
//!
//! *The middle is computed almost exactly.* `|q' - r'|^2 = A - 2 s a (v.c) + C` with `A = s^2 |v|^2`
//! and `C = a^2 |c|^2`. The three integers are exact: `|v|^2` and `|c|^2` fit a double, and `v.c` is
//! summed modulo 2^32 and lies within 31 bits, because the scale `s` is chosen so that
//! `|v| |c| < 2^31` (Cauchy and Schwarz). What is left are fewer than eight roundings of terms that
//! are none larger than `A + C` (the middle one because `2 x y <= x^2 + y^2`), so the double computed
//! is off by less than `2^-47 (A + C)`, which is [`SLACK`].
//!
//! *From the exact distance to the computed one.* Each of `dim` differences, squares and sums is
//! rounded at most once, and all terms have one sign: `d` lies within a factor `1 -+ g` of
//! `|q - r|^2`, `g = n u / (1 - n u)`, `n = dim + 4`, `u = 2^-24` (Higham, "Accuracy and Stability of
//! Numerical Algorithms", lemma 3.1). A square that underflows loses at most half the smallest
//! subnormal, so `dim 2^-149` more covers all of them; differences and sums do not underflow. Where the
//! upper bound exceeds the largest `f32`, `d` may be infinite, and the upper bound is. The lower bound
//! needs no such care.
//!
//! Roundings of the bounds themselves are pushed outwards by a few units in the last place of a
//! double. Rows that hold an infinity have `e` infinite: `lower` is zero and `upper` infinite.
//!
//! # What a search may do with it
//!
//! The `k`-th smallest of the upper bounds of any `k` rows is not below the distance of the `k`-th
//! neighbor: a row whose `lower` is above it is no neighbor, not even in a tie. All other rows are
//! compared exactly, by the same code as in a search without a sketch.

use super::sketch::{CODE_MAX, near};

/// What rounding may take from the squared distance of the approximations, as a fraction of the sum
/// of their squared norms.
const SLACK: f64 = 64.0 * f64::EPSILON / 2.0;

/// A unit in the last place of a double, a few times: pushes a rounded bound outwards.
const OUTWARDS: f64 = 8.0 * f64::EPSILON;

/// How computed distances of rows of one length relate to exact ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    relative: f64,
    absolute: f64,
}

impl Rounding {
    /// For rows of `dim` elements, at most a million.
    pub fn new(dim: usize) -> Self {
        let total = (dim as f64 + 4.0) * f64::from(f32::EPSILON) / 2.0;
        let smallest_subnormal = f64::from(f32::from_bits(1));
        Self { relative: total / (1.0 - total), absolute: dim as f64 * smallest_subnormal }
    }

    /// A lower bound of the squared distance computed for points at least `near` apart, which may be
    /// negative.
    pub fn computed_min(&self, near: f64) -> f64 {
        (near.max(0.0).powi(2) * (1.0 - self.relative) * (1.0 - OUTWARDS) - self.absolute).max(0.0)
    }

    /// An upper bound of the squared distance computed for points at most `far` apart.
    fn computed_max(&self, far: f64) -> f64 {
        let squared = (far.powi(2) * (1.0 + self.relative) + self.absolute) * (1.0 + OUTWARDS);
        if squared > f64::from(f32::MAX) { f64::INFINITY } else { squared }
    }

    /// An upper bound of the distance of points whose computed squared distance is at most `squared`.
    fn exact_max(&self, squared: f64) -> f64 {
        ((squared + self.absolute) / (1.0 - self.relative)).sqrt() * (1.0 + OUTWARDS)
    }

    /// A lower bound of the distance of points whose squared distance was computed as `squared`; NaN
    /// for NaN.
    pub fn exact_min(&self, squared: f32) -> f64 {
        let finite = if squared == f32::INFINITY { f32::MAX } else { squared };
        let squared = (f64::from(finite) - self.absolute) / (1.0 + self.relative);
        // Not `max`, which would turn NaN into zero.
        if squared < 0.0 { 0.0 } else { squared.sqrt() * (1.0 - OUTWARDS) }
    }
}

/// What is known of a query beside its codes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EncodedQuery {
    /// `A`.
    squared_norm: f64,
    /// `2 s`.
    twice_scale: f64,
    /// `f`.
    error: f64,
}

impl EncodedQuery {
    /// Encodes a finite query of at most [`super::sketch::DIM_MAX`] elements.
    pub fn new(query: &[f32], codes: &mut [i16]) -> Self {
        let dim = query.len() as f64;
        let norm = query.iter().map(|&element| f64::from(element).powi(2)).sum::<f64>().sqrt();
        let largest = query.iter().fold(0.0_f32, |largest, element| largest.max(element.abs()));
        // Rounding adds at most half a unit to each code.
        let norm_max = f64::from(i32::MAX) / (f64::from(CODE_MAX) * dim.sqrt()) - dim.sqrt() / 2.0;
        let scale = (f64::from(largest) / f64::from(i16::MAX)).max(norm / (0.999 * norm_max));
        if scale == 0.0 {
            codes.fill(0);
            return Self::default();
        }
        let per_code = 1.0 / scale;
        let (mut squared_code_norm, mut squared_error) = (0.0, 0.0);
        for (code, &element) in codes.iter_mut().zip(query) {
            let element = f64::from(element);
            *code = near(element * per_code, i16::MAX.into()) as i16;
            let nearest = f64::from(*code);
            squared_code_norm += nearest * nearest;
            squared_error += (element - scale * nearest).powi(2);
        }
        // The products round too, each by less than two units of its element.
        let error = squared_error.sqrt() * (1.0 + (dim + 8.0) * f64::EPSILON) + 2.0 * f64::EPSILON * norm;
        Self {
            squared_norm: scale * scale * squared_code_norm,
            twice_scale: 2.0 * scale,
            error: error * (1.0 + OUTWARDS),
        }
    }
}

/// What the sketch knows of a row, in double precision.
#[derive(Clone, Copy, Debug)]
pub(super) struct EncodedRow {
    scale: f64,
    /// `C`.
    squared_norm: f64,
    error: f64,
}

impl EncodedRow {
    /// Stands where there is no row, and is ruled out by all gates that rule out anything.
    pub const FAR: Self = Self { scale: 0.0, squared_norm: f64::MAX, error: 0.0 };

    #[inline]
    pub fn new(scale: f32, code_norm: u32, error: f32) -> Self {
        let scale = f64::from(scale);
        Self { scale, squared_norm: scale * scale * f64::from(code_norm), error: f64::from(error) }
    }

    /// Whether the row holds a NaN.
    pub const fn is_nan(&self) -> bool {
        self.error.is_nan()
    }
}

/// Between which numbers a computed squared distance lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub lower: f64,
    pub upper: f64,
}

impl Bounds {
    /// From the dot product of the codes; the row holds no NaN.
    pub fn of(query: &EncodedQuery, row: &EncodedRow, dot: i32, rounding: &Rounding) -> Self {
        let sum = query.squared_norm + row.squared_norm;
        let squared = sum - query.twice_scale * (row.scale * f64::from(dot));
        let error = (query.error + row.error) * (1.0 + OUTWARDS);
        let near = (squared - SLACK * sum).max(0.0).sqrt() * (1.0 - OUTWARDS) - error;
        let far = (squared.max(0.0) + SLACK * sum).sqrt() * (1.0 + OUTWARDS) + error;
        Self { lower: rounding.computed_min(near), upper: rounding.computed_max(far) }
    }
}

/// The test that nearly every row is ruled out by: a query and how far its codes may be from those of
/// a row that is still of interest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    squared_norm: f64,
    twice_scale: f64,
    reach: f64,
}

impl Gate {
    /// Lets rows through whose lower bound is not above `squared_reach`.
    pub fn new(query: &EncodedQuery, squared_reach: f64, rounding: &Rounding) -> Self {
        let reach = (rounding.exact_max(squared_reach) + query.error) * (1.0 + OUTWARDS);
        Self { squared_norm: query.squared_norm, twice_scale: query.twice_scale, reach }
    }

    /// Whether a row is of no interest: false for all that are, and for hardly any other. False for
    /// rows that hold a NaN.
    #[inline(always)]
    pub fn rules_out(&self, row: &EncodedRow, dot: i32) -> bool {
        let sum = self.squared_norm + row.squared_norm;
        let squared = sum - self.twice_scale * (row.scale * f64::from(dot));
        let reach = self.reach + row.error;
        let squared_reach = reach * reach;
        squared > squared_reach + SLACK * (sum + squared_reach)
    }
}

#[cfg(test)]
mod tests;
