//! EfficientNet-Lite0 (Tan and Le 2019; the Lite variant without squeeze-and-excite, ReLU6 throughout), with the
//! TensorFlow `SAME` padding its published weights were trained with.

use super::backbone::{FeatureMap, Trunk};
use super::graph::{Graph, NodeId, Op, Padding};
use super::heads;

const EPSILON: f64 = 1e-3;

/// (output channels, kernel, first stride, repeats) of the inverted-residual stages.
const STAGES: [(usize, usize, usize, usize); 7] =
    [(16, 3, 1, 1), (24, 3, 2, 2), (40, 5, 2, 2), (80, 3, 2, 3), (112, 5, 1, 3), (192, 5, 2, 4), (320, 3, 1, 1)];

/// The last stage at stride 16.
const FINE_STAGE: usize = 4;

/// `SAME` padding for even inputs.
fn same(kernel: usize, stride: usize) -> Padding {
    let total = kernel - stride.min(kernel);
    Padding { before: total / 2, after: total - total / 2 }
}

fn conv(inputs: usize, outputs: usize, kernel: usize, stride: usize, groups: usize) -> Op {
    Op::Conv { inputs, outputs, kernel, stride, padding: same(kernel, stride), groups, bias: false }
}

/// Appends the trunk (stem and 16 blocks): 112 channels in its fine, 320 in its last map. H and W must be multiples of 32,
/// so that every stride-2 layer sees an even size.
pub fn trunk(graph: &mut Graph, input: NodeId) -> Trunk {
    let relu6 = Some(Op::Relu6);
    let mut node = graph.conv_norm("stem", conv(3, 32, 3, 2, 1), EPSILON, relu6, input);
    let (mut channels, mut index) = (32, 0);
    let mut fine = FeatureMap { node, channels };
    for (stage, (outputs, kernel, stride, repeats)) in STAGES.into_iter().enumerate() {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            let expansion = if stage == 0 { 1 } else { 6 };
            node = inverted_residual(graph, index, node, [channels, channels * expansion, outputs], kernel, stride);
            channels = outputs;
            index += 1;
        }
        if stage == FINE_STAGE {
            fine = FeatureMap { node, channels };
        }
    }
    Trunk { fine, last: FeatureMap { node, channels } }
}

fn inverted_residual(
    graph: &mut Graph,
    index: usize,
    input: NodeId,
    [inputs, hidden, outputs]: [usize; 3],
    kernel: usize,
    stride: usize,
) -> NodeId {
    let name = |part: &str| format!("blocks.{index}.{part}");
    let mut node = input;
    if hidden != inputs {
        node = graph.conv_norm(&name("expand"), conv(inputs, hidden, 1, 1, 1), EPSILON, Some(Op::Relu6), node);
    }
    let depthwise = conv(hidden, hidden, kernel, stride, hidden);
    node = graph.conv_norm(&name("depthwise"), depthwise, EPSILON, Some(Op::Relu6), node);
    node = graph.conv_norm(&name("project"), conv(hidden, outputs, 1, 1, 1), EPSILON, None, node);
    if inputs == outputs && stride == 1 {
        node = graph.push(name("add"), Op::Add, &[node, input]);
    }
    node
}

/// The retrieval encoder for crops of `height` x `width` (multiples of 32): the trunk and [`heads::embedding`].
pub fn encoder(height: usize, width: usize, dim: usize) -> Graph {
    let mut graph = Graph::new(3);
    let trunk = trunk(&mut graph, 0);
    heads::embedding(&mut graph, trunk, height, width, dim);
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trunk_has_the_published_layers() {
        let graph = encoder(128, 224, 512);
        let convs = graph.nodes.iter().filter(|n| matches!(n.op, Op::Conv { .. })).count();
        // stem + one block of 2 convolutions + 15 blocks of 3 + head + our cells
        assert_eq!(convs, 1 + 2 + 15 * 3 + 1 + 1);
        let parameters: usize = graph
            .nodes
            .iter()
            .filter(|n| !n.name.starts_with("cells") && !n.name.starts_with("embed"))
            .map(|n| match n.op {
                Op::Conv { inputs, outputs, kernel, groups, .. } => inputs / groups * outputs * kernel * kernel,
                Op::BatchNorm { channels, .. } => 2 * channels,
                _ => 0,
            })
            .sum();
        // 4,652,008 parameters with the 1000-class layer of 1,281,000.
        assert_eq!(parameters, 4_652_008 - 1_281_000);
    }

    #[test]
    fn stride_two_pads_after_as_tensorflow_does() {
        assert_eq!(same(3, 2), Padding { before: 0, after: 1 });
        assert_eq!(same(5, 2), Padding { before: 1, after: 2 });
        assert_eq!(same(5, 1), Padding { before: 2, after: 2 });
    }
}
