//! Operations on CUDA devices, and which devices this machine has.
//!
//! The driver's library is opened when it is first asked for, so feature `cuda` builds and runs on
//! machines that have neither driver nor toolkit. Device code is compiled apart, without a device,
//! by `scripts/build_cubins.sh`. Feature `cuda-emulated` compiles the same code for this processor,
//! for tests alone.

#[cfg(feature = "cuda")]
mod devices;
#[cfg(feature = "cuda")]
mod driver;
#[cfg(feature = "cuda-emulated")]
mod emulated;
mod feature_residual;
mod feature_score;
#[cfg(feature = "cuda")]
mod images;
mod machine;
mod surface;
mod top_k;

#[cfg(feature = "cuda")]
pub use devices::{CudaDevice, CudaUnavailable, cuda_devices};
#[cfg(feature = "cuda")]
pub use feature_residual::CudaFeatureResidual;
#[cfg(feature = "cuda-emulated")]
pub use feature_residual::EmulatedFeatureResidual;
#[cfg(feature = "cuda")]
pub use feature_score::CudaFeatureScore;
#[cfg(feature = "cuda-emulated")]
pub use feature_score::EmulatedFeatureScore;
#[cfg(feature = "cuda")]
pub use images::{CudaImage, NoImage, image_folder};
pub use top_k::Filter;
#[cfg(feature = "cuda")]
pub use top_k::{CudaSetupError, CudaTable, CudaTopK, RecordedSearch};
#[cfg(feature = "cuda-emulated")]
pub use top_k::{EmulatedTopK, Variant};
