use prost::Message;

use super::super::onnx_fixture::{AttributeProto, GraphProto, ModelProto, network};
use super::*;

fn decoded(onnx: &[u8]) -> GraphProto {
    ModelProto::decode(onnx).unwrap().graph.unwrap()
}

fn names(graph: &GraphProto) -> [Vec<&str>; 3] {
    [
        graph.output.iter().map(|o| o.name.as_str()).collect(),
        graph.node.iter().flat_map(|n| &n.output).map(String::as_str).collect(),
        graph.initializer.iter().map(|t| t.name.as_str()).collect(),
    ]
}

#[test]
fn one_output_keeps_what_it_needs_in_its_order() {
    let whole = network(None);
    let embedding = decoded(&pruned(&whole, "embedding").unwrap());
    assert_eq!(
        names(&embedding),
        [
            vec!["embedding"],
            vec!["conv", "hidden", "pooled", "flat", "embedding"],
            vec!["conv.weight", "conv.bias", "head.weight", "head.bias"],
        ]
    );
    let features = decoded(&pruned(&whole, "features").unwrap());
    let [outputs, nodes, _] = names(&features);
    assert_eq!((outputs, nodes), (vec!["features"], vec!["conv", "hidden", "features"]));
    // Nothing else changed: what is left is in the whole as it stands.
    let of_whole = decoded(&whole);
    assert!(embedding.node.iter().all(|node| of_whole.node.contains(node)));
    assert!(embedding.initializer.iter().all(|tensor| of_whole.initializer.contains(tensor)));
}

#[test]
fn what_cannot_be_told_apart_stays_whole() {
    let whole = network(None);
    assert_eq!(pruned(&whole, "absent"), None);
    let one_output = pruned(&whole, "embedding").unwrap();
    assert_eq!(pruned(&one_output, "embedding"), None);
    let mut branching = ModelProto::decode(whole.as_slice()).unwrap();
    let attribute = AttributeProto { name: "then_branch".into(), g: Some(Box::default()) };
    branching.graph.as_mut().unwrap().node[0].attribute.push(attribute.clone());
    assert_eq!(pruned(&branching.encode_to_vec(), "embedding"), None);
    branching.graph.as_mut().unwrap().node[0].attribute[0].g = None;
    assert!(pruned(&branching.encode_to_vec(), "embedding").is_some());
    let mut twice = whole.clone();
    twice.extend(&whole);
    assert_eq!(pruned(&twice, "embedding"), None);
}

#[test]
fn damage_is_never_a_panic() {
    let whole = network(None);
    for end in 0..whole.len() {
        let _ = pruned(&whole[..end], "embedding");
    }
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let _ = pruned(&damaged, "embedding");
    }
    for length in [u64::MAX, 1 << 40, 127] {
        let mut bytes = vec![(field::MODEL_GRAPH << 3 | LENGTH_DELIMITED) as u8];
        put_varint(&mut bytes, length);
        assert_eq!(pruned(&bytes, "embedding"), None);
    }
    assert_eq!(pruned(&[0xff; 20], "embedding"), None);
}
