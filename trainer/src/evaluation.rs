//! Measuring a model the way the papers do.
//!
//! A [`test_set`] gives objects, [`measure`](mod@measure) answers them at every [crop](crops), [`rows`](mod@rows) and [`uncertainty`] score the answers, and
//! [`summary`] and [`report`] show the scores.

pub mod azimuth;
pub mod basin;
pub mod calibration;
pub mod classifier;
pub mod compare;
pub mod crops;
pub mod details;
pub mod estimates;
pub mod gallery;
pub mod intervals;
pub mod kitti3d;
pub mod measure;
pub mod nemo_adam;
pub mod occlusion;
pub mod refine;
pub mod refinement_fit;
pub mod report;
pub mod rows;
pub mod scores;
pub mod summary;
pub mod test_set;
pub mod tracking;
pub mod uncertainty;

#[cfg(test)]
mod tests;

pub use estimates::Evaluator;
pub use rows::Row;
pub use scores::Scores;
