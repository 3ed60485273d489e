//! The law of [`FeatureResidual`].

mod descent;
mod edge;
mod exact;
mod refusal;

pub use descent::a_few_steps_find_a_shifted_turned_and_grown_texture;
pub use edge::{
    a_map_of_one_cell_is_sampled_at_its_centre, a_surface_without_vertices_sums_to_nothing,
    samples_end_with_the_outermost_centres, vertices_behind_the_viewer_or_edge_on_are_unseen,
    without_clutter_only_the_floor_competes,
};
pub use refusal::{
    an_instance_may_be_used_again, features_of_another_length_are_refused,
    matches_that_are_not_one_a_vertex_are_refused, placements_and_specifications_without_meaning_are_refused,
    sums_beyond_single_precision_are_refused,
};

use super::random::Random;
use super::scene::{Arrays, PLAIN, ellipsoid, map, map_like, quarter_turns, random_placement, see, whole};
use crate::{FeatureResidual, NormalEquations, Placement, RESIDUAL_ERROR_MAX, RobustSpec, VertexMatch};
use exact::ExactSums;

/// Makes one test of every case: `feature_residual_conformance!(name, make)`, `make` a function
/// without arguments that returns an instance.
#[macro_export]
macro_rules! feature_residual_conformance {
    ($(#[$attribute:meta])* $name:ident, $make:expr) => {
        $crate::conformance_tests! { [$(#[$attribute])*] $name, $make, feature_residual:
            whole_numbers_agree_exactly,
            random_sums_differ_only_within_the_error_bound,
            the_same_call_repeats_and_matches_change_nothing,
            a_few_steps_find_a_shifted_turned_and_grown_texture,
            samples_end_with_the_outermost_centres,
            vertices_behind_the_viewer_or_edge_on_are_unseen,
            a_map_of_one_cell_is_sampled_at_its_centre,
            a_surface_without_vertices_sums_to_nothing,
            without_clutter_only_the_floor_competes,
            features_of_another_length_are_refused,
            placements_and_specifications_without_meaning_are_refused,
            matches_that_are_not_one_a_vertex_are_refused,
            sums_beyond_single_precision_are_refused,
            an_instance_may_be_used_again,
        }
    };
}

const SPEC: RobustSpec = RobustSpec { temperature: 0.1, floor: 0.1 };

/// What a case sums: a surface in a map.
struct Case<'a> {
    arrays: &'a Arrays,
    features: &'a [f32],
    width: usize,
    height: usize,
    spec: RobustSpec,
}

impl Case<'_> {
    fn sums<I: FeatureResidual>(&self, instance: &mut I, placement: &Placement) -> NormalEquations {
        let map = map(self.features, self.width, self.height);
        instance.residual(&map, &self.arrays.surface(), placement, &self.spec).expect("a valid residual")
    }

    fn matches<I: FeatureResidual>(
        &self,
        instance: &mut I,
        placement: &Placement,
    ) -> (NormalEquations, Vec<VertexMatch>) {
        let map = map(self.features, self.width, self.height);
        let mut matches = vec![VertexMatch { similarity: 77.0, clutter: 77.0 }; self.arrays.positions.len()];
        let surface = self.arrays.surface();
        let sums = instance.residual_and_matches(&map, &surface, placement, &self.spec, &mut matches);
        (sums.expect("a valid residual"), matches)
    }
}

/// Samples at centres and halfway between, whole features, and weights that are all or nothing: what
/// does not divide is exact. `H` and `g` divide.
pub fn whole_numbers_agree_exactly<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut random = Random::new(21);
    for (vertex_count, dim, width, height) in
        [(1, 1, 2, 2), (5, 3, 7, 4), (17, 15, 13, 5), (33, 17, 28, 16), (90, 64, 9, 30), (300, 16, 20, 20)]
    {
        let mut arrays = Arrays { clutter: whole(&mut random, dim, 1), ..Default::default() };
        for _ in 0..vertex_count {
            let position: Vec<f32> = whole(&mut random, 3, 2 * width.max(height)).iter().map(|n| n / 16.0).collect();
            let normal = quarter_turns(&mut random)[0];
            arrays.push(position.try_into().expect("three elements"), normal, random.below(4) as f32, 0.0);
        }
        arrays.features = whole(&mut random, vertex_count * dim, 2);
        // Of a multiple of four, all bilinear weights are exact and so are the samples.
        let features: Vec<f32> = whole(&mut random, width * height * dim, 2).iter().map(|n| 4.0 * n).collect();
        let spec = RobustSpec { temperature: 1.0 / 256.0, floor: 0.0 };
        let case = Case { arrays: &arrays, features: &features, width, height, spec };
        for _ in 0..12 {
            let placement = Placement {
                rotation: quarter_turns(&mut random),
                centre: [width, height].map(|side| random.below(2 * side + 1) as f32 / 2.0),
                ..PLAIN
            };
            let (sums, matches) = case.matches(&mut make(), &placement);
            let exact = ExactSums::new(&case, &placement);
            for (name, actual, exact) in [
                ("score", sums.score, exact.sums[27]),
                ("squared residual", sums.squared_residual, exact.sums[28]),
                ("weight", sums.weight, exact.sums[29]),
                ("area", sums.visible_area, exact.sums[30]),
            ] {
                assert_eq!(actual, exact as f32, "{name}: {vertex_count} x {dim} in {width} x {height}");
            }
            for (actual, exact) in matches.iter().zip(&exact.matches) {
                let exact = exact.map(|pair| pair.map(|number| number as f32));
                assert_eq!(actual.is_seen().then_some([actual.similarity, actual.clutter]), exact);
            }
        }
    }
}

