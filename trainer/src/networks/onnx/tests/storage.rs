//! Laws of weights in half precision.

use prost::Message as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::super::proto::ModelProto;
use super::super::{Parameter, Parameters, WeightFormat, store_weights};
use super::{export_plain, load, random, run};
use crate::networks::efficientnet;
use crate::networks::graph::{Graph, Op};

const DIM: usize = 512;
/// Two crops of the car model's size.
const SHAPE: [usize; 4] = [2, 3, 96, 160];

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
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let [_, _, height, width] = SHAPE;
    let graph = efficientnet::encoder(height, width, DIM);
    let plain = export_plain(&graph, &random::parameters(&graph, &mut rng), [height, width]);
    let half = store_weights(&plain, WeightFormat::F16).unwrap();
    let crops = random::values(&mut rng, SHAPE.iter().product());
    assert!(half.len() * 100 < plain.len() * 52, "{} of {} bytes", half.len(), plain.len());
    let embed = |file: &[u8]| run(&load(file), SHAPE, &crops).swap_remove(0).1;
    for (a, b) in embed(&plain).chunks(DIM).zip(embed(&half).chunks(DIM)) {
        assert!(cosine(a, b) > 0.99999, "cosine {}", cosine(a, b));
    }
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
