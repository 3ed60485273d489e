//! A small ONNX network, written with the messages of onnx.proto that it needs, and the same network computed by hand.
//!
//! `hidden` = relu(conv 1x1 (input)), `embedding` = mean over the pixels of `hidden`, times a matrix, plus a bias, `features` = conv 1x1
//! (`hidden`).

#![cfg_attr(not(any(feature = "ort", feature = "tract")), expect(dead_code, reason = "only providers run the network"))]

use prost::Message;

/// Sides of the canvas, as in the manifest of the tests.
pub(crate) const HEIGHT: usize = 8;
pub(crate) const WIDTH: usize = 12;
const CHANNELS: usize = 4;
const DIM: usize = 5;
/// Shape of one feature map.
pub(crate) const FEATURE_SHAPE: [usize; 3] = [4, HEIGHT, WIDTH];

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSetIdProto>,
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSetIdProto {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    input: Vec<ValueInfoProto>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfoProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    #[prost(string, tag = "4")]
    op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, boxed, tag = "6")]
    pub(crate) g: Option<Box<GraphProto>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int64, repeated, tag = "7")]
    int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfoProto {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TypeProto {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorTypeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorTypeProto {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShapeProto {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(oneof = "DimensionValue", tags = "1, 2")]
    value: Option<DimensionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum DimensionValue {
    #[prost(int64, tag = "1")]
    Value(i64),
    #[prost(string, tag = "2")]
    Param(String),
}

const FLOAT: i32 = 1;
const INT64: i32 = 7;

/// Weights that are neither symmetric nor all of one sign.
fn weight(row: usize, scale: f32) -> f32 {
    ((row * 7 + 3) % 11) as f32 * scale - 4.0 * scale
}

fn weights(count: usize, scale: f32) -> Vec<f32> {
    (0..count).map(|row| weight(row, scale)).collect()
}

fn tensor(name: &str, dims: &[usize], values: Vec<f32>) -> TensorProto {
    let dims = dims.iter().map(|&d| i64::try_from(d).unwrap()).collect();
    TensorProto { dims, data_type: FLOAT, float_data: values, int64_data: Vec::new(), name: name.into() }
}

fn node(op_type: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: input.iter().map(|s| (*s).into()).collect(),
        output: vec![output.into()],
        op_type: op_type.into(),
        attribute: Vec::new(),
    }
}

/// A value with a batch of `batch`, or of any size.
fn value(name: &str, batch: Option<i64>, sides: &[usize]) -> ValueInfoProto {
    let batch = batch.map_or_else(|| DimensionValue::Param("N".into()), DimensionValue::Value);
    let sides = sides.iter().map(|&s| DimensionValue::Value(i64::try_from(s).unwrap()));
    let dim = std::iter::once(batch).chain(sides).map(|v| Dimension { value: Some(v) }).collect();
    let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

/// The network as ONNX bytes; its batch is fixed, or free where `batch` is none. The embedding is its second output.
pub(crate) fn network(batch: Option<i64>) -> Vec<u8> {
    graph(batch, node("Conv", &["hidden", "features.weight", "features.bias"], "features"))
}

/// The same network, but whoever computes its features fails: they cannot be given the shape that is asked for.
pub(crate) fn network_with_failing_features() -> Vec<u8> {
    graph(None, node("Reshape", &["hidden", "features.shape"], "features"))
}

fn graph(batch: Option<i64>, features: NodeProto) -> Vec<u8> {
    let [dim, ..] = FEATURE_SHAPE;
    let seven = TensorProto {
        dims: vec![1],
        data_type: INT64,
        float_data: Vec::new(),
        int64_data: vec![7],
        name: "features.shape".into(),
    };
    let graph = GraphProto {
        node: vec![
            node("Conv", &["crops", "conv.weight", "conv.bias"], "conv"),
            node("Relu", &["conv"], "hidden"),
            features,
            node("GlobalAveragePool", &["hidden"], "pooled"),
            node("Flatten", &["pooled"], "flat"),
            node("Gemm", &["flat", "head.weight", "head.bias"], "embedding"),
        ],
        name: "fixture".into(),
        initializer: vec![
            tensor("conv.weight", &[CHANNELS, 3, 1, 1], weights(CHANNELS * 3, 0.1)),
            tensor("conv.bias", &[CHANNELS], weights(CHANNELS, 0.05)),
            tensor("features.weight", &[dim, CHANNELS, 1, 1], weights(dim * CHANNELS, 0.15)),
            tensor("features.bias", &[dim], weights(dim, 0.25)),
            seven,
            tensor("head.weight", &[CHANNELS, DIM], weights(CHANNELS * DIM, 0.2)),
            tensor("head.bias", &[DIM], weights(DIM, 0.3)),
        ],
        input: vec![value("crops", batch, &[3, HEIGHT, WIDTH])],
        output: vec![value("features", batch, &FEATURE_SHAPE), value("embedding", batch, &[DIM])],
    };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { ir_version: 8, graph: Some(graph), opset_import }.encode_to_vec()
}

/// `batch` crops of reproducible values between -1 and 1.
pub(crate) fn crops(batch: usize) -> Vec<f32> {
    (0..batch * 3 * HEIGHT * WIDTH).map(|i| (i * 2_654_435_761 % 1000) as f32 / 500.0 - 1.0).collect()
}

/// What is hidden of one crop: a pixel of a channel.
fn hidden_by_hand(crop: &[f32], channel: usize, pixel: usize) -> f64 {
    let product = |c: usize| f64::from(weight(channel * 3 + c, 0.1)) * f64::from(crop[c * HEIGHT * WIDTH + pixel]);
    (f64::from(weight(channel, 0.05)) + (0..3).map(product).sum::<f64>()).max(0.0)
}

/// The embeddings of crops `[B, 3, H, W]`, summed in f64.
pub(crate) fn embed_by_hand(crops: &[f32]) -> Vec<f64> {
    let pixel_count = HEIGHT * WIDTH;
    let mut embeddings = Vec::new();
    for crop in crops.chunks(3 * pixel_count) {
        let mean = |channel: usize| {
            (0..pixel_count).map(|pixel| hidden_by_hand(crop, channel, pixel)).sum::<f64>() / pixel_count as f64
        };
        let means: Vec<f64> = (0..CHANNELS).map(mean).collect();
        embeddings.extend((0..DIM).map(|d| {
            let products = means.iter().enumerate().map(|(c, m)| m * f64::from(weight(c * DIM + d, 0.2)));
            f64::from(weight(d, 0.3)) + products.sum::<f64>()
        }));
    }
    embeddings
}

/// The feature maps of crops `[B, 3, H, W]`, summed in f64.
pub(crate) fn features_by_hand(crops: &[f32]) -> Vec<f64> {
    let [dim, height, width] = FEATURE_SHAPE;
    let mut features = Vec::new();
    for crop in crops.chunks(3 * HEIGHT * WIDTH) {
        for d in 0..dim {
            features.extend((0..height * width).map(|pixel| {
                let product = |c: usize| f64::from(weight(d * CHANNELS + c, 0.15)) * hidden_by_hand(crop, c, pixel);
                f64::from(weight(d, 0.25)) + (0..CHANNELS).map(product).sum::<f64>()
            }));
        }
    }
    features
}