/// Jacobians of the suite are finite differences of its projection. Vertices that rounding could move
/// out of sight, and those seen at a grazing angle, are left out of the surface.
pub fn random_sums_differ_only_within_the_error_bound<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut random = Random::new(22);
    for (vertex_count, dim, width, height) in [(300, 64, 28, 16), (90, 33, 17, 40), (1100, 16, 30, 15), (40, 5, 9, 9)] {
        let all = ellipsoid(&mut random, vertex_count, dim);
        let features = map_like(&mut random, &all, width * height);
        for round in 0..10 {
            let mut placement = random_placement(&mut random, width, height);
            if round == 0 {
                placement.nearness = 0.0;
            }
            let seen = see(&all, &placement);
            let is_clear = |at: f64, side: usize| (at - 0.5).abs() > 1e-3 && (at + 0.5 - side as f64).abs() > 1e-3;
            let arrays = all.only(|vertex| {
                let exact = &seen[vertex];
                (exact.facing < -1e-3 || exact.facing > 0.05) && is_clear(exact.u, width) && is_clear(exact.v, height)
            });
            let case = Case { arrays: &arrays, features: &features, width, height, spec: SPEC };
            let (sums, matches) = case.matches(&mut make(), &placement);
            let exact = ExactSums::new(&case, &placement);
            assert!(exact.sums[29] > 0.0, "nothing is seen");
            let numbers: &[f32; 31] = bytemuck::cast_ref(&sums);
            for (index, actual) in numbers.iter().enumerate() {
                let (exact, bound) = (exact.sums[index], RESIDUAL_ERROR_MAX * exact.magnitudes[index]);
                let error = (f64::from(*actual) - exact).abs();
                assert!(error <= bound, "number {index}: {actual} instead of {exact} within {bound}");
            }
            for (actual, exact) in matches.iter().zip(&exact.matches) {
                assert_eq!(actual.is_seen(), exact.is_some());
                let [similarity, clutter] = exact.unwrap_or_default();
                let errors = [f64::from(actual.similarity) - similarity, f64::from(actual.clutter) - clutter];
                assert!(!actual.is_seen() || errors.iter().all(|error| error.abs() <= RESIDUAL_ERROR_MAX));
            }
        }
    }
}

/// Bit for bit, in a fresh instance too.
pub fn the_same_call_repeats_and_matches_change_nothing<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut random = Random::new(23);
    let arrays = ellipsoid(&mut random, 500, 64);
    let features = map_like(&mut random, &arrays, 28 * 16);
    let case = Case { arrays: &arrays, features: &features, width: 28, height: 16, spec: SPEC };
    let mut instance = make();
    for _ in 0..5 {
        let placement = random_placement(&mut random, 28, 16);
        let first = case.sums(&mut instance, &placement);
        let (second, matches) = case.matches(&mut instance, &placement);
        let (third, again) = case.matches(&mut make(), &placement);
        assert_eq!(bytemuck::bytes_of(&first), bytemuck::bytes_of(&second));
        assert_eq!(bytemuck::bytes_of(&first), bytemuck::bytes_of(&third));
        assert!(matches.iter().any(VertexMatch::is_seen) && !matches.iter().all(VertexMatch::is_seen));
        let bits = |matches: &[VertexMatch]| matches.iter().map(|m| m.similarity.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&matches), bits(&again));
    }
}
