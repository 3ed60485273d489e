//! Independent truth: a graph evaluated node by node in f64 with plain loops, from the definitions in
//! [`crate::networks::graph`], without folding.

use crate::networks::graph::{Graph, Node, Op, Padding};
use crate::networks::onnx::Parameters;

/// A value `[B, C, H, W]`; vectors have H = W = 1.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub shape: [usize; 4],
    pub data: Vec<f64>,
}

impl Tensor {
    pub fn from_f32(shape: [usize; 4], data: &[f32]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len());
        Self { shape, data: data.iter().map(|value| f64::from(*value)).collect() }
    }

    fn build(shape: [usize; 4], value: impl Fn(usize, usize, usize, usize) -> f64) -> Self {
        let [batch, channels, height, width] = shape;
        let mut data = Vec::new();
        for b in 0..batch {
            for c in 0..channels {
                for y in 0..height {
                    for x in 0..width {
                        data.push(value(b, c, y, x));
                    }
                }
            }
        }
        Self { shape, data }
    }

    fn at(&self, b: usize, c: usize, y: usize, x: usize) -> f64 {
        let [_, channels, height, width] = self.shape;
        self.data[((b * channels + c) * height + y) * width + x]
    }

    /// The element at a row and column counted from the padded border; None in the padding.
    fn padded(&self, b: usize, c: usize, [y, x]: [usize; 2], before: usize) -> Option<f64> {
        let (y, x) = (y.checked_sub(before)?, x.checked_sub(before)?);
        (y < self.shape[2] && x < self.shape[3]).then(|| self.at(b, c, y, x))
    }

    fn map(&self, value: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape, data: self.data.iter().map(|x| value(*x)).collect() }
    }
}

/// The values of the graph's outputs, in their order.
pub fn evaluate(graph: &Graph, parameters: &Parameters, input: &Tensor) -> Vec<Tensor> {
    let mut values: Vec<Tensor> = Vec::new();
    for node in &graph.nodes {
        let inputs: Vec<&Tensor> = node.inputs.iter().map(|id| &values[*id]).collect();
        let value = if inputs.is_empty() { input.clone() } else { evaluate_node(node, parameters, &inputs) };
        values.push(value);
    }
    graph.outputs.iter().map(|(_, id)| values[*id].clone()).collect()
}

fn evaluate_node(node: &Node, parameters: &Parameters, inputs: &[&Tensor]) -> Tensor {
    let parameter = |part: &str| parameters[&format!("{}.{part}", node.name)].data.as_slice();
    let x = inputs[0];
    let [batch, channels, height, width] = x.shape;
    match node.op {
        Op::Input { .. } => unreachable!("has no inputs"),
        Op::Conv { bias, .. } => convolve(x, node.op, parameter("weight"), bias.then(|| parameter("bias"))),
        Op::BatchNorm { epsilon, .. } => {
            let [gain, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(parameter);
            Tensor::build(x.shape, |b, c, row, column| {
                let deviation = (f64::from(variance[c]) + epsilon).sqrt();
                (x.at(b, c, row, column) - f64::from(mean[c])) / deviation * f64::from(gain[c]) + f64::from(bias[c])
            })
        }
        Op::Relu => x.map(|value| value.max(0.0)),
        Op::Relu6 => x.map(|value| value.clamp(0.0, 6.0)),
        Op::Add => {
            Tensor::build(x.shape, |b, c, row, column| x.at(b, c, row, column) + inputs[1].at(b, c, row, column))
        }
        Op::Concat => {
            let sources: Vec<(usize, usize)> =
                inputs.iter().enumerate().flat_map(|(i, t)| (0..t.shape[1]).map(move |c| (i, c))).collect();
            Tensor::build([batch, sources.len(), height, width], |b, c, row, column| {
                let (source, channel) = sources[c];
                inputs[source].at(b, channel, row, column)
            })
        }
        Op::MaxPool { kernel, stride, padding } => {
            let side = |side: usize| (side + 2 * padding - kernel) / stride + 1;
            Tensor::build([batch, channels, side(height), side(width)], |b, c, row, column| {
                let offsets = (0..kernel * kernel).map(|i| [row * stride + i / kernel, column * stride + i % kernel]);
                offsets.filter_map(|at| x.padded(b, c, at, padding)).fold(f64::NEG_INFINITY, f64::max)
            })
        }
        Op::Upsample => {
            Tensor::build([batch, channels, 2 * height, 2 * width], |b, c, row, column| x.at(b, c, row / 2, column / 2))
        }
        Op::GlobalAveragePool => Tensor::build([batch, channels, 1, 1], |b, c, _, _| {
            let sum: f64 = (0..height * width).map(|i| x.at(b, c, i / width, i % width)).sum();
            sum / (height * width) as f64
        }),
        Op::Flatten => Tensor { shape: [batch, channels * height * width, 1, 1], data: x.data.clone() },
        Op::Linear { inputs: columns, outputs } => {
            let (weight, bias) = (parameter("weight"), parameter("bias"));
            Tensor::build([batch, outputs, 1, 1], |b, row, _, _| {
                let products = (0..columns).map(|c| f64::from(weight[row * columns + c]) * x.at(b, c, 0, 0));
                products.sum::<f64>() + f64::from(bias[row])
            })
        }
        Op::Normalize => Tensor::build(x.shape, |b, c, row, column| {
            let squares: f64 = (0..channels).map(|c| x.at(b, c, row, column).powi(2)).sum();
            x.at(b, c, row, column) / squares.sqrt().max(1e-12)
        }),
    }
}

fn convolve(x: &Tensor, op: Op, weight: &[f32], bias: Option<&[f32]>) -> Tensor {
    let Op::Conv { inputs, outputs, kernel, stride, padding: Padding { before, after }, groups, .. } = op else {
        unreachable!("is a convolution")
    };
    let [batch, _, height, width] = x.shape;
    let side = |side: usize| (side + before + after - kernel) / stride + 1;
    let (group_inputs, group_outputs) = (inputs / groups, outputs / groups);
    Tensor::build([batch, outputs, side(height), side(width)], |b, output, row, column| {
        let mut sum = bias.map_or(0.0, |bias| f64::from(bias[output]));
        for input in 0..group_inputs {
            for dy in 0..kernel {
                for dx in 0..kernel {
                    let channel = output / group_outputs * group_inputs + input;
                    let at = [row * stride + dy, column * stride + dx];
                    let weight = weight[((output * group_inputs + input) * kernel + dy) * kernel + dx];
                    sum += f64::from(weight) * x.padded(b, channel, at, before).unwrap_or(0.0);
                }
            }
        }
        sum
    })
}
