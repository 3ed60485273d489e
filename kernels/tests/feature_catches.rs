//! The laws of features have teeth: implementations with a typical mistake do not pass.

use kernels::conformance::{feature_residual, feature_score};
use kernels::{
    CpuFeatureResidual, CpuFeatureScore, FeatureMap, FeatureResidual, FeatureScore, KernelError, NormalEquations,
    Placement, RobustSpec, Surface, VertexMatch,
};

/// What a placement, and the sums at it, are mistaken for.
#[derive(Clone, Copy)]
struct Mistake {
    placement: fn(Placement) -> Placement,
    sums: fn(NormalEquations) -> NormalEquations,
}

const NONE: Mistake = Mistake { placement: |placement| placement, sums: |sums| sums };

/// Takes cell centres for cell borders.
const HALF_A_CELL_OFF: Mistake =
    Mistake { placement: |placement| Placement { centre: placement.centre.map(|at| at + 0.5), ..placement }, ..NONE };

/// Sees everything from infinitely far.
const WITHOUT_PERSPECTIVE: Mistake =
    Mistake { placement: |placement| Placement { nearness: 0.0, ..placement }, ..NONE };

/// Takes the camera to look at the surface.
const WITHOUT_SLANT: Mistake = Mistake { placement: |placement| Placement { slant: [0.0; 2], ..placement }, ..NONE };

/// Descends uphill.
const SIGN_OF_THE_GRADIENT: Mistake =
    Mistake { sums: |sums| NormalEquations { gradient: sums.gradient.map(|element| -element), ..sums }, ..NONE };

/// Turns about the second axis for turns about the first.
const EXCHANGED_TURNS: Mistake = Mistake {
    sums: |mut sums| {
        sums.gradient.swap(0, 1);
        sums
    },
    ..NONE
};

/// A thousandth too much of one number.
const HESSIAN_A_LITTLE_OFF: Mistake = Mistake {
    sums: |mut sums| {
        sums.hessian[9] *= 1.001;
        sums
    },
    ..NONE
};

struct Mistaken<I>(I, Mistake);

impl FeatureScore for Mistaken<CpuFeatureScore> {
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        self.0.reserve(vertex_count, cell_count, dim)
    }

    fn similarities(&mut self, map: &FeatureMap<'_>, surface: &Surface, floor: f32) -> Result<(), KernelError> {
        self.0.similarities(map, surface, floor)
    }

    fn score(&mut self, placements: &[Placement], scores: &mut [f32]) -> Result<usize, KernelError> {
        let placements: Vec<Placement> = placements.iter().map(|placement| (self.1.placement)(*placement)).collect();
        self.0.score(&placements, scores)
    }
}

impl FeatureResidual for Mistaken<CpuFeatureResidual> {
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        self.0.reserve(vertex_count, cell_count, dim)
    }

    fn residual(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
    ) -> Result<NormalEquations, KernelError> {
        self.0.residual(map, surface, &(self.1.placement)(*placement), spec).map(self.1.sums)
    }

    fn residual_and_matches(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
        matches: &mut [VertexMatch],
    ) -> Result<NormalEquations, KernelError> {
        let placement = (self.1.placement)(*placement);
        self.0.residual_and_matches(map, surface, &placement, spec, matches).map(self.1.sums)
    }
}

fn score(mistake: Mistake) -> impl Fn() -> Mistaken<CpuFeatureScore> {
    move || Mistaken(CpuFeatureScore::new(), mistake)
}

fn residual(mistake: Mistake) -> impl Fn() -> Mistaken<CpuFeatureResidual> {
    move || Mistaken(CpuFeatureResidual::new(), mistake)
}

#[test]
fn no_mistake_is_none() {
    feature_score::random_scores_differ_only_within_the_error_bound(score(NONE));
    feature_residual::random_sums_differ_only_within_the_error_bound(residual(NONE));
}

#[test]
#[should_panic(expected = "(0, 0)")]
fn half_a_cell_is_caught_at_the_borders() {
    feature_score::the_borders_of_the_map_are_half_open(score(Mistake {
        placement: |placement| Placement { centre: placement.centre.map(|at| at - 0.5), ..placement },
        ..NONE
    }));
}

#[test]
#[should_panic(expected = "instead of")]
fn half_a_cell_is_caught_in_scores() {
    feature_score::random_scores_differ_only_within_the_error_bound(score(HALF_A_CELL_OFF));
}

#[test]
#[should_panic(expected = "instead of")]
fn missing_perspective_is_caught_in_scores() {
    feature_score::random_scores_differ_only_within_the_error_bound(score(WITHOUT_PERSPECTIVE));
}

#[test]
#[should_panic(expected = "instead of")]
fn a_missing_slant_is_caught_in_scores() {
    feature_score::random_scores_differ_only_within_the_error_bound(score(WITHOUT_SLANT));
}

#[test]
#[should_panic(expected = "(0.5, 0.5)")]
fn half_a_cell_is_caught_where_samples_end() {
    feature_residual::samples_end_with_the_outermost_centres(residual(HALF_A_CELL_OFF));
}

#[test]
#[should_panic(expected = "instead of")]
fn missing_perspective_is_caught_in_sums() {
    feature_residual::random_sums_differ_only_within_the_error_bound(residual(WITHOUT_PERSPECTIVE));
}

#[test]
#[should_panic(expected = "instead of")]
fn a_missing_slant_is_caught_in_sums() {
    feature_residual::random_sums_differ_only_within_the_error_bound(residual(WITHOUT_SLANT));
}

#[test]
#[should_panic(expected = "after")]
fn steps_uphill_are_caught() {
    feature_residual::a_few_steps_find_a_shifted_turned_and_grown_texture(residual(SIGN_OF_THE_GRADIENT));
}

#[test]
#[should_panic(expected = "number 21")]
fn exchanged_turns_are_caught() {
    feature_residual::random_sums_differ_only_within_the_error_bound(residual(EXCHANGED_TURNS));
}

#[test]
#[should_panic(expected = "number 9")]
fn a_thousandth_of_one_number_is_caught() {
    feature_residual::random_sums_differ_only_within_the_error_bound(residual(HESSIAN_A_LITTLE_OFF));
}
