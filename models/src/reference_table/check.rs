//! What every row of a reference table must be.

use half::slice::HalfFloatSliceExt;

use super::{ROW_COUNT_MAX, ReferenceTable, TableError, format_error};
use crate::digest::is_sha256_hex;
use crate::manifest::DIM_MAX;

/// Tolerance on the length of an embedding: rounding to f16 changes each component by at most 2^-11 of itself, so a unit row
/// stays within 5e-4 of unit length.
const ROW_NORM_TOLERANCE: f64 = 2e-3;
/// Tolerance on the length of a quaternion in f32.
const QUATERNION_NORM_TOLERANCE: f64 = 1e-4;

/// Checks the sizes before memory is taken for them.
pub(super) fn counts(place: &str, row_count: usize, dim: usize) -> Result<(), TableError> {
    if row_count == 0 || row_count > ROW_COUNT_MAX {
        return Err(format_error(place, "embeddings", format!("has {row_count} rows, wanted: 1 to {ROW_COUNT_MAX}")));
    }
    if dim == 0 || dim > DIM_MAX {
        return Err(format_error(place, "embeddings", format!("has rows of {dim}, wanted: 1 to {DIM_MAX}")));
    }
    Ok(())
}

impl ReferenceTable {
    /// Checks shapes and every row.
    pub(super) fn check(&self, place: &str) -> Result<(), TableError> {
        let row_count = self.rotations.len();
        counts(place, row_count, self.dim)?;
        let lengths = [
            ("embeddings", self.embeddings.len(), row_count * self.dim),
            ("class_id", self.class_id.len(), row_count),
            ("shape_id", self.shape_id.len(), row_count),
        ];
        for (key, found, wanted) in lengths {
            if found != wanted {
                return Err(format_error(place, key, format!("has {found} values, wanted: {wanted}")));
            }
        }
        self.check_metadata(place)?;
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

    fn check_metadata(&self, place: &str) -> Result<(), TableError> {
        let names = &self.class_names;
        if names.is_empty() || names.len() > usize::from(u16::MAX) {
            return Err(format_error(
                place,
                "metadata.class_names",
                format!("has {} names, wanted: 1 to {}", names.len(), u16::MAX),
            ));
        }
        for (row, name) in names.iter().enumerate() {
            if name.is_empty() || names[..row].contains(name) {
                return Err(format_error(
                    place,
                    "metadata.class_names",
                    format!("name {row} `{name}` is empty or twice there"),
                ));
            }
        }
        if !is_sha256_hex(&self.encoder_sha256) {
            return Err(format_error(place, "metadata.encoder_sha256", "wanted: 64 lowercase hexadecimal digits"));
        }
        Ok(())
    }
}

/// What keeps a vector from being of unit length, if anything does.
fn not_unit(vector: &[f32], tolerance: f64) -> Option<String> {
    let squared: f64 = vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    if !squared.is_finite() {
        return Some("has a value that is not finite".into());
    }
    let norm = squared.sqrt();
    ((norm - 1.0).abs() > tolerance).then(|| format!("has length {norm}, not 1"))
}
