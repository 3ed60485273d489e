//! Dot products of codes with AVX-512, with and without its instructions for neural networks.
//!
//! A code is widened to sixteen bits once and meets all queries; both ways of adding up the products
//! wrap around, as they may.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline: only reachable through values that exist only after detection"
)]

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, __m512i, _MM_HINT_T1, _mm_add_epi32, _mm_prefetch, _mm_storeu_si128, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_maskz_loadu_epi8, _mm512_add_epi32,
    _mm512_castsi512_si256, _mm512_cvtepi8_epi16, _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_madd_epi16,
    _mm512_maskz_loadu_epi16, _mm512_setzero_si512, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::ask::{CACHE_LINE_BYTES, ahead_bytes};
use super::blocks::{Distances, Dots, Element, ROW_BLOCK, by_query, rule_out};
use super::bounds::{EncodedRow, Gate};
use super::cpu_avx512::Avx512;
use super::tile::TILE_ROWS;

/// Codes that one register holds at sixteen bits.
const LANES: usize = 32;

/// Queries that meet a block of rows in registers.
const QUERY_BLOCK: usize = 4;

/// Proof that this machine has AVX-512 VNNI beside what [`Avx512`] proves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512Vnni(Avx512);

impl Avx512Vnni {
    pub fn detect() -> Option<Self> {
        Avx512::detect().filter(|_| is_x86_feature_detected!("avx512vnni")).map(Self)
    }
}

impl<T: Element> Distances<T> for Avx512Vnni
where
    Avx512: Distances<T>,
{
    fn distances(&self, rows: [&[T]; ROW_BLOCK], queries: &[f32], out: &mut [[f32; ROW_BLOCK]]) {
        self.0.distances(rows, queries, out);
    }
}

/// A way to multiply pairs and add them up.
trait MultiplyAdd {
    /// `sum + a * b`, neighbouring products together, modulo 2^32.
    ///
    /// # Safety
    /// The machine must have the instructions that a value of this type proves.
    unsafe fn multiply_add(sum: __m512i, a: __m512i, b: __m512i) -> __m512i;
}

impl MultiplyAdd for Avx512 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn multiply_add(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        _mm512_add_epi32(sum, _mm512_madd_epi16(a, b))
    }
}

impl MultiplyAdd for Avx512Vnni {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn multiply_add(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        let mut sum = sum;
        // Not the intrinsic, which compilers take apart into a multiplication and an addition.
        // SAFETY: a pure instruction on registers, of the features above.
        unsafe {
            asm!(
                "vpdpwssd {sum}, {a}, {b}",
                sum = inout(zmm_reg) sum, a = in(zmm_reg) a, b = in(zmm_reg) b,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        sum
    }
}

impl Dots for Avx512 {
    fn dots(&self, rows: [&[i8]; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]]) {
        by_query::<_, _, _, QUERY_BLOCK>(
            rows,
            queries,
            out,
            // SAFETY: this value proves the features; the lengths are those that `by_query` promises.
            |rows, queries, out| unsafe { block_bw(rows.map(<[i8]>::as_ptr), queries, out) },
            // SAFETY: as above.
            |rows, query, out| unsafe { block_bw(rows.map(<[i8]>::as_ptr), query, std::array::from_mut(out)) },
        );
    }

    fn rule_out(&self, gate: &Gate, rows: &[EncodedRow; TILE_ROWS], dots: &[i32; TILE_ROWS]) -> bool {
        // SAFETY: this value proves the features.
        unsafe { rule_out_vectors(gate, rows, dots) }
    }
}

impl Dots for Avx512Vnni {
    fn dots(&self, rows: [&[i8]; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]]) {
        by_query::<_, _, _, QUERY_BLOCK>(
            rows,
            queries,
            out,
            // SAFETY: this value proves the features; the lengths are those that `by_query` promises.
            |rows, queries, out| unsafe { block_vnni(rows.map(<[i8]>::as_ptr), queries, out) },
            // SAFETY: as above.
            |rows, query, out| unsafe { block_vnni(rows.map(<[i8]>::as_ptr), query, std::array::from_mut(out)) },
        );
    }

