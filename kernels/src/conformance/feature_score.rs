//! The law of [`FeatureScore`].

mod border;
mod refusal;

pub use border::{
    a_clutter_of_zeros_is_the_floor_or_nothing, a_map_of_one_cell_is_looked_up, the_borders_of_the_map_are_half_open,
    vertices_behind_the_viewer_or_edge_on_do_not_count,
};
pub use refusal::{
    a_surface_without_vertices_scores_nothing, an_instance_may_be_used_again, features_of_another_length_are_refused,
    placements_without_meaning_score_minus_infinity_and_are_counted, scores_need_similarities_and_an_output_that_fits,
    too_many_comparisons_are_refused,
};

use super::random::Random;
use super::scene::{Arrays, PLAIN, ellipsoid, map, map_like, quarter_turns, random_placement, see, whole};
use crate::{FeatureScore, Placement, score_error_max};

/// Makes one test of every case: `feature_score_conformance!(name, make)`, `make` a function without
/// arguments that returns an instance.
#[macro_export]
macro_rules! feature_score_conformance {
    ($(#[$attribute:meta])* $name:ident, $make:expr) => {
        $crate::conformance_tests! { [$(#[$attribute])*] $name, $make, feature_score:
            whole_numbers_agree_exactly,
            random_scores_differ_only_within_the_error_bound,
            each_placement_is_scored_on_its_own_and_repeats,
            the_borders_of_the_map_are_half_open,
            vertices_behind_the_viewer_or_edge_on_do_not_count,
            a_map_of_one_cell_is_looked_up,
            a_clutter_of_zeros_is_the_floor_or_nothing,
            a_surface_without_vertices_scores_nothing,
            placements_without_meaning_score_minus_infinity_and_are_counted,
            features_of_another_length_are_refused,
            scores_need_similarities_and_an_output_that_fits,
            too_many_comparisons_are_refused,
            an_instance_may_be_used_again,
        }
    };
}

/// What a case compares: a surface in a map.
struct Case<'a> {
    arrays: &'a Arrays,
    features: &'a [f32],
    width: usize,
    height: usize,
    floor: f32,
}

impl Case<'_> {
    fn scores<I: FeatureScore>(&self, instance: &mut I, placements: &[Placement]) -> Vec<f32> {
        let map = map(self.features, self.width, self.height);
        instance.similarities(&map, &self.arrays.surface(), self.floor).expect("a valid surface");
        let mut scores = vec![f32::NAN; placements.len()];
        instance.score(placements, &mut scores).expect("valid placements");
        scores
    }

    /// The third implementation: the exact score, and the scale of its rounding.
    fn exact(&self, placement: &Placement) -> (f64, f64) {
        let (mut score, mut scale) = (0.0, 0.0);
        for (vertex, seen) in see(self.arrays, placement).into_iter().enumerate() {
            let is_inside = (0.0..self.width as f64).contains(&seen.u) && (0.0..self.height as f64).contains(&seen.v);
            if !(seen.faces_viewer() && is_inside) {
                continue;
            }
            let dim = self.arrays.dim();
            let cell = &self.features[(seen.v as usize * self.width + seen.u as usize) * dim..][..dim];
            let similarity = dot(self.arrays.feature(vertex), cell);
            let threshold = dot(&self.arrays.clutter, cell).max(self.floor.into());
            score += seen.area * (similarity - threshold).max(0.0);
            let feature = self.arrays.feature(vertex);
            scale += seen.area * ((dot(feature, feature) * dot(cell, cell)).sqrt() + 1.0);
        }
        (score, scale)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// All sums are exact: so are the scores. Sizes around those of vectors, tiles and warps.
pub fn whole_numbers_agree_exactly<I: FeatureScore>(make: impl Fn() -> I) {
    let mut random = Random::new(11);
    let sizes = [
        (1, 1, 1, 1),
        (5, 3, 7, 4),
        (16, 16, 16, 1),
        (17, 15, 13, 5),
        (33, 17, 28, 16),
        (70, 64, 1, 65),
        (130, 100, 64, 3),
    ];
    for (vertex_count, dim, width, height) in sizes {
        let mut arrays = Arrays { clutter: whole(&mut random, dim, 1), ..Default::default() };
        for _ in 0..vertex_count {
            let normal = quarter_turns(&mut random)[0];
            let position: Vec<f32> =
                whole(&mut random, 3, 4 * width.min(height) + 4).iter().map(|n| n / 32.0).collect();
            let position = position.try_into().expect("three elements");
            arrays.push(position, normal, random.below(4) as f32, 0.0);
        }
        arrays.features = whole(&mut random, vertex_count * dim, 2);
        let features = whole(&mut random, width * height * dim, 2);
        let placements: Vec<Placement> = (0..24)
            .map(|_| Placement {
                rotation: quarter_turns(&mut random),
                scale: [4.0, 8.0][random.below(2)],
                centre: [width, height].map(|side| random.below(4 * side + 1) as f32 / 4.0),
                ..PLAIN
            })
            .collect();
        let case = Case { arrays: &arrays, features: &features, width, height, floor: random.below(2) as f32 };
        let scores = case.scores(&mut make(), &placements);
        let exact: Vec<f32> = placements.iter().map(|placement| case.exact(placement).0 as f32).collect();
        assert_eq!(scores, exact, "{vertex_count} x {dim} in {width} x {height}");
        assert!(vertex_count < 10 || exact.iter().any(|score| *score > 0.0));
    }
}

/// Vertices that rounding could move to another cell, or out of sight, are left out of the surface.
pub fn random_scores_differ_only_within_the_error_bound<I: FeatureScore>(make: impl Fn() -> I) {
    let mut random = Random::new(12);
    for (vertex_count, dim, width, height) in [(300, 64, 28, 16), (90, 33, 17, 40), (1100, 16, 30, 15), (40, 5, 9, 9)] {
        let all = ellipsoid(&mut random, vertex_count, dim);
        let features = map_like(&mut random, &all, width * height);
        let placements: Vec<Placement> = (0..20).map(|_| random_placement(&mut random, width, height)).collect();
        let seen: Vec<_> = placements.iter().map(|placement| see(&all, placement)).collect();
        let is_clear = |number: f64| (number - number.round()).abs() > 1e-4 * width.max(height) as f64 / 16.0;
        let arrays = all.only(|vertex| {
            seen.iter().all(|seen| {
                let exact = &seen[vertex];
                exact.facing.abs() > 1e-4 && is_clear(exact.u) && is_clear(exact.v)
            })
        });
        assert!(arrays.positions.len() > vertex_count / 2);
        let case = Case { arrays: &arrays, features: &features, width, height, floor: 0.1 };
        let scores = case.scores(&mut make(), &placements);
        let mut telling_count = 0;
        for (placement, score) in placements.iter().zip(scores) {
            let (exact, scale) = case.exact(placement);
            let bound = score_error_max(arrays.positions.len(), dim, scale);
            telling_count += usize::from(exact > 10.0 * bound);
            assert!((f64::from(score) - exact).abs() <= bound, "{score} instead of {exact} within {bound}");
        }
        assert!(telling_count >= 18, "{telling_count} of 20 scores say something beside their bounds");
    }
}

/// In any company, bit for bit.
pub fn each_placement_is_scored_on_its_own_and_repeats<I: FeatureScore>(make: impl Fn() -> I) {
    let mut random = Random::new(13);
    let (width, height) = (28, 16);
    let arrays = ellipsoid(&mut random, 333, 64);
    let features = map_like(&mut random, &arrays, width * height);
    let case = Case { arrays: &arrays, features: &features, width, height, floor: 0.0 };
    let placements: Vec<Placement> = (0..150).map(|_| random_placement(&mut random, width, height)).collect();
    let mut instance = make();
    let together = case.scores(&mut instance, &placements);
    assert_eq!(case.scores(&mut instance, &placements), together);
    for (index, placement) in placements.iter().enumerate() {
        let mut alone = [f32::NAN];
        instance.score(std::slice::from_ref(placement), &mut alone).expect("a valid placement");
        assert_eq!(alone[0].to_bits(), together[index].to_bits(), "placement {index}");
    }
    let mut reversed: Vec<Placement> = placements.clone();
    reversed.reverse();
    let mut backwards = case.scores(&mut make(), &reversed);
    backwards.reverse();
    assert_eq!(backwards, together);
}
