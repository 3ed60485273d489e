//! Which convolutional trunk a network is built on, and the feature maps that heads start from.

use serde::{Deserialize, Serialize};

use super::graph::{Graph, NodeId};
use super::{efficientnet, mobilenet, resnet};

/// A trunk whose ImageNet weights are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackboneKind {
    /// [`efficientnet`].
    #[default]
    #[serde(rename = "efficientnet_lite0")]
    EfficientNetLite0,
    /// [`resnet::RESNET18`].
    #[serde(rename = "resnet18")]
    ResNet18,
    /// [`resnet::RESNET50`].
    #[serde(rename = "resnet50")]
    ResNet50,
    /// [`mobilenet`].
    #[serde(rename = "mobilenet_v2")]
    MobileNetV2,
}

/// A feature map `[B, channels, H, W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureMap {
    /// The node that gives it.
    pub node: NodeId,
    /// Its channels.
    pub channels: usize,
}

/// The feature maps that heads start from, for an input of H x W, both multiples of 32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trunk {
    /// The last one at stride 8, `[B, channels, H/8, W/8]`: fine enough to place a part to a pixel or two.
    pub detail: FeatureMap,
    /// The last one at stride 16, `[B, channels, H/16, W/16]`: fine enough to tell where the parts of a car are.
    pub fine: FeatureMap,
    /// The last one, `[B, channels, H/32, W/32]`.
    pub last: FeatureMap,
    /// Added to the variance of its batch norms; heads do the same.
    pub epsilon: f64,
}

/// What a network's input is made of: `(value - mean) / std` for each of R, G and B, values from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// Subtracted from R, G, B.
    pub mean: [f32; 3],
    /// What R, G, B are then divided by.
    pub std: [f32; 3],
}

impl BackboneKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::EfficientNetLite0, Self::ResNet18, Self::ResNet50, Self::MobileNetV2];

    /// Appends the trunk to a graph, reading `input` `[B, 3, H, W]`.
    pub fn trunk(self, graph: &mut Graph, input: NodeId) -> Trunk {
        match self {
            Self::EfficientNetLite0 => efficientnet::trunk(graph, input),
            Self::ResNet18 => resnet::RESNET18.append(graph, input),
            Self::ResNet50 => resnet::RESNET50.append(graph, input),
            Self::MobileNetV2 => mobilenet::trunk(graph, input),
        }
    }

    /// The normalisation that the published weights were trained with: `(x - 127) / 128` of bytes for EfficientNet-Lite,
    /// the statistics of ImageNet for torchvision's.
    pub fn normalisation(self) -> Normalisation {
        match self {
            Self::EfficientNetLite0 => Normalisation { mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3] },
            Self::ResNet18 | Self::ResNet50 | Self::MobileNetV2 => {
                Normalisation { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::onnx::shape::{Shape, infer};
    use super::*;

    #[test]
    fn every_trunk_gives_maps_at_strides_8_16_and_32() {
        for kind in BackboneKind::ALL {
            let mut graph = Graph::new(3);
            let trunk = kind.trunk(&mut graph, 0);
            graph.output("last", trunk.last.node);
            let shapes = infer(&graph, 96, 160).expect("shapes fit");
            assert_eq!(shapes[trunk.detail.node], Shape::Map([trunk.detail.channels, 12, 20]), "{kind:?}");
            assert_eq!(shapes[trunk.fine.node], Shape::Map([trunk.fine.channels, 6, 10]), "{kind:?}");
            assert_eq!(shapes[trunk.last.node], Shape::Map([trunk.last.channels, 3, 5]), "{kind:?}");
        }
    }

    #[test]
    fn names_in_run_descriptions_are_fixed() {
        let names = BackboneKind::ALL.map(|kind| serde_json::to_value(kind).expect("a name"));
        assert_eq!(names, ["efficientnet_lite0", "resnet18", "resnet50", "mobilenet_v2"]);
    }
}
