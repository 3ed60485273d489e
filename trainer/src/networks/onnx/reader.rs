//! Reads an exported file's weights back, so that a shipped network can be trained on.

use prost::Message as _;

use super::proto::{DATA_TYPE_FLOAT, DATA_TYPE_FLOAT16, ModelProto, TensorProto};
use super::{OnnxError, Parameter, Parameters};
use crate::networks::graph::{Graph, Node, Op};

/// The parameters of `graph`'s layers that `file`, written by [`super::export`], has: a layer it lacks is left out. A batch norm
/// that was folded into its convolution comes back as one that only adds the convolution's bias.
///
/// # Errors
/// When the bytes are not such a file, or a layer has another shape there.
pub fn parameters(file: &[u8], graph: &Graph) -> Result<Parameters, OnnxError> {
    let model = ModelProto::decode(file).map_err(|error| OnnxError::File { problem: error.to_string() })?;
    let stored = model.graph.map(|graph| graph.initializer).unwrap_or_default();
    let mut found = Parameters::new();
    for node in &graph.nodes {
        match node.op {
            Op::Conv { .. } => {
                let Some(weight) = constant(&stored, &format!("{}.weight", node.name))? else { continue };
                found.insert(format!("{}.weight", node.name), weight);
                let bias = constant(&stored, &format!("{}.bias", node.name))?;
                match (folded_norm(graph, node), bias) {
                    (Some((norm, epsilon)), Some(bias)) => unfold(&mut found, norm, epsilon, bias),
                    (None, Some(bias)) => drop(found.insert(format!("{}.bias", node.name), bias)),
                    (Some((norm, _)), None) => return Err(OnnxError::node(norm, "was not folded in the file")),
                    (None, None) => {}
                }
            }
            Op::Linear { .. } => {
                for part in ["weight", "bias"] {
                    let name = format!("{}.{part}", node.name);
                    if let Some(parameter) = constant(&stored, &name)? {
                        found.insert(name, parameter);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Name and epsilon of the batch norm that reads a convolution.
fn folded_norm<'a>(graph: &'a Graph, conv: &Node) -> Option<(&'a str, f64)> {
    let id = graph.nodes.iter().position(|node| node.name == conv.name)?;
    graph.nodes.iter().find_map(|node| match node.op {
        Op::BatchNorm { epsilon, .. } if node.inputs == [id] => Some((node.name.as_str(), epsilon)),
        _ => None,
    })
}

/// `(x - 0) / sqrt(1 - epsilon + epsilon) * 1 + bias`.
fn unfold(found: &mut Parameters, norm: &str, epsilon: f64, bias: Parameter) {
    let filled = |value: f32| Parameter { shape: bias.shape.clone(), data: vec![value; bias.data.len()] };
    found.insert(format!("{norm}.weight"), filled(1.0));
    found.insert(format!("{norm}.running_mean"), filled(0.0));
    found.insert(format!("{norm}.running_var"), filled((1.0 - epsilon) as f32));
    found.insert(format!("{norm}.bias"), bias);
}

/// A constant, in either number format.
fn constant(stored: &[TensorProto], name: &str) -> Result<Option<Parameter>, OnnxError> {
    let halved = format!("{name}.f16");
    let Some(tensor) = stored.iter().find(|tensor| tensor.name == name || tensor.name == halved) else {
        return Ok(None);
    };
    let data: Vec<f32> = match tensor.data_type {
        DATA_TYPE_FLOAT => tensor.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        DATA_TYPE_FLOAT16 => {
            tensor.raw_data.as_chunks().0.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect()
        }
        other => return Err(OnnxError::File { problem: format!("stores `{name}` as type {other}") }),
    };
    let shape: Vec<usize> = tensor.dims.iter().map(|side| usize::try_from(*side).unwrap_or(0)).collect();
    if shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side)) != Some(data.len()) {
        return Err(OnnxError::ParameterLength { name: name.to_owned(), shape, length: data.len() });
    }
    Ok(Some(Parameter { shape, data }))
}
