//! Networks described as data, and what is built from the description.

pub mod efficientnet;
pub mod graph;
#[cfg(feature = "torch")]
pub mod module;
pub mod onnx;
