//! The CUDA twin of [`FeatureScore`](crate::FeatureScore): what it keeps on the device, and what it
//! starts there.
//!
//! The code for the device is `cuda/feature_score.cu`. A [`scoring::Scoring`] owns the buffers and
//! queues the steps on any [`Machine`](super::machine::Machine).

mod arguments;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda-emulated")]
mod emulated;
mod scoring;

#[cfg(feature = "cuda")]
pub use cuda::CudaFeatureScore;
#[cfg(feature = "cuda-emulated")]
pub use emulated::EmulatedFeatureScore;
