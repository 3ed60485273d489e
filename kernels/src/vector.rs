//! Sixteen numbers at a time: code that is written once and compiled for each set of instructions.
//!
//! A [`Work`] is generic over its [`Vector`]; [`Processor::run`] hands it the best one that this
//! machine was seen to have. The types are named nowhere else, so that their instructions are reached
//! only through that.
#![expect(
    unsafe_code,
    reason = "instructions beyond the target's baseline: only reachable through a Processor, which exists only after detection"
)]

/// An array of what an expression gives for each of some whole numbers.
///
/// Not `std::array::from_fn`: a closure is a function without the features of the one around it, and
/// where the compiler does not take it in, each of its instructions becomes a call.
macro_rules! array {
    ($index:ident in [$($at:expr),+] => $element:expr) => {
        [$({
            let $index: usize = $at;
            $element
        }),+]
    };
}
pub(crate) use array;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::Instructions;

/// Numbers of a vector, whatever the processor's own registers hold.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers of single precision.
///
/// Implementations are `#[inline(always)]`, so that a [`Work`] takes the features of the function it is
/// compiled into; what is generic over them must be, too.
pub(crate) trait Vector: Copy {
    /// Sixteen yes or no.
    type Mask: Copy;

    /// How many [`Vector`]s beside each other, and how many below, a tile of sums takes without
    /// leaving the registers.
    const TILE: (usize, usize);

    fn splat(number: f32) -> Self;
    fn load(numbers: &[f32; LANES]) -> Self;
    /// Of fewer than sixteen numbers, and zeros after them.
    fn load_start(numbers: &[f32]) -> Self;
    fn store(self, numbers: &mut [f32; LANES]);

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `self * factor + term`, rounded once where the processor does that in one instruction.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The other where the first is NaN.
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    /// To the nearest whole number; at half, to the even one.
    fn round(self) -> Self;
    /// Towards zero.
    fn truncate(self) -> Self;
    /// `2^self`, of whole numbers from -126 to 127.
    fn power_of_two(self) -> Self;

    /// False where either is NaN, as are the others.
    fn greater(self, other: Self) -> Self::Mask;
    fn at_least(self, other: Self) -> Self::Mask;
    fn both(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// The first lane is the lowest bit.
    fn mask(bits: u16) -> Self::Mask;
    fn bits(mask: Self::Mask) -> u16;
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// Lane `l` reads `rows[l * stride + at[l]]`, where the mask says so and there is such an element;
    /// zero elsewhere. `at` holds whole numbers; `rows` has at most 2^31 - 1 elements.
    fn gather_rows(rows: &[f32], stride: usize, at: Self, mask: Self::Mask) -> Self;

    /// The sum of all lanes, in the same order for all implementations: halves are added, then
    /// quarters, and so on.
    #[inline(always)]
    fn total(self) -> f32 {
        let mut lanes = [0.0; LANES];
        self.store(&mut lanes);
        total(&lanes)
    }
}

/// The plain code of [`Vector::total`].
#[inline(always)]
fn total(lanes: &[f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 8]);
    let four: [f32; 4] = std::array::from_fn(|lane| eight[lane] + eight[lane + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// What is to be computed.
pub(crate) trait Work {
    type Output;

    /// `#[inline(always)]`, as all that it calls.
    fn run<V: Vector>(self) -> Self::Output;
}

/// Instructions that this machine was seen to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processor(Instructions);

impl Processor {
    /// `None` when this machine lacks them.
    pub fn new(instructions: Instructions) -> Option<Self> {
        instructions.are_present().then_some(Self(instructions))
    }

    pub fn best() -> Self {
        Self(Instructions::best())
    }

    pub const fn instructions(self) -> Instructions {
        self.0
    }

    #[inline]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            // SAFETY: a value of this type is only made after the features were seen.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 | Instructions::Avx512Vnni => unsafe { with_avx512(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { with_avx2(work) },
            // Part of the target, with fused multiplication; the compiler makes vectors of the plain code.
            Instructions::Neon => work.run::<portable::Portable<true>>(),
            _ => work.run::<portable::Portable<false>>(),
        }
    }
}

impl Default for Processor {
    fn default() -> Self {
        Self::best()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma")]
fn with_avx512<W: Work>(work: W) -> W::Output {
    work.run::<avx512::Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<W: Work>(work: W) -> W::Output {
    work.run::<avx2::Avx2>()
}

/// `exp`, within two units in the last place for arguments from -87 to 88, to which others are moved.
///
/// Cephes' polynomial for single precision (Moshier, 1984-2000), after the argument is brought near zero
/// by whole multiples of `ln 2`.
#[inline(always)]
pub(crate) fn exp<V: Vector>(argument: V) -> V {
    let argument = argument.min(V::splat(88.0)).max(V::splat(-87.0));
    let power = argument.mul(V::splat(std::f32::consts::LOG2_E)).round();
    // ln 2 in two parts: the first has so few digits that the product is exact.
    let rest = power.mul_add(V::splat(-0.693_359_4), argument);
    let rest = power.mul_add(V::splat(2.121_944_4e-4), rest);
    let mut sum = V::splat(1.987_569_2e-4);
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5] {
        sum = sum.mul_add(rest, V::splat(coefficient));
    }
    sum.mul_add(rest.mul(rest), rest.add(V::splat(1.0))).mul(power.power_of_two())
}

#[cfg(test)]
mod tests;
