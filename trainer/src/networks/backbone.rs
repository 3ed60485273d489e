//! Which convolutional trunk a network is built on, and the feature maps that heads start from.

use serde::{Deserialize, Serialize};

use super::efficientnet;
use super::graph::{Graph, NodeId};

/// A trunk whose ImageNet weights are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackboneKind {
    /// [`efficientnet`].
    #[default]
    #[serde(rename = "efficientnet_lite0")]
    EfficientNetLite0,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// The last one at stride 16, `[B, channels, H/16, W/16]`: fine enough to tell where the parts of a car are.
    pub fine: FeatureMap,
    /// The last one, `[B, channels, H/32, W/32]`.
    pub last: FeatureMap,
}

impl BackboneKind {
    /// Appends the trunk to a graph, reading `input` `[B, 3, H, W]`.
    pub fn trunk(self, graph: &mut Graph, input: NodeId) -> Trunk {
        match self {
            Self::EfficientNetLite0 => efficientnet::trunk(graph, input),
        }
    }
}
