//! Training: of the two retrieval encoders (queries are crops, references are object-axis normal maps of CAD shapes), and of
//! the classifier that they are compared with.

#[cfg(feature = "torch")]
pub mod baseline;
pub mod batches;
#[cfg(feature = "torch")]
pub mod checkpoint;
pub mod config;
pub mod curves;
#[cfg(feature = "torch")]
pub mod export;
#[cfg(feature = "torch")]
pub mod inputs;
#[cfg(feature = "torch")]
pub mod loss;
#[cfg(feature = "torch")]
pub mod mesh;
pub mod mesh_config;
#[cfg(feature = "torch")]
pub mod mesh_loss;
#[cfg(feature = "torch")]
pub mod optimizer;
#[cfg(feature = "torch")]
pub mod retrieval;
#[cfg(feature = "torch")]
pub mod run;
pub mod sampling;
pub mod surface_rows;
pub mod templates;

pub use config::TrainingConfig;
