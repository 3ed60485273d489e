//! Random small networks and parameters.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use crate::networks::graph::{Graph, NodeId, Op, Padding};
use crate::networks::onnx::{Parameter, Parameters};

/// `length` values of unit variance.
pub fn values(rng: &mut ChaCha8Rng, length: usize) -> Vec<f32> {
    let bound = 3.0_f32.sqrt();
    (0..length).map(|_| rng.random_range(-bound..bound)).collect()
}

/// Parameters for every node, scaled so that values keep a size around one through many layers.
pub fn parameters(graph: &Graph, rng: &mut ChaCha8Rng) -> Parameters {
    let mut parameters = Parameters::new();
    for node in &graph.nodes {
        let mut add = |part: &str, shape: &[usize], scale: f32, offset: f32| {
            let data = values(rng, shape.iter().product()).iter().map(|value| value * scale + offset).collect();
            parameters.insert(format!("{}.{part}", node.name), Parameter { shape: shape.to_vec(), data });
        };
        match node.op {
            Op::Conv { inputs, outputs, kernel, groups, bias, .. } => {
                let fan_in = inputs / groups * kernel * kernel;
                let scale = (1.5 / fan_in as f32).sqrt();
                add("weight", &[outputs, inputs / groups, kernel, kernel], scale, 0.0);
                if bias {
                    add("bias", &[outputs], 0.3, 0.0);
                }
            }
            Op::BatchNorm { channels, .. } => {
                add("weight", &[channels], 0.2, 1.0);
                add("bias", &[channels], 0.3, 0.0);
                add("running_mean", &[channels], 0.3, 0.0);
                add("running_var", &[channels], 0.3, 1.0);
            }
            Op::Linear { inputs, outputs } => {
                add("weight", &[outputs, inputs], (1.0 / inputs as f32).sqrt(), 0.0);
                add("bias", &[outputs], 0.3, 0.0);
            }
            _ => {}
        }
    }
    parameters
}

/// A feature map of the network that is being drawn.
#[derive(Clone, Copy)]
struct Map {
    node: NodeId,
    channels: usize,
    sides: [usize; 2],
}

/// A random network with its input's height and width: a chain of random layers, then `embedding`, and with even odds
/// the last map as `features`, and a branch that no output needs.
pub fn graph(rng: &mut ChaCha8Rng) -> (Graph, usize, usize) {
    let (channels, height, width) = (rng.random_range(1..=4), rng.random_range(5..=11), rng.random_range(5..=11));
    let mut graph = Graph::new(channels);
    let mut maps = vec![Map { node: 0, channels, sides: [height, width] }];
    let step_count = rng.random_range(5..=9);
    for step in 0..step_count {
        let from = maps[maps.len() - 1];
        let next = match rng.random_range(0..8) {
            0..=2 => convolution(&mut graph, rng, step, from),
            3 => residual(&mut graph, rng, step, from),
            4 => max_pool(&mut graph, rng, step, from),
            5 => {
                let alike: Vec<Map> = maps.iter().filter(|map| map.sides == from.sides).copied().collect();
                let other = alike[rng.random_range(0..alike.len())];
                let node = graph.push(format!("{step}.concat"), Op::Concat, &[other.node, from.node]);
                Map { node, channels: from.channels + other.channels, ..from }
            }
            6 => {
                let op = [Op::Relu, Op::Relu6, Op::Normalize][rng.random_range(0..3)];
                Map { node: graph.push(format!("{step}.pointwise"), op, &[from.node]), ..from }
            }
            // Last, as in a decoder: tract 0.23 cannot load a stride somewhere behind a doubled map.
            _ if step + 1 == step_count => {
                let node = graph.push(format!("{step}.double"), Op::Upsample, &[from.node]);
                Map { node, sides: from.sides.map(|side| 2 * side), ..from }
            }
            _ => {
                let op = Op::BatchNorm { channels: from.channels, epsilon: 1e-3 };
                Map { node: graph.push(format!("{step}.lone_norm"), op, &[from.node]), ..from }
            }
        };
        maps.push(next);
    }
    let last = maps[maps.len() - 1];
    head(&mut graph, rng, last);
    (graph, height, width)
}

