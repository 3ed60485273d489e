//! Squared distances with AVX2, FMA and F16C.
//!
//! Worth its own file: half-precision rows are widened eight at a time on the way into the
//! subtraction, and a fused multiply-add halves the arithmetic of the portable code.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline: only reachable through a value of Avx2, which exists only after detection"
)]

use std::arch::x86_64::{
    __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadu_si128, _mm_movehl_ps, _mm_shuffle_ps,
    _mm256_castps256_ps128, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_setzero_ps, _mm256_sub_ps,
};

use half::f16;

use super::scan::{Distances, Element};

/// Elements of one vector register.
const LANES: usize = 8;

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
    /// The machine must have AVX and F16C.
    unsafe fn load(elements: &[Self; LANES]) -> __m256;
}

impl Load for f32 {
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(elements: &[Self; LANES]) -> __m256 {
        // SAFETY: the array holds eight readable elements; the load needs no alignment.
        unsafe { _mm256_loadu_ps(elements.as_ptr()) }
    }
}

impl Load for f16 {
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(elements: &[Self; LANES]) -> __m256 {
        // SAFETY: the array holds eight readable 16-bit elements, f16 is a transparent u16, and the
        // load needs no alignment.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(elements.as_ptr().cast()) })
    }
}

impl<T: Load> Distances<T> for Avx2 {
    fn block<const R: usize, const Q: usize>(&self, rows: [&[T]; R], queries: [&[f32]; Q]) -> [[f32; Q]; R] {
        // SAFETY: a value of this type is only made by `detect`, after all three features were
        // seen.
        unsafe { block(rows, queries) }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn block<T: Load, const R: usize, const Q: usize>(rows: [&[T]; R], queries: [&[f32]; Q]) -> [[f32; Q]; R] {
    let rows = rows.map(|row| row.as_chunks::<LANES>());
    let queries = queries.map(|query| query.as_chunks::<LANES>());
    let chunk_count =
        queries.iter().map(|query| query.0.len()).chain(rows.iter().map(|row| row.0.len())).min().unwrap_or(0);
    let whole_rows = rows.map(|row| &row.0[..chunk_count]);
    let whole_queries = queries.map(|query| &query.0[..chunk_count]);
    let mut sums = [[_mm256_setzero_ps(); Q]; R];
    for chunk in 0..chunk_count {
        add(&mut sums, whole_rows.map(|row| &row[chunk]), whole_queries.map(|query| &query[chunk]));
    }
    if queries.iter().any(|query| !query.1.is_empty()) {
        // Zeros on both sides add nothing.
        let padded_rows = rows.map(|row| padded(row.1));
        let padded_queries = queries.map(|query| padded(query.1));
        add(&mut sums, padded_rows.each_ref(), padded_queries.each_ref());
    }
    let mut totals = [[0.0; Q]; R];
    for (totals, sums) in totals.iter_mut().zip(sums) {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = horizontal(sum);
        }
    }
    totals
}

/// Adds the squared differences of eight elements to every pair's sums.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add<T: Load, const R: usize, const Q: usize>(
    sums: &mut [[__m256; Q]; R],
    rows: [&[T; LANES]; R],
    queries: [&[f32; LANES]; Q],
) {
    for (row, sums) in rows.into_iter().zip(sums) {
        // SAFETY: this function has the features that the load asks for.
        let row = unsafe { T::load(row) };
        for (query, sum) in queries.into_iter().zip(sums) {
            // SAFETY: as above.
            let difference = _mm256_sub_ps(row, unsafe { f32::load(query) });
            *sum = _mm256_fmadd_ps(difference, difference, *sum);
        }
    }
}

fn padded<T: Load>(rest: &[T]) -> [T; LANES] {
    let mut all = [T::default(); LANES];
    for (element, &source) in all.iter_mut().zip(rest) {
        *element = source;
    }
    all
}

/// The sum of all eight elements, always in the same order.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn horizontal(sum: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
