//! The laws of companions have teeth: searches whose bounds are a little wrong do not pass, and the
//! same search with right ones does.

use std::ops::Range;

use kernels::conformance::top_k;
use kernels::{
    Clusters, CpuTopK, Instructions, KernelError, Neighbor, Rows, Sketch, TableView, TopK, TopKReport,
    relative_error_max,
};

/// A plain search by sketch and by clusters, with what is taken off its bounds.
struct Bounded {
    exact: CpuTopK,
    /// Factor on the errors of a sketch and on the radii of clusters.
    errors: f64,
    /// Factor on what computed distances may be off.
    rounding: f64,
    counts_skipped_nan: bool,
    checks_shapes: bool,
}

fn right(k_max: usize, batch_max: usize) -> Bounded {
    let exact = CpuTopK::with_instructions(k_max, batch_max, Instructions::Portable).expect("every machine has it");
    Bounded { exact, errors: 1.0, rounding: 1.0, counts_skipped_nan: true, checks_shapes: true }
}

impl TopK for Bounded {
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        let plain = TableView::new(table.rows, table.dim);
        if self.checks_shapes {
            table.row_count()?;
        }
        // Refuses what is to be refused, and knows how many rows hold a NaN.
        let mut report = self.exact.top_k(&plain, range.clone(), queries, k, out)?;
        if table.sketch.is_none() && table.clusters.is_none() {
            return Ok(report);
        }
        let mut visited = 0;
        for (query, slots) in queries.chunks_exact(table.dim).zip(out.chunks_exact_mut(k)) {
            let mut limits: Vec<(f64, u32)> = range.clone().map(|row| (self.lower(table, row, query), row)).collect();
            limits.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut found = vec![Neighbor::UNUSED; k];
            for (lower, row) in limits {
                let mut slot = [Neighbor::UNUSED];
                let single = self.exact.top_k(&plain, row..row + 1, query, 1, &mut slot)?;
                if lower > f64::from(found[k - 1].squared_distance) {
                    let lost = if self.counts_skipped_nan { 0 } else { single.nan_row_count };
                    report.nan_row_count = report.nan_row_count.saturating_sub(lost);
                    continue;
                }
                visited += 1;
                found.push(slot[0]);
                found.sort_by(|a, b| a.squared_distance.total_cmp(&b.squared_distance).then(a.row.cmp(&b.row)));
                found.truncate(k);
            }
            slots.copy_from_slice(&found);
        }
        if table.sketch.is_some() {
            report.reranked_row_count = visited;
        } else {
            report.read_row_count = visited.min(range.len());
        }
        Ok(report)
    }
}

impl Bounded {
    /// A number that the computed squared distance of a row is not below.
    fn lower(&self, table: &TableView<'_>, row: u32, query: &[f32]) -> f64 {
        let (row, dim) = (row as usize, table.dim);
        let distance = |other: &dyn Fn(usize) -> f64| {
            (0..dim).map(|place| (f64::from(query[place]) - other(place)).powi(2)).sum::<f64>().sqrt()
        };
        let (middle, error) = if let Some(sketch) = table.sketch {
            let row = row.min(sketch.row_count() - 1);
            let scale = f64::from(sketch.scales()[row]);
            let codes = |place: usize| scale * f64::from(sketch.codes()[(row * dim + place) % sketch.codes().len()]);
            (distance(&codes), f64::from(sketch.errors()[row]))
        } else if let Some(clusters) = table.clusters {
            let run = (row / clusters.rows_per_cluster()).min(clusters.count() - 1);
            let all = clusters.centroids();
            (distance(&|place| f64::from(all[(run * dim + place) % all.len()])), f64::from(clusters.radii()[run]))
        } else {
            return 0.0;
        };
        let near = middle - self.errors * error;
        let rounding = self.rounding * 1.001 * relative_error_max(dim);
        let underflow = self.rounding * dim as f64 * 1.5e-45;
        // NaN, of the row or the query, is no bound at all.
        if near > 0.0 && near.is_finite() { near * near * (1.0 - rounding) - underflow } else { 0.0 }
    }
}

kernels::top_k_conformance!(right_bounds, right);

#[test]
#[should_panic(expected = "confused rows")]
fn errors_that_are_halved_are_caught() {
    top_k::rows_that_a_sketch_confuses_are_told_apart(|k_max, batch_max| Bounded {
        errors: 0.05,
        ..right(k_max, batch_max)
    });
}

#[test]
#[should_panic(expected = "instead of")]
fn errors_that_are_a_little_small_are_caught() {
    top_k::companions_change_nothing_on_adversarial_tables(|k_max, batch_max| Bounded {
        errors: 0.5,
        ..right(k_max, batch_max)
    });
}

#[test]
#[should_panic(expected = "rounded distances")]
fn bounds_of_exact_instead_of_computed_distances_are_caught() {
    top_k::roundings_of_the_distances_are_allowed_for(|k_max, batch_max| Bounded {
        rounding: 0.0,
        ..right(k_max, batch_max)
    });
}

#[test]
#[should_panic(expected = "NaN and infinities")]
fn nan_rows_lost_with_their_run_are_caught() {
    top_k::companions_change_nothing_on_adversarial_tables(|k_max, batch_max| Bounded {
        counts_skipped_nan: false,
        ..right(k_max, batch_max)
    });
}

#[test]
#[should_panic(expected = "CompanionShape")]
fn companions_of_another_table_are_caught() {
    top_k::companions_of_another_shape_are_refused(|k_max, batch_max| Bounded {
        checks_shapes: false,
        ..right(k_max, batch_max)
    });
}

/// The pieces that the search above is made of exist for others to use.
#[test]
fn companions_are_plain_data() {
    let rows = [0.5, 1.0, 2.0, -4.0];
    let table = TableView::new(Rows::F32(&rows), 2);
    let (sketch, clusters) = (Sketch::new(&table).unwrap(), Clusters::new(&table, 2).unwrap());
    assert_eq!((sketch.row_count(), sketch.dim(), sketch.bytes_per_row()), (2, 2, 14));
    assert_eq!((clusters.count(), clusters.rows(0), clusters.centroids()), (1, 0..2, [1.25, -1.5].as_slice()));
}
