//! The laws as test cases, generic over the implementation.
//!
//! Each case takes a function that makes an instance, and compares it with a third, naive
//! double-precision implementation that lives beside the cases and shares no code with any other:
//! twins that share a mistake still fail. A case panics where the law is broken.
//!
//! An implementation is admitted by one line in a test file, which makes one test of every case:
//!
//! ```
//! kernels::crop_conformance!(cpu, kernels::CpuCrop::new);
//! kernels::feature_residual_conformance!(cpu_residual, kernels::CpuFeatureResidual::new);
//! kernels::feature_score_conformance!(cpu_score, kernels::CpuFeatureScore::new);
//! kernels::rasterize_conformance!(cpu_rasterize, kernels::CpuRasterize::new);
//! kernels::top_k_conformance!(cpu_top_k, kernels::CpuTopK::new);
//! ```
//!
//! Attributes before the name go onto every test: `#[ignore = "needs a CUDA device"] cuda, ...`.

pub mod crop;
pub mod feature_residual;
pub mod feature_score;
pub mod random;
pub mod rasterize;
mod scene;
pub mod top_k;

/// Makes a module of tests, one for each named case of an operation. Used by the macros of the
/// operations.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($attributes:tt $name:ident, $make:expr, $operation:ident: $($case:ident),+ $(,)?) => {
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports, reason = "the instance is often named by its full path")]
            use super::*;
            $($crate::conformance_test! { $attributes $case, $make, $operation })+
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test {
    ([$($attribute:tt)*] $case:ident, $make:expr, $operation:ident) => {
        #[test]
        $($attribute)*
        fn $case() {
            $crate::conformance::$operation::$case($make);
        }
    };
}
