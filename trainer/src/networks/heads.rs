//! What is predicted from a trunk's feature maps: an embedding to retrieve by, or an azimuth to compare retrieval with.

use super::backbone::{FeatureMap, Trunk};
use super::graph::{Graph, NodeId, Op, Padding};

/// Channels of the last map before it is pooled.
const POOLED_CHANNELS: usize = 1280;
/// Channels kept per cell where the fine map is flattened.
const CELL_CHANNELS: usize = 32;

/// Equal azimuth bins of [`azimuth`], 15 degrees each.
pub const AZIMUTH_BINS: usize = 24;
/// Name prefixes of the layers of [`embedding`].
pub const EMBEDDING_LAYERS: [&str; 3] = ["head", "cells", "embed"];
/// Name prefixes of the layers of [`azimuth`].
pub const AZIMUTH_LAYERS: [&str; 5] = ["head", "cells", "bins", "offsets", "elevation"];

/// Appends the retrieval head for inputs of `height` x `width` (multiples of 32): a unit-length embedding of [`features`].
/// Output `embedding` `[B, dim]`.
pub fn embedding(graph: &mut Graph, trunk: Trunk, height: usize, width: usize, dim: usize) {
    let (features, inputs) = features(graph, trunk, height, width);
    let linear = graph.push("embed", Op::Linear { inputs, outputs: dim }, &[features]);
    let embedding = graph.push("normalize", Op::Normalize, &[linear]);
    graph.output("embedding", embedding);
}

/// Appends the classifier that retrieval is compared with, on the same [`features`] for inputs of `height` x `width`
/// (multiples of 32). Output `angles` `[B, 49]`: 24 logits, one per bin; 24 offsets from a bin's centre in bin widths (-0.5 to
/// 0.5 by training, not bounded); the elevation in radians.
pub fn azimuth(graph: &mut Graph, trunk: Trunk, height: usize, width: usize) {
    let (features, inputs) = features(graph, trunk, height, width);
    let linear = |graph: &mut Graph, name: &str, outputs| graph.push(name, Op::Linear { inputs, outputs }, &[features]);
    let bins = linear(graph, "bins", AZIMUTH_BINS);
    let offsets = linear(graph, "offsets", AZIMUTH_BINS);
    let elevation = linear(graph, "elevation", 1);
    let angles = graph.push("angles", Op::Concat, &[bins, offsets, elevation]);
    graph.output("angles", angles);
}

/// The pooled last map (what is seen) and the flattened fine map (where it is seen), and their length together.
fn features(graph: &mut Graph, trunk: Trunk, height: usize, width: usize) -> (NodeId, usize) {
    let wide = pointwise(graph, "head", trunk.last, POOLED_CHANNELS, Op::Relu6, trunk.epsilon);
    let pooled = graph.push("pool", Op::GlobalAveragePool, &[wide]);
    let cells = pointwise(graph, "cells", trunk.fine, CELL_CHANNELS, Op::Relu, trunk.epsilon);
    let flat = graph.push("flatten", Op::Flatten, &[cells]);
    let both = graph.push("concat", Op::Concat, &[pooled, flat]);
    (both, POOLED_CHANNELS + CELL_CHANNELS * (height / 16) * (width / 16))
}

fn pointwise(graph: &mut Graph, name: &str, map: FeatureMap, outputs: usize, activation: Op, epsilon: f64) -> NodeId {
    let padding = Padding { before: 0, after: 0 };
    let conv = Op::Conv { inputs: map.channels, outputs, kernel: 1, stride: 1, padding, groups: 1, bias: false };
    graph.conv_norm(name, conv, epsilon, Some(activation), map.node)
}

#[cfg(test)]
mod tests {
    use super::super::backbone::BackboneKind;
    use super::super::onnx::shape::infer;
    use super::*;

    #[test]
    fn the_classifier_gives_bins_offsets_and_elevation_from_the_features_of_the_embedding() {
        let mut graph = Graph::new(3);
        let trunk = BackboneKind::default().trunk(&mut graph, 0);
        azimuth(&mut graph, trunk, 96, 160);
        let shapes = infer(&graph, 96, 160).expect("shapes fit");
        let lengths: Vec<_> =
            graph.outputs.iter().map(|(name, node)| (name.as_str(), shapes[*node].dimensions())).collect();
        assert_eq!(lengths, [("angles", &[49][..])]);
        // 1280 pooled channels and 32 channels in each of 6 x 10 cells.
        let bins = graph.nodes.iter().find(|node| node.name == "bins").expect("bins");
        assert_eq!(bins.op, Op::Linear { inputs: 1280 + 32 * 6 * 10, outputs: 24 });
    }

    #[test]
    fn every_layer_with_parameters_that_a_head_adds_is_listed() {
        for (listed, append) in [
            (&EMBEDDING_LAYERS[..], (|g: &mut Graph, t| embedding(g, t, 64, 64, 8)) as fn(&mut Graph, Trunk)),
            (&AZIMUTH_LAYERS[..], |g, t| azimuth(g, t, 64, 64)),
        ] {
            let mut graph = Graph::new(3);
            let trunk = BackboneKind::default().trunk(&mut graph, 0);
            let trunk_nodes = graph.nodes.len();
            append(&mut graph, trunk);
            for (index, node) in graph.nodes.iter().enumerate() {
                let learns = matches!(node.op, Op::Conv { .. } | Op::BatchNorm { .. } | Op::Linear { .. });
                let head = listed.iter().any(|prefix| node.name.starts_with(prefix));
                assert!(!learns || head == (index >= trunk_nodes), "{}", node.name);
            }
        }
    }
}
