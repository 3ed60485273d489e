//! Squared distances in plain code that compilers vectorise for any target.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::scan::{Distances, Element};

/// Independent sums for each pair; element `i` is added to sum `i % LANES`.
const LANES: usize = 8;

/// Elements of a row that are widened at a time, on the stack; a multiple of [`LANES`].
const CHUNK: usize = 128;

pub(super) struct Portable;

/// An element that can be widened to single precision, exactly.
pub(super) trait Widen: Element {
    /// `elements` as `f32`, in `scratch` (of the same length or longer) where they have to be
    /// converted.
    fn widen<'a>(elements: &'a [Self], scratch: &'a mut [f32]) -> &'a [f32];
}

impl Widen for f32 {
    fn widen<'a>(elements: &'a [Self], _: &'a mut [f32]) -> &'a [f32] {
        elements
    }
}

impl Widen for f16 {
    fn widen<'a>(elements: &'a [Self], scratch: &'a mut [f32]) -> &'a [f32] {
        let widened = &mut scratch[..elements.len()];
        elements.convert_to_f32_slice(widened);
        widened
    }
}

impl<T: Widen> Distances<T> for Portable {
    fn block<const R: usize, const Q: usize>(&self, rows: [&[T]; R], queries: [&[f32]; Q]) -> [[f32; Q]; R] {
        let dim = queries.first().map_or(0, |query| query.len());
        let mut sums = [[[0.0_f32; LANES]; Q]; R];
        let mut scratch = [0.0_f32; CHUNK];
        for start in (0..dim).step_by(CHUNK) {
            let elements = start..dim.min(start + CHUNK);
            for (row, sums) in rows.iter().zip(&mut sums) {
                let row = T::widen(&row[elements.clone()], &mut scratch);
                for (query, sums) in queries.iter().zip(sums) {
                    accumulate(row, &query[elements.clone()], sums);
                }
            }
        }
        sums.map(|sums| sums.map(total))
    }
}

fn accumulate(row: &[f32], query: &[f32], sums: &mut [f32; LANES]) {
    let ((rows, row_rest), (queries, query_rest)) = (row.as_chunks::<LANES>(), query.as_chunks::<LANES>());
    // A copy that stays in registers.
    let mut local = *sums;
    for (row, query) in rows.iter().zip(queries) {
        for lane in 0..LANES {
            let difference = row[lane] - query[lane];
            local[lane] += difference * difference;
        }
    }
    for ((sum, row), query) in local.iter_mut().zip(row_rest).zip(query_rest) {
        let difference = row - query;
        *sum += difference * difference;
    }
    *sums = local;
}

fn total(sums: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
