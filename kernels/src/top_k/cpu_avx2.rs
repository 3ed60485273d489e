//! Squared distances with AVX2, FMA and F16C.
//!
//! Worth its own file: half-precision rows are widened eight at a time on the way into the
//! subtraction, and a fused multiply-add halves the arithmetic of the portable code.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline: only reachable through a value of Avx2, which exists only after detection"
)]

use std::arch::x86_64::{
    __m256, _MM_HINT_T1, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128, _mm_movehl_ps, _mm_prefetch,
    _mm_shuffle_ps, _mm256_castps256_ps128, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_setzero_ps, _mm256_sub_ps,
};

use half::f16;

use super::ask::{CACHE_LINE_BYTES, ahead_bytes};
use super::blocks::{Distances, Element, ROW_BLOCK, by_query};

/// Elements of one vector register.
const LANES: usize = 8;

/// Queries that meet a block of rows in registers.
const QUERY_BLOCK: usize = 2;

/// Proof that this machine has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(());

impl Avx2 {
    pub fn detect() -> Option<Self> {
        let present =
            is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
        present.then_some(Self(()))
    }
}

/// An element that a vector register of `f32` can be loaded from.
pub(super) trait Load: Element + Default {
    /// Widens eight elements.
    ///
    /// # Safety
    /// They must be readable, and the machine must have AVX and F16C.
    unsafe fn load(elements: *const Self) -> __m256;
}

impl Load for f32 {
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(elements: *const Self) -> __m256 {
        // SAFETY: the caller's; the load needs no alignment.
        unsafe { _mm256_loadu_ps(elements) }
    }
}

impl Load for f16 {
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(elements: *const Self) -> __m256 {
        // SAFETY: the caller's; f16 is a transparent u16, and the load needs no alignment.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(elements.cast()) })
    }
}

impl<T: Load> Distances<T> for Avx2 {
    fn distances(&self, rows: [&[T]; ROW_BLOCK], queries: &[f32], out: &mut [[f32; ROW_BLOCK]]) {
        by_query::<_, _, _, QUERY_BLOCK>(
            rows,
            queries,
            out,
            // SAFETY: a value of this type is only made by `detect`, after all three features were seen;
            // the lengths are those that `by_query` promises.
            |rows, queries, out| unsafe { block(rows.map(<[T]>::as_ptr), queries, out) },
            // SAFETY: as above.
            |rows, query, out| unsafe { block(rows.map(<[T]>::as_ptr), query, std::array::from_mut(out)) },
        );
    }
}

/// # Safety
/// `queries` must be `Q` rows, and each of `rows` point to as many elements as one of them has.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn block<T: Load, const Q: usize>(
    rows: [*const T; ROW_BLOCK],
    queries: &[f32],
    out: &mut [[f32; ROW_BLOCK]; Q],
) {
    let dim = queries.len() / Q;
    let (rest, ahead) = (dim % LANES, ahead_bytes(dim * size_of::<T>()));
    let mut sums = [[_mm256_setzero_ps(); ROW_BLOCK]; Q];
    let mut elements = [_mm256_setzero_ps(); ROW_BLOCK];
    for at in (0..dim - rest).step_by(LANES) {
        for (elements, row) in elements.iter_mut().zip(rows) {
            if Q == 1 && (at * size_of::<T>()).is_multiple_of(CACHE_LINE_BYTES) {
                _mm_prefetch::<_MM_HINT_T1>(row.wrapping_add(at).wrapping_byte_add(ahead).cast());
            }
            // SAFETY: eight elements from `at` on are inside the row.
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
            *elements = unsafe { load_rest(row.add(at), rest) };
        }
        for (query, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above, inside the query.
            add(sums, elements, unsafe { load_rest(queries.as_ptr().add(query * dim + at), rest) });
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        *out = sums.map(|sum| horizontal(sum));
    }
}

/// Widens the `count` first of eight elements, and puts zeros after them.
///
/// # Safety
/// They must be readable.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn load_rest<T: Load>(elements: *const T, count: usize) -> __m256 {
    let mut all = [T::default(); LANES];
    // SAFETY: the caller's, and the array is as long as a register.
    unsafe {
        std::ptr::copy_nonoverlapping(elements, all.as_mut_ptr(), count);
        T::load(all.as_ptr())
    }
}

/// Adds the squared differences of eight elements to the sums of one query.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add(sums: &mut [__m256; ROW_BLOCK], rows: [__m256; ROW_BLOCK], query: __m256) {
    for (sum, row) in sums.iter_mut().zip(rows) {
        let difference = _mm256_sub_ps(row, query);
        *sum = _mm256_fmadd_ps(difference, difference, *sum);
    }
}

/// The sum of all eight elements, always in the same order.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn horizontal(sum: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
