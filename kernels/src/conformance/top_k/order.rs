//! Cases of distances and their order.

use half::f16;

use super::{Table, assert_exact, assert_within_bound, search, single};
use crate::conformance::random::Random;
use crate::{Rows, TableView, TopK};

fn integers(random: &mut Random, count: usize, reach: usize) -> Vec<f32> {
    (0..count).map(|_| random.below(2 * reach + 1) as f32 - reach as f32).collect()
}

fn reals(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.between(-1.0, 1.0)).collect()
}

/// Rows, distances and ties, at sizes around the borders of vector registers and blocks.
pub fn small_integers_agree_exactly_with_a_full_sort<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(41);
    let mut instance = make(70, 33);
    for dim in [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 255, 256, 257, 512] {
        for row_count in [1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65] {
            let table = Table::new(dim, integers(&mut random, dim * row_count, 3));
            let (batch, k) =
                ([1, 2, 3, 4, 5, 7, 8, 9, 33][random.below(9)], [1, 2, 3, 10, 32, 64, 70][random.below(7)]);
            let queries = integers(&mut random, dim * batch, 3);
            for view in table.views() {
                let (report, out) = search(&mut instance, &view, 0..table.row_count(), &queries, k);
                assert_exact(&out, &table.single, dim, &(0..table.row_count()), &queries, k);
                assert_eq!((report.found_min, report.nan_row_count), (k.min(row_count), 0));
            }
        }
    }
}

/// One distance for all: the rows come in their order, and the first ones win.
pub fn equal_distances_are_ordered_by_row<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(42);
    // One of the elements is 2, the others are 0: all rows are equally far from zero, and differ.
    let dim = 24;
    let mut rows = vec![0.0; dim * 100];
    for row in rows.chunks_exact_mut(dim) {
        row[random.below(dim)] = 2.0;
    }
    let table = Table::new(dim, rows);
    for view in table.views() {
        for k in [1, 7, 64, 100] {
            let (_, out) = search(&mut make(100, 5), &view, 0..100, &vec![0.0; 5 * dim], k);
            for slots in out.chunks_exact(k) {
                assert!(
                    slots.iter().zip(0..).all(|(slot, row)| slot.row == row && slot.squared_distance == 4.0),
                    "{slots:?}"
                );
            }
        }
    }
}

/// Ties are ties although sums round: the place in the table and in a block does not matter.
pub fn equal_rows_are_equally_far_wherever_they_stand<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(43);
    for dim in [5, 8, 61, 128, 509] {
        let row = reals(&mut random, dim).iter().map(|&element| f16::from_f32(element).to_f32()).collect::<Vec<_>>();
        let table = Table::new(dim, row.repeat(43));
        let queries = reals(&mut random, dim * 6);
        for view in table.views() {
            let (_, out) = search(&mut make(43, 6), &view, 0..43, &queries, 43);
            for slots in out.chunks_exact(43) {
                let distance = slots[0].squared_distance;
                assert!(slots.iter().zip(0..).all(|(slot, row)| slot.row == row && slot.squared_distance == distance));
            }
        }
    }
}

/// Distances are as exact as promised; a row is missed only for one that is hardly farther.
pub fn random_rows_differ_only_within_the_error_bound<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(44);
    for (dim, row_count, batch) in [(3, 900, 6), (64, 500, 64), (512, 300, 6), (1000, 150, 33), (2048, 40, 2)] {
        let (rows, queries) = (reals(&mut random, dim * row_count), reals(&mut random, dim * batch));
        let range = 0..row_count as u32;
        let (_, out) = search(&mut make(20, 64), &single(&rows, dim), range.clone(), &queries, 20);
        assert_within_bound(&out, &rows, dim, &range, &queries, 20);
    }
}

/// A table in half precision is a table of exact numbers: the same bits as in single precision,
/// subnormal and largest numbers included.
pub fn half_precision_rows_are_widened_exactly<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(45);
    for dim in [1, 7, 64, 300] {
        let finite = |random: &mut Random| loop {
            let element = f16::from_bits(random.bits() as u16);
            if element.is_finite() {
                return element;
            }
        };
        let half: Vec<f16> = (0..dim * 130).map(|_| finite(&mut random)).collect();
        let widened: Vec<f32> = half.iter().map(|element| element.to_f32()).collect();
        let queries = reals(&mut random, dim * 5);
        let expected = search(&mut make(9, 5), &single(&widened, dim), 0..130, &queries, 9);
        assert_eq!(search(&mut make(9, 5), &TableView::new(Rows::F16(&half), dim), 0..130, &queries, 9), expected);
    }
}

/// The answer to a query does not depend, not in one bit, on the others of its batch.
pub fn each_query_is_answered_on_its_own<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(46);
    let dim = 77;
    let rows = reals(&mut random, dim * 203);
    for batch in [2, 4, 5, 11] {
        let queries = reals(&mut random, dim * batch);
        let (_, together) = search(&mut make(12, batch), &single(&rows, dim), 0..203, &queries, 12);
        for (query, expected) in queries.chunks_exact(dim).zip(together.chunks_exact(12)) {
            let (_, alone) = search(&mut make(12, 1), &single(&rows, dim), 0..203, query, 12);
            assert_eq!(alone, expected);
        }
    }
}
