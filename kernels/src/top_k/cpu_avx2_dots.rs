//! Dot products of codes with AVX2: widened to sixteen bits once, for all queries.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline: only reachable through a value of Avx2, which exists only after detection"
)]

use std::arch::x86_64::{
    __m256i, _MM_HINT_T1, _mm_add_epi32, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_prefetch, _mm_shuffle_epi32,
    _mm256_add_epi32, _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_extracti128_si256, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_setzero_si256,
};

use super::ask::{CACHE_LINE_BYTES, ahead_bytes};
use super::blocks::{Dots, ROW_BLOCK, by_query, rule_out};
use super::bounds::{EncodedRow, Gate};
use super::cpu_avx2::Avx2;
use super::tile::TILE_ROWS;

/// Codes that one register holds at sixteen bits.
const LANES: usize = 16;

/// Queries that meet a block of rows in registers.
const QUERY_BLOCK: usize = 2;

impl Dots for Avx2 {
    fn dots(&self, rows: [&[i8]; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]]) {
        by_query::<_, _, _, QUERY_BLOCK>(
            rows,
            queries,
            out,
            // SAFETY: this value proves the features; the lengths are those that `by_query` promises.
            |rows, queries, out| unsafe { block(rows.map(<[i8]>::as_ptr), queries, out) },
            // SAFETY: as above.
            |rows, query, out| unsafe { block(rows.map(<[i8]>::as_ptr), query, std::array::from_mut(out)) },
        );
    }

    fn rule_out(&self, gate: &Gate, rows: &[EncodedRow; TILE_ROWS], dots: &[i32; TILE_ROWS]) -> bool {
        // SAFETY: this value proves the features.
        unsafe { rule_out_vectors(gate, rows, dots) }
    }
}

#[target_feature(enable = "avx2,fma")]
fn rule_out_vectors(gate: &Gate, rows: &[EncodedRow; TILE_ROWS], dots: &[i32; TILE_ROWS]) -> bool {
    rule_out(gate, rows, dots)
}

/// # Safety
/// `queries` must be `Q` rows, and each of `rows` point to as many codes as one of them has.
#[target_feature(enable = "avx2")]
unsafe fn block<const Q: usize>(rows: [*const i8; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]; Q]) {
    let dim = queries.len() / Q;
    let (rest, ahead) = (dim % LANES, ahead_bytes(dim * size_of::<i8>()));
    let mut sums = [[_mm256_setzero_si256(); ROW_BLOCK]; Q];
    let mut codes = [_mm256_setzero_si256(); ROW_BLOCK];
    for at in (0..dim - rest).step_by(LANES) {
        for (codes, row) in codes.iter_mut().zip(rows) {
            if Q == 1 && at.is_multiple_of(CACHE_LINE_BYTES) {
                _mm_prefetch::<_MM_HINT_T1>(row.wrapping_add(at).wrapping_byte_add(ahead));
            }
            // SAFETY: sixteen codes from `at` on are inside the row.
            *codes = unsafe { load_codes(row.add(at)) };
        }
        for (query, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above, inside the query.
            add(sums, codes, unsafe { _mm256_loadu_si256(queries.as_ptr().add(query * dim + at).cast()) });
        }
    }
    if rest > 0 {
        let at = dim - rest;
        for (codes, row) in codes.iter_mut().zip(rows) {
            // SAFETY: `rest` codes from `at` on are inside the row, and the array is long enough. Zeros
            // add nothing.
            *codes = unsafe { load_codes(padded::<i8>(row.add(at), rest).as_ptr()) };
        }
        for (query, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above, inside the query.
            add(sums, codes, unsafe {
                _mm256_loadu_si256(padded::<i16>(queries.as_ptr().add(query * dim + at), rest).as_ptr().cast())
            });
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        *out = sums.map(|sum| horizontal(sum));
    }
}

/// # Safety
/// Sixteen codes must be readable.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_codes(codes: *const i8) -> __m256i {
    // SAFETY: the caller's; the load needs no alignment.
    _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(codes.cast()) })
}

/// Adds sixteen products to the sums of one query, modulo 2^32.
#[inline]
#[target_feature(enable = "avx2")]
fn add(sums: &mut [__m256i; ROW_BLOCK], rows: [__m256i; ROW_BLOCK], query: __m256i) {
    for (sum, row) in sums.iter_mut().zip(rows) {
        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(row, query));
    }
}

/// The `count` first of sixteen elements, and zeros after them.
///
/// # Safety
/// They must be readable.
unsafe fn padded<T: Copy + Default>(elements: *const T, count: usize) -> [T; LANES] {
    let mut all = [T::default(); LANES];
    // SAFETY: the caller's, and the array is longer.
    unsafe { std::ptr::copy_nonoverlapping(elements, all.as_mut_ptr(), count) };
    all
}

#[inline]
#[target_feature(enable = "avx2")]
fn horizontal(sum: __m256i) -> i32 {
    let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
    let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}
