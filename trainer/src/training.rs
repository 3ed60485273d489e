//! Training of the two retrieval encoders: queries are real crops, references are object-axis normal maps of CAD shapes.

pub mod batches;
#[cfg(feature = "torch")]
pub mod checkpoint;
pub mod config;
#[cfg(feature = "torch")]
pub mod loss;
#[cfg(feature = "torch")]
pub mod optimizer;
#[cfg(feature = "torch")]
pub mod retrieval;
pub mod sampling;

pub use config::TrainingConfig;
