//! ResNet-18 and ResNet-50 (He et al., CVPR 2016, table 1) as torchvision builds them: a bottleneck takes its stride in
//! the 3x3 convolution.

use super::backbone::{FeatureMap, Trunk};
use super::graph::{Graph, NodeId, Op, Padding};

const EPSILON: f64 = 1e-5;
/// Width of the first stage; each further stage doubles it.
const WIDTH: usize = 64;
/// The last stage at stride 8.
const DETAIL_STAGE: usize = 1;
/// The last stage at stride 16.
const FINE_STAGE: usize = 2;

/// The two kinds of residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1, 3x3, and 1x1 to four times the width.
    Bottleneck,
}

/// What distinguishes one ResNet from another.
#[derive(Clone, Copy, Debug)]
pub struct ResNet {
    /// Kind of all blocks.
    pub block: Block,
    /// Number of blocks in each of the four stages.
    pub blocks: [usize; 4],
}

/// Maps of 256 (fine) and 512 channels (last).
pub const RESNET18: ResNet = ResNet { block: Block::Basic, blocks: [2, 2, 2, 2] };
/// Maps of 1024 (fine) and 2048 channels (last).
pub const RESNET50: ResNet = ResNet { block: Block::Bottleneck, blocks: [3, 4, 6, 3] };

impl ResNet {
    /// Appends the stem and the blocks, reading `input` `[B, 3, H, W]`. H and W must be multiples of 32.
    pub fn append(self, graph: &mut Graph, input: NodeId) -> Trunk {
        let stem = graph.conv_norm("stem", conv([3, WIDTH], 7, 2), EPSILON, Some(Op::Relu), input);
        let mut node = graph.push("stem.pool", Op::MaxPool { kernel: 3, stride: 2, padding: 1 }, &[stem]);
        let (mut channels, mut index) = (WIDTH, 0);
        let (mut detail, mut fine) = (FeatureMap { node, channels }, FeatureMap { node, channels });
        for (stage, blocks) in self.blocks.into_iter().enumerate() {
            for repeat in 0..blocks {
                let stride = if stage > 0 && repeat == 0 { 2 } else { 1 };
                let from = FeatureMap { node, channels };
                FeatureMap { node, channels } = self.residual(graph, index, from, WIDTH << stage, stride);
                index += 1;
            }
            if stage == DETAIL_STAGE {
                detail = FeatureMap { node, channels };
            }
            if stage == FINE_STAGE {
                fine = FeatureMap { node, channels };
            }
        }
        Trunk { detail, fine, last: FeatureMap { node, channels }, epsilon: EPSILON }
    }

    /// `relu(layers(x) + shortcut(x))`; the shortcut is a 1x1 convolution where the shapes differ.
    fn residual(self, graph: &mut Graph, index: usize, from: FeatureMap, width: usize, stride: usize) -> FeatureMap {
        let name = |part: &str| format!("blocks.{index}.{part}");
        let inputs = from.channels;
        let (layers, channels) = match self.block {
            Block::Basic => (vec![conv([inputs, width], 3, stride), conv([width; 2], 3, 1)], width),
            Block::Bottleneck => {
                let wide = 4 * width;
                (vec![conv([inputs, width], 1, 1), conv([width; 2], 3, stride), conv([width, wide], 1, 1)], wide)
            }
        };
        let last = layers.len() - 1;
        let mut node = from.node;
        for (position, (layer, part)) in layers.into_iter().zip(["first", "second", "third"]).enumerate() {
            let activation = (position < last).then_some(Op::Relu);
            node = graph.conv_norm(&name(part), layer, EPSILON, activation, node);
        }
        let mut shortcut = from.node;
        if stride > 1 || inputs != channels {
            let layer = conv([inputs, channels], 1, stride);
            shortcut = graph.conv_norm(&name("shortcut"), layer, EPSILON, None, shortcut);
        }
        let sum = graph.push(name("add"), Op::Add, &[node, shortcut]);
        FeatureMap { node: graph.push(name("activation"), Op::Relu, &[sum]), channels }
    }
}

fn conv([inputs, outputs]: [usize; 2], kernel: usize, stride: usize) -> Op {
    let padding = Padding { before: kernel / 2, after: kernel / 2 };
    Op::Conv { inputs, outputs, kernel, stride, padding, groups: 1, bias: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Convolutions and parameters of a trunk.
    fn counts(resnet: ResNet) -> (usize, usize) {
        let mut graph = Graph::new(3);
        resnet.append(&mut graph, 0);
        let convs = graph.nodes.iter().filter(|n| matches!(n.op, Op::Conv { .. })).count();
        (convs, graph.nodes.iter().map(|n| n.op.parameter_count()).sum())
    }

    #[test]
    fn the_trunks_have_the_published_layers() {
        // The names count the stem, the blocks' layers and the 1000-class layer, which heads replace; shortcuts come on top.
        assert_eq!(counts(RESNET18), (17 + 3, 11_689_512 - (512 + 1) * 1000));
        assert_eq!(counts(RESNET50), (49 + 4, 25_557_032 - (2048 + 1) * 1000));
    }
}
