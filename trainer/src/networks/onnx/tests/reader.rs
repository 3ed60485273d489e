//! Laws of weights that are read back.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::super::{OnnxError, WeightFormat, read_parameters, store_weights};
use super::{export_plain, random};
use crate::networks::backbone::BackboneKind;
use crate::networks::graph::Graph;
use crate::networks::{efficientnet, heads};

const SIDES: [usize; 2] = [64, 96];

fn with_decoder() -> Graph {
    let mut graph = Graph::new(3);
    let trunk = BackboneKind::default().trunk(&mut graph, 0);
    heads::embedding(&mut graph, trunk, SIDES[0], SIDES[1], 16);
    heads::feature_map(&mut graph, trunk, 16);
    graph
}

#[test]
fn a_network_that_is_read_back_and_written_again_is_the_same_file() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let graph = with_decoder();
    let plain = export_plain(&graph, &random::parameters(&graph, &mut rng), SIDES);
    for format in [WeightFormat::F32, WeightFormat::F16] {
        let file = store_weights(&plain, format).unwrap();
        let back = read_parameters(&file, &graph).unwrap();
        let again = store_weights(&export_plain(&graph, &back, SIDES), format).unwrap();
        assert!(again == file, "{format:?}");
    }
}

#[test]
fn layers_that_the_file_lacks_are_left_out() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let small = efficientnet::encoder(SIDES[0], SIDES[1], 16);
    let file = export_plain(&small, &random::parameters(&small, &mut rng), SIDES);
    let back = read_parameters(&file, &with_decoder()).unwrap();
    assert!(back.contains_key("stem.conv.weight") && back.contains_key("embed.bias"));
    assert!(back.keys().all(|name| !name.starts_with("features")));
}

#[test]
fn bytes_that_are_no_network_are_an_error() {
    assert!(matches!(read_parameters(&[1, 2, 3], &with_decoder()), Err(OnnxError::File { .. })));
}