fn convolution(graph: &mut Graph, rng: &mut ChaCha8Rng, step: usize, from: Map) -> Map {
    let kernel = rng.random_range(1..=5);
    let padding = Padding { before: rng.random_range(0..kernel), after: rng.random_range(0..kernel) };
    let side = |side: usize| side + padding.before + padding.after;
    let kernel = kernel.min(side(from.sides[0])).min(side(from.sides[1]));
    let stride = rng.random_range(1..=2);
    let depthwise = rng.random_bool(0.4);
    let groups = if depthwise { from.channels } else { 1 };
    let outputs = groups * rng.random_range(1..=if depthwise { 2 } else { 6 });
    let bias = rng.random_bool(0.5);
    let conv = Op::Conv { inputs: from.channels, outputs, kernel, stride, padding, groups, bias };
    let node = match rng.random_range(0..4) {
        0 => graph.push(format!("{step}.plain"), conv, &[from.node]),
        1 => {
            // Its value is read twice, so the batch norm must not be folded.
            let plain = graph.push(format!("{step}.shared"), conv, &[from.node]);
            let norm = Op::BatchNorm { channels: outputs, epsilon: 1e-5 };
            let norm = graph.push(format!("{step}.norm"), norm, &[plain]);
            graph.push(format!("{step}.sum"), Op::Add, &[norm, plain])
        }
        choice => {
            let activation = [Some(Op::Relu6), None][choice - 2];
            graph.conv_norm(&format!("{step}"), conv, 1e-3, activation, from.node)
        }
    };
    Map { node, channels: outputs, sides: from.sides.map(|s| (side(s) - kernel) / stride + 1) }
}

fn residual(graph: &mut Graph, rng: &mut ChaCha8Rng, step: usize, from: Map) -> Map {
    let kernel = rng.random_range(1..=4);
    let before = rng.random_range(0..kernel);
    let padding = Padding { before, after: kernel - 1 - before };
    let (inputs, outputs) = (from.channels, from.channels);
    let conv = Op::Conv { inputs, outputs, kernel, stride: 1, padding, groups: 1, bias: false };
    let branch = graph.conv_norm(&format!("{step}.branch"), conv, 1e-3, Some(Op::Relu), from.node);
    Map { node: graph.push(format!("{step}.add"), Op::Add, &[branch, from.node]), ..from }
}

fn max_pool(graph: &mut Graph, rng: &mut ChaCha8Rng, step: usize, from: Map) -> Map {
    let kernel = rng.random_range(2..=3).min(from.sides[0]).min(from.sides[1]);
    let (stride, padding) = (rng.random_range(1..=2), rng.random_range(0..=kernel / 2));
    let node = graph.push(format!("{step}.max"), Op::MaxPool { kernel, stride, padding }, &[from.node]);
    Map { node, sides: from.sides.map(|side| (side + 2 * padding - kernel) / stride + 1), ..from }
}

fn head(graph: &mut Graph, rng: &mut ChaCha8Rng, last: Map) {
    let pooled = graph.push("pool", Op::GlobalAveragePool, &[last.node]);
    let flat = graph.push("flatten", Op::Flatten, &[last.node]);
    let both = graph.push("concat", Op::Concat, &[pooled, flat]);
    let inputs = last.channels * (1 + last.sides[0] * last.sides[1]);
    let outputs = rng.random_range(2..=9);
    let mut vector = graph.push("embed", Op::Linear { inputs, outputs }, &[both]);
    if rng.random_bool(0.5) {
        vector = graph.push("embed_norm", Op::BatchNorm { channels: outputs, epsilon: 1e-3 }, &[vector]);
    }
    let embedding = graph.push("normalize", Op::Normalize, &[vector]);
    graph.output("embedding", embedding);
    if rng.random_bool(0.5) {
        graph.output("features", last.node);
    }
    if rng.random_bool(0.5) {
        let op = Op::Conv {
            inputs: last.channels,
            outputs: 2,
            kernel: 1,
            stride: 1,
            padding: Padding { before: 0, after: 0 },
            groups: 1,
            bias: true,
        };
        graph.push("unread", op, &[last.node]);
    }
}
