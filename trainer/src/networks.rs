//! Networks described as data, and what is built from the description.

pub mod backbone;
pub mod efficientnet;
pub mod graph;
pub mod heads;
pub mod inverted_residuals;
pub mod mobilenet;
#[cfg(feature = "torch")]
pub mod module;
pub mod onnx;
pub mod resnet;
pub mod weights;
