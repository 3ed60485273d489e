//! Laws of the exporter: tract running the file against a plain f64 evaluation of the graph.

mod format;
mod random;
mod reader;
mod reference;
mod storage;

use std::collections::HashSet;
use std::mem::discriminant;
use std::sync::Arc;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tract_onnx::prelude::*;

use super::{ExportSpec, Parameter, Parameters, WeightFormat, export, store_weights};
use crate::networks::backbone::Trunk;
use crate::networks::graph::{Graph, Op, Padding};
use crate::networks::resnet::{Block, ResNet};
use crate::networks::{efficientnet, heads, mobilenet};
use reference::Tensor as Reference;

/// Relative to values above one; what every later check of a trained network allows as well.
const DIFFERENCE_MAX: f64 = 1e-4;

fn export_plain(graph: &Graph, parameters: &Parameters, [height, width]: [usize; 2]) -> Vec<u8> {
    export(&ExportSpec { graph, parameters, height, width, metadata: &[], producer_version: "0" }).unwrap()
}

fn load(bytes: &[u8]) -> Arc<TypedRunnableModel> {
    let model = tract_onnx::onnx().model_for_read(&mut std::io::Cursor::new(bytes)).unwrap();
    model.into_optimized().unwrap().into_runnable().unwrap()
}

/// Shape and elements of each output.
fn run(model: &Arc<TypedRunnableModel>, shape: [usize; 4], input: &[f32]) -> Vec<(Vec<usize>, Vec<f32>)> {
    let outputs = model.run(tvec!(Tensor::from_shape(&shape, input).unwrap().into())).unwrap();
    let elements = |value: &TValue| value.to_plain_array_view::<f32>().unwrap().iter().copied().collect();
    outputs.iter().map(|value| (value.shape().to_vec(), elements(value))).collect()
}

/// Exports once and checks a batch of one and one of three.
fn check_against_reference(graph: &Graph, parameters: &Parameters, sides: [usize; 2], rng: &mut ChaCha8Rng) {
    let model = load(&export_plain(graph, parameters, sides));
    let Op::Input { channels } = graph.nodes[0].op else { unreachable!("starts with the input") };
    for batch in [1, 3] {
        let shape = [batch, channels, sides[0], sides[1]];
        let input = random::values(rng, shape.iter().product());
        let expected = reference::evaluate(graph, parameters, &Reference::from_f32(shape, &input));
        let found = run(&model, shape, &input);
        assert_eq!(found.len(), expected.len());
        for ((shape, data), expected) in found.iter().zip(&expected) {
            assert_eq!((&shape[..], data.len()), (&expected.shape[..shape.len()], expected.data.len()));
            for (a, b) in data.iter().zip(&expected.data) {
                let difference = (f64::from(*a) - b).abs() / b.abs().max(1.0);
                assert!(difference <= DIFFERENCE_MAX, "{a} for {b} in {graph:#?}");
            }
        }
    }
}

#[test]
fn random_networks_compute_what_their_description_says() {
    let mut seen = HashSet::new();
    for seed in 0..40 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (graph, height, width) = random::graph(&mut rng);
        let parameters = random::parameters(&graph, &mut rng);
        check_against_reference(&graph, &parameters, [height, width], &mut rng);
        seen.extend(graph.nodes.iter().map(|node| discriminant(&node.op)));
    }
    assert_eq!(seen.len(), 13, "an operation was never drawn");
}

#[test]
fn the_encoder_computes_what_its_description_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let graph = efficientnet::encoder(32, 64, 16);
    let parameters = random::parameters(&graph, &mut rng);
    check_against_reference(&graph, &parameters, [32, 64], &mut rng);
}

#[test]
fn the_other_trunks_and_the_classifier_compute_what_their_description_says() {
    let basic = ResNet { block: Block::Basic, blocks: [1, 1, 1, 2] };
    let bottleneck = ResNet { block: Block::Bottleneck, blocks: [1, 1, 1, 1] };
    let append: [&dyn Fn(&mut Graph) -> Trunk; 3] =
        [&|graph| basic.append(graph, 0), &|graph| bottleneck.append(graph, 0), &|graph| mobilenet::trunk(graph, 0)];
    for (seed, append) in (0..).zip(append) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut graph = Graph::new(3);
        let trunk = append(&mut graph);
        heads::azimuth(&mut graph, trunk, 32, 32);
        let parameters = random::parameters(&graph, &mut rng);
        check_against_reference(&graph, &parameters, [32, 32], &mut rng);
    }
}

