//! The CPU twins obey the laws. A new implementation is admitted by one more line.

use kernels::{CpuCrop, CpuFeatureResidual, CpuFeatureScore, CpuRasterize, CpuTopK, Instructions};

kernels::crop_conformance!(crop, CpuCrop::new);
kernels::feature_residual_conformance!(feature_residual, CpuFeatureResidual::new);
kernels::feature_score_conformance!(feature_score, CpuFeatureScore::new);
kernels::rasterize_conformance!(rasterize, CpuRasterize::new);
kernels::top_k_conformance!(top_k, CpuTopK::new);
kernels::top_k_conformance!(top_k_portable, |k_max, batch_max| with(k_max, batch_max, Instructions::Portable));
#[cfg(target_arch = "x86_64")]
kernels::top_k_conformance!(top_k_avx2, |k_max, batch_max| with(k_max, batch_max, Instructions::Avx2));
#[cfg(target_arch = "x86_64")]
kernels::top_k_conformance!(top_k_avx512, |k_max, batch_max| with(k_max, batch_max, Instructions::Avx512));
#[cfg(target_arch = "x86_64")]
kernels::top_k_conformance!(top_k_avx512_vnni, |k_max, batch_max| with(k_max, batch_max, Instructions::Avx512Vnni));
#[cfg(target_arch = "aarch64")]
kernels::top_k_conformance!(top_k_neon, |k_max, batch_max| with(k_max, batch_max, Instructions::Neon));
kernels::top_k_conformance!(top_k_threads, |k_max, batch_max| {
    CpuTopK::new(k_max, batch_max).with_threads(3).with_work_per_thread(0)
});

kernels::feature_score_conformance!(feature_score_portable, || score_with(Instructions::Portable));
kernels::feature_residual_conformance!(feature_residual_portable, || residual_with(Instructions::Portable));
#[cfg(target_arch = "x86_64")]
kernels::feature_score_conformance!(feature_score_avx2, || score_with(Instructions::Avx2));
#[cfg(target_arch = "x86_64")]
kernels::feature_residual_conformance!(feature_residual_avx2, || residual_with(Instructions::Avx2));

fn score_with(instructions: Instructions) -> CpuFeatureScore {
    CpuFeatureScore::with_instructions(instructions).unwrap_or_default()
}

fn residual_with(instructions: Instructions) -> CpuFeatureResidual {
    CpuFeatureResidual::with_instructions(instructions).unwrap_or_default()
}

/// The instructions asked for, or the best this machine has, which it then says.
fn with(k_max: usize, batch_max: usize, instructions: Instructions) -> CpuTopK {
    CpuTopK::with_instructions(k_max, batch_max, instructions).unwrap_or_else(|| {
        println!("{instructions:?} is not on this machine: {:?} in its place", Instructions::best());
        CpuTopK::new(k_max, batch_max)
    })
}

#[test]
fn the_best_instructions_are_used_and_all_others_are_told_apart() {
    assert_eq!(CpuTopK::new(1, 1).instructions(), Instructions::best());
    for instructions in Instructions::ALL {
        let made = CpuTopK::with_instructions(1, 1, instructions);
        assert_eq!(made.map(|top_k| top_k.instructions()), instructions.are_present().then_some(instructions));
        let made = CpuFeatureScore::with_instructions(instructions);
        assert_eq!(made.map(|score| score.instructions()), instructions.are_present().then_some(instructions));
        let made = CpuFeatureResidual::with_instructions(instructions);
        assert_eq!(made.map(|residual| residual.instructions()), instructions.are_present().then_some(instructions));
    }
}
