//! The CUDA twin of [`TopK`](crate::TopK): what it keeps on the device, and what it starts there.
//!
//! The code for the device is `cuda/top_k.cu`; its head tells the steps. Here, a [`plan`] decides
//! which steps a search takes, a [`search`] owns the buffers and queues the steps on any
//! [`Machine`](super::machine::Machine), and the two machines are the driver and the emulation. The
//! plan and the search that the emulation tests are those that a device runs.

mod arguments;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "cuda-emulated")]
mod emulated;
mod kernel;
mod plan;
mod search;
mod table;

#[cfg(feature = "cuda")]
pub use cuda::{CudaSetupError, CudaTable, CudaTopK, RecordedSearch};
#[cfg(feature = "cuda-emulated")]
pub use emulated::{EmulatedTopK, Variant};
pub use plan::Filter;
