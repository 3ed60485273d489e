//! Laws of weights in half precision.

use prost::Message as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::super::proto::ModelProto;
use super::super::{Parameter, Parameters, WeightFormat, store_weights};
use super::{export_plain, load, random, run};
use crate::encoder::Encoder;
use crate::networks::efficientnet;
use crate::networks::graph::{Graph, Op};
use crate::training::config::Canvas;

const DIM: usize = 512;
/// The size of the car model's crops.
const CANVAS: Canvas = Canvas { width: 160, height: 96, context_margin: 0.0 };

/// The encoder with random weights, in both formats, and two random crops.
fn encoder() -> ([Vec<u8>; 2], [usize; 4], Vec<f32>) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let shape = [2, 3, CANVAS.height as usize, CANVAS.width as usize];
    let graph = efficientnet::encoder(shape[2], shape[3], DIM);
    let plain = export_plain(&graph, &random::parameters(&graph, &mut rng), [shape[2], shape[3]]);
    let half = store_weights(&plain, WeightFormat::F16).unwrap();
    ([plain, half], shape, random::values(&mut rng, shape.iter().product()))
}

/// Of unit vectors.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// A linear layer of 32 x 32 weights on the pooled input.
fn linear(weights: impl Fn(usize) -> f32) -> Vec<u8> {
    let mut graph = Graph::new(32);
    let pooled = graph.push("pool", Op::GlobalAveragePool, &[0]);
    let linear = graph.push("linear", Op::Linear { inputs: 32, outputs: 32 }, &[pooled]);
    graph.output("out", linear);
    let weight = Parameter { shape: vec![32, 32], data: (0..1024).map(weights).collect() };
    let bias = Parameter { shape: vec![32], data: vec![0.0; 32] };
    let parameters = [("linear.weight".to_owned(), weight), ("linear.bias".to_owned(), bias)];
    export_plain(&graph, &Parameters::from(parameters), [1, 1])
}

#[test]
fn half_precision_halves_the_encoder_and_keeps_its_embedding() {
    let ([plain, half], shape, crops) = encoder();
    assert!(half.len() * 100 < plain.len() * 52, "{} of {} bytes", half.len(), plain.len());
    let embed = |file: &[u8]| run(&load(file), shape, &crops).swap_remove(0).1;
    for (a, b) in embed(&plain).chunks(DIM).zip(embed(&half).chunks(DIM)) {
        assert!(cosine(a, b) > 0.99999, "cosine {}", cosine(a, b));
    }
}

#[test]
#[ignore = "needs libonnxruntime (scripts/install_onnxruntime.sh)"]
fn onnx_runtime_and_tract_agree_on_half_precision() {
    let ([_, half], shape, crops) = encoder();
    let [tract, ort] = [models::Provider::Tract, models::Provider::OnnxRuntimeCpu].map(|provider| {
        let mut encoder = Encoder::open(&half, &CANVAS, DIM, &[provider], 1).unwrap();
        encoder.embed(&crops, shape[0]).unwrap().to_vec()
    });
    let difference = tract.iter().zip(&ort).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference <= 1e-4, "{difference}");
}

#[test]
fn weights_that_half_precision_can_hold_give_the_same_values() {
    // Multiples of 1/64 up to 16 have at most 11 significant bits.
    let plain = linear(|index| index as f32 / 64.0);
    let half = store_weights(&plain, WeightFormat::F16).unwrap();
    assert!(half.len() < plain.len());
    let input: Vec<f32> = (0..32_u8).map(f32::from).collect();
    let out = |file: &[u8]| run(&load(file), [1, 32, 1, 1], &input);
    assert_eq!(out(&half), out(&plain));
}

#[test]
fn a_tensor_with_a_value_beyond_half_precision_stays_as_it_is() {
    let plain = linear(|index| if index == 7 { 7e4 } else { 0.1 });
    assert_eq!(store_weights(&plain, WeightFormat::F16).unwrap(), plain);
}

#[test]
fn storing_twice_changes_nothing_more() {
    let plain = linear(|index| index as f32);
    let half = store_weights(&plain, WeightFormat::F16).unwrap();
    assert_eq!(store_weights(&half, WeightFormat::F16).unwrap(), half);
    assert_eq!(store_weights(&plain, WeightFormat::F32).unwrap(), plain);
}

#[test]
fn files_of_other_exporters_and_taken_names_are_refused() {
    let plain = linear(|index| index as f32);
    let refusal = |file: &[u8]| store_weights(file, WeightFormat::F16).unwrap_err().to_string();
    assert!(refusal(&plain[..plain.len() - 1]).starts_with("the file "));
    // `ModelProto.model_version`, which is never written here.
    let foreign = [&plain[..], &[5 << 3, 1]].concat();
    assert_eq!(refusal(&foreign), "the file holds what this exporter does not write");
    let mut model = ModelProto::decode(&plain[..]).unwrap();
    model.graph.as_mut().unwrap().initializer[1].name = "linear.weight.f16".to_owned();
    assert_eq!(refusal(&model.encode_to_vec()), "the graph gives two values the name `linear.weight.f16`");
}
