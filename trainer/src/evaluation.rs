//! Measuring a model the way the papers do.

pub mod calibration;
pub mod classifier;
pub mod estimates;
pub mod intervals;
pub mod kitti3d;
pub mod scores;

pub use estimates::{Estimate, Evaluator};
pub use scores::{Row, Scores};
