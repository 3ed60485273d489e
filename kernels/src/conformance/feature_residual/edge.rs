//! Cases of vertices that hardly count, and hardly do not.

use super::Case;
use crate::conformance::random::Random;
use crate::conformance::scene::{Arrays, FRONT, PLAIN, ellipsoid, map_like};
use crate::{FeatureResidual, NormalEquations, Placement, RobustSpec, VertexMatch};

/// An excess of one is all there is, and of minus one is nothing.
const SHARP: RobustSpec = RobustSpec { temperature: 1.0 / 256.0, floor: 0.0 };

/// The sums of one vertex of area 1 with a feature of ones, in a map of 4 x 3 cells whose two channels
/// are column and row; without clutter.
fn one_vertex<I: FeatureResidual>(
    instance: &mut I,
    position: [f32; 3],
    normal: [f32; 3],
    placement: &Placement,
) -> Option<(NormalEquations, [f32; 2])> {
    let mut arrays = Arrays { clutter: vec![0.0, 0.0], ..Default::default() };
    arrays.push(position, normal, 1.0, 1.0);
    arrays.clutter[1] = -1.0;
    let features: Vec<f32> = (0..12).flat_map(|cell| [(cell % 4) as f32, (cell / 4) as f32]).collect();
    let case = Case { arrays: &arrays, features: &features, width: 4, height: 3, spec: SHARP };
    let (sums, matches) = case.matches(instance, placement);
    if matches[0].is_seen() {
        return Some((sums, [matches[0].similarity, matches[0].clutter]));
    }
    assert_eq!(sums, NormalEquations::default());
    assert!(matches[0].clutter.is_nan());
    None
}

/// The outermost centres themselves are inside, on all four sides.
pub fn samples_end_with_the_outermost_centres<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut instance = make();
    let mut at = |u: f32, v: f32| one_vertex(&mut instance, [u / 8.0, v / 8.0, 0.5], FRONT, &PLAIN);
    for (u, v) in [(0.5, 0.5), (3.5, 2.5), (3.5, 0.5), (0.5, 2.5), (1.25, 2.0), (3.5, 1.75), (2.25, 2.5)] {
        let (sums, [similarity, clutter]) = at(u, v).expect("it is inside");
        assert_eq!([similarity, clutter], [u - 0.5 + (v - 0.5), -(v - 0.5)], "({u}, {v})");
        assert_eq!((sums.visible_area, sums.score), (64.0, 64.0 * similarity));
    }
    for (u, v) in [(0.499, 1.0), (1.0, 0.499), (3.501, 1.0), (1.0, 2.501), (-5.0, 1.0), (1.0, 1e6)] {
        assert_eq!(at(u, v), None, "({u}, {v})");
    }
    for far in [3e9, -3e9, 1e30, -1e30] {
        let placement = Placement { centre: [far, 1.0], ..PLAIN };
        assert_eq!(one_vertex(&mut make(), [0.0; 3], FRONT, &placement), None, "{far}");
    }
}

/// Nor vertices without a normal; the nearest ones that are seen count.
pub fn vertices_behind_the_viewer_or_edge_on_are_unseen<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut instance = make();
    let near = Placement { nearness: 0.5, centre: [1.5, 1.5], ..PLAIN };
    let mut area_at = |z: f32, normal: [f32; 3]| {
        one_vertex(&mut instance, [0.0, 0.0, z], normal, &near).map(|(sums, _)| sums.visible_area)
    };
    assert_eq!(area_at(0.0, FRONT), Some(64.0));
    assert_eq!(area_at(-1.0, FRONT), Some(256.0));
    assert!(area_at(-1.798, FRONT) > Some(1000.0));
    for z in [-1.802, -2.0, -3.0, -1e6] {
        assert_eq!(area_at(z, FRONT), None, "{z}");
        assert_eq!(area_at(z, [0.0, 0.0, 1.0]), None, "{z}, turned away");
    }
    for normal in [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0; 3]] {
        assert_eq!(area_at(0.0, normal), None, "{normal:?}");
    }
}

/// There is no cell beside it, and nothing else is inside.
pub fn a_map_of_one_cell_is_sampled_at_its_centre<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut arrays = Arrays { clutter: vec![0.0], ..Default::default() };
    for step in 0..40 {
        arrays.push([(step as f32 - 19.0) / 32.0, 0.0, 0.0], FRONT, 1.0, 3.0);
    }
    let case = Case { arrays: &arrays, features: &[2.0], width: 1, height: 1, spec: SHARP };
    let (sums, matches) = case.matches(&mut make(), &Placement { centre: [0.0, 0.5], ..PLAIN });
    // Half a cell is two steps after the nineteenth.
    let seen: Vec<usize> = (0..40).filter(|&vertex| matches[vertex].is_seen()).collect();
    assert_eq!(seen, [21]);
    assert_eq!((matches[21].similarity, sums.score, sums.squared_residual), (6.0, 64.0 * 6.0, 64.0));
}

/// No vertex, no sum.
pub fn a_surface_without_vertices_sums_to_nothing<I: FeatureResidual>(make: impl Fn() -> I) {
    let arrays = Arrays { clutter: vec![1.0; 3], ..Default::default() };
    let case = Case { arrays: &arrays, features: &[1.0; 12], width: 2, height: 2, spec: SHARP };
    assert_eq!(case.sums(&mut make(), &PLAIN), NormalEquations::default());
    assert_eq!(case.matches(&mut make(), &PLAIN), (NormalEquations::default(), vec![]));
}

/// A clutter vector of zeros is a similarity of zero.
pub fn without_clutter_only_the_floor_competes<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut random = Random::new(24);
    let mut arrays = ellipsoid(&mut random, 100, 20);
    arrays.clutter.fill(0.0);
    let features = map_like(&mut random, &arrays, 120);
    let placement = Placement { scale: 12.0, centre: [6.0, 5.0], ..PLAIN };
    let at = |floor: f32| {
        let spec = RobustSpec { temperature: 0.1, floor };
        let case = Case { arrays: &arrays, features: &features, width: 12, height: 10, spec };
        case.matches(&mut make(), &placement)
    };
    let (nothing, matches) = at(0.0);
    assert!(nothing.score > 0.0);
    assert!(matches.iter().filter(|found| found.is_seen()).all(|found: &VertexMatch| found.clutter == 0.0));
    assert_eq!(at(-0.5).0, nothing);
    assert!(at(0.3).0.score < nothing.score && at(0.3).0.weight < nothing.weight);
    assert_eq!((at(1.5).0.score, at(1.5).0.visible_area), (0.0, nothing.visible_area));
}
