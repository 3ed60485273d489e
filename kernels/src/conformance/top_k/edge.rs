//! Cases at the edges: NaN, infinities, nothing asked, nothing there.

use super::{Table, assert_exact, search, single};
use crate::conformance::random::Random;
use crate::{Neighbor, TopK, TopKReport, found_count};

fn integers(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.below(9) as f32 - 4.0).collect()
}

/// One NaN among good elements is enough, wherever it stands; a row is counted once, not once a
/// query.
pub fn nan_rows_are_never_selected_and_are_counted<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(51);
    for dim in [1, 9, 64, 131] {
        let mut rows = integers(&mut random, dim * 71);
        let bad = [0, 1, 2, 8, 30, 31, 32, 33, 34, 68, 70];
        for row in bad {
            rows[row * dim + random.below(dim)] = f32::NAN;
        }
        let table = Table::new(dim, rows);
        for batch in [1, 4, 6] {
            let queries = integers(&mut random, dim * batch);
            for view in table.views() {
                let (report, out) = search(&mut make(71, 6), &view, 0..71, &queries, 71);
                assert_exact(&out, &table.single, dim, &(0..71), &queries, 71);
                assert_eq!((report.found_min, report.nan_row_count), (60, bad.len()), "dim {dim}");
                assert!(out.iter().all(|slot| !bad.contains(&(slot.row as usize))));
            }
        }
    }
}

/// Its neighbours in the batch are answered; its rows are not called bad.
pub fn a_query_that_holds_nan_finds_nothing<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(52);
    let dim = 19;
    let table = Table::new(dim, integers(&mut random, dim * 50));
    let mut queries = integers(&mut random, dim * 6);
    queries[2 * dim + 18] = f32::NAN;
    queries[5 * dim] = f32::NAN;
    for view in table.views() {
        let (report, out) = search(&mut make(4, 6), &view, 0..50, &queries, 4);
        assert_exact(&out, &table.single, dim, &(0..50), &queries, 4);
        assert_eq!((report.found_min, report.nan_row_count), (0, 0));
        let counts: Vec<usize> = out.chunks_exact(4).map(found_count).collect();
        assert_eq!(counts, [4, 4, 0, 4, 4, 0]);
    }
}

/// An infinite row is a neighbor when nothing better is left, by row; infinity minus infinity is
/// NaN and no neighbor at all.
pub fn infinite_distances_come_last<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(53);
    let dim = 11;
    let mut rows = integers(&mut random, dim * 21);
    for (row, infinity) in [(0, f32::INFINITY), (3, f32::NEG_INFINITY), (12, f32::INFINITY), (20, f32::NEG_INFINITY)] {
        rows[row * dim + 4] = infinity;
    }
    let mut queries = integers(&mut random, dim * 3);
    queries[dim + 4] = f32::INFINITY;
    queries[2 * dim + 6] = f32::INFINITY;
    let table = Table::new(dim, rows);
    for view in table.views() {
        for k in [3, 17, 18, 21, 25] {
            let (report, out) = search(&mut make(25, 3), &view, 0..21, &queries, k);
            assert_exact(&out, &table.single, dim, &(0..21), &queries, k);
            assert_eq!((report.found_min, report.nan_row_count), (k.min(19), 0));
        }
    }
}

/// Finite elements whose squares are beyond single precision.
pub fn overflowing_distances_are_infinite<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let rows = [3e38, 0.0, -3e38, 1.0];
    let (_, out) = search(&mut make(4, 1), &single(&rows, 1), 0..4, &[0.0], 4);
    let expected = [(1, 0.0), (3, 1.0), (0, f32::INFINITY), (2, f32::INFINITY)];
    assert_eq!(out, expected.map(|(row, squared_distance)| Neighbor { row, squared_distance }));
}

/// Rows outside are neither found nor counted; numbers count from the start of the table.
pub fn ranges_restrict_the_search_and_keep_the_numbering<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(54);
    let dim = 13;
    let mut rows = integers(&mut random, dim * 90);
    rows[dim * 3] = f32::NAN;
    rows[dim * 40] = f32::NAN;
    let table = Table::new(dim, rows);
    let queries = integers(&mut random, dim * 5);
    for view in table.views() {
        for range in [0..90, 0..1, 89..90, 4..40, 7..12, 33..66, 50..50, 90..90] {
            let (report, out) = search(&mut make(8, 5), &view, range.clone(), &queries, 8);
            assert_exact(&out, &table.single, dim, &range, &queries, 8);
            let nan_row_count = [3, 40].iter().filter(|row| range.contains(*row)).count();
            assert_eq!((report.found_min, report.nan_row_count), ((range.len() - nan_row_count).min(8), nan_row_count));
        }
    }
}

/// The smallest table there is.
pub fn one_row_is_found<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let (report, out) = search(&mut make(1, 1), &single(&[1.0, 2.0, 3.0], 3), 0..1, &[1.0, 0.0, 0.0], 1);
    assert_eq!(out, [Neighbor { row: 0, squared_distance: 13.0 }]);
    assert_eq!((report.found_min, report.nan_row_count), (1, 0));
}

/// Including a table, and a range, without rows.
pub fn asking_for_more_than_there_is_leaves_slots_unused<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let (report, out) = search(&mut make(4, 1), &single(&[2.0, 1.0], 1), 0..2, &[0.0], 4);
    let found = [(1, 1.0), (0, 4.0)].map(|(row, squared_distance)| Neighbor { row, squared_distance });
    assert_eq!(out, [found[0], found[1], Neighbor::UNUSED, Neighbor::UNUSED]);
    assert_eq!((report.found_min, found_count(&out)), (2, 2));
    let (report, out) = search(&mut make(4, 2), &single(&[], 3), 0..0, &[0.0; 6], 4);
    assert_eq!((report.found_min, out), (0, vec![Neighbor::UNUSED; 8]));
}

/// No neighbors, or for no queries.
pub fn asking_for_nothing_is_an_empty_answer<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let rows = [1.0, 2.0, f32::NAN, 4.0];
    assert_eq!(search(&mut make(4, 2), &single(&rows, 2), 0..2, &[0.0; 4], 0), (TopKReport::default(), vec![]));
    assert_eq!(search(&mut make(4, 2), &single(&rows, 2), 0..2, &[], 3), (TopKReport::default(), vec![]));
    assert_eq!(search(&mut make(0, 0), &single(&rows, 2), 0..2, &[], 0), (TopKReport::default(), vec![]));
}
