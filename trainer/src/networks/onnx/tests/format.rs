//! Laws of what the file holds and of what is refused.

use prost::Message as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::super::proto::{Dimension, GraphProto, ModelProto};
use super::super::{ExportSpec, OnnxError, Parameter, Parameters, export};
use super::{export_plain, random};
use crate::networks::efficientnet;
use crate::networks::graph::{Graph, Op, Padding};

const ALONE: Padding = Padding { before: 0, after: 0 };

fn conv(inputs: usize, outputs: usize) -> Op {
    Op::Conv { inputs, outputs, kernel: 1, stride: 1, padding: ALONE, groups: 1, bias: false }
}

/// A 1x1 convolution of three channels to two with a batch norm; `shared` also gives the convolution's own value.
fn small(shared: bool) -> (Graph, Parameters) {
    let mut graph = Graph::new(3);
    let norm = graph.conv_norm("stem", conv(3, 2), 1e-3, None, 0);
    graph.output("features", norm);
    if shared {
        graph.output("plain", norm - 1);
    }
    let parameters = random::parameters(&graph, &mut ChaCha8Rng::seed_from_u64(0));
    (graph, parameters)
}

fn decode(bytes: &[u8]) -> GraphProto {
    ModelProto::decode(bytes).unwrap().graph.unwrap()
}

fn op_types(graph: &GraphProto) -> Vec<&str> {
    graph.node.iter().map(|node| node.op_type.as_str()).collect()
}

/// The error of exporting for inputs of 4 x 4.
fn refusal(graph: &Graph, parameters: &Parameters) -> OnnxError {
    let spec = ExportSpec { graph, parameters, height: 4, width: 4, metadata: &[], producer_version: "0" };
    export(&spec).unwrap_err()
}

/// The message of exporting a graph of one operation on the input and one output.
fn refused_op(op: Op, inputs: &[usize]) -> String {
    let mut graph = Graph::new(3);
    let node = graph.push("odd", op, inputs);
    graph.output("out", node);
    refusal(&graph, &random::parameters(&graph, &mut ChaCha8Rng::seed_from_u64(0))).to_string()
}

#[test]
fn the_same_network_always_gives_the_same_bytes() {
    let graph = efficientnet::encoder(32, 32, 8);
    let parameters = || random::parameters(&graph, &mut ChaCha8Rng::seed_from_u64(7));
    assert_eq!(export_plain(&graph, &parameters(), [32, 32]), export_plain(&graph, &parameters(), [32, 32]));
}

#[test]
fn the_file_says_what_it_is() {
    let (graph, parameters) = small(false);
    let metadata = [("stride".to_owned(), "1".to_owned()), ("classes".to_owned(), "car".to_owned())];
    let spec = ExportSpec {
        graph: &graph,
        parameters: &parameters,
        height: 4,
        width: 6,
        metadata: &metadata,
        producer_version: "1.2",
    };
    let model = ModelProto::decode(export(&spec).unwrap().as_slice()).unwrap();
    assert_eq!((model.ir_version, model.opset_import[0].version, model.producer_version.as_str()), (8, 17, "1.2"));
    let entries: Vec<_> = model.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect();
    assert_eq!(entries, metadata);
    let graph = model.graph.unwrap();
    let dimensions = |value: &super::super::proto::ValueInfoProto| -> Vec<Dimension> {
        let tensor = value.r#type.clone().unwrap().tensor_type.unwrap();
        tensor.shape.unwrap().dim.into_iter().map(|dim| dim.value.unwrap()).collect()
    };
    let batched = |rest: [i64; 3]| -> Vec<Dimension> {
        std::iter::once(Dimension::Symbol("batch".to_owned())).chain(rest.map(Dimension::Known)).collect()
    };
    assert_eq!((graph.input[0].name.as_str(), dimensions(&graph.input[0])), ("input", batched([3, 4, 6])));
    assert_eq!((graph.output[0].name.as_str(), dimensions(&graph.output[0])), ("features", batched([2, 4, 6])));
}

#[test]
fn a_batch_norm_is_folded_only_where_it_alone_reads_the_convolution() {
    let (graph, parameters) = small(false);
    assert_eq!(op_types(&decode(&export_plain(&graph, &parameters, [4, 4]))), ["Conv"]);
    let (graph, parameters) = small(true);
    assert_eq!(op_types(&decode(&export_plain(&graph, &parameters, [4, 4]))), ["Conv", "BatchNormalization"]);
    let graph = efficientnet::encoder(32, 32, 8);
    let parameters = random::parameters(&graph, &mut ChaCha8Rng::seed_from_u64(7));
    let file = decode(&export_plain(&graph, &parameters, [32, 32]));
    assert!(!op_types(&file).contains(&"BatchNormalization"));
}

