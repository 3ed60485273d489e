//! A table at a quarter of its bytes or less, with a proven bound on what was lost.
//!
//! Row `r` is held as `scale * codes`, codes whole numbers of one byte, and beside it stands an upper
//! bound of `|r - scale * codes|`. By the triangle inequality a search over the codes then knows
//! between which two numbers every true distance lies, and has to read only those rows of the table
//! that could still win: the answer is the one of the whole table, bit for bit.

use super::TableView;
use super::aligned::Aligned;
use super::table::for_each_row;
use crate::KernelError;

/// The largest code, and minus the smallest one.
pub(super) const CODE_MAX: i8 = 127;

/// Longest row that is approximated, so that the squared norm of its codes fits a `u32`. For longer
/// ones all errors are infinite: searches stay right and read the table.
pub(super) const DIM_MAX: usize = 1 << 16;

/// One byte for each element of a table, and how far each row may be from them.
///
/// Made once from a table, and given to searches with [`TableView::with_sketch`]. It knows the
/// table's shape, not its content: whoever changes the table makes a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sketch {
    dim: usize,
    codes: Aligned<i8>,
    scales: Vec<f32>,
    errors: Vec<f32>,
    code_norms: Vec<u32>,
}

impl Sketch {
    /// Sketches every row of `table`. Takes one byte for each element and twelve for each row.
    ///
    /// # Errors
    /// [`KernelError::RowShape`] or [`KernelError::TableTooLarge`].
    pub fn new(table: &TableView<'_>) -> Result<Self, KernelError> {
        let row_count = table.row_count()?;
        let mut sketch = Self {
            dim: table.dim,
            codes: Aligned::zeroed(row_count * table.dim),
            scales: Vec::with_capacity(row_count),
            errors: Vec::with_capacity(row_count),
            code_norms: Vec::with_capacity(row_count),
        };
        for_each_row(table, 0..row_count, |index, row| {
            let codes = &mut sketch.codes.as_mut_slice()[index * table.dim..(index + 1) * table.dim];
            let scale = encode(row, codes);
            sketch.scales.push(scale);
            sketch.errors.push(error(row, scale, codes));
            sketch.code_norms.push(squared_norm(codes));
        });
        Ok(sketch)
    }

    /// Number of rows.
    #[must_use]
    pub const fn row_count(&self) -> usize {
        self.scales.len()
    }

    /// Elements of one row.
    #[must_use]
    pub const fn dim(&self) -> usize {
        self.dim
    }

    /// The codes, `[rows, dim]`, each from -127 to 127.
    #[must_use]
    pub fn codes(&self) -> &[i8] {
        self.codes.as_slice()
    }

    /// What each row's codes are multiplied with, `[rows]`; finite and not negative.
    #[must_use]
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// An upper bound of the Euclidean norm of `row - scale * codes`, `[rows]`: infinite for a row
    /// that holds an infinity or is too long for codes, NaN for a row that holds a NaN.
    #[must_use]
    pub fn errors(&self) -> &[f32] {
        &self.errors
    }

    /// The squared Euclidean norm of each row's codes, `[rows]`, exact.
    #[must_use]
    pub fn code_norms(&self) -> &[u32] {
        &self.code_norms
    }

    /// Bytes that a search for rows of the sketch reads, by row.
    #[must_use]
    pub const fn bytes_per_row(&self) -> usize {
        self.dim + size_of::<f32>() * 2 + size_of::<u32>()
    }

    /// Whether this can be a sketch of `table`.
    pub(super) const fn fits(&self, row_count: usize, dim: usize) -> bool {
        self.row_count() == row_count && self.dim == dim
    }
}

/// Fills `codes`, which are zero, and returns their scale.
fn encode(row: &[f32], codes: &mut [i8]) -> f32 {
    let largest = row.iter().fold(0.0_f32, |largest, element| largest.max(element.abs()));
    let scale = largest / f32::from(CODE_MAX);
    if row.len() > DIM_MAX || !scale.is_finite() || scale == 0.0 || row.iter().any(|element| element.is_nan()) {
        return 0.0;
    }
    let per_code = 1.0 / f64::from(scale);
    for (code, &element) in codes.iter_mut().zip(row) {
        // Any whole number is a right code: `error` measures what it loses.
        *code = near(f64::from(element) * per_code, CODE_MAX.into()) as i8;
    }
    scale
}

