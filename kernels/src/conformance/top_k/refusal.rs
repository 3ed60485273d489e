//! Cases of requests without meaning, and of what an instance remembers.

use std::ops::Range;

use half::f16;

use super::{Table, search, single};
use crate::conformance::random::Random;
use crate::{KernelError, Neighbor, Rows, TableView, TopK};

/// Asks, and requires this answer and an output left alone.
pub(super) fn assert_refused<I: TopK>(
    mut instance: I,
    table: &TableView<'_>,
    range: Range<u32>,
    queries: &[f32],
    k: usize,
    out_len: usize,
    fault: KernelError,
) {
    let untouched = Neighbor { row: 77, squared_distance: -1.0 };
    let mut out = vec![untouched; out_len];
    assert_eq!(instance.top_k(table, range, queries, k, &mut out), Err(fault));
    assert!(out.iter().all(|slot| *slot == untouched), "{fault}");
}

/// In tables of both precisions and in queries; rows without elements too.
pub fn elements_that_are_not_whole_rows_are_refused<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let shape = |len, dim| KernelError::RowShape { len, dim };
    assert_refused(make(4, 2), &single(&[0.0; 7], 3), 0..2, &[0.0; 3], 1, 1, shape(7, 3));
    let half = [f16::ZERO; 8];
    assert_refused(make(4, 2), &TableView::new(Rows::F16(&half), 3), 0..2, &[0.0; 3], 1, 1, shape(8, 3));
    assert_refused(make(4, 2), &single(&[0.0; 6], 3), 0..2, &[0.0; 4], 1, 1, shape(4, 3));
    assert_refused(make(4, 2), &single(&[], 0), 0..0, &[], 1, 0, shape(0, 0));
}

/// Reversed, or past the end.
pub fn ranges_outside_the_table_are_refused<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let ranges: [(u32, u32); 4] = [(0, 4), (2, 1), (4, 4), (0, u32::MAX)];
    for (start, end) in ranges {
        let fault = KernelError::RowRange { start, end, row_count: 3 };
        assert_refused(make(4, 2), &single(&[0.0; 6], 2), start..end, &[0.0; 2], 1, 1, fault);
    }
}

/// Neither shorter nor longer.
pub fn an_output_of_the_wrong_length_is_refused<I: TopK>(make: impl Fn(usize, usize) -> I) {
    for actual in [0, 5, 7] {
        let fault = KernelError::OutputLength { actual, needed: 6 };
        assert_refused(make(4, 2), &single(&[0.0; 6], 2), 0..3, &[0.0; 4], 3, actual, fault);
    }
}

/// What was not allowed for at construction is not allocated later.
pub fn a_k_above_the_bound_is_refused<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let fault = KernelError::KTooLarge { k: 5, k_max: 4 };
    assert_refused(make(4, 2), &single(&[0.0; 6], 2), 0..3, &[0.0; 4], 5, 10, fault);
}

/// The same for the batch.
pub fn a_batch_above_the_bound_is_refused<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let fault = KernelError::BatchTooLarge { batch: 3, batch_max: 2 };
    assert_refused(make(4, 2), &single(&[0.0; 6], 2), 0..3, &[0.0; 6], 1, 3, fault);
}

/// Earlier searches, failed ones too, leave nothing behind.
pub fn an_instance_may_be_used_again<I: TopK>(make: impl Fn(usize, usize) -> I) {
    let mut random = Random::new(61);
    let mut used = make(9, 8);
    for (dim, batch, k) in [(33, 8, 9), (7, 1, 1), (64, 5, 9), (33, 8, 3), (1, 2, 9)] {
        let rows = (0..dim * 40).map(|_| f16::from_f32(random.between(-2.0, 2.0)).to_f32()).collect();
        let table = Table::new(dim, rows);
        let queries: Vec<f32> = (0..dim * batch).map(|_| random.between(-2.0, 2.0)).collect();
        for view in table.views() {
            assert!(used.top_k(&view, 0..41, &queries, k, &mut []).is_err());
            assert_eq!(
                search(&mut used, &view, 0..40, &queries, k),
                search(&mut make(k, batch), &view, 0..40, &queries, k)
            );
        }
    }
}
