//! Measuring a model the way the papers do.

pub mod estimates;
pub mod kitti3d;
pub mod scores;

pub use estimates::{Estimate, Evaluator};
pub use scores::{Row, Scores};
