//! The law of [`TopK`].

mod adversary;
mod companion;
mod edge;
mod order;
mod refusal;

pub use companion::{
    companions_change_nothing_for_queries_without_bounds, companions_change_nothing_on_adversarial_tables,
    companions_change_nothing_on_random_rows, companions_change_nothing_when_nothing_can_be_ruled_out,
    companions_of_another_shape_are_refused, roundings_of_the_distances_are_allowed_for,
    rows_that_a_sketch_confuses_are_told_apart, what_was_read_is_reported,
};
pub use edge::{
    a_query_that_holds_nan_finds_nothing, asking_for_more_than_there_is_leaves_slots_unused,
    asking_for_nothing_is_an_empty_answer, infinite_distances_come_last, nan_rows_are_never_selected_and_are_counted,
    one_row_is_found, overflowing_distances_are_infinite, ranges_restrict_the_search_and_keep_the_numbering,
};
pub use order::{
    each_query_is_answered_on_its_own, equal_distances_are_ordered_by_row,
    equal_rows_are_equally_far_wherever_they_stand, half_precision_rows_are_widened_exactly,
    random_rows_differ_only_within_the_error_bound, small_integers_agree_exactly_with_a_full_sort,
};
pub use refusal::{
    a_batch_above_the_bound_is_refused, a_k_above_the_bound_is_refused, an_instance_may_be_used_again,
    an_output_of_the_wrong_length_is_refused, elements_that_are_not_whole_rows_are_refused,
    ranges_outside_the_table_are_refused,
};

use std::ops::Range;

use half::f16;

use crate::{Neighbor, Rows, TableView, TopK, TopKReport, relative_error_max};

/// Makes one test of every case: `top_k_conformance!(name, make)`, `make` a function from the
/// bounds `(k_max, batch_max)` to an instance.
#[macro_export]
macro_rules! top_k_conformance {
    ($(#[$attribute:meta])* $name:ident, $make:expr) => {
        $crate::conformance_tests! { [$(#[$attribute])*] $name, $make, top_k:
            small_integers_agree_exactly_with_a_full_sort,
            equal_distances_are_ordered_by_row,
            equal_rows_are_equally_far_wherever_they_stand,
            random_rows_differ_only_within_the_error_bound,
            half_precision_rows_are_widened_exactly,
            each_query_is_answered_on_its_own,
            nan_rows_are_never_selected_and_are_counted,
            a_query_that_holds_nan_finds_nothing,
            infinite_distances_come_last,
            overflowing_distances_are_infinite,
            ranges_restrict_the_search_and_keep_the_numbering,
            one_row_is_found,
            asking_for_more_than_there_is_leaves_slots_unused,
            asking_for_nothing_is_an_empty_answer,
            elements_that_are_not_whole_rows_are_refused,
            ranges_outside_the_table_are_refused,
            an_output_of_the_wrong_length_is_refused,
            a_k_above_the_bound_is_refused,
            a_batch_above_the_bound_is_refused,
            an_instance_may_be_used_again,
            companions_change_nothing_on_random_rows,
            companions_change_nothing_on_adversarial_tables,
            companions_change_nothing_when_nothing_can_be_ruled_out,
            rows_that_a_sketch_confuses_are_told_apart,
            roundings_of_the_distances_are_allowed_for,
            companions_change_nothing_for_queries_without_bounds,
            companions_of_another_shape_are_refused,
            what_was_read_is_reported,
        }
    };
}

/// A table in both precisions; its values must be exact in half precision.
struct Table {
    dim: usize,
    single: Vec<f32>,
    half: Vec<f16>,
}

impl Table {
    fn new(dim: usize, single: Vec<f32>) -> Self {
        let half = single.iter().map(|&element| f16::from_f32(element)).collect();
        Self { dim, single, half }
    }

    fn row_count(&self) -> u32 {
        (self.single.len() / self.dim) as u32
    }

    fn views(&self) -> [TableView<'_>; 2] {
        [Rows::F32(&self.single), Rows::F16(&self.half)].map(|rows| TableView::new(rows, self.dim))
    }
}

fn single(rows: &[f32], dim: usize) -> TableView<'_> {
    TableView::new(Rows::F32(rows), dim)
}

fn search<I: TopK>(
    instance: &mut I,
    table: &TableView<'_>,
    range: Range<u32>,
    queries: &[f32],
    k: usize,
) -> (TopKReport, Vec<Neighbor>) {
    // Not the unused mark: whatever an instance leaves alone shows.
    let mut out = vec![Neighbor { row: 77, squared_distance: -1.0 }; queries.len() / table.dim * k];
    let report = instance.top_k(table, range, queries, k, &mut out).expect("a valid search");
    (report, out)
}

/// The third implementation: every exact distance that is a number, all sorted.
fn full_sort(rows: &[f32], dim: usize, range: Range<u32>, query: &[f32]) -> Vec<(f64, u32)> {
    let distance = |row: u32| -> f64 {
        let elements = rows[row as usize * dim..].iter().zip(query);
        elements.map(|(&element, &query)| (f64::from(element) - f64::from(query)).powi(2)).sum()
    };
    let mut all: Vec<(f64, u32)> =
        range.map(|row| (distance(row), row)).filter(|(distance, _)| !distance.is_nan()).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all
}

/// Compares all slots of all queries, where sums are exact in single precision.
fn assert_exact(out: &[Neighbor], rows: &[f32], dim: usize, range: &Range<u32>, queries: &[f32], k: usize) {
    for (query, slots) in queries.chunks_exact(dim).zip(out.chunks_exact(k)) {
        let sorted = full_sort(rows, dim, range.clone(), query);
        let found = sorted.iter().map(|&(distance, row)| Neighbor { row, squared_distance: distance as f32 });
        let expected: Vec<Neighbor> = found.chain(std::iter::repeat(Neighbor::UNUSED)).take(k).collect();
        assert_eq!(slots, expected, "dim {dim}, k {k}, rows {range:?}");
    }
}

/// Compares all slots of all queries, where sums round: distances are as exact as promised, and a row
/// is missed only for one that is hardly farther.
fn assert_within_bound(out: &[Neighbor], rows: &[f32], dim: usize, range: &Range<u32>, queries: &[f32], k: usize) {
    let bound = relative_error_max(dim);
    for (query, slots) in queries.chunks_exact(dim).zip(out.chunks_exact(k)) {
        let sorted = full_sort(rows, dim, range.clone(), query);
        let mut exact_of = vec![0.0; rows.len() / dim];
        for &(distance, row) in &sorted {
            exact_of[row as usize] = distance;
        }
        for (slot, nearest) in slots.iter().zip(&sorted) {
            let exact = exact_of[slot.row as usize];
            let error = (f64::from(slot.squared_distance) - exact).abs();
            assert!(error <= bound * exact, "dim {dim}: {} instead of {exact}", slot.squared_distance);
            assert!(exact <= nearest.0 * (1.0 + 2.0 * bound) / (1.0 - bound), "dim {dim}: too far, {slot:?}");
        }
        assert!(slots.is_sorted_by(|a, b| (a.squared_distance, a.row) < (b.squared_distance, b.row)));
    }
}
