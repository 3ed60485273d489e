//! ONNX export: a [`Graph`] and its trained parameters as the bytes of an ONNX file (IR 8, opset 17, float32;
//! [`store_weights`] halves the size).
//!
//! The file takes `input` `[batch, C, H, W]` with a symbolic batch and gives the graph's named outputs, `[batch, N]` or
//! `[batch, C, H, W]`. Only operations that ONNX Runtime, TensorRT and tract all run are written. A batch norm that is
//! its convolution's only reader is folded into it; any other stays a `BatchNormalization`. Nodes that no output needs
//! are left out, with their parameters. The same input always gives the same bytes, so a digest names the network.

mod fold;
mod proto;
mod reader;
pub mod shape;
mod storage;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;

use super::graph::Graph;

pub use reader::parameters as read_parameters;
pub use storage::{WeightFormat, store_weights};

/// One trained tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Length along each axis, as PyTorch orders them (convolutions: `[outputs, inputs / groups, kernel, kernel]`).
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub data: Vec<f32>,
}

/// Parameters by name (see [`super::graph`] for the names); names that the graph does not use are ignored.
pub type Parameters = BTreeMap<String, Parameter>;

/// What goes into an ONNX file.
#[derive(Clone, Copy, Debug)]
pub struct ExportSpec<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// Its trained parameters.
    pub parameters: &'a Parameters,
    /// Height of the input in pixels.
    pub height: usize,
    /// Width of the input in pixels.
    pub width: usize,
    /// Key and value of each metadata entry, written in this order.
    pub metadata: &'a [(String, String)],
    /// Version written next to the producer's name.
    pub producer_version: &'a str,
}

/// Why a network cannot be exported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OnnxError {
    /// The graph as a whole is malformed.
    #[error("the graph {problem}")]
    Graph {
        /// What is wrong, as the rest of the sentence.
        problem: String,
    },
    /// The bytes are not a file of this exporter.
    #[error("the file {problem}")]
    File {
        /// What is wrong, as the rest of the sentence.
        problem: String,
    },
    /// A node does not fit its inputs.
    #[error("node `{node}`: {problem}")]
    Node {
        /// Name of the node.
        node: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A parameter is not there.
    #[error("parameter `{name}` of shape {expected:?} is missing")]
    MissingParameter {
        /// Name of the parameter.
        name: String,
        /// The shape the graph wants.
        expected: Vec<usize>,
    },
    /// A parameter is there in another shape.
    #[error("parameter `{name}` has shape {found:?} where the graph wants {expected:?}")]
    ParameterShape {
        /// Name of the parameter.
        name: String,
        /// The shape the graph wants.
        expected: Vec<usize>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// A parameter's data do not fill its shape.
    #[error("parameter `{name}` of shape {shape:?} holds {length} elements")]
    ParameterLength {
        /// Name of the parameter.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its number of elements.
        length: usize,
    },
    /// A parameter, as trained or after folding, is NaN or infinite, or a variance is not positive.
    #[error("parameter `{name}` is {value} at element {index}")]
    ParameterValue {
        /// Name of the parameter.
        name: String,
        /// Row-major index of the element.
        index: usize,
        /// Its value; a variance after epsilon was added.
        value: f64,
    },
    /// Two metadata entries share a key.
    #[error("metadata key `{key}` is given twice")]
    MetadataKey {
        /// The key.
        key: String,
    },
}

impl OnnxError {
    fn node(node: &str, problem: impl Into<String>) -> Self {
        Self::Node { node: node.to_owned(), problem: problem.into() }
    }

    fn graph(problem: impl Into<String>) -> Self {
        Self::Graph { problem: problem.into() }
    }
}

/// Writes the network as the bytes of an ONNX file.
///
/// # Errors
/// When the graph is malformed or its shapes do not fit `height` and `width`, when a needed parameter is missing, has
/// another shape or is not finite, or when a metadata key is given twice.
pub fn export(spec: &ExportSpec<'_>) -> Result<Vec<u8>, OnnxError> {
    let model = writer::model(spec)?;
    Ok(prost::Message::encode_to_vec(&model))
}
