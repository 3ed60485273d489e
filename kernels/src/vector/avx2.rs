//! Vectors of AVX2 and FMA: two registers.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline, on a type that only a Processor hands out after it saw them"
)]

use std::arch::x86_64::{
    __m256, _CMP_GE_OQ, _CMP_GT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _MM_FROUND_TO_ZERO, _mm256_add_epi32,
    _mm256_add_ps, _mm256_and_ps, _mm256_and_si256, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps,
    _mm256_cmp_ps, _mm256_cmpeq_epi32, _mm256_cmpgt_epi32, _mm256_cvtps_epi32, _mm256_cvttps_epi32, _mm256_div_ps,
    _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_mask_i32gather_ps, _mm256_max_ps, _mm256_min_ps, _mm256_movemask_ps,
    _mm256_mul_ps, _mm256_mullo_epi32, _mm256_round_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32,
    _mm256_setzero_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::{LANES, Vector};

#[derive(Clone, Copy)]
pub(super) struct Avx2([__m256; 2]);

const TO_NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
const TO_ZERO: i32 = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;

/// Methods that are one instruction for each half.
macro_rules! instructions {
    ($($name:ident($first:ident $(, $other:ident)*) = $instruction:expr;)+) => {
        $(
            #[inline(always)]
            fn $name($first $(, $other: Self)*) -> Self {
                // SAFETY: a Processor saw the features before it handed out this type.
                Self(array![half in [0, 1] => unsafe { $instruction($first.0[half] $(, $other.0[half])*) }])
            }
        )+
    };
}

impl Vector for Avx2 {
    type Mask = [__m256; 2];

    const TILE: (usize, usize) = (1, 6);

    instructions! {
        add(self, other) = _mm256_add_ps;
        sub(self, other) = _mm256_sub_ps;
        mul(self, other) = _mm256_mul_ps;
        div(self, other) = _mm256_div_ps;
        mul_add(self, factor, term) = _mm256_fmadd_ps;
        max(self, other) = _mm256_max_ps;
        min(self, other) = _mm256_min_ps;
        round(self) = _mm256_round_ps::<TO_NEAREST>;
        truncate(self) = _mm256_round_ps::<TO_ZERO>;
    }

    #[inline(always)]
    fn splat(number: f32) -> Self {
        // SAFETY: a Processor saw the features before it handed out this type; so below.
        Self([unsafe { _mm256_set1_ps(number) }; 2])
    }

    #[inline(always)]
    fn load(numbers: &[f32; LANES]) -> Self {
        // SAFETY: eight readable numbers from 0 and from 8; the load needs no alignment.
        Self(array![start in [0, 8] => unsafe { _mm256_loadu_ps(numbers.as_ptr().add(start)) }])
    }

    #[inline(always)]
    fn load_start(numbers: &[f32]) -> Self {
        let mut lanes = [0.0; LANES];
        lanes.iter_mut().zip(numbers).for_each(|(lane, number)| *lane = *number);
        Self::load(&lanes)
    }

    #[inline(always)]
    fn store(self, numbers: &mut [f32; LANES]) {
        let [low, high] = self.0;
        // SAFETY: eight writable numbers from 0 and from 8; the store needs no alignment.
        unsafe {
            _mm256_storeu_ps(numbers.as_mut_ptr(), low);
            _mm256_storeu_ps(numbers.as_mut_ptr().add(8), high);
        }
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        // SAFETY: as for `splat`.
        Self(array![half in [0, 1] => unsafe {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(self.0[half]), _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
        }])
    }

    #[inline(always)]
    fn greater(self, other: Self) -> [__m256; 2] {
        // SAFETY: as for `splat`.
        array![half in [0, 1] => unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(self.0[half], other.0[half]) }]
    }

    #[inline(always)]
    fn at_least(self, other: Self) -> [__m256; 2] {
        // SAFETY: as for `splat`.
        array![half in [0, 1] => unsafe { _mm256_cmp_ps::<_CMP_GE_OQ>(self.0[half], other.0[half]) }]
    }

    #[inline(always)]
    fn both(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: as for `splat`.
        array![half in [0, 1] => unsafe { _mm256_and_ps(a[half], b[half]) }]
    }

    #[inline(always)]
    fn mask(bits: u16) -> [__m256; 2] {
        // SAFETY: as for `splat`.
        array![half in [0, 1] => unsafe {
            let each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let bits = _mm256_set1_epi32(i32::from(bits >> (8 * half)));
            _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(bits, each), each))
        }]
    }

    #[inline(always)]
    fn bits(mask: [__m256; 2]) -> u16 {
        // SAFETY: as for `splat`.
        let [low, high] = array![half in [0, 1] => unsafe { _mm256_movemask_ps(mask[half]) } as u16];
        low | high << 8
    }

    #[inline(always)]
    fn select(mask: [__m256; 2], yes: Self, no: Self) -> Self {
        // SAFETY: as for `splat`.
        Self(array![half in [0, 1] => unsafe { _mm256_blendv_ps(no.0[half], yes.0[half], mask[half]) }])
    }

    #[inline(always)]
    fn gather_rows(rows: &[f32], stride: usize, at: Self, mask: [__m256; 2]) -> Self {
        let len = i32::try_from(rows.len()).unwrap_or(0);
        // SAFETY: only elements from zero to below the length are read; an index beyond 31 bits wraps and
        // is compared as it will be used.
        Self(array![half in [0, 1] => unsafe {
            let lanes = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(8 * half as i32));
            let starts = _mm256_mullo_epi32(lanes, _mm256_set1_epi32(stride as i32));
            let indices = _mm256_add_epi32(starts, _mm256_cvttps_epi32(at.0[half]));
            let below = _mm256_cmpgt_epi32(_mm256_set1_epi32(len), indices);
            let inside = _mm256_and_si256(below, _mm256_cmpgt_epi32(indices, _mm256_set1_epi32(-1)));
            let inside = _mm256_and_si256(inside, _mm256_castps_si256(mask[half]));
            _mm256_mask_i32gather_ps::<4>(_mm256_setzero_ps(), rows.as_ptr(), indices, _mm256_castsi256_ps(inside))
        }])
    }
}
