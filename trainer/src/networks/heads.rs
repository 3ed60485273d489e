//! What is predicted from a trunk's feature maps: an embedding to retrieve by, or an azimuth to compare retrieval with.

use super::backbone::{FeatureMap, Trunk};
use super::graph::{Graph, NodeId, Op, Padding};

/// Channels of the last map before it is pooled.
const POOLED_CHANNELS: usize = 1280;
/// Channels kept per cell where the fine map is flattened.
const CELL_CHANNELS: usize = 32;

/// Channels in which the maps of all strides are added up for [`feature_map`].
const DECODER_CHANNELS: usize = 96;
/// Canvas pixels per cell of [`feature_map`].
pub const FEATURE_STRIDE: usize = 8;

/// Equal azimuth bins of [`azimuth`], 15 degrees each.
pub const AZIMUTH_BINS: usize = 24;
/// Name prefixes of the layers of [`embedding`].
pub const EMBEDDING_LAYERS: [&str; 3] = ["head", "cells", "embed"];
/// Name prefixes of the layers of [`azimuth`].
pub const AZIMUTH_LAYERS: [&str; 5] = ["head", "cells", "bins", "offsets", "elevation"];
/// Name prefixes of the layers of [`feature_map`].
pub const FEATURE_LAYERS: [&str; 1] = ["features"];

const NONE: Padding = Padding { before: 0, after: 0 };
/// Keeps the size under a 3 x 3 kernel.
const EVEN: Padding = Padding { before: 1, after: 1 };

/// Appends the retrieval head for inputs of `height` x `width` (multiples of 32): a unit-length embedding of [`features`].
/// Output `embedding` `[B, dim]`.
pub fn embedding(graph: &mut Graph, trunk: Trunk, height: usize, width: usize, dim: usize) {
    let (features, inputs) = features(graph, trunk, height, width);
    let linear = graph.push("embed", Op::Linear { inputs, outputs: dim }, &[features]);
    let embedding = graph.push("normalize", Op::Normalize, &[linear]);
    graph.output("embedding", embedding);
}

/// Appends a decoder of dense features on the same trunk: the three maps in equal channels, coarse added to fine (Lin et al., CVPR
/// 2017), then two convolutions at stride 8. Output `features` `[B, dim, H/8, W/8]`, unit along `dim`. For a canvas of 224 x 128
/// and 64 features it costs 0.09 GMAC.
pub fn feature_map(graph: &mut Graph, trunk: Trunk, dim: usize) {
    let channels = DECODER_CHANNELS;
    let epsilon = trunk.epsilon;
    let lateral = |graph: &mut Graph, name: &str, map| pointwise(graph, name, map, channels, None, epsilon);
    let last = lateral(graph, "features.last", trunk.last);
    let fine = lateral(graph, "features.fine", trunk.fine);
    let detail = lateral(graph, "features.detail", trunk.detail);
    let blend = |graph: &mut Graph, name: &str, node| {
        let conv = Op::Conv {
            inputs: channels,
            outputs: channels,
            kernel: 3,
            stride: 1,
            padding: EVEN,
            groups: 1,
            bias: false,
        };
        graph.conv_norm(name, conv, epsilon, Some(Op::Relu), node)
    };
    let add_doubled = |graph: &mut Graph, name: &str, coarse, to| {
        let doubled = graph.push(format!("{name}.double"), Op::Upsample, &[coarse]);
        graph.push(format!("{name}.add"), Op::Add, &[doubled, to])
    };
    let fine = add_doubled(graph, "features.to_fine", last, fine);
    let fine = blend(graph, "features.blend_fine", fine);
    let detail = add_doubled(graph, "features.to_detail", fine, detail);
    let detail = blend(graph, "features.blend_detail", detail);
    let detail = blend(graph, "features.blend_again", detail);
    let conv = Op::Conv { inputs: channels, outputs: dim, kernel: 1, stride: 1, padding: NONE, groups: 1, bias: false };
    let projected = graph.push("features.project", conv, &[detail]);
    let unit = graph.push("features.normalize", Op::Normalize, &[projected]);
    graph.output("features", unit);
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
    let wide = pointwise(graph, "head", trunk.last, POOLED_CHANNELS, Some(Op::Relu6), trunk.epsilon);
    let pooled = graph.push("pool", Op::GlobalAveragePool, &[wide]);
    let cells = pointwise(graph, "cells", trunk.fine, CELL_CHANNELS, Some(Op::Relu), trunk.epsilon);
    let flat = graph.push("flatten", Op::Flatten, &[cells]);
    let both = graph.push("concat", Op::Concat, &[pooled, flat]);
    (both, POOLED_CHANNELS + CELL_CHANNELS * (height / 16) * (width / 16))
}

fn pointwise(
    graph: &mut Graph,
    name: &str,
    map: FeatureMap,
    outputs: usize,
    activation: Option<Op>,
    epsilon: f64,
) -> NodeId {
    let conv = Op::Conv { inputs: map.channels, outputs, kernel: 1, stride: 1, padding: NONE, groups: 1, bias: false };
    graph.conv_norm(name, conv, epsilon, activation, map.node)
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
    fn the_decoder_gives_a_map_at_stride_8_for_less_than_a_gmac() {
        for kind in BackboneKind::ALL {
            let mut graph = Graph::new(3);
            let trunk = kind.trunk(&mut graph, 0);
            let trunk_nodes = graph.nodes.len();
            feature_map(&mut graph, trunk, 64);
            let shapes = infer(&graph, 128, 224).expect("shapes fit");
            assert_eq!(shapes[graph.outputs[0].1].dimensions(), [64, 16, 28]);
            let macs = graph.nodes.iter().zip(&shapes).skip(trunk_nodes).map(|(node, shape)| match node.op {
                Op::Conv { inputs, kernel, groups, .. } => {
                    inputs / groups * kernel * kernel * shape.dimensions().iter().product::<usize>()
                }
                _ => 0,
            });
            assert!(macs.sum::<usize>() < 200_000_000, "{kind:?}");
        }
    }

    #[test]
    fn every_layer_with_parameters_that_a_head_adds_is_listed() {
        for (listed, append) in [
            (&EMBEDDING_LAYERS[..], (|g: &mut Graph, t| embedding(g, t, 64, 64, 8)) as fn(&mut Graph, Trunk)),
            (&AZIMUTH_LAYERS[..], |g, t| azimuth(g, t, 64, 64)),
            (&FEATURE_LAYERS[..], |g, t| feature_map(g, t, 16)),
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