    fn rule_out(&self, gate: &Gate, rows: &[EncodedRow; TILE_ROWS], dots: &[i32; TILE_ROWS]) -> bool {
        // SAFETY: this value proves the features.
        unsafe { rule_out_vectors(gate, rows, dots) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn rule_out_vectors(gate: &Gate, rows: &[EncodedRow; TILE_ROWS], dots: &[i32; TILE_ROWS]) -> bool {
    rule_out(gate, rows, dots)
}

/// # Safety
/// As for [`block`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn block_bw<const Q: usize>(rows: [*const i8; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]; Q]) {
    // SAFETY: the caller's, and this function has the features of both.
    unsafe { block::<Avx512, Q>(rows, queries, out) };
}

/// # Safety
/// As for [`block`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn block_vnni<const Q: usize>(rows: [*const i8; ROW_BLOCK], queries: &[i16], out: &mut [[i32; ROW_BLOCK]; Q]) {
    // SAFETY: the caller's, and this function has the features of both.
    unsafe { block::<Avx512Vnni, Q>(rows, queries, out) };
}

/// # Safety
/// The machine must have what `M` proves, `queries` be `Q` rows, and each of `rows` point to as many
/// codes as one of them has.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn block<M: MultiplyAdd, const Q: usize>(
    rows: [*const i8; ROW_BLOCK],
    queries: &[i16],
    out: &mut [[i32; ROW_BLOCK]; Q],
) {
    let dim = queries.len() / Q;
    let (rest, ahead) = (dim % LANES, ahead_bytes(dim * size_of::<i8>()));
    let mut sums = [[_mm512_setzero_si512(); ROW_BLOCK]; Q];
    let mut codes = [_mm512_setzero_si512(); ROW_BLOCK];
    for at in (0..dim - rest).step_by(LANES) {
        for (codes, row) in codes.iter_mut().zip(rows) {
            if Q == 1 && at.is_multiple_of(CACHE_LINE_BYTES) {
                _mm_prefetch::<_MM_HINT_T1>(row.wrapping_add(at).wrapping_byte_add(ahead));
            }
            // SAFETY: thirty-two codes from `at` on are inside the row; the load needs no alignment.
            *codes = _mm512_cvtepi8_epi16(unsafe { _mm256_loadu_si256(row.add(at).cast()) });
        }
        for (query, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above, inside the query.
            let query = unsafe { _mm512_loadu_si512(queries.as_ptr().add(query * dim + at).cast()) };
            for (sum, codes) in sums.iter_mut().zip(codes) {
                // SAFETY: the caller has what `M` proves.
                *sum = unsafe { M::multiply_add(*sum, codes, query) };
            }
        }
    }
    if rest > 0 {
        let (at, mask) = (dim - rest, (1_u32 << rest) - 1);
        for (codes, row) in codes.iter_mut().zip(rows) {
            // SAFETY: only the codes of the mask are read, which are inside the row.
            *codes = _mm512_cvtepi8_epi16(unsafe { _mm256_maskz_loadu_epi8(mask, row.add(at)) });
        }
        for (query, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above, inside the query.
            let query = unsafe { _mm512_maskz_loadu_epi16(mask, queries.as_ptr().add(query * dim + at)) };
            for (sum, codes) in sums.iter_mut().zip(codes) {
                // SAFETY: the caller has what `M` proves.
                *sum = unsafe { M::multiply_add(*sum, codes, query) };
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        // SAFETY: the array holds four writable elements; the store needs no alignment.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), totals(sums)) };
    }
}

/// The sum of each register's elements.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn totals([a, b, c, d]: [__m512i; ROW_BLOCK]) -> __m128i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64::<1>(abcd));
    _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half))
}
