//! What published weights call a parameter, and what it is called here.
//!
//! Leaves (`weight`, `bias`, `running_mean`, `running_var`) are the same everywhere. Layers, `k` counting blocks through all
//! stages from 0:
//!
//! | here | torchvision ResNet | torchvision MobileNetV2 | EfficientNet-Lite0 |
//! |---|---|---|---|
//! | `stem.conv`, `stem.norm` | `conv1`, `bn1` | `features.0.0`, `features.0.1` | `stem.0`, `stem.1` |
//! | `blocks.k.first.conv`, `.norm` (likewise `second`, `third`) | `layerS.i.conv1`, `bn1` (2, 3) | | |
//! | `blocks.k.shortcut.conv`, `.norm` | `layerS.i.downsample.0`, `.1` | | |
//! | `blocks.k.expand.conv`, `.norm` | | `features.{k+1}.conv.0.0`, `.0.1`; none for k = 0 | `blocks.S.i._expand_conv`, `_bn0` |
//! | `blocks.k.depthwise.conv`, `.norm` | | `features.{k+1}.conv.1.0`, `.1.1`; for k = 0 `conv.0.0`, `.0.1` | `_depthwise_conv`, `_bn1` |
//! | `blocks.k.project.conv`, `.norm` | | `features.{k+1}.conv.2`, `.3`; for k = 0 `conv.1`, `.2` | `_project_conv`, `_bn2` |
//! | `head.conv`, `head.norm` | | `features.18.0`, `features.18.1` | `head.0`, `head.1` |
//!
//! The 1000-class layers and counters have no counterpart.

use std::collections::BTreeMap;

use crate::networks::backbone::BackboneKind;
use crate::networks::resnet::{RESNET18, RESNET50};

/// Parameters of a published file under the names used here, without those that are not used here. A file that already
/// has our names passes through.
pub fn renamed<T>(kind: BackboneKind, published: Vec<(String, T)>) -> Vec<(String, T)> {
    if published.iter().any(|(name, _)| name.starts_with("stem.conv.")) {
        return published;
    }
    let mut lite_blocks = BTreeMap::new();
    let rename = |(name, parameter): (String, T)| {
        let (layer, leaf) = name.rsplit_once('.')?;
        let layer = match kind {
            BackboneKind::EfficientNetLite0 => efficientnet_layer(layer, &mut lite_blocks),
            BackboneKind::ResNet18 => resnet_layer(layer, RESNET18.blocks),
            BackboneKind::ResNet50 => resnet_layer(layer, RESNET50.blocks),
            BackboneKind::MobileNetV2 => mobilenet_layer(layer),
        }?;
        (leaf != "num_batches_tracked").then(|| (format!("{layer}.{leaf}"), parameter))
    };
    published.into_iter().filter_map(rename).collect()
}

fn resnet_layer(layer: &str, blocks: [usize; 4]) -> Option<String> {
    match layer {
        "conv1" => return Some("stem.conv".to_owned()),
        "bn1" => return Some("stem.norm".to_owned()),
        _ => {}
    }
    let (stage, rest) = layer.strip_prefix("layer")?.split_once('.')?;
    let (block, part) = rest.split_once('.')?;
    let before: usize = blocks.iter().take(stage.parse::<usize>().ok()?.checked_sub(1)?).sum();
    let part = match part {
        "conv1" => "first.conv",
        "bn1" => "first.norm",
        "conv2" => "second.conv",
        "bn2" => "second.norm",
        "conv3" => "third.conv",
        "bn3" => "third.norm",
        "downsample.0" => "shortcut.conv",
        "downsample.1" => "shortcut.norm",
        _ => return None,
    };
    Some(format!("blocks.{}.{part}", before.checked_add(block.parse().ok()?)?))
}

fn mobilenet_layer(layer: &str) -> Option<String> {
    let (feature, part) = layer.strip_prefix("features.")?.split_once('.')?;
    let feature: usize = feature.parse().ok()?;
    let single = |name: &str| match part {
        "0" => Some(format!("{name}.conv")),
        "1" => Some(format!("{name}.norm")),
        _ => None,
    };
    let part = match (feature, part) {
        (0, _) => return single("stem"),
        (18.., _) => return single("head"),
        (1, "conv.0.0") | (2.., "conv.1.0") => "depthwise.conv",
        (1, "conv.0.1") | (2.., "conv.1.1") => "depthwise.norm",
        (1, "conv.1") | (2.., "conv.2") => "project.conv",
        (1, "conv.2") | (2.., "conv.3") => "project.norm",
        (2.., "conv.0.0") => "expand.conv",
        (2.., "conv.0.1") => "expand.norm",
        _ => return None,
    };
    Some(format!("blocks.{}.{part}", feature - 1))
}

