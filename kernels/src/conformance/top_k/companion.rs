//! Cases of tables with a sketch, with clusters, and with both: nothing changes but the reading.

use half::f16;

use super::adversary::{self, Adversary};
use super::refusal::assert_refused;
use super::{Table, assert_within_bound, search, single};
use crate::conformance::random::Random;
use crate::{Clusters, KernelError, Rows, Sketch, TableView, TopK};

/// Searches with every combination of companions, and requires the answer without, which is checked
/// on its own.
fn assert_unchanged<I: TopK>(instance: &mut I, plain: &TableView<'_>, queries: &[f32], k: usize, name: &str) {
    let row_count = plain.row_count().expect("a table");
    let sketch = Sketch::new(plain).expect("a table");
    let runs = [1, 3, 16, row_count.max(1)].map(|run| Clusters::new(plain, run).expect("a table"));
    let end = row_count as u32;
    for range in [0..end, end / 3..end - end / 4] {
        let (expected, neighbors) = search(instance, plain, range.clone(), queries, k);
        let clustered = runs.iter().flat_map(|runs| {
            let table = plain.with_clusters(runs);
            [table, table.with_sketch(&sketch)]
        });
        for table in clustered.chain([plain.with_sketch(&sketch)]) {
            let (report, found) = search(instance, &table, range.clone(), queries, k);
            // By their bits: a NaN must not hide here, and `-0.0` is not `0.0`.
            let same = found
                .iter()
                .zip(&neighbors)
                .all(|(a, b)| (a.row, a.squared_distance.to_bits()) == (b.row, b.squared_distance.to_bits()));
            assert!(same, "{name}, dim {}, rows {range:?}: {found:?} instead of {neighbors:?}", plain.dim);
            assert_eq!(
                (report.found_min, report.nan_row_count),
                (expected.found_min, expected.nan_row_count),
                "{name}, dim {}, rows {range:?}",
                plain.dim
            );
        }
    }
}

/// Random rows of every length, searched with many queries at once, in both precisions.
pub fn companions_change_nothing_on_random_rows<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(81);
    for (dim, row_count, batch, k) in [
        (1, 70, 3, 4),
        (2, 130, 1, 10),
        (15, 65, 64, 10),
        (31, 260, 5, 2),
        (33, 127, 6, 33),
        (64, 300, 32, 10),
        (100, 90, 8, 64),
        (512, 150, 7, 10),
        (1000, 40, 4, 3),
        (2048, 30, 2, 10),
    ] {
        let element = |random: &mut Random| f16::from_f32(random.between(-1.0, 1.0)).to_f32();
        let table = Table::new(dim, (0..dim * row_count).map(|_| element(&mut random)).collect());
        let queries: Vec<f32> = (0..dim * batch).map(|_| element(&mut random)).collect();
        for view in table.views() {
            assert_unchanged(&mut make(64, 64), &view, &queries, k, "random rows");
        }
    }
}

/// Including tables whose rows cannot be told apart by their sketch, or have none.
pub fn companions_change_nothing_on_adversarial_tables<I: TopK>(make: impl Fn(usize, usize) -> I) {
    for (dim, row_count, batch, k) in [(1, 61, 5, 6), (7, 83, 4, 1), (40, 66, 6, 10), (129, 37, 4, 37)] {
        for Adversary { name, rows, queries } in adversary::all(82, row_count, dim, batch) {
            assert_unchanged(&mut make(40, 8), &single(&rows, dim), &queries, k, name);
        }
    }
}

/// More rows that could win than anyone would keep aside.
pub fn companions_change_nothing_when_nothing_can_be_ruled_out<I: TopK>(make: impl Fn(usize, usize) -> I) {
    for (row_count, dim, batch, k) in [(1023, 3, 1, 5), (1024, 2, 2, 64), (1025, 4, 1, 1), (2600, 3, 2, 10)] {
        for Adversary { name, rows, queries } in adversary::all(83, row_count, dim, batch).drain(..4) {
            assert_unchanged(&mut make(64, 2), &single(&rows, dim), &queries, k, name);
        }
    }
}

