//! Cases of vertices that hardly count, and hardly do not.

use super::Case;
use crate::conformance::random::Random;
use crate::conformance::scene::{Arrays, FRONT, PLAIN, ellipsoid, map_like};
use crate::{FeatureScore, Placement};

/// The score of one vertex of area 1 and similarity 1 at a time, in a map of 4 x 3 cells without
/// clutter; [`PLAIN`] shows a square of a mesh unit on 64 cells.
fn score_of<I: FeatureScore>(instance: &mut I, position: [f32; 3], normal: [f32; 3], placement: &Placement) -> f32 {
    let mut arrays = Arrays { clutter: vec![0.0; 2], ..Default::default() };
    arrays.push(position, normal, 1.0, 0.5);
    let case = Case { arrays: &arrays, features: &[1.0; 24], width: 4, height: 3, floor: 0.0 };
    case.scores(instance, std::slice::from_ref(placement))[0]
}

/// A coordinate of zero is inside, one of the width is not. Far outside is outside, also where whole
/// numbers end.
pub fn the_borders_of_the_map_are_half_open<I: FeatureScore>(make: impl Fn() -> I) {
    let mut instance = make();
    let mut at = |u: f32, v: f32| score_of(&mut instance, [u / 8.0, v / 8.0, 0.5], FRONT, &PLAIN);
    for (u, v) in [(0.0, 0.0), (-0.0, 0.0), (3.999, 2.999), (3.0, 0.0), (0.0, 2.0)] {
        assert_eq!(at(u, v), 64.0, "({u}, {v})");
    }
    for (u, v) in [(4.0, 1.0), (1.0, 3.0), (-1e-6, 1.0), (1.0, -1e-6), (1e6, 1.0), (1.0, -1e6), (4.0, 3.0)] {
        assert_eq!(at(u, v), 0.0, "({u}, {v})");
    }
    for far in [3e9, -3e9, 1e30, -1e30] {
        let placement = Placement { centre: [far, 1.0], ..PLAIN };
        assert_eq!(score_of(&mut make(), [0.0; 3], FRONT, &placement), 0.0, "{far}");
    }
}

/// Nor vertices without a normal; and the nearest ones that are seen do.
pub fn vertices_behind_the_viewer_or_edge_on_do_not_count<I: FeatureScore>(make: impl Fn() -> I) {
    let mut instance = make();
    let near = Placement { nearness: 0.5, centre: [1.5, 1.5], ..PLAIN };
    let mut at = |z: f32, normal: [f32; 3]| score_of(&mut instance, [0.0, 0.0, z], normal, &near);
    assert_eq!(at(0.0, FRONT), 64.0);
    assert_eq!(at(-1.0, FRONT), 256.0);
    assert_eq!(at(2.0, FRONT), 16.0);
    // The tenth is where depth ends: a bit more is seen.
    assert!(at(-1.798, FRONT) > 1000.0);
    for z in [-1.802, -2.0, -3.0, -1e6] {
        assert_eq!(at(z, FRONT), 0.0, "{z}");
        assert_eq!(at(z, [0.0, 0.0, 1.0]), 0.0, "{z}, turned away");
    }
    for normal in [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0; 3]] {
        assert_eq!(at(0.0, normal), 0.0, "{normal:?}");
    }
}

/// Nothing is read beside the map.
pub fn a_map_of_one_cell_is_looked_up<I: FeatureScore>(make: impl Fn() -> I) {
    let mut arrays = Arrays { clutter: vec![-1.0], ..Default::default() };
    for step in 0..40 {
        arrays.push([(step as f32 - 19.0) / 32.0, 0.0, 0.0], FRONT, 1.0, 3.0);
    }
    let case = Case { arrays: &arrays, features: &[2.0], width: 1, height: 1, floor: 1.0 };
    // Cells 0 to 1 are steps 19 to 22, of four to a cell.
    let placement = Placement { centre: [0.0, 0.5], ..PLAIN };
    assert_eq!(case.scores(&mut make(), &[placement]), [4.0 * 64.0 * 5.0]);
}

/// Without a clutter vector absence still reaches zero, and a higher floor where there is one.
pub fn a_clutter_of_zeros_is_the_floor_or_nothing<I: FeatureScore>(make: impl Fn() -> I) {
    let mut random = Random::new(14);
    let mut arrays = ellipsoid(&mut random, 100, 20);
    arrays.clutter.fill(0.0);
    let features = map_like(&mut random, &arrays, 120);
    let placement = Placement { scale: 12.0, centre: [6.0, 5.0], ..PLAIN };
    let score = |floor: f32| {
        let case = Case { arrays: &arrays, features: &features, width: 12, height: 10, floor };
        case.scores(&mut make(), &[placement])[0]
    };
    let nothing = score(0.0);
    assert!(nothing > 0.0);
    assert_eq!(score(-0.5), nothing);
    assert!(score(0.3) < nothing);
    assert_eq!(score(1.5), 0.0);
}
