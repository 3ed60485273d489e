//! The kernels of `cuda/top_k.cu`, by name.

macro_rules! kernels {
    ($($variant:ident = $name:literal, $threads:literal;)+) => {
        /// A kernel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kernel {
            $($variant),+
        }

        impl Kernel {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in the compiled code.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// Threads of its blocks: the number it was compiled for.
            pub const fn threads(self) -> u32 {
                match self {
                    $(Self::$variant => $threads),+
                }
            }
        }
    };
}

kernels! {
    ScanSingle1By32 = "top_k_scan_f32_1_32", 256;
    ScanSingle1By128 = "top_k_scan_f32_1_128", 256;
    ScanSingle4By32 = "top_k_scan_f32_4_32", 256;
    ScanSingle4By128 = "top_k_scan_f32_4_128", 256;
    ScanHalf1By32 = "top_k_scan_f16_1_32", 256;
    ScanHalf1By128 = "top_k_scan_f16_1_128", 256;
    ScanHalf4By32 = "top_k_scan_f16_4_32", 256;
    ScanHalf4By128 = "top_k_scan_f16_4_128", 256;
    Merge32 = "top_k_merge_32", 1024;
    Merge128 = "top_k_merge_128", 1024;
    NormsSingle = "top_k_norms_f32", 256;
    NormsHalf = "top_k_norms_f16", 256;
    PrepareHalves = "top_k_prepare_halves", 32;
    PrepareBytes = "top_k_prepare_bytes", 32;
    FilterHalves8 = "top_k_filter_halves_8", 256;
    FilterHalves32 = "top_k_filter_halves_32", 256;
    FilterBytes8 = "top_k_filter_bytes_8", 256;
    FilterBytes32 = "top_k_filter_bytes_32", 256;
    ProbeSingle32 = "top_k_probe_f32_32", 512;
    ProbeSingle128 = "top_k_probe_f32_128", 512;
    ProbeHalf32 = "top_k_probe_f16_32", 512;
    ProbeHalf128 = "top_k_probe_f16_128", 512;
    RerankSingle32 = "top_k_rerank_f32_32", 256;
    RerankSingle128 = "top_k_rerank_f32_128", 256;
    RerankHalf32 = "top_k_rerank_f16_32", 256;
    RerankHalf128 = "top_k_rerank_f16_128", 256;
}

/// Number of kernels.
pub(super) const KERNEL_COUNT: usize = Kernel::ALL.len();
