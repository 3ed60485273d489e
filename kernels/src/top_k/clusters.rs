//! Runs of neighbouring rows, each with a ball around it: a run whose ball is farther than the
//! neighbors already found holds no neighbor, and is not read.
//!
//! Tables come in the order of their poses, and poses that are near have embeddings that are near:
//! consecutive rows are clusters already, and no row has to move.

use std::ops::Range;

use super::TableView;
use super::sketch::round_up;
use super::table::for_each_row;
use crate::KernelError;

/// Balls around runs of consecutive rows.
///
/// Made once from a table, and given to searches with [`TableView::with_clusters`]. They know the
/// table's shape, not its content: whoever changes the table makes new ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    dim: usize,
    row_count: usize,
    rows_per_cluster: usize,
    centroids: Vec<f32>,
    radii: Vec<f32>,
    nan_row_counts: Vec<u32>,
}

impl Clusters {
    /// Cuts `table` into runs of `rows_per_cluster` rows (at least one); the last may be shorter.
    ///
    /// # Errors
    /// [`KernelError::RowShape`] or [`KernelError::TableTooLarge`].
    pub fn new(table: &TableView<'_>, rows_per_cluster: usize) -> Result<Self, KernelError> {
        let row_count = table.row_count()?;
        let rows_per_cluster = rows_per_cluster.max(1);
        let cluster_count = row_count.div_ceil(rows_per_cluster);
        let mut clusters = Self {
            dim: table.dim,
            row_count,
            rows_per_cluster,
            centroids: Vec::with_capacity(cluster_count * table.dim),
            radii: Vec::with_capacity(cluster_count),
            nan_row_counts: Vec::with_capacity(cluster_count),
        };
        for cluster in 0..cluster_count {
            clusters.enclose(table, clusters.rows(cluster));
        }
        Ok(clusters)
    }

    /// Number of runs.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.radii.len()
    }

    /// The rows of one run.
    #[must_use]
    pub fn rows(&self, cluster: usize) -> Range<usize> {
        let start = cluster * self.rows_per_cluster;
        start..self.row_count.min(start + self.rows_per_cluster)
    }

    /// Rows of every run but perhaps the last.
    #[must_use]
    pub const fn rows_per_cluster(&self) -> usize {
        self.rows_per_cluster
    }

    /// The middle of each run, `[runs, dim]`.
    #[must_use]
    pub fn centroids(&self) -> &[f32] {
        &self.centroids
    }

    /// An upper bound of the Euclidean distance from each run's middle to any of its rows that hold
    /// no NaN, `[runs]`; infinite when one of them holds an infinity.
    #[must_use]
    pub fn radii(&self) -> &[f32] {
        &self.radii
    }

    /// Rows of each run that hold a NaN, `[runs]`.
    #[must_use]
    pub fn nan_row_counts(&self) -> &[u32] {
        &self.nan_row_counts
    }

    /// Elements of one row.
    pub(super) const fn dim(&self) -> usize {
        self.dim
    }

    /// The runs that hold a row of `range`, which is not empty.
    pub(super) const fn containing(&self, range: &Range<usize>) -> Range<usize> {
        range.start / self.rows_per_cluster..(range.end - 1) / self.rows_per_cluster + 1
    }

    /// Whether these can be clusters of `table`.
    pub(super) const fn fits(&self, row_count: usize, dim: usize) -> bool {
        self.row_count == row_count && self.dim == dim
    }

    /// Appends the ball around `rows`.
    fn enclose(&mut self, table: &TableView<'_>, rows: Range<usize>) {
        let mut sums = vec![0.0_f64; self.dim];
        let mut finite_row_count = 0_u32;
        for_each_row(table, rows.clone(), |_, row| {
            if row.iter().all(|element| element.is_finite()) {
                finite_row_count += 1;
                sums.iter_mut().zip(row).for_each(|(sum, &element)| *sum += f64::from(element));
            }
        });
        // Any point is a right middle: the radius is measured from the one that is kept.
        let middle: Vec<f32> = sums.iter().map(|sum| (sum / f64::from(finite_row_count.max(1))) as f32).collect();
        let (mut squared_radius, mut nan_row_count) = (0.0_f64, 0);
        for_each_row(table, rows, |_, row| {
            let squared = row.iter().zip(&middle).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>();
            // The middle is finite: only a NaN in the row makes one here.
            nan_row_count += u32::from(squared.is_nan());
            squared_radius = squared_radius.max(squared);
        });
        // One rounding an element, and a few more: see the error of a sketch.
        let radius = squared_radius.sqrt() * (1.0 + (self.dim as f64 + 8.0) * f64::EPSILON);
        self.centroids.extend(middle);
        self.radii.push(round_up(radius));
        self.nan_row_counts.push(nan_row_count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rows;

    #[test]
    fn every_row_is_inside_the_ball_of_its_run() {
        let rows: Vec<f32> = (0..7 * 5).map(|index| (index as f32 * 0.37).sin()).collect();
        let clusters = Clusters::new(&TableView::new(Rows::F32(&rows), 5), 3).unwrap();
        assert_eq!((clusters.count(), clusters.rows(2)), (3, 6..7));
        for cluster in 0..3 {
            let middle = &clusters.centroids()[cluster * 5..][..5];
            for row in clusters.rows(cluster) {
                let away = |(&a, &b): (&f32, &f32)| (f64::from(a) - f64::from(b)).powi(2);
                let distance = rows[row * 5..][..5].iter().zip(middle).map(away).sum::<f64>().sqrt();
                assert!(distance <= f64::from(clusters.radii()[cluster]));
            }
        }
    }

    #[test]
    fn nan_is_counted_and_infinity_is_unbounded() {
        let rows = [0.0, f32::NAN, 1.0, f32::INFINITY, 2.0, 4.0];
        let clusters = Clusters::new(&TableView::new(Rows::F32(&rows), 1), 2).unwrap();
        assert_eq!(clusters.nan_row_counts(), [1, 0, 0]);
        assert_eq!(clusters.radii(), [0.0, f32::INFINITY, 1.0_f32.next_up()]);
        assert_eq!(clusters.centroids(), [0.0, 1.0, 3.0]);
    }
}
