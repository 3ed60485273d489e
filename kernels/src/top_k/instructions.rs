//! Which machine instructions a search uses, chosen when it is made.

#[cfg(target_arch = "x86_64")]
use super::cpu_avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use super::cpu_avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use super::cpu_avx512_dots::Avx512Vnni;
#[cfg(target_arch = "aarch64")]
use super::cpu_neon::Neon;
use super::portable::Portable;

/// Which machine instructions compute the distances. Distances of one choice may differ from those
/// of another in the last bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instructions {
    /// What every processor of the target has.
    Portable,
    /// AVX2, FMA and F16C on x86-64.
    Avx2,
    /// AVX-512 F, BW and VL on x86-64.
    Avx512,
    /// The same with VNNI, which only sketches gain by: distances have the bits of
    /// [`Instructions::Avx512`].
    Avx512Vnni,
    /// NEON on AArch64.
    Neon,
}

impl Instructions {
    /// All there are, the best ones last.
    pub const ALL: [Self; 5] = [Self::Portable, Self::Avx2, Self::Neon, Self::Avx512, Self::Avx512Vnni];

    /// Whether this machine has them.
    #[must_use]
    pub fn are_present(self) -> bool {
        Detected::new(self).is_some()
    }

    /// The best ones this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::ALL.into_iter().rev().find(|instructions| instructions.are_present()).unwrap_or(Self::Portable)
    }
}

/// The code for one choice of [`Instructions`] that this machine was seen to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Detected {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Detected {
    pub fn new(instructions: Instructions) -> Option<Self> {
        match instructions {
            Instructions::Portable => Some(Self::Portable(Portable)),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => Avx2::detect().map(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => Avx512::detect().map(Self::Avx512),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Vnni => Avx512Vnni::detect().map(Self::Avx512Vnni),
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => Neon::detect().map(Self::Neon),
            _ => None,
        }
    }

    pub fn best() -> Self {
        Self::new(Instructions::best()).unwrap_or(Self::Portable(Portable))
    }

    pub const fn instructions(self) -> Instructions {
        match self {
            Self::Portable(_) => Instructions::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => Instructions::Avx2,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => Instructions::Avx512,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(_) => Instructions::Avx512Vnni,
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => Instructions::Neon,
        }
    }
}
