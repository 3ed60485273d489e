//! A borrowed table, and what may come with it.

use std::ops::Range;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{Clusters, Sketch};
use crate::KernelError;

/// The elements of a table, row after row.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Half precision; widened exactly before any arithmetic.
    F16(&'a [f16]),
}

impl Rows<'_> {
    /// Number of elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::F32(elements) => elements.len(),
            Self::F16(elements) => elements.len(),
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of one element.
    #[must_use]
    pub const fn element_bytes(&self) -> usize {
        match self {
            Self::F32(_) => size_of::<f32>(),
            Self::F16(_) => size_of::<f16>(),
        }
    }
}

/// A borrowed table of vectors, `[rows, dim]`.
#[derive(Clone, Copy, Debug)]
pub struct TableView<'a> {
    /// All elements.
    pub rows: Rows<'a>,
    /// Elements of one row.
    pub dim: usize,
    /// The same rows at a quarter of the bytes, made from this table.
    pub sketch: Option<&'a Sketch>,
    /// Where runs of rows lie, made from this table.
    pub clusters: Option<&'a Clusters>,
}

impl<'a> TableView<'a> {
    /// A table without companions.
    #[must_use]
    pub const fn new(rows: Rows<'a>, dim: usize) -> Self {
        Self { rows, dim, sketch: None, clusters: None }
    }

    /// The same table with its sketch.
    #[must_use]
    pub const fn with_sketch(self, sketch: &'a Sketch) -> Self {
        Self { sketch: Some(sketch), ..self }
    }

    /// The same table with its clusters.
    #[must_use]
    pub const fn with_clusters(self, clusters: &'a Clusters) -> Self {
        Self { clusters: Some(clusters), ..self }
    }

    /// Number of rows.
    ///
    /// # Errors
    /// [`KernelError::RowShape`], [`KernelError::TableTooLarge`], or
    /// [`KernelError::CompanionShape`] when the sketch or the clusters have another shape.
    pub fn row_count(&self) -> Result<usize, KernelError> {
        let row_count = rows_in(self.rows.len(), self.dim)?;
        // u32::MAX itself marks an unused slot.
        if row_count > u32::MAX as usize {
            return Err(KernelError::TableTooLarge { row_count });
        }
        let fit = self.sketch.is_none_or(|sketch| sketch.fits(row_count, self.dim))
            && self.clusters.is_none_or(|clusters| clusters.fits(row_count, self.dim));
        if fit { Ok(row_count) } else { Err(KernelError::CompanionShape { row_count, dim: self.dim }) }
    }
}

pub(super) fn rows_in(len: usize, dim: usize) -> Result<usize, KernelError> {
    if dim == 0 || !len.is_multiple_of(dim) { Err(KernelError::RowShape { len, dim }) } else { Ok(len / dim) }
}

/// Calls `visit` with the number and the widened elements of each row in `range`, which is inside
/// the table. Allocates.
pub(super) fn for_each_row(table: &TableView<'_>, range: Range<usize>, mut visit: impl FnMut(usize, &[f32])) {
    let (dim, elements) = (table.dim, range.start * table.dim..range.end * table.dim);
    match table.rows {
        Rows::F32(rows) => {
            for (row, index) in rows[elements].chunks_exact(dim).zip(range) {
                visit(index, row);
            }
        }
        Rows::F16(rows) => {
            let mut widened = vec![0.0; dim];
            for (row, index) in rows[elements].chunks_exact(dim).zip(range) {
                row.convert_to_f32_slice(&mut widened);
                visit(index, &widened);
            }
        }
    }
}
