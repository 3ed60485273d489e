//! The CUDA twin of [`FeatureResidual`](crate::FeatureResidual): what it keeps on the device, and what
//! it starts there.
//!
//! The code for the device is `cuda/feature_residual.cu`. A [`summing::Summing`] owns the buffers and
//! queues the steps on any [`Machine`](super::machine::Machine).

mod arguments;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda-emulated")]
mod emulated;
mod summing;

#[cfg(feature = "cuda")]
pub use cuda::CudaFeatureResidual;
#[cfg(feature = "cuda-emulated")]
pub use emulated::EmulatedFeatureResidual;
