//! The laws of searches, scores and residuals, held by the CUDA code on this processor: `cargo test -p kernels --features
//! cuda-emulated`.
#![cfg(feature = "cuda-emulated")]

use half::f16;
use kernels::conformance::random::Random;
use kernels::conformance::{feature_residual, feature_score, top_k};
use kernels::cuda::{EmulatedFeatureResidual, EmulatedFeatureScore, EmulatedTopK, Filter, Variant};
use kernels::{Neighbor, Rows, Sketch, TableView, TopK};

fn emulated(filter: Filter) -> impl Fn(usize, usize) -> EmulatedTopK {
    move |k_max, batch_max| EmulatedTopK::new(k_max, batch_max).expect("small bounds").with_filter(filter)
}

kernels::top_k_conformance!(scanning, super::emulated(super::Filter::Never));
kernels::top_k_conformance!(filtering, super::emulated(super::Filter::Always));

kernels::feature_score_conformance!(scoring, || EmulatedFeatureScore::new().expect("memory"));
kernels::feature_residual_conformance!(summing, || EmulatedFeatureResidual::new().expect("memory"));

/// The cases that tell most of matrix instructions.
#[test]
fn the_matrix_instructions_of_turing_give_the_same_answers() {
    let turing = |k_max, batch_max| {
        EmulatedTopK::of_variant(k_max, batch_max, Variant::Turing).expect("small bounds").with_filter(Filter::Always)
    };
    top_k::half_precision_rows_are_widened_exactly(turing);
    top_k::rows_that_a_sketch_confuses_are_told_apart(turing);
    top_k::companions_change_nothing_when_nothing_can_be_ruled_out(turing);
    the_filter_rules_out(Variant::Turing);
}

/// The emulation would be no use if it passed everything.
#[test]
#[should_panic(expected = "dim ")]
fn a_missing_barrier_is_found() {
    top_k::small_integers_agree_exactly_with_a_full_sort(|k_max, batch_max| {
        EmulatedTopK::of_variant(k_max, batch_max, Variant::MissingBarrier).expect("small bounds")
    });
}

/// As above.
#[test]
#[should_panic(expected = "1 x 1 in 1 x 1")]
fn missing_barriers_of_scores_are_found() {
    feature_score::whole_numbers_agree_exactly(|| EmulatedFeatureScore::missing_barrier().expect("memory"));
}

/// As above.
#[test]
#[should_panic(expected = "1 x 1 in 2 x 2")]
fn a_missing_barrier_of_residuals_is_found() {
    feature_residual::whole_numbers_agree_exactly(|| EmulatedFeatureResidual::missing_barrier().expect("memory"));
}

/// A filter that ruled out nothing would pass the law. This table is large enough for several tiles of
/// queries, rounds of groups and blocks.
#[test]
fn the_filter_rules_rows_out_and_changes_nothing() {
    the_filter_rules_out(Variant::Genuine);
}

fn the_filter_rules_out(variant: Variant) {
    let mut random = Random::new(71);
    let (dim, row_count) = (72, 20_000);
    let half: Vec<f16> = (0..dim * row_count).map(|_| f16::from_f32(random.between(-1.0, 1.0))).collect();
    let plain = TableView::new(Rows::F16(&half), dim);
    let sketch = Sketch::new(&plain).expect("a table");
    for (batch, k) in [(1, 10), (11, 40)] {
        let queries: Vec<f32> = (0..batch * dim).map(|_| random.between(-1.0, 1.0)).collect();
        let search = |filter, table: &TableView<'_>| {
            let mut instance = EmulatedTopK::of_variant(k, batch, variant).expect("small bounds").with_filter(filter);
            let mut out = vec![Neighbor::UNUSED; batch * k];
            let report = instance.top_k(table, 5..row_count as u32 - 3, &queries, k, &mut out).expect("a valid search");
            (out, report.reranked_row_count, instance.measured_again_count() as usize)
        };
        let (expected, ..) = search(Filter::Never, &plain);
        let (by_halves, reported, measured) = search(Filter::Always, &plain);
        assert_eq!((&by_halves, reported), (&expected, 0));
        assert!((16 * k..row_count * batch / 8).contains(&measured), "{measured} rows of {row_count} x {batch}");
        let (by_sketch, reported, measured) = search(Filter::Always, &plain.with_sketch(&sketch));
        assert_eq!((&by_sketch, reported), (&expected, measured));
        assert!((16 * k..row_count * batch / 2).contains(&measured), "{measured} rows of {row_count} x {batch}");
        println!("batch {batch}, k {k}: {measured} rows of {row_count} measured after the sketch");
    }
}

/// Queries that halves cannot hold: what their codes lose is more here than all else that the filter
/// allows for, and makes half of the nearest rows seem farther than they are.
#[test]
fn what_halves_lose_of_a_query_is_allowed_for() {
    let mut random = Random::new(73);
    let (dim, row_count, batch) = (8, 4_000, 33);
    let half: Vec<f16> = (0..dim * row_count).map(|_| f16::from_f32(random.between(-1.0, 1.0))).collect();
    let table = TableView::new(Rows::F16(&half), dim);
    let queries: Vec<f32> = (0..batch * dim).map(|_| random.between(-1.0, 1.0)).collect();
    let search = |filter| {
        let mut out = vec![Neighbor::UNUSED; batch];
        emulated(filter)(1, batch).top_k(&table, 0..row_count as u32, &queries, 1, &mut out).expect("a valid search");
        out
    };
    assert_eq!(search(Filter::Always), search(Filter::Never));
}
