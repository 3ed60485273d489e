//! Distances and dot products in plain code that compilers vectorise for any target.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::blocks::{Distances, Dots, Element, ROW_BLOCK};

/// Independent sums for each pair; element `i` is added to sum `i % LANES`.
const LANES: usize = 8;

/// Elements of a row that are widened at a time, on the stack; a multiple of [`LANES`].
pub(super) const CHUNK: usize = 128;

#[derive(Clone, Copy, Debug)]
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
    fn distances(&self, rows: [&[T]; ROW_BLOCK], queries: &[f32], out: &mut [[f32; ROW_BLOCK]]) {
        let dim = rows[0].len();
        let mut scratch = [0.0_f32; CHUNK];
        for (query, distances) in queries.chunks_exact(dim).zip(out) {
            for (row, distance) in rows.iter().zip(distances) {
                let mut sums = [0.0_f32; LANES];
                for (row, query) in row.chunks(CHUNK).zip(query.chunks(CHUNK)) {
                    accumulate(T::widen(row, &mut scratch), query, &mut sums);
                }
                *distance = total(sums);
            }
        }
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

impl Dots for Portable {
    fn dots(&self, rows: [&[i8]; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]]) {
        for (query, dots) in queries.chunks_exact(rows[0].len()).zip(out) {
            for (row, dot) in rows.iter().zip(dots) {
                let products = row.iter().zip(query).map(|(&code, &query)| i32::from(code) * i32::from(query));
                *dot = products.fold(0, i32::wrapping_add);
            }
        }
    }
}
