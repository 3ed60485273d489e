//! How a file stores its weights: as they are, or in half precision, at half the size.
//!
//! A weight in half precision is followed by a `Cast` back to float32, which ONNX Runtime, TensorRT and tract compute once
//! when they load the file: the network runs as before, on weights rounded to 11 bits.

use std::collections::BTreeSet;

use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::OnnxError;
use super::proto::{self, AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// Tensors below this many elements stay as they are: they make up little of a file, and biases are added unscaled.
const ELEMENTS_MIN: usize = 1024;

/// The number format of the weights in a file; the arithmetic is float32 with either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum WeightFormat {
    /// As trained.
    #[default]
    F32,
    /// Large tensors rounded to half precision (IEEE 754 binary16), unless one of their values is beyond its range.
    F16,
}

/// A file that [`super::export`] wrote, with its weights stored as `format`; what is in half precision stays so.
///
/// # Errors
/// When the bytes are not such a file, or a name that the stored weights need is taken.
pub fn store_weights(file: &[u8], format: WeightFormat) -> Result<Vec<u8>, OnnxError> {
    let foreign = || OnnxError::File { problem: "holds what this exporter does not write".to_owned() };
    let mut model = ModelProto::decode(file).map_err(|error| OnnxError::File { problem: error.to_string() })?;
    // Fields that are not described in `proto` would be lost.
    if model.encoded_len() != file.len() {
        return Err(foreign());
    }
    if format == WeightFormat::F16 {
        halve(model.graph.as_mut().ok_or_else(foreign)?)?;
    }
    Ok(model.encode_to_vec())
}

fn halve(graph: &mut GraphProto) -> Result<(), OnnxError> {
    let values = graph.node.iter().flat_map(|node| node.output.iter().cloned());
    let mut taken: BTreeSet<String> =
        values.chain(graph.initializer.iter().map(|tensor| tensor.name.clone())).collect();
    let mut casts = Vec::new();
    for tensor in &mut graph.initializer {
        let Some(raw_data) = half_precision(tensor) else { continue };
        let stored = format!("{}.f16", tensor.name);
        if !taken.insert(stored.clone()) {
            return Err(OnnxError::graph(format!("gives two values the name `{stored}`")));
        }
        casts.push(NodeProto {
            input: vec![stored.clone()],
            output: vec![tensor.name.clone()],
            name: format!("{}.cast", tensor.name),
            op_type: "Cast".to_owned(),
            attribute: vec![AttributeProto::int("to", i64::from(proto::DATA_TYPE_FLOAT))],
        });
        (tensor.name, tensor.data_type, tensor.raw_data) = (stored, proto::DATA_TYPE_FLOAT16, raw_data);
    }
    graph.node.splice(0..0, casts);
    Ok(())
}

/// The rounded elements of a large float tensor; None for others, and where rounding would give infinity.
fn half_precision(tensor: &TensorProto) -> Option<Vec<u8>> {
    let large = tensor.data_type == proto::DATA_TYPE_FLOAT && tensor.raw_data.len() >= ELEMENTS_MIN * size_of::<f32>();
    let (elements, rest) = tensor.raw_data.as_chunks::<{ size_of::<f32>() }>();
    if !large || !rest.is_empty() {
        return None;
    }
    let mut rounded = Vec::with_capacity(tensor.raw_data.len() / 2);
    for element in elements {
        let value = half::f16::from_f32(f32::from_le_bytes(*element));
        value.is_finite().then(|| rounded.extend(value.to_le_bytes()))?;
    }
    Some(rounded)
}
