//! Cases of requests without meaning, and of what an instance remembers.

use super::{Case, SPEC};
use crate::conformance::random::Random;
use crate::conformance::scene::{Arrays, FRONT, PLAIN, ellipsoid, map, map_like, random_placement};
use crate::{FeatureResidual, KernelError, Placement, RobustSpec, VertexMatch};

const UNTOUCHED: VertexMatch = VertexMatch { similarity: 77.0, clutter: 77.0 };

/// One vertex of two elements in a map whose features have `dim`: asks both ways, and requires this
/// answer and matches left alone.
fn assert_refused<I: FeatureResidual>(
    mut instance: I,
    dim: usize,
    placement: &Placement,
    spec: &RobustSpec,
    is_expected: impl Fn(KernelError) -> bool,
) {
    let mut arrays = Arrays { clutter: vec![0.0; 2], ..Default::default() };
    arrays.push([0.1; 3], FRONT, 1.0, 1.0);
    let (features, surface) = (vec![1.0; 9 * dim], arrays.surface());
    let map = map(&features, 3, 3);
    let fault = instance.residual(&map, &surface, placement, spec).expect_err("it has no meaning");
    assert!(is_expected(fault), "{fault}");
    let mut matches = [UNTOUCHED];
    assert_eq!(instance.residual_and_matches(&map, &surface, placement, spec, &mut matches), Err(fault));
    assert_eq!(matches, [UNTOUCHED], "{fault}");
}

/// Both lengths are named.
pub fn features_of_another_length_are_refused<I: FeatureResidual>(make: impl Fn() -> I) {
    for dim in [1, 3, 64] {
        let fault = KernelError::FeatureDim { map_dim: dim, surface_dim: 2 };
        assert_refused(make(), dim, &PLAIN, &SPEC, |actual| actual == fault);
    }
}

/// A step that went astray is told, not followed.
pub fn placements_and_specifications_without_meaning_are_refused<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut turned = PLAIN;
    turned.rotation[0][2] = f32::NAN;
    let placements = [
        turned,
        Placement { scale: f32::INFINITY, ..PLAIN },
        Placement { scale: 0.0, ..PLAIN },
        Placement { nearness: -1.0, ..PLAIN },
        Placement { centre: [0.0, f32::NAN], ..PLAIN },
    ];
    for placement in placements {
        assert_refused(make(), 2, &placement, &SPEC, |fault| fault == KernelError::PlacementInvalid);
    }
    let specs = [
        RobustSpec { temperature: 0.0, ..SPEC },
        RobustSpec { temperature: f32::NAN, ..SPEC },
        RobustSpec { temperature: -1.0, ..SPEC },
        RobustSpec { floor: f32::INFINITY, ..SPEC },
    ];
    for spec in specs {
        assert_refused(make(), 2, &PLAIN, &spec, |fault| matches!(fault, KernelError::RobustSpec { .. }));
    }
}

/// Neither fewer nor more.
pub fn matches_that_are_not_one_a_vertex_are_refused<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut arrays = Arrays { clutter: vec![0.0; 2], ..Default::default() };
    arrays.push([0.1; 3], FRONT, 1.0, 1.0);
    arrays.push([0.2; 3], FRONT, 1.0, 1.0);
    let (surface, features) = (arrays.surface(), [1.0; 18]);
    for actual in [0, 1, 3] {
        let mut matches = vec![UNTOUCHED; actual];
        let fault = make().residual_and_matches(&map(&features, 3, 3), &surface, &PLAIN, &SPEC, &mut matches);
        assert_eq!(fault, Err(KernelError::OutputLength { actual, needed: 2 }));
        assert!(matches.iter().all(|found| *found == UNTOUCHED));
    }
}

/// What is not a number never looks like one.
pub fn sums_beyond_single_precision_are_refused<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut arrays = Arrays { clutter: vec![0.0; 64], ..Default::default() };
    for _ in 0..20 {
        arrays.push([0.0, 0.0, -1e6], FRONT, 1e6, 1e6);
    }
    arrays.gradients.fill(1e6);
    // The nearest that is seen, at the largest scale: a turn moves it by a million.
    let placement = Placement { scale: 1e6, nearness: 0.875e-6, centre: [1.0, 1.0], ..PLAIN };
    let features = vec![1e6; 64 * 4];
    let fault = make().residual(&map(&features, 2, 2), &arrays.surface(), &placement, &SPEC);
    assert_eq!(fault, Err(KernelError::SumNotFinite));
}

/// Larger and smaller surfaces and maps in turn, with and without room reserved, leave nothing behind.
pub fn an_instance_may_be_used_again<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut random = Random::new(25);
    let mut used = make();
    for (vertex_count, dim, width, height) in [(90, 40, 20, 13), (7, 3, 2, 3), (200, 17, 9, 9), (90, 40, 13, 20)] {
        let arrays = ellipsoid(&mut random, vertex_count, dim);
        let features = map_like(&mut random, &arrays, width * height);
        let case = Case { arrays: &arrays, features: &features, width, height, spec: SPEC };
        let mut fresh = make();
        fresh.reserve(vertex_count, width * height, dim).expect("room");
        for _ in 0..3 {
            let placement = random_placement(&mut random, width, height);
            assert_eq!(case.sums(&mut used, &placement), case.sums(&mut fresh, &placement));
        }
    }
}