#[test]
fn uneven_padding_adds_rows_below_and_columns_to_the_right() {
    let mut graph = Graph::new(1);
    let padding = Padding { before: 0, after: 1 };
    let conv = Op::Conv { inputs: 1, outputs: 1, kernel: 3, stride: 2, padding, groups: 1, bias: false };
    let conv = graph.push("conv", conv, &[0]);
    graph.output("sums", conv);
    let weight = Parameter { shape: vec![1, 1, 3, 3], data: vec![1.0; 9] };
    let parameters = Parameters::from([("conv.weight".to_owned(), weight)]);
    // Columns 0 to 2 and rows 0 to 2, then 2 to 3 and the padding.
    let input: Vec<f32> = (0..16_u8).map(f32::from).collect();
    let found = run(&load(&export_plain(&graph, &parameters, [4, 4])), [1, 1, 4, 4], &input);
    assert_eq!(found, [(vec![1, 1, 2, 2], vec![45.0, 39.0, 66.0, 50.0])]);
}

#[test]
fn a_zero_vector_stays_zero_when_normalised() {
    let mut graph = Graph::new(2);
    let pooled = graph.push("pool", Op::GlobalAveragePool, &[0]);
    let unit = graph.push("normalize", Op::Normalize, &[pooled]);
    graph.output("unit", unit);
    let model = load(&export_plain(&graph, &Parameters::new(), [1, 1]));
    let found = run(&model, [2, 2, 1, 1], &[0.0, 0.0, 3.0, -4.0]);
    assert_eq!(found, [(vec![2, 2], vec![0.0, 0.0, 0.6, -0.8])]);
}

#[test]
fn one_value_can_be_several_outputs_and_the_input_can_be_one() {
    let mut graph = Graph::new(1);
    let relu = graph.push("relu", Op::Relu, &[0]);
    graph.output("first", relu);
    graph.output("second", relu);
    graph.output("third", 0);
    let found = run(&load(&export_plain(&graph, &Parameters::new(), [1, 2])), [1, 1, 1, 2], &[-1.0, 2.0]);
    let data: Vec<Vec<f32>> = found.into_iter().map(|(_, data)| data).collect();
    assert_eq!(data, [[0.0, 2.0], [0.0, 2.0], [-1.0, 2.0]]);
}

/// Runs `onnx.checker` (with shape inference) and ONNX Runtime on the exported encoder at the size given.
const PYTHON_CHECK: &str = r#"
import sys, numpy, onnx, onnxruntime
folder, *shape = sys.argv[1:]
onnx.checker.check_model(onnx.load(folder + "/encoder.onnx"), full_check=True)
session = onnxruntime.InferenceSession(folder + "/encoder.onnx", providers=["CPUExecutionProvider"])
images = numpy.fromfile(folder + "/input.f32", numpy.float32).reshape([int(side) for side in shape])
whole = session.run(["embedding"], {"input": images})[0]
single = numpy.concatenate([session.run(["embedding"], {"input": image[None]})[0] for image in images])
expected = numpy.fromfile(folder + "/embedding.f32", numpy.float32).reshape(whole.shape)
differences = [float(abs(found - expected).max()) for found in (whole, single)]
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__, "largest differences to tract", differences)
assert max(differences) <= 1e-4
"#;

#[test]
#[ignore = "needs python3 (PYTHON) with the packages numpy, onnx and onnxruntime"]
fn onnx_checker_accepts_the_encoder_and_onnx_runtime_agrees_with_tract() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (shape, folder) = ([3, 3, 128, 224], tempfile::tempdir().unwrap());
    let graph = efficientnet::encoder(shape[2], shape[3], 512);
    let plain = export_plain(&graph, &random::parameters(&graph, &mut rng), [shape[2], shape[3]]);
    let input = random::values(&mut rng, shape.iter().product());
    let raw = |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|value| value.to_le_bytes()).collect() };
    for format in [WeightFormat::F32, WeightFormat::F16] {
        let bytes = store_weights(&plain, format).unwrap();
        let [(_, embedding)] = run(&load(&bytes), shape, &input).try_into().unwrap();
        let files = [("encoder.onnx", bytes), ("input.f32", raw(&input)), ("embedding.f32", raw(&embedding))];
        for (name, bytes) in &files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let mut check = std::process::Command::new(python);
        check.args(["-c", PYTHON_CHECK]).arg(folder.path()).args(shape.map(|side| side.to_string()));
        assert!(check.status().unwrap().success(), "{format:?}");
    }
}
