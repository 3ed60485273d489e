//! MobileNetV2 (Sandler et al., CVPR 2018, table 2), padded evenly as torchvision's.

use super::backbone::Trunk;
use super::graph::{Graph, NodeId, Padding};
use super::inverted_residuals::{InvertedResiduals, Stage};

const V2: InvertedResiduals<'_> = InvertedResiduals {
    stages: &[
        Stage { channels: 16, kernel: 3, stride: 1, blocks: 1 },
        Stage { channels: 24, kernel: 3, stride: 2, blocks: 2 },
        Stage { channels: 32, kernel: 3, stride: 2, blocks: 3 },
        Stage { channels: 64, kernel: 3, stride: 2, blocks: 4 },
        Stage { channels: 96, kernel: 3, stride: 1, blocks: 3 },
        Stage { channels: 160, kernel: 3, stride: 2, blocks: 3 },
        Stage { channels: 320, kernel: 3, stride: 1, blocks: 1 },
    ],
    detail_stage: 2,
    fine_stage: 4,
    padding: |kernel, _| Padding { before: kernel / 2, after: kernel / 2 },
    epsilon: 1e-5,
};

/// Appends the trunk (stem and 17 blocks): 96 channels in its fine, 320 in its last map. H and W must be multiples of 32.
/// Its published last convolution, 320 to 1280 channels, is the one that [`super::heads`] start with.
pub fn trunk(graph: &mut Graph, input: NodeId) -> Trunk {
    V2.append(graph, input)
}

#[cfg(test)]
mod tests {
    use super::super::graph::Op;
    use super::super::heads;
    use super::*;

    #[test]
    fn the_trunk_has_the_published_layers() {
        let mut graph = Graph::new(3);
        let trunk = trunk(&mut graph, 0);
        heads::embedding(&mut graph, trunk, 64, 64, 8);
        let published = graph.nodes.iter().filter(|n| !n.name.starts_with("cells") && !n.name.starts_with("embed"));
        let convs = published.clone().filter(|n| matches!(n.op, Op::Conv { .. })).count();
        // stem + one block of 2 convolutions + 16 blocks of 3 + head
        assert_eq!(convs, 1 + 2 + 16 * 3 + 1);
        // 3,504,872 parameters in torchvision, with the 1000-class layer of 1,281,000.
        assert_eq!(published.map(|n| n.op.parameter_count()).sum::<usize>(), 3_504_872 - 1_281_000);
    }
}
