//! Turns the checked graph into ONNX nodes and constants.

use std::collections::BTreeSet;

use super::proto::{self, AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::shape::{self, Shape};
use super::{ExportSpec, OnnxError, fold};
use crate::networks::graph::{Graph, Node, NodeId, Op};

/// Name of the file's only input.
const INPUT: &str = "input";
/// Names of the constants that nodes share, none of which a parameter can have.
const ZERO: (&str, f32) = ("constant.zero", 0.0);
const SIX: (&str, f32) = ("constant.six", 6.0);
/// Bounds the norm from below, so that a zero vector stays zero (as PyTorch's `normalize`).
const NORM_MIN: (&str, f32) = ("constant.norm_min", 1e-12);
/// Scales of the four axes of a doubled map.
const DOUBLE: &str = "constant.double";

/// The file as messages.
///
/// # Errors
/// As [`super::export`].
pub fn model(spec: &ExportSpec<'_>) -> Result<ModelProto, OnnxError> {
    let mut keys = BTreeSet::new();
    if let Some((key, _)) = spec.metadata.iter().find(|(key, _)| !keys.insert(key)) {
        return Err(OnnxError::MetadataKey { key: key.clone() });
    }
    let entry =
        |(key, value): &(String, String)| proto::StringStringEntryProto { key: key.clone(), value: value.clone() };
    Ok(ModelProto {
        ir_version: proto::IR_VERSION,
        producer_name: "azimuth trainer".to_owned(),
        producer_version: spec.producer_version.to_owned(),
        graph: Some(graph(spec)?),
        opset_import: vec![proto::OperatorSetIdProto { domain: String::new(), version: proto::OPSET_VERSION }],
        metadata_props: spec.metadata.iter().map(entry).collect(),
    })
}

fn graph(spec: &ExportSpec<'_>) -> Result<GraphProto, OnnxError> {
    let shapes = shape::infer(spec.graph, spec.height, spec.width)?;
    let live = live(spec.graph);
    let folded = folded(spec.graph, &live);
    let mut writer = Writer { spec, values: values(spec.graph), folded, nodes: Vec::new(), constants: Vec::new() };
    for (id, node) in spec.graph.nodes.iter().enumerate().filter(|(id, _)| live[*id]) {
        writer.node(id, node)?;
    }
    let mut outputs = Vec::with_capacity(spec.graph.outputs.len());
    for (name, id) in &spec.graph.outputs {
        if writer.values[*id] != *name {
            writer.push(name, "Identity", &[&writer.values[*id].clone()], name, vec![]);
        }
        outputs.push(ValueInfoProto::batched_float(name, shapes[*id].dimensions()));
    }
    let input = shapes.first().map_or(&[][..], Shape::dimensions);
    writer.check_names()?;
    Ok(GraphProto {
        node: writer.nodes,
        name: "network".to_owned(),
        initializer: writer.constants,
        input: vec![ValueInfoProto::batched_float(INPUT, input)],
        output: outputs,
    })
}

/// Whether an output needs each node.
fn live(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.nodes.len()];
    for (_, id) in &graph.outputs {
        live[*id] = true;
    }
    for (id, node) in graph.nodes.iter().enumerate().rev() {
        if live[id] {
            node.inputs.iter().for_each(|input| live[*input] = true);
        }
    }
    live
}

/// For a batch norm to fold: its convolution. For that convolution: the batch norm.
fn folded(graph: &Graph, live: &[bool]) -> Vec<Option<NodeId>> {
    let mut readers = vec![0_usize; graph.nodes.len()];
    let reads = graph.nodes.iter().zip(live).filter(|(_, live)| **live).flat_map(|(node, _)| &node.inputs);
    for id in reads.chain(graph.outputs.iter().map(|(_, id)| id)) {
        readers[*id] += 1;
    }
    let mut folded = vec![None; graph.nodes.len()];
    for (id, node) in graph.nodes.iter().enumerate().filter(|(id, _)| live[*id]) {
        let (Op::BatchNorm { .. }, [conv]) = (node.op, node.inputs.as_slice()) else { continue };
        if readers[*conv] == 1 && matches!(graph.nodes[*conv].op, Op::Conv { .. }) {
            (folded[id], folded[*conv]) = (Some(*conv), Some(id));
        }
    }
    folded
}

