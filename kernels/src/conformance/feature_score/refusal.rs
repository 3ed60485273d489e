//! Cases of requests without meaning, and of what an instance remembers.

use super::Case;
use crate::conformance::random::Random;
use crate::conformance::scene::{Arrays, FRONT, PLAIN, ellipsoid, map, map_like, random_placement};
use crate::{FeatureMap, FeatureScore, KernelError, Placement};

/// An empty list of placements is an empty answer, too.
pub fn a_surface_without_vertices_scores_nothing<I: FeatureScore>(make: impl Fn() -> I) {
    let arrays = Arrays { clutter: vec![1.0; 3], ..Default::default() };
    let case = Case { arrays: &arrays, features: &[1.0; 12], width: 2, height: 2, floor: 0.0 };
    assert_eq!(case.scores(&mut make(), &[PLAIN; 3]), [0.0; 3]);
    assert_eq!(case.scores(&mut make(), &[]), [0.0; 0]);
}

/// And the placements beside them have the scores they would have had.
pub fn placements_without_meaning_score_minus_infinity_and_are_counted<I: FeatureScore>(make: impl Fn() -> I) {
    let mut random = Random::new(15);
    let arrays = ellipsoid(&mut random, 50, 8);
    let features = map_like(&mut random, &arrays, 30);
    let case = Case { arrays: &arrays, features: &features, width: 6, height: 5, floor: -1.0 };
    let good = Placement { centre: [3.0, 2.5], ..PLAIN };
    let mut turned = good;
    turned.rotation[2][1] = f32::NAN;
    let bad = [
        turned,
        Placement { scale: f32::INFINITY, ..good },
        Placement { scale: 0.0, ..good },
        Placement { scale: -3.0, ..good },
        Placement { nearness: -0.1, ..good },
        Placement { nearness: f32::NAN, ..good },
        Placement { centre: [f32::NAN, 0.0], ..good },
        Placement { centre: [0.0, f32::NEG_INFINITY], ..good },
    ];
    let mut placements = vec![good];
    bad.iter().for_each(|bad| placements.extend([*bad, good]));
    let mut instance = make();
    let scores = case.scores(&mut instance, &placements);
    let alone = case.scores(&mut make(), &[good])[0];
    assert!(alone > 0.0);
    for (index, score) in scores.iter().enumerate() {
        assert_eq!(*score, if index % 2 == 0 { alone } else { f32::NEG_INFINITY }, "placement {index}");
    }
    let mut out = vec![0.0; placements.len()];
    assert_eq!(instance.score(&placements, &mut out), Ok(bad.len()));
    assert_eq!(instance.score(&placements[..1], &mut out[..1]), Ok(0));
}

/// Neither a map nor a floor of another kind replaces what was kept.
pub fn features_of_another_length_are_refused<I: FeatureScore>(make: impl Fn() -> I) {
    let mut random = Random::new(16);
    let arrays = ellipsoid(&mut random, 20, 6);
    let features = map_like(&mut random, &arrays, 30);
    let case = Case { arrays: &arrays, features: &features, width: 6, height: 5, floor: -1.0 };
    let mut instance = make();
    let placement = Placement { centre: [3.0, 2.5], ..PLAIN };
    let before = case.scores(&mut instance, &[placement]);
    let shorter = FeatureMap::new(&features, 6, 6, 5).expect("a valid map");
    let fault = KernelError::FeatureDim { map_dim: 5, surface_dim: 6 };
    assert_eq!(instance.similarities(&shorter, &arrays.surface(), 0.0), Err(fault));
    for floor in [f32::NAN, f32::INFINITY] {
        let fault = instance.similarities(&map(&features, 6, 5), &arrays.surface(), floor);
        assert!(matches!(fault, Err(KernelError::RobustSpec { .. })), "{fault:?}");
    }
    let mut after = [f32::NAN];
    assert_eq!(instance.score(&[placement], &mut after), Ok(0));
    assert_eq!(before, after);
}

/// In this order.
pub fn scores_need_similarities_and_an_output_that_fits<I: FeatureScore>(make: impl Fn() -> I) {
    let mut instance = make();
    let mut scores = [7.0; 3];
    assert_eq!(instance.score(&[PLAIN; 2], &mut scores), Err(KernelError::NoSimilarities));
    let mut arrays = Arrays { clutter: vec![0.0], ..Default::default() };
    arrays.push([0.1; 3], FRONT, 1.0, 1.0);
    instance.similarities(&map(&[1.0; 9], 3, 3), &arrays.surface(), 0.0).expect("a valid surface");
    for count in [0, 2] {
        let fault = KernelError::OutputLength { actual: 3, needed: count };
        assert_eq!(instance.score(&[PLAIN; 2][..count], &mut scores), Err(fault));
    }
    assert_eq!(scores, [7.0; 3]);
}

/// When they are made, and when room is reserved for them.
pub fn too_many_comparisons_are_refused<I: FeatureScore>(make: impl Fn() -> I) {
    let (vertex_count, width, height) = (40_000, 128, 64);
    let mut arrays = Arrays { clutter: vec![0.0], ..Default::default() };
    for _ in 0..vertex_count {
        arrays.push([0.0; 3], FRONT, 1.0, 1.0);
    }
    let fault = KernelError::SimilarityCount { vertex_count, cell_count: width * height };
    let features = vec![1.0; width * height];
    let mut instance = make();
    assert_eq!(instance.similarities(&map(&features, width, height), &arrays.surface(), 0.0), Err(fault));
    assert_eq!(instance.reserve(vertex_count, width * height, 1), Err(fault));
    assert!(instance.reserve(usize::MAX, usize::MAX, usize::MAX).is_err());
}

/// Larger and smaller surfaces and maps in turn, with and without room reserved, leave nothing behind.
pub fn an_instance_may_be_used_again<I: FeatureScore>(make: impl Fn() -> I) {
    let mut random = Random::new(17);
    let mut used = make();
    for (vertex_count, dim, width, height) in [(90, 40, 20, 13), (7, 3, 2, 3), (200, 17, 9, 9), (90, 40, 13, 20)] {
        let arrays = ellipsoid(&mut random, vertex_count, dim);
        let features = map_like(&mut random, &arrays, width * height);
        let case = Case { arrays: &arrays, features: &features, width, height, floor: 0.0 };
        let placements: Vec<Placement> = (0..9).map(|_| random_placement(&mut random, width, height)).collect();
        let mut fresh = make();
        fresh.reserve(vertex_count, width * height, dim).expect("room");
        assert_eq!(case.scores(&mut used, &placements), case.scores(&mut fresh, &placements));
    }
}
