//! Trunks of inverted residuals (Sandler et al., CVPR 2018, section 3.3): each block widens its input by 1x1, convolves
//! every channel alone, and narrows again by 1x1 without an activation; it adds its input where the shapes agree.

use super::backbone::{FeatureMap, Trunk};
use super::graph::{Graph, NodeId, Op, Padding};

/// Channels after the stem.
const STEM_CHANNELS: usize = 32;
/// How much a block widens its input, except in the first stage, where it does not.
const EXPANSION: usize = 6;

/// Blocks of equal width; the first of them takes the stride.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Channels of each block's output.
    pub channels: usize,
    /// Side of the depthwise kernels.
    pub kernel: usize,
    /// Stride of the first block.
    pub stride: usize,
    /// Number of blocks.
    pub blocks: usize,
}

/// What distinguishes one such trunk from another.
#[derive(Clone, Copy, Debug)]
pub struct InvertedResiduals<'a> {
    /// The stages after the stem.
    pub stages: &'a [Stage],
    /// The last stage at stride 8.
    pub detail_stage: usize,
    /// The last stage at stride 16.
    pub fine_stage: usize,
    /// Padding by kernel and stride.
    pub padding: fn(usize, usize) -> Padding,
    /// Added to the variance of the batch norms.
    pub epsilon: f64,
}

impl InvertedResiduals<'_> {
    /// Appends the stem and the blocks, reading `input` `[B, 3, H, W]`. H and W must be multiples of 32.
    pub fn append(&self, graph: &mut Graph, input: NodeId) -> Trunk {
        let mut node = self.conv_norm(graph, "stem", [3, STEM_CHANNELS], [3, 2, 1], true, input);
        let (mut channels, mut index) = (STEM_CHANNELS, 0);
        let (mut detail, mut fine) = (FeatureMap { node, channels }, FeatureMap { node, channels });
        for (number, stage) in self.stages.iter().enumerate() {
            let expansion = if number == 0 { 1 } else { EXPANSION };
            for repeat in 0..stage.blocks {
                let stage = Stage { stride: if repeat == 0 { stage.stride } else { 1 }, ..*stage };
                node = self.block(graph, index, node, [channels, channels * expansion], stage);
                channels = stage.channels;
                index += 1;
            }
            if number == self.detail_stage {
                detail = FeatureMap { node, channels };
            }
            if number == self.fine_stage {
                fine = FeatureMap { node, channels };
            }
        }
        Trunk { detail, fine, last: FeatureMap { node, channels }, epsilon: self.epsilon }
    }

    fn block(&self, graph: &mut Graph, index: usize, input: NodeId, channels: [usize; 2], stage: Stage) -> NodeId {
        let [inputs, hidden] = channels;
        let Stage { channels: outputs, kernel, stride, .. } = stage;
        let name = |part: &str| format!("blocks.{index}.{part}");
        let mut node = input;
        if hidden != inputs {
            node = self.conv_norm(graph, &name("expand"), [inputs, hidden], [1, 1, 1], true, node);
        }
        node = self.conv_norm(graph, &name("depthwise"), [hidden, hidden], [kernel, stride, hidden], true, node);
        node = self.conv_norm(graph, &name("project"), [hidden, outputs], [1, 1, 1], false, node);
        if inputs == outputs && stride == 1 {
            node = graph.push(name("add"), Op::Add, &[node, input]);
        }
        node
    }

    fn conv_norm(
        &self,
        graph: &mut Graph,
        name: &str,
        [inputs, outputs]: [usize; 2],
        [kernel, stride, groups]: [usize; 3],
        active: bool,
        from: NodeId,
    ) -> NodeId {
        let padding = (self.padding)(kernel, stride);
        let conv = Op::Conv { inputs, outputs, kernel, stride, padding, groups, bias: false };
        graph.conv_norm(name, conv, self.epsilon, active.then_some(Op::Relu6), from)
    }
}