/// The name of each node's value: the name of the first output it is, else one made from its own.
fn values(graph: &Graph) -> Vec<String> {
    let name = |(id, node): (NodeId, &Node)| match graph.outputs.iter().find(|(_, output)| *output == id) {
        _ if id == 0 => INPUT.to_owned(),
        Some((output, _)) => output.clone(),
        None => format!("{}.output", node.name),
    };
    graph.nodes.iter().enumerate().map(name).collect()
}

/// Nodes and constants written so far. All ids are those of a graph that [`shape::infer`] accepted, hence in range.
struct Writer<'a> {
    spec: &'a ExportSpec<'a>,
    values: Vec<String>,
    folded: Vec<Option<NodeId>>,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Writer<'_> {
    fn node(&mut self, id: NodeId, node: &Node) -> Result<(), OnnxError> {
        let inputs: Vec<String> = node.inputs.iter().map(|input| self.values[*input].clone()).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let output = self.values[id].clone();
        let name = node.name.as_str();
        match node.op {
            Op::Input { .. } => {}
            Op::Conv { .. } => self.convolution(id, node, &inputs)?,
            Op::BatchNorm { .. } if self.folded[id].is_some() => {}
            Op::BatchNorm { channels, epsilon } => self.batch_norm(name, &inputs, &output, channels, epsilon)?,
            Op::Relu => self.push(name, "Relu", &inputs, &output, vec![]),
            Op::Relu6 => {
                let (min, max) = (self.scalar(ZERO), self.scalar(SIX));
                self.push(name, "Clip", &[&inputs[..], &[min, max]].concat(), &output, vec![]);
            }
            Op::Add => self.push(name, "Add", &inputs, &output, vec![]),
            Op::Concat => self.push(name, "Concat", &inputs, &output, vec![AttributeProto::int("axis", 1)]),
            Op::MaxPool { kernel, stride, padding } => {
                let attributes = window(kernel, stride, [padding; 4]);
                self.push(name, "MaxPool", &inputs, &output, attributes);
            }
            Op::Upsample => self.upsample(name, &inputs, &output),
            Op::GlobalAveragePool => {
                let cell = format!("{name}.cell");
                self.push(&cell, "GlobalAveragePool", &inputs, &cell, vec![]);
                self.push(name, "Flatten", &[&cell], &output, vec![AttributeProto::int("axis", 1)]);
            }
            Op::Flatten => self.push(name, "Flatten", &inputs, &output, vec![AttributeProto::int("axis", 1)]),
            Op::Linear { inputs: columns, outputs: rows } => {
                let weight = self.parameter(&format!("{name}.weight"), &[rows, columns])?;
                let bias = self.parameter(&format!("{name}.bias"), &[rows])?;
                let inputs = [&inputs[..], &[&weight, &bias]].concat();
                self.push(name, "Gemm", &inputs, &output, vec![AttributeProto::int("transB", 1)]);
            }
            Op::Normalize => self.normalize(name, &inputs, &output),
        }
        Ok(())
    }

    /// Each output row and column reads input row and column `floor(i / 2)`.
    fn upsample(&mut self, name: &str, inputs: &[&str], output: &str) {
        if self.constants.iter().all(|constant| constant.name != DOUBLE) {
            self.constants.push(TensorProto::float(DOUBLE, &[4], &[1.0, 1.0, 2.0, 2.0]));
        }
        // The region of interest between input and scales is left out.
        let inputs = [inputs, &["", DOUBLE]].concat();
        let attributes = vec![
            AttributeProto::text("coordinate_transformation_mode", "asymmetric"),
            AttributeProto::text("mode", "nearest"),
            AttributeProto::text("nearest_mode", "floor"),
        ];
        self.push(name, "Resize", &inputs, output, attributes);
    }

    fn convolution(&mut self, id: NodeId, node: &Node, inputs: &[&str]) -> Result<(), OnnxError> {
        let Op::Conv { kernel, stride, padding, groups, .. } = node.op else { return Ok(()) };
        let norm = self.folded[id];
        let output = self.values[norm.unwrap_or(id)].clone();
        let norm = norm.map(|norm| &self.spec.graph.nodes[norm]);
        let tensors = fold::convolution(self.spec.parameters, node, norm)?;
        let (weight, bias) = (format!("{}.weight", node.name), format!("{}.bias", node.name));
        let mut inputs = [inputs, &[&weight]].concat();
        self.constants.push(TensorProto::float(&weight, &tensors.shape, &tensors.weight));
        if let Some(values) = &tensors.bias {
            self.constants.push(TensorProto::float(&bias, &[values.len()], values));
            inputs.push(&bias);
        }
        // ONNX lists the pads of all axes' begins, then of all ends.
        let mut attributes = window(kernel, stride, [padding.before, padding.before, padding.after, padding.after]);
        attributes.push(AttributeProto::int("group", groups as i64));
        self.push(&node.name, "Conv", &inputs, &output, attributes);
        Ok(())
    }

    fn batch_norm(
        &mut self,
        name: &str,
        inputs: &[&str],
        output: &str,
        channels: usize,
        epsilon: f64,
    ) -> Result<(), OnnxError> {
        let tensors = fold::batch_norm(self.spec.parameters, name, channels, epsilon)?;
        let names = ["weight", "bias", "running_mean", "running_var"].map(|part| format!("{name}.{part}"));
        let constants = names.iter().zip(tensors).map(|(name, data)| TensorProto::float(name, &[channels], data));
        self.constants.extend(constants);
        let inputs: Vec<&str> = inputs.iter().copied().chain(names.iter().map(String::as_str)).collect();
        let attributes = vec![AttributeProto::float("epsilon", epsilon as f32)];
        self.push(name, "BatchNormalization", &inputs, output, attributes);
        Ok(())
    }

    /// Spelled out as PyTorch computes it; `LpNormalization` would leave the bound to the runtime.
    fn normalize(&mut self, name: &str, inputs: &[&str], output: &str) {
        let (norm, bounded) = (format!("{name}.norm"), format!("{name}.norm_bounded"));
        let along_channels = vec![AttributeProto::sizes("axes", &[1]), AttributeProto::int("keepdims", 1)];
        self.push(&norm, "ReduceL2", inputs, &norm, along_channels);
        let min = self.scalar(NORM_MIN);
        self.push(&bounded, "Clip", &[&norm, min], &bounded, vec![]);
        self.push(name, "Div", &[inputs, &[&bounded]].concat(), output, vec![]);
    }

    fn push(&mut self, name: &str, op_type: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            attribute,
        });
    }

    /// Adds a parameter as it is and returns its name.
    fn parameter(&mut self, name: &str, shape: &[usize]) -> Result<String, OnnxError> {
        let data = fold::parameter(self.spec.parameters, name, shape)?;
        self.constants.push(TensorProto::float(name, shape, data));
        Ok(name.to_owned())
    }

    /// Adds a shared constant where it is not there yet and returns its name.
    fn scalar(&mut self, (name, value): (&'static str, f32)) -> &'static str {
        if self.constants.iter().all(|constant| constant.name != name) {
            self.constants.push(TensorProto::float(name, &[], &[value]));
        }
        name
    }

    /// Names come from the caller; ONNX wants each value to have one source.
    fn check_names(&self) -> Result<(), OnnxError> {
        let mut seen = BTreeSet::from([INPUT]);
        let constants = self.constants.iter().map(|constant| &constant.name);
        let mut names = constants.chain(self.nodes.iter().flat_map(|node| &node.output));
        match names.find(|name| !seen.insert(name)) {
            Some(name) => Err(OnnxError::graph(format!("gives two values the name `{name}`"))),
            None => Ok(()),
        }
    }
}

fn window(kernel: usize, stride: usize, pads: [usize; 4]) -> Vec<AttributeProto> {
    vec![
        AttributeProto::sizes("kernel_shape", &[kernel; 2]),
        AttributeProto::sizes("strides", &[stride; 2]),
        AttributeProto::sizes("pads", &pads),
    ]
}