#[test]
fn what_no_output_needs_is_left_out_and_its_parameters_are_not_asked_for() {
    let (mut graph, parameters) = small(false);
    graph.push("unread", conv(2, 5), &[2]);
    assert_eq!(op_types(&decode(&export_plain(&graph, &parameters, [4, 4]))), ["Conv"]);
}

#[test]
fn a_missing_parameter_is_named_with_its_shape() {
    let (graph, mut parameters) = small(false);
    parameters.remove("stem.conv.weight");
    let message = refusal(&graph, &parameters).to_string();
    assert_eq!(message, "parameter `stem.conv.weight` of shape [2, 3, 1, 1] is missing");
}

#[test]
fn a_misshaped_parameter_is_named_with_both_shapes() {
    let (graph, mut parameters) = small(false);
    parameters.insert("stem.norm.bias".to_owned(), Parameter { shape: vec![3], data: vec![0.0; 3] });
    let message = refusal(&graph, &parameters).to_string();
    assert_eq!(message, "parameter `stem.norm.bias` has shape [3] where the graph wants [2]");
}

#[test]
fn unsound_values_are_named_by_element() {
    let value = |name: &str, index: usize, value: f32| {
        let (graph, mut parameters) = small(false);
        parameters.get_mut(name).unwrap().data[index] = value;
        refusal(&graph, &parameters).to_string()
    };
    assert_eq!(value("stem.conv.weight", 4, f32::NAN), "parameter `stem.conv.weight` is NaN at element 4");
    assert_eq!(value("stem.norm.running_var", 1, -1.0), "parameter `stem.norm.running_var` is -0.999 at element 1");
    let (graph, mut parameters) = small(false);
    parameters.get_mut("stem.norm.weight").unwrap().data[0] = f32::MAX;
    parameters.get_mut("stem.norm.running_var").unwrap().data[0] = 0.0;
    let folded = refusal(&graph, &parameters).to_string();
    assert!(folded.starts_with("parameter `stem.norm folded into stem.conv.weight` is "), "{folded}");
    let (graph, mut parameters) = small(false);
    parameters.get_mut("stem.norm.weight").unwrap().data.pop();
    assert_eq!(refusal(&graph, &parameters).to_string(), "parameter `stem.norm.weight` of shape [2] holds 1 elements");
}

#[test]
fn a_node_that_does_not_fit_its_inputs_is_named() {
    assert_eq!(refused_op(conv(4, 2), &[0]), "node `odd`: wants 4 channels and gets 3");
    assert!(refused_op(Op::Linear { inputs: 48, outputs: 2 }, &[0]).starts_with("node `odd`: Linear"));
    assert!(refused_op(Op::Add, &[0]).contains("cannot take inputs of shape [[3, 4, 4]]"));
    assert!(refused_op(Op::Relu, &[1]).contains("does not come before it"));
    assert!(refused_op(Op::Input { channels: 3 }, &[]).contains("has to be the first node"));
    assert!(refused_op(Op::MaxPool { kernel: 2, stride: 2, padding: 2 }, &[0]).contains("without a pixel"));
    assert!(refused_op(Op::MaxPool { kernel: 5, stride: 1, padding: 0 }, &[0]).contains("does not fit into [4, 4]"));
    assert!(refused_op(Op::MaxPool { kernel: 1, stride: 0, padding: 0 }, &[0]).contains("does not fit"));
    let far = Padding { before: usize::MAX, after: 0 };
    let conv = |groups, padding| Op::Conv { inputs: 3, outputs: 4, kernel: 1, stride: 1, padding, groups, bias: false };
    assert!(refused_op(conv(3, ALONE), &[0]).contains("do not split into 3 groups"));
    assert!(refused_op(conv(1, far), &[0]).contains("does not fit"));
}

#[test]
fn ambiguous_names_are_refused() {
    let (mut graph, parameters) = small(false);
    graph.output("features", 1);
    let twice = "the graph gives two values the name `features`";
    assert_eq!(refusal(&graph, &parameters).to_string(), twice);
    let (mut graph, parameters) = small(false);
    graph.push("stem.conv", Op::Relu, &[0]);
    assert_eq!(refusal(&graph, &parameters).to_string(), "the graph has two nodes named `stem.conv`");
    let (graph, parameters) = small(false);
    let metadata = [("key".to_owned(), "a".to_owned()), ("key".to_owned(), "b".to_owned())];
    let spec = ExportSpec {
        graph: &graph,
        parameters: &parameters,
        height: 4,
        width: 4,
        metadata: &metadata,
        producer_version: "0",
    };
    assert_eq!(export(&spec).unwrap_err(), OnnxError::MetadataKey { key: "key".to_owned() });
}

#[test]
fn outputs_have_to_exist() {
    let mut graph = Graph::new(3);
    assert_eq!(refusal(&graph, &Parameters::new()).to_string(), "the graph has no outputs");
    graph.output("ghost", 9);
    let message = "the graph has no node 9 for its output `ghost`";
    assert_eq!(refusal(&graph, &Parameters::new()).to_string(), message);
}
