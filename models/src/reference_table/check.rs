//! What every row of a reference table must be.

use half::slice::HalfFloatSliceExt;

use super::{ROW_COUNT_MAX, ReferenceTable, TableError, format_error};
use crate::container::{Fault, check_names, check_sha256, not_unit};
use crate::manifest::DIM_MAX;

/// Tolerance on the length of an embedding: rounding to f16 changes each component by at most 2^-11 of itself, so a unit row
/// stays within 5e-4 of unit length.
const ROW_NORM_TOLERANCE: f64 = 2e-3;
/// Tolerance on the length of a quaternion in f32.
const QUATERNION_NORM_TOLERANCE: f64 = 1e-4;

/// Checks the sizes before memory is taken for them.
pub(super) fn counts(row_count: usize, dim: usize) -> Result<(), Fault> {
    if row_count == 0 || row_count > ROW_COUNT_MAX {
        return Err(Fault::new("embeddings", format!("has {row_count} rows, wanted: 1 to {ROW_COUNT_MAX}")));
    }
    if dim == 0 || dim > DIM_MAX {
        return Err(Fault::new("embeddings", format!("has rows of {dim}, wanted: 1 to {DIM_MAX}")));
    }
    Ok(())
}

impl ReferenceTable {
    /// Checks shapes and every row.
    pub(super) fn check(&self, place: &str) -> Result<(), TableError> {
        let row_count = self.rotations.len();
        counts(row_count, self.dim).map_err(|fault| format_error(place, fault))?;
        let lengths = [
            ("embeddings", self.embeddings.len(), row_count * self.dim),
            ("class_id", self.class_id.len(), row_count),
            ("shape_id", self.shape_id.len(), row_count),
        ];
        for (key, found, wanted) in lengths {
            if found != wanted {
                return Err(format_error(place, Fault::new(key, format!("has {found} values, wanted: {wanted}"))));
            }
        }
        check_names("class_names", &self.class_names, usize::from(u16::MAX))
            .and_then(|()| check_sha256("encoder_sha256", &self.encoder_sha256))
            .map_err(|fault| format_error(place, fault))?;
        let row_error = |key: &str, row: usize, reason: String| {
            Err(TableError::Row { place: place.into(), key: key.into(), row, reason })
        };
        let mut values = vec![0.0_f32; self.dim];
        for (row, embedding) in self.embeddings.chunks_exact(self.dim).enumerate() {
            embedding.convert_to_f32_slice(&mut values);
            if let Some(reason) = not_unit(&values, ROW_NORM_TOLERANCE) {
                return row_error("embeddings", row, reason);
            }
        }
        for (row, rotation) in self.rotations.iter().enumerate() {
            if let Some(reason) = not_unit(rotation, QUATERNION_NORM_TOLERANCE) {
                return row_error("rotations", row, reason);
            }
        }
        for (row, &class) in self.class_id.iter().enumerate() {
            if usize::from(class) >= self.class_names.len() {
                return row_error(
                    "class_id",
                    row,
                    format!("class {class} has no name: there are {}", self.class_names.len()),
                );
            }
            if let Some(&before) = row.checked_sub(1).and_then(|r| self.class_id.get(r))
                && before > class
            {
                return row_error(
                    "class_id",
                    row,
                    format!("class {class} comes after class {before}: rows are sorted by class"),
                );
            }
        }
        Ok(())
    }
}
