//! Vectors of AVX-512: one register.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline, on a type that only a Processor hands out after it saw them"
)]

use std::arch::x86_64::{
    __m512, __mmask16, _CMP_GE_OQ, _CMP_GT_OQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEAREST_INT, _MM_FROUND_TO_ZERO,
    _mm512_add_epi32, _mm512_add_ps, _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cmplt_epu32_mask,
    _mm512_cvtps_epi32, _mm512_cvttps_epi32, _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_blend_ps,
    _mm512_mask_i32gather_ps, _mm512_maskz_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_mullo_epi32,
    _mm512_roundscale_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_ps, _mm512_slli_epi32,
    _mm512_storeu_ps, _mm512_sub_ps,
};

use super::{LANES, Vector};

#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

const TO_NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
const TO_ZERO: i32 = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;

/// Methods that are one instruction.
macro_rules! instructions {
    ($($name:ident($first:ident $(, $other:ident)*) = $instruction:expr;)+) => {
        $(
            #[inline(always)]
            fn $name($first $(, $other: Self)*) -> Self {
                // SAFETY: a Processor saw the features before it handed out this type.
                Self(unsafe { $instruction($first.0 $(, $other.0)*) })
            }
        )+
    };
}

impl Vector for Avx512 {
    type Mask = __mmask16;

    const TILE: (usize, usize) = (4, 6);

    instructions! {
        add(self, other) = _mm512_add_ps;
        sub(self, other) = _mm512_sub_ps;
        mul(self, other) = _mm512_mul_ps;
        div(self, other) = _mm512_div_ps;
        mul_add(self, factor, term) = _mm512_fmadd_ps;
        max(self, other) = _mm512_max_ps;
        min(self, other) = _mm512_min_ps;
        round(self) = _mm512_roundscale_ps::<TO_NEAREST>;
        truncate(self) = _mm512_roundscale_ps::<TO_ZERO>;
    }

    #[inline(always)]
    fn splat(number: f32) -> Self {
        // SAFETY: a Processor saw the features before it handed out this type; so below.
        Self(unsafe { _mm512_set1_ps(number) })
    }

    #[inline(always)]
    fn load(numbers: &[f32; LANES]) -> Self {
        // SAFETY: sixteen readable numbers; the load needs no alignment.
        Self(unsafe { _mm512_loadu_ps(numbers.as_ptr()) })
    }

    #[inline(always)]
    fn load_start(numbers: &[f32]) -> Self {
        let mask = (1_u32 << numbers.len().min(LANES)) - 1;
        // SAFETY: only the numbers of the mask are read.
        Self(unsafe { _mm512_maskz_loadu_ps(mask as __mmask16, numbers.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, numbers: &mut [f32; LANES]) {
        // SAFETY: sixteen writable numbers; the store needs no alignment.
        unsafe { _mm512_storeu_ps(numbers.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        // SAFETY: as for `splat`.
        unsafe {
            let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(127));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent)))
        }
    }

    #[inline(always)]
    fn greater(self, other: Self) -> __mmask16 {
        // SAFETY: as for `splat`.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    fn at_least(self, other: Self) -> __mmask16 {
        // SAFETY: as for `splat`.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GE_OQ>(self.0, other.0) }
    }

    #[inline(always)]
    fn both(a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }

    #[inline(always)]
    fn mask(bits: u16) -> __mmask16 {
        bits
    }

    #[inline(always)]
    fn bits(mask: __mmask16) -> u16 {
        mask
    }

    #[inline(always)]
    fn select(mask: __mmask16, yes: Self, no: Self) -> Self {
        // SAFETY: as for `splat`.
        Self(unsafe { _mm512_mask_blend_ps(mask, no.0, yes.0) })
    }

    #[inline(always)]
    fn gather_rows(rows: &[f32], stride: usize, at: Self, mask: __mmask16) -> Self {
        let len = i32::try_from(rows.len()).unwrap_or(0);
        // SAFETY: only elements below the length are read; an index beyond 31 bits wraps and is compared
        // as it will be used.
        unsafe {
            let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let starts = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(stride as i32));
            let indices = _mm512_add_epi32(starts, _mm512_cvttps_epi32(at.0));
            let inside = mask & _mm512_cmplt_epu32_mask(indices, _mm512_set1_epi32(len));
            Self(_mm512_mask_i32gather_ps::<4>(_mm512_setzero_ps(), inside, indices, rows.as_ptr()))
        }
    }
}
