//! Plain code, which compilers make vectors of.

use super::{LANES, Vector};

/// `FUSED`: whether the target multiplies and adds in one instruction.
#[derive(Clone, Copy)]
pub(super) struct Portable<const FUSED: bool>([f32; LANES]);

impl<const FUSED: bool> Portable<FUSED> {
    #[inline(always)]
    fn each(self, other: Self, of: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| of(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    fn compare(self, other: Self, of: impl Fn(&f32, &f32) -> bool) -> u16 {
        let pairs = self.0.iter().zip(&other.0).enumerate();
        pairs.fold(0, |bits, (lane, (a, b))| bits | u16::from(of(a, b)) << lane)
    }
}

impl<const FUSED: bool> Vector for Portable<FUSED> {
    type Mask = u16;

    const TILE: (usize, usize) = (1, 2);

    #[inline(always)]
    fn splat(number: f32) -> Self {
        Self([number; LANES])
    }

    #[inline(always)]
    fn load(numbers: &[f32; LANES]) -> Self {
        Self(*numbers)
    }

    #[inline(always)]
    fn load_start(numbers: &[f32]) -> Self {
        let mut lanes = [0.0; LANES];
        lanes.iter_mut().zip(numbers).for_each(|(lane, number)| *lane = *number);
        Self(lanes)
    }

    #[inline(always)]
    fn store(self, numbers: &mut [f32; LANES]) {
        *numbers = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.each(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.each(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.each(other, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.each(other, |a, b| a / b)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        if FUSED {
            return Self(std::array::from_fn(|lane| self.0[lane].mul_add(factor.0[lane], term.0[lane])));
        }
        self.mul(factor).add(term)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.each(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.each(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn round(self) -> Self {
        // For the small numbers that are asked for, what an addition rounds away: faster than a call.
        const SHIFT: f32 = 12_582_912.0;
        Self(self.0.map(|number| (number + SHIFT) - SHIFT))
    }

    #[inline(always)]
    fn truncate(self) -> Self {
        Self(self.0.map(|number| number as i32 as f32))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(self.0.map(|number| f32::from_bits(((number as i32 + 127) as u32) << 23)))
    }

    #[inline(always)]
    fn greater(self, other: Self) -> u16 {
        self.compare(other, f32::gt)
    }

    #[inline(always)]
    fn at_least(self, other: Self) -> u16 {
        self.compare(other, f32::ge)
    }

    #[inline(always)]
    fn both(a: u16, b: u16) -> u16 {
        a & b
    }

    #[inline(always)]
    fn mask(bits: u16) -> u16 {
        bits
    }

    #[inline(always)]
    fn bits(mask: u16) -> u16 {
        mask
    }

    #[inline(always)]
    fn select(mask: u16, yes: Self, no: Self) -> Self {
        Self(std::array::from_fn(|lane| if mask >> lane & 1 == 1 { yes.0[lane] } else { no.0[lane] }))
    }

    #[inline(always)]
    fn gather_rows(rows: &[f32], stride: usize, at: Self, mask: u16) -> Self {
        Self(std::array::from_fn(|lane| {
            if mask >> lane & 1 == 0 {
                return 0.0;
            }
            rows.get(lane * stride + at.0[lane] as usize).copied().unwrap_or(0.0)
        }))
    }
}
