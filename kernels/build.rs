//! Compiles the device code for this processor, for tests: only with feature `cuda-emulated`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "cuda-emulated")]
    emulation::compile();
}

#[cfg(feature = "cuda-emulated")]
mod emulation {
    /// The device code as it is, with older matrix instructions, and with a barrier missing, under names
    /// of their own.
    pub fn compile() {
        println!("cargo:rerun-if-changed=cuda");
        compiler().file("cuda/emulation/fiber.cpp").compile("top_k_fiber");
        compiler()
            .file("cuda/emulation/top_k.cpp")
            .define("EMULATED_NAMESPACE", "top_k_emulated")
            .compile("top_k_emulated");
        compiler()
            .file("cuda/emulation/top_k.cpp")
            .define("EMULATED_NAMESPACE", "top_k_turing")
            .define("MATRIX_GENERATION", "75")
            .compile("top_k_turing");
        compiler()
            .file("cuda/emulation/top_k.cpp")
            .define("EMULATED_NAMESPACE", "top_k_missing_barrier")
            .define("PLANTED_MISSING_BARRIER", None)
            .compile("top_k_missing_barrier");
    }

    fn compiler() -> cc::Build {
        let mut build = cc::Build::new();
        // Optimised in every profile: fibers run a million steps a second or they are no use. No
        // contraction: a device rounds a product where the code does not say fmaf... and fmaf is fast
        // only as an instruction.
        build.cpp(true).std("c++17").opt_level(2).flag("-ffp-contract=off").flag("-Wno-unknown-pragmas");
        // For this very processor, not for one that is compiled for.
        let is_native = std::env::var("HOST") == std::env::var("TARGET");
        #[cfg(target_arch = "x86_64")]
        if is_native && std::is_x86_feature_detected!("fma") && std::is_x86_feature_detected!("f16c") {
            build.flag("-mfma").flag("-mf16c").flag("-mavx2");
        }
        build
    }
}
