//! Squared distances and dot products of codes with NEON.
//!
//! Worth its own file: sixteen sums in registers, and widening multiply-adds for the codes.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline: only reachable through a value of Neon, which exists only after detection"
)]

use std::arch::aarch64::{
    float32x4_t, int32x4_t, vaddvq_f32, vaddvq_s32, vdupq_n_f32, vdupq_n_s32, vfmaq_f32, vget_low_s16, vld1_s8,
    vld1q_f32, vld1q_s16, vmlal_high_s16, vmlal_s16, vmovl_s8, vsubq_f32,
};

use super::blocks::{Distances, Dots, ROW_BLOCK, by_query};
use super::portable::{CHUNK, Widen};

/// Elements of one vector register.
const LANES: usize = 4;

/// Codes that are multiplied at once.
const CODE_LANES: usize = 8;

/// Queries that meet a block of rows in registers.
const QUERY_BLOCK: usize = 4;

/// Proof that this machine has NEON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neon(());

impl Neon {
    pub fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

impl<T: Widen> Distances<T> for Neon {
    fn distances(&self, rows: [&[T]; ROW_BLOCK], queries: &[f32], out: &mut [[f32; ROW_BLOCK]]) {
        by_query::<_, _, _, QUERY_BLOCK>(
            rows,
            queries,
            out,
            // SAFETY: a value of this type is only made by `detect`, after NEON was seen.
            |rows, queries, out| unsafe { block(rows, queries, out) },
            // SAFETY: as above.
            |rows, query, out| unsafe { block(rows, query, std::array::from_mut(out)) },
        );
    }
}

#[target_feature(enable = "neon")]
fn block<T: Widen, const Q: usize>(rows: [&[T]; ROW_BLOCK], queries: &[f32], out: &mut [[f32; ROW_BLOCK]; Q]) {
    let dim = rows[0].len();
    let mut sums = [[vdupq_n_f32(0.0); ROW_BLOCK]; Q];
    let mut scratch = [[0.0_f32; CHUNK]; ROW_BLOCK];
    for start in (0..dim).step_by(CHUNK) {
        let end = dim.min(start + CHUNK);
        let [a, b, c, d] = &mut scratch;
        let widened = [
            T::widen(&rows[0][start..end], a),
            T::widen(&rows[1][start..end], b),
            T::widen(&rows[2][start..end], c),
            T::widen(&rows[3][start..end], d),
        ];
        let queries: [&[f32]; Q] = std::array::from_fn(|query| &queries[query * dim + start..query * dim + end]);
        add_chunk(&mut sums, widened, queries);
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        *out = sums.map(|sum| vaddvq_f32(sum));
    }
}

/// Adds the squared differences of equally long pieces to every pair's sums.
#[inline]
#[target_feature(enable = "neon")]
fn add_chunk<const Q: usize>(
    sums: &mut [[float32x4_t; ROW_BLOCK]; Q],
    rows: [&[f32]; ROW_BLOCK],
    queries: [&[f32]; Q],
) {
    let rows = rows.map(|row| row.as_chunks::<LANES>());
    let queries = queries.map(|query| query.as_chunks::<LANES>());
    for chunk in 0..rows[0].0.len() {
        add(sums, rows.map(|row| row.0[chunk]), queries.map(|query| query.0[chunk]));
    }
    if !rows[0].1.is_empty() {
        // Zeros on both sides add nothing.
        add(sums, rows.map(|row| padded(row.1)), queries.map(|query| padded(query.1)));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn add<const Q: usize>(
    sums: &mut [[float32x4_t; ROW_BLOCK]; Q],
    rows: [[f32; LANES]; ROW_BLOCK],
    queries: [[f32; LANES]; Q],
) {
    // SAFETY: each array holds four readable elements.
    let rows = rows.map(|row| unsafe { vld1q_f32(row.as_ptr()) });
    for (query, sums) in queries.into_iter().zip(sums) {
        // SAFETY: as above.
        let query = unsafe { vld1q_f32(query.as_ptr()) };
        for (row, sum) in rows.into_iter().zip(sums) {
            let difference = vsubq_f32(row, query);
            *sum = vfmaq_f32(*sum, difference, difference);
        }
    }
}

impl Dots for Neon {
    fn dots(&self, rows: [&[i8]; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]]) {
        by_query::<_, _, _, QUERY_BLOCK>(
            rows,
            queries,
            out,
            // SAFETY: a value of this type is only made by `detect`, after NEON was seen.
            |rows, queries, out| unsafe { dot_block(rows, queries, out) },
            // SAFETY: as above.
            |rows, query, out| unsafe { dot_block(rows, query, std::array::from_mut(out)) },
        );
    }
}

#[target_feature(enable = "neon")]
fn dot_block<const Q: usize>(rows: [&[i8]; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]; Q]) {
    let dim = rows[0].len();
    let rows = rows.map(|row| row.as_chunks::<CODE_LANES>());
    let queries: [_; Q] =
        std::array::from_fn(|query| queries[query * dim..(query + 1) * dim].as_chunks::<CODE_LANES>());
    let mut sums = [[vdupq_n_s32(0); ROW_BLOCK]; Q];
    for chunk in 0..dim / CODE_LANES {
        add_products(&mut sums, rows.map(|row| row.0[chunk]), queries.map(|query| query.0[chunk]));
    }
    if !dim.is_multiple_of(CODE_LANES) {
        // Zeros add nothing.
        add_products(&mut sums, rows.map(|row| padded(row.1)), queries.map(|query| padded(query.1)));
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        *out = sums.map(|sum| vaddvq_s32(sum));
    }
}

/// Adds eight products to every pair's sums, modulo 2^32.
#[inline]
#[target_feature(enable = "neon")]
fn add_products<const Q: usize>(
    sums: &mut [[int32x4_t; ROW_BLOCK]; Q],
    rows: [[i8; CODE_LANES]; ROW_BLOCK],
    queries: [[i16; CODE_LANES]; Q],
) {
    // SAFETY: each array holds eight readable codes.
    let rows = rows.map(|row| vmovl_s8(unsafe { vld1_s8(row.as_ptr()) }));
    for (query, sums) in queries.into_iter().zip(sums) {
        // SAFETY: as above, for elements of two bytes.
        let query = unsafe { vld1q_s16(query.as_ptr()) };
        for (row, sum) in rows.into_iter().zip(sums) {
            *sum = vmlal_high_s16(vmlal_s16(*sum, vget_low_s16(row), vget_low_s16(query)), row, query);
        }
    }
}

fn padded<T: Copy + Default, const N: usize>(rest: &[T]) -> [T; N] {
    let mut all = [T::default(); N];
    all[..rest.len()].copy_from_slice(rest);
    all
}
