//! Offline companion of the node: data, synthesis, training, evaluation, export.

pub mod augmentation;
pub mod commands;
#[cfg(feature = "torch")]
pub mod cuda;
pub mod datasets;
pub mod encoder;
pub mod evaluation;
pub mod networks;
pub mod rendering;
pub mod synth;
pub mod table;
pub mod training;
pub mod vehicles;
