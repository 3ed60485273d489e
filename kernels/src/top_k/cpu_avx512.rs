//! Squared distances with AVX-512.
//!
//! Worth its own file: sixteen elements an instruction, masks instead of padding at the end of a
//! row, and thirty-two registers, in which four rows meet four queries.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline: only reachable through a value of Avx512, which exists only after detection"
)]

use std::arch::x86_64::{
    __m128, __m512, _MM_HINT_T1, _mm_add_ps, _mm_prefetch, _mm_storeu_ps, _mm256_add_ps, _mm256_castpd_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_loadu_si256, _mm256_maskz_loadu_epi16, _mm512_add_ps,
    _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps512_ps256, _mm512_cvtph_ps, _mm512_extractf64x4_pd,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_setzero_ps, _mm512_sub_ps, _mm512_unpackhi_pd,
    _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use half::f16;

use super::ask::{CACHE_LINE_BYTES, ahead_bytes};
use super::blocks::{Distances, Element, ROW_BLOCK, by_query};

/// Elements of one vector register.
const LANES: usize = 16;

/// Queries that meet a block of rows in registers.
const QUERY_BLOCK: usize = 4;

/// Proof that this machine has AVX-512 F, BW and VL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    pub fn detect() -> Option<Self> {
        let present = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl");
        present.then_some(Self(()))
    }
}

/// An element that a vector register of `f32` can be loaded from.
pub(super) trait Load: Element {
    /// Widens sixteen elements.
    ///
    /// # Safety
    /// They must be readable, and the machine must have AVX-512 F, BW and VL.
    unsafe fn load(elements: *const Self) -> __m512;

    /// Widens the `count` first of sixteen elements, and puts zeros after them.
    ///
    /// # Safety
    /// As for [`Load::load`], but only for those elements.
    unsafe fn load_rest(elements: *const Self, count: usize) -> __m512;
}

/// The lowest `count` bits, `count` below 16.
fn mask(count: usize) -> u16 {
    (1 << count) - 1
}

impl Load for f32 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load(elements: *const Self) -> __m512 {
        // SAFETY: the caller's; the load needs no alignment.
        unsafe { _mm512_loadu_ps(elements) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load_rest(elements: *const Self, count: usize) -> __m512 {
        // SAFETY: the caller's; only the elements of the mask are read.
        unsafe { _mm512_maskz_loadu_ps(mask(count), elements) }
    }
}

impl Load for f16 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load(elements: *const Self) -> __m512 {
        // SAFETY: the caller's; f16 is a transparent u16, and the load needs no alignment.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(elements.cast()) })
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn load_rest(elements: *const Self, count: usize) -> __m512 {
        // SAFETY: the caller's; only the elements of the mask are read.
        _mm512_cvtph_ps(unsafe { _mm256_maskz_loadu_epi16(mask(count), elements.cast()) })
    }
}

impl<T: Load> Distances<T> for Avx512 {
    fn distances(&self, rows: [&[T]; ROW_BLOCK], queries: &[f32], out: &mut [[f32; ROW_BLOCK]]) {
        by_query::<_, _, _, QUERY_BLOCK>(
            rows,
            queries,
            out,
            // SAFETY: a value of this type is only made by `detect`, after all features were seen; the
            // lengths are those that `by_query` promises.
            |rows, queries, out| unsafe { block(rows.map(<[T]>::as_ptr), queries, out) },
            // SAFETY: as above.
            |rows, query, out| unsafe { block(rows.map(<[T]>::as_ptr), query, std::array::from_mut(out)) },
        );
    }
}

/// # Safety
/// `queries` must be `Q` rows, and each of `rows` point to as many elements as one of them has.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn block<T: Load, const Q: usize>(
    rows: [*const T; ROW_BLOCK],
    queries: &[f32],
    out: &mut [[f32; ROW_BLOCK]; Q],
) {
    let dim = queries.len() / Q;
    let (rest, ahead) = (dim % LANES, ahead_bytes(dim * size_of::<T>()));
    let mut sums = [[_mm512_setzero_ps(); ROW_BLOCK]; Q];
    let mut elements = [_mm512_setzero_ps(); ROW_BLOCK];
    for at in (0..dim - rest).step_by(LANES) {
        for (elements, row) in elements.iter_mut().zip(rows) {
            if Q == 1 && (at * size_of::<T>()).is_multiple_of(CACHE_LINE_BYTES) {
                _mm_prefetch::<_MM_HINT_T1>(row.wrapping_add(at).wrapping_byte_add(ahead).cast());
            }
            // SAFETY: sixteen elements from `at` on are inside the row.
            *elements = unsafe { T::load(row.add(at)) };
        }
        for (query, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above, inside the query.
            add(sums, elements, unsafe { f32::load(queries.as_ptr().add(query * dim + at)) });
        }
    }
    if rest > 0 {
        let at = dim - rest;
        for (elements, row) in elements.iter_mut().zip(rows) {
            // SAFETY: `rest` elements from `at` on are inside the row. Zeros on both sides add nothing.
            *elements = unsafe { T::load_rest(row.add(at), rest) };
        }
        for (query, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above, inside the query.
            add(sums, elements, unsafe { f32::load_rest(queries.as_ptr().add(query * dim + at), rest) });
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        // SAFETY: the array holds four writable elements; the store needs no alignment.
        unsafe { _mm_storeu_ps(out.as_mut_ptr(), totals(sums)) };
    }
}

/// Adds the squared differences of sixteen elements to the sums of one query.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn add(sums: &mut [__m512; ROW_BLOCK], rows: [__m512; ROW_BLOCK], query: __m512) {
    for (sum, row) in sums.iter_mut().zip(rows) {
        let difference = _mm512_sub_ps(row, query);
        *sum = _mm512_fmadd_ps(difference, difference, *sum);
    }
}

/// The sum of each register's elements, all in the same order.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn totals([a, b, c, d]: [__m512; ROW_BLOCK]) -> __m128 {
    let ab = _mm512_castps_pd(_mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)));
    let cd = _mm512_castps_pd(_mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)));
    let low = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
    let abcd = _mm512_add_ps(low, _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(abcd)));
    let half = _mm256_add_ps(_mm512_castps512_ps256(abcd), high);
    _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps::<1>(half))
}
