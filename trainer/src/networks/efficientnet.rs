//! EfficientNet-Lite0 (Tan and Le 2019; the Lite variant without squeeze-and-excite, ReLU6 throughout), with the
//! TensorFlow `SAME` padding its published weights were trained with.

use super::backbone::Trunk;
use super::graph::{Graph, NodeId, Padding};
use super::heads;
use super::inverted_residuals::{InvertedResiduals, Stage};

const LITE0: InvertedResiduals<'_> = InvertedResiduals {
    stages: &[
        Stage { channels: 16, kernel: 3, stride: 1, blocks: 1 },
        Stage { channels: 24, kernel: 3, stride: 2, blocks: 2 },
        Stage { channels: 40, kernel: 5, stride: 2, blocks: 2 },
        Stage { channels: 80, kernel: 3, stride: 2, blocks: 3 },
        Stage { channels: 112, kernel: 5, stride: 1, blocks: 3 },
        Stage { channels: 192, kernel: 5, stride: 2, blocks: 4 },
        Stage { channels: 320, kernel: 3, stride: 1, blocks: 1 },
    ],
    detail_stage: 2,
    fine_stage: 4,
    padding: same,
    epsilon: 1e-3,
};

/// `SAME` padding for even inputs.
fn same(kernel: usize, stride: usize) -> Padding {
    let total = kernel - stride.min(kernel);
    Padding { before: total / 2, after: total - total / 2 }
}

/// Appends the trunk (stem and 16 blocks): 112 channels in its fine, 320 in its last map. H and W must be multiples of 32,
/// so that every stride-2 layer sees an even size.
pub fn trunk(graph: &mut Graph, input: NodeId) -> Trunk {
    LITE0.append(graph, input)
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
    use super::super::graph::Op;
    use super::*;

    #[test]
    fn the_trunk_has_the_published_layers() {
        let graph = encoder(128, 224, 512);
        let convs = graph.nodes.iter().filter(|n| matches!(n.op, Op::Conv { .. })).count();
        // stem + one block of 2 convolutions + 15 blocks of 3 + head + our cells
        assert_eq!(convs, 1 + 2 + 15 * 3 + 1 + 1);
        let published = graph.nodes.iter().filter(|n| !n.name.starts_with("cells") && !n.name.starts_with("embed"));
        let parameters: usize = published.map(|n| n.op.parameter_count()).sum();
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
