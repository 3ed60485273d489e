//! Compiles the device code for this processor, for tests: only with feature `cuda-emulated`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "cuda-emulated")]
    emulation::compile();
}

#[cfg(feature = "cuda-emulated")]
mod emulation {
    /// All device code as it is and with barriers missing; that of the search also with older matrix
    /// instructions.
    pub fn compile() {
        println!("cargo:rerun-if-changed=cuda");
        compiler().file("cuda/emulation/fiber.cpp").compile("top_k_fiber");
        operation("top_k_emulated", "top_k").compile("top_k_emulated");
        operation("top_k_turing", "top_k").define("MATRIX_GENERATION", "75").compile("top_k_turing");
        for stem in ["top_k", "feature_score", "feature_residual"] {
            let name = format!("{stem}_missing_barrier");
            operation(&name, stem).define("PLANTED_MISSING_BARRIER", None).compile(&name);
        }
        operation("feature_score_emulated", "feature_score").compile("feature_score_emulated");
        operation("feature_residual_emulated", "feature_residual").compile("feature_residual_emulated");
    }

    /// The device code of an operation under a name of its own.
    fn operation(namespace: &str, stem: &str) -> cc::Build {
        let mut build = compiler();
        build
            .file("cuda/emulation/operation.cpp")
            .define("EMULATED_NAMESPACE", namespace)
            .define("EMULATED_SOURCE", format!("\"../{stem}.cu\"").as_str());
        build
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