/// Blocks are nested by stage in the file; `blocks` numbers them in the order they come in.
fn efficientnet_layer(layer: &str, blocks: &mut BTreeMap<String, usize>) -> Option<String> {
    let name = match layer {
        "_conv_stem" | "stem.0" => "stem.conv",
        "_bn0" | "stem.1" => "stem.norm",
        "_conv_head" | "head.0" => "head.conv",
        "_bn1" | "head.1" => "head.norm",
        _ => {
            let (block, part) =
                layer.rsplit_once('.').filter(|_| layer.trim_start_matches('_').starts_with("blocks."))?;
            let part = match part {
                "_expand_conv" => "expand.conv",
                "_bn0" => "expand.norm",
                "_depthwise_conv" => "depthwise.conv",
                "_bn1" => "depthwise.norm",
                "_project_conv" => "project.conv",
                "_bn2" => "project.norm",
                _ => return None,
            };
            let count = blocks.len();
            let index = blocks.entry(block.to_owned()).or_insert(count);
            return Some(format!("blocks.{index}.{part}"));
        }
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::networks::graph::{Graph, Op};
    use crate::networks::heads;

    fn with_leaves(layers: &[(String, bool)]) -> Vec<(String, ())> {
        let leaves = |norm| {
            if norm {
                &["weight", "bias", "running_mean", "running_var", "num_batches_tracked"][..]
            } else {
                &["weight"]
            }
        };
        let names =
            layers.iter().flat_map(|(layer, norm)| leaves(*norm).iter().map(move |leaf| format!("{layer}.{leaf}")));
        names.map(|name| (name, ())).collect()
    }

    /// Layers and whether they are norms, in the order torchvision's constructors add them.
    fn torchvision(kind: BackboneKind) -> Vec<(String, bool)> {
        let mut layers = Vec::new();
        let mut pair = |conv: String, norm: String| layers.extend([(conv, false), (norm, true)]);
        let (blocks, convs) = match kind {
            BackboneKind::ResNet18 => ([2, 2, 2, 2], 2),
            BackboneKind::ResNet50 => ([3, 4, 6, 3], 3),
            _ => {
                pair("features.0.0".into(), "features.0.1".into());
                for block in 1..=17 {
                    let parts = if block == 1 { 1 } else { 2 };
                    for part in 0..parts {
                        pair(format!("features.{block}.conv.{part}.0"), format!("features.{block}.conv.{part}.1"));
                    }
                    pair(format!("features.{block}.conv.{parts}"), format!("features.{block}.conv.{}", parts + 1));
                }
                pair("features.18.0".into(), "features.18.1".into());
                return layers;
            }
        };
        pair("conv1".into(), "bn1".into());
        for (stage, count) in (1..).zip(blocks) {
            for block in 0..count {
                let place = format!("layer{stage}.{block}");
                for conv in 1..=convs {
                    pair(format!("{place}.conv{conv}"), format!("{place}.bn{conv}"));
                }
                // The first block of each stage changes the shape, except in the first stage of the narrow network.
                if block == 0 && (stage > 1 || convs == 3) {
                    pair(format!("{place}.downsample.0"), format!("{place}.downsample.1"));
                }
            }
        }
        layers
    }

    #[test]
    fn every_layer_of_torchvision_is_one_of_ours() {
        for kind in [BackboneKind::ResNet18, BackboneKind::ResNet50, BackboneKind::MobileNetV2] {
            let mut graph = Graph::new(3);
            let trunk = kind.trunk(&mut graph, 0);
            heads::embedding(&mut graph, trunk, 64, 64, 8);
            let of_head = |name: &str| heads::EMBEDDING_LAYERS.iter().any(|head| name.starts_with(head));
            let published =
                |name: &str| !of_head(name) || (kind == BackboneKind::MobileNetV2 && name.starts_with("head"));
            let learning = graph.nodes.iter().filter(|node| published(&node.name));
            let ours = learning.filter_map(|node| match node.op {
                Op::Conv { .. } => Some((node.name.clone(), false)),
                Op::BatchNorm { .. } => Some((node.name.clone(), true)),
                _ => None,
            });
            let mut expected: BTreeSet<String> =
                with_leaves(&ours.collect::<Vec<_>>()).into_iter().map(|(name, ())| name).collect();
            expected.retain(|name| !name.ends_with("num_batches_tracked"));
            let mut published = with_leaves(&torchvision(kind));
            published.extend(["fc.weight", "classifier.1.bias"].map(|name| (name.to_owned(), ())));
            let found = renamed(kind, published);
            assert_eq!(found.len(), expected.len(), "{kind:?}");
            assert_eq!(found.into_iter().map(|(name, ())| name).collect::<BTreeSet<_>>(), expected, "{kind:?}");
        }
    }

    #[test]
    fn blocks_of_efficientnet_are_numbered_through_their_stages() {
        let published = [
            "stem.0.weight",
            "blocks.0.0._depthwise_conv.weight",
            "blocks.1.0._expand_conv.weight",
            "blocks.1.1._bn2.bias",
            "_fc.bias",
        ];
        let found = renamed(BackboneKind::EfficientNetLite0, published.map(|name| (name.to_owned(), ())).into());
        let found: Vec<String> = found.into_iter().map(|(name, ())| name).collect();
        assert_eq!(
            found,
            [
                "stem.conv.weight",
                "blocks.0.depthwise.conv.weight",
                "blocks.1.expand.conv.weight",
                "blocks.2.project.norm.bias"
            ]
        );
        assert_eq!(renamed(BackboneKind::default(), found.iter().map(|name| (name.clone(), ())).collect()).len(), 4);
    }
}