/// The hardest case for a bound that is a little too tight: the winners' distances differ by far less
/// than their sketches, and the nearest comes last.
pub fn rows_that_a_sketch_confuses_are_told_apart<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(84);
    for dim in [5, 64, 300] {
        let base: Vec<f32> = (0..dim).map(|_| random.between(-1.0, 1.0)).collect();
        let row_count = 200;
        let row = |row: usize| {
            let away = 1e-3 * (row_count - row) as f32 / row_count as f32;
            base.iter().map(|element| element + away * random.between(0.9, 1.1)).collect::<Vec<f32>>()
        };
        let rows: Vec<f32> = (0..row_count).flat_map(row).collect();
        let plain = single(&rows, dim);
        assert_unchanged(&mut make(10, 1), &plain, &base, 10, "confused rows");
        let sketch = Sketch::new(&plain).expect("a table");
        let (_, found) = search(&mut make(10, 1), &plain.with_sketch(&sketch), 0..row_count as u32, &base, 10);
        assert_within_bound(&found, &rows, dim, &(0..row_count as u32), &base, 10);
    }
}

/// Sketches without any error, of rows whose distances round: the same numbers in another order, some
/// of them farther by less than a rounding. The computed distance decides, not the exact one.
pub fn roundings_of_the_distances_are_allowed_for<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(87);
    for dim in [300, 1000, 2048] {
        let mut row: Vec<f32> = (0..dim).map(|_| random.below(255) as f32 - 127.0).collect();
        let mut rows = Vec::new();
        for index in 0..120 {
            row[0] = 127.0;
            (row[1], row[2]) = if index % 2 == 0 { (0.0, 2.0) } else { (1.0, 1.0) };
            let start = rows.len();
            rows.extend(&row);
            for place in 0..dim {
                rows.swap(start + place, start + random.below(dim));
            }
        }
        assert_unchanged(&mut make(7, 1), &single(&rows, dim), &vec![1000.0; dim], 7, "rounded distances");
    }
}

/// Queries with NaN and infinities, which have no bounds at all.
pub fn companions_change_nothing_for_queries_without_bounds<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(85);
    let dim = 12;
    let mut rows: Vec<f32> = (0..dim * 70).map(|_| random.between(-1.0, 1.0)).collect();
    rows[dim * 20 + 3] = f32::INFINITY;
    rows[dim * 30 + 4] = f32::NAN;
    let mut queries: Vec<f32> = (0..dim * 4).map(|_| random.between(-1.0, 1.0)).collect();
    queries[dim + 3] = f32::INFINITY;
    queries[2 * dim + 1] = f32::NAN;
    assert_unchanged(&mut make(9, 4), &single(&rows, dim), &queries, 9, "queries without bounds");
}

/// More rows, or longer ones, than the table has.
pub fn companions_of_another_shape_are_refused<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let rows = [0.5; 24];
    let (table, fault) = (single(&rows, 3), KernelError::CompanionShape { row_count: 8, dim: 3 });
    for other in [single(&rows[..21], 3), single(&rows, 4)] {
        let (sketch, clusters) = (Sketch::new(&other).expect("a table"), Clusters::new(&other, 2).expect("a table"));
        for refused in [table.with_sketch(&sketch), table.with_clusters(&clusters)] {
            assert_refused(make(4, 2), &refused, 0..8, &[0.0; 3], 1, 1, fault);
        }
    }
}

/// A search reports how many rows it read, and how many of them twice; both are bounded.
pub fn what_was_read_is_reported<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(86);
    let (dim, row_count) = (64, 400);
    let rows: Vec<f32> = (0..dim * row_count).map(|_| random.between(-1.0, 1.0)).collect();
    let plain = TableView::new(Rows::F32(&rows), dim);
    let (sketch, clusters) = (Sketch::new(&plain).expect("a table"), Clusters::new(&plain, 8).expect("a table"));
    let queries = &rows[dim * 11..dim * 13];
    let report = |table: &TableView<'_>| search(&mut make(3, 2), table, 0..400, queries, 3).0;
    assert_eq!((report(&plain).read_row_count, report(&plain).reranked_row_count), (400, 0));
    let sketched = report(&plain.with_sketch(&sketch));
    assert_eq!(sketched.read_row_count, 400);
    // An implementation may leave a sketch alone; one that uses it has compared each neighbor.
    assert!(sketched.reranked_row_count == 0 || (6..=800).contains(&sketched.reranked_row_count), "{sketched:?}");
    assert!((6..=400).contains(&report(&plain.with_clusters(&clusters)).read_row_count));
}