/// A whole number near `value`, within `+-max`. Without the rounding of the standard library, which is
/// a function call where the processor's baseline has no instruction for it.
#[inline]
pub(super) fn near(value: f64, max: i32) -> i32 {
    ((value + 0.5_f64.copysign(value)) as i32).clamp(-max, max)
}

/// An upper bound of `|row - scale * codes|`.
///
/// The product is exact in double precision (24 and 7 bits), the difference is rounded once, its
/// square and the sum as often as there are elements, and nothing underflows, since the smallest
/// difference is a subnormal `f32`. All of it is below the allowance of one rounding an element.
fn error(row: &[f32], scale: f32, codes: &[i8]) -> f32 {
    if row.iter().any(|element| element.is_nan()) {
        return f32::NAN;
    }
    if row.len() > DIM_MAX {
        return f32::INFINITY;
    }
    let scale = f64::from(scale);
    let lost = |(&element, &code): (&f32, &i8)| (f64::from(element) - scale * f64::from(code)).powi(2);
    let squared: f64 = row.iter().zip(codes).map(lost).sum();
    round_up(squared.sqrt() * (1.0 + (row.len() as f64 + 8.0) * f64::EPSILON))
}

/// The smallest `f32` that is not below `value`, which is not negative.
pub(super) fn round_up(value: f64) -> f32 {
    let nearest = value as f32;
    if f64::from(nearest) < value { nearest.next_up() } else { nearest }
}

fn squared_norm(codes: &[i8]) -> u32 {
    if codes.len() > DIM_MAX {
        return 0;
    }
    codes.iter().map(|&code| i32::from(code).pow(2) as u32).sum()
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;
    use crate::Rows;
    use crate::conformance::random::Random;

    fn sketch(rows: &[f32], dim: usize) -> Sketch {
        Sketch::new(&TableView::new(Rows::F32(rows), dim)).unwrap()
    }

    #[test]
    fn the_error_bounds_what_the_codes_lose_and_hardly_more() {
        let mut random = Random::new(91);
        for (dim, exponent) in [(1, 0), (7, -149), (64, -130), (512, 126), (2048, 0)] {
            let reach = 2.0_f32.powi(exponent);
            let rows: Vec<f32> = (0..dim * 20).map(|_| random.between(-reach, reach)).collect();
            let sketch = sketch(&rows, dim);
            for (index, row) in rows.chunks_exact(dim).enumerate() {
                let (scale, codes) = (f64::from(sketch.scales()[index]), &sketch.codes()[index * dim..]);
                let lost = |(&element, &code): (&f32, &i8)| (f64::from(element) - scale * f64::from(code)).powi(2);
                let exact = row.iter().zip(codes).map(lost).sum::<f64>().sqrt();
                let error = f64::from(sketch.errors()[index]);
                assert!(error >= exact && error <= exact * 1.000_001 + 1e-44, "dim {dim}: {error} for {exact}");
                let half_a_step = f64::from(reach) / 254.0 * 1.01 + 1e-44;
                assert!(exponent < -126 || error <= half_a_step * (dim as f64).sqrt(), "dim {dim}: {error}");
            }
        }
    }

    #[test]
    fn rows_without_codes_have_errors_that_say_so() {
        let rows = [1.0, f32::NAN, f32::INFINITY, 1.0, f32::NAN, f32::INFINITY, 0.0, 0.0];
        let sketch = sketch(&rows, 2);
        assert_eq!(sketch.errors()[1], f32::INFINITY);
        assert_eq!(sketch.errors()[3], 0.0);
        assert!(sketch.errors()[0].is_nan() && sketch.errors()[2].is_nan());
        assert!(sketch.codes().iter().all(|&code| code == 0));
    }

    #[test]
    fn too_long_rows_are_not_approximated() {
        let sketch = sketch(&vec![1.0; DIM_MAX + 1], DIM_MAX + 1);
        assert_eq!((sketch.errors(), sketch.code_norms()), ([f32::INFINITY].as_slice(), [0].as_slice()));
    }

    #[test]
    fn half_precision_has_the_sketch_of_its_widened_rows() {
        let half: Vec<f16> = (0..90).map(|index| f16::from_f32((index as f32).sin())).collect();
        let widened: Vec<f32> = half.iter().map(|element| element.to_f32()).collect();
        assert_eq!(Sketch::new(&TableView::new(Rows::F16(&half), 9)), Ok(sketch(&widened, 9)));
    }
}
