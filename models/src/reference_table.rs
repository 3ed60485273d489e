//! The reference table: one embedding and one rotation for each reference view of each shape.
//!
//! A safetensors file. [`ReferenceTable::parse`] takes bytes that were verified beforehand and believes none of them: a table
//! that answers is complete, finite, of unit rows and sorted by class, so that nothing needs checking while the node runs.

use std::ops::Range;
use std::path::Path;

use calibration::Rotation;
use half::f16;
use kernels::{Rows, TableView};
use safetensors::Dtype;

use crate::container::{Container, Fault, f16s, f32s, u16s};
use crate::digest::write_whole;

mod check;
mod emit;
#[cfg(test)]
pub(crate) mod tests;

/// Version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: &str = "1";
/// Most rows of a table.
pub const ROW_COUNT_MAX: usize = 10_000_000;

/// Why a reference table was refused. `place` is the file.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file could not be written.
    #[error("{place}: {source}")]
    Io {
        /// The file.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The header, a tensor or the metadata is wrong.
    #[error("{place}: {key}: {reason}")]
    Format {
        /// The file.
        place: String,
        /// `header`, a tensor's name or `metadata.<key>`.
        key: String,
        /// What is wrong, and what is wanted.
        reason: String,
    },
    /// One row is wrong.
    #[error("{place}: {key}: row {row}: {reason}")]
    Row {
        /// The file.
        place: String,
        /// The tensor's name.
        key: String,
        /// Row, counted from 0.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Embeddings with the rotations they stand for, sorted by class.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceTable {
    /// Length of an embedding.
    pub dim: usize,
    /// `[N, dim]` by rows, unit length.
    pub embeddings: Vec<f16>,
    /// `[N]` allocentric camera_from_object, unit quaternions (w, x, y, z).
    pub rotations: Vec<[f32; 4]>,
    /// `[N]` rows of `class_names`, ascending.
    pub class_id: Vec<u16>,
    /// `[N]` the shape that was rendered.
    pub shape_id: Vec<u16>,
    /// Classes, in the order of the manifest.
    pub class_names: Vec<String>,
    /// SHA-256 of the `backbone.onnx` that made the embeddings.
    pub encoder_sha256: String,
}

impl ReferenceTable {
    /// Parses a table from the bytes of its file and checks all of it; `place` is named in errors.
    ///
    /// # Errors
    /// [`TableError`] naming the tensor and the row.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self, TableError> {
        let table = Self::read(bytes).map_err(|fault| format_error(place, fault))?;
        table.check(place)?;
        Ok(table)
    }

    /// The table as it stands in the file; rows are not looked at.
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let known = ["embeddings", "rotations", "class_id", "shape_id"];
        let container = Container::parse(bytes, "reference table", FORMAT_VERSION, &known)?;
        let (shape, embeddings) = container.tensor("embeddings", Dtype::F16)?;
        let &[row_count, dim] = shape.as_slice() else {
            return Err(Fault::new("embeddings", format!("has shape {shape:?}, not [rows, dim]")));
        };
        check::counts(row_count, dim)?;
        let rotations = f32s(container.shaped("rotations", Dtype::F32, &[row_count, 4])?);
        Ok(Self {
            dim,
            embeddings: f16s(embeddings),
            rotations: rotations.as_chunks().0.to_vec(),
            class_id: u16s(container.shaped("class_id", Dtype::U16, &[row_count])?),
            shape_id: u16s(container.shaped("shape_id", Dtype::U16, &[row_count])?),
            class_names: container.names("class_names")?,
            encoder_sha256: container.text("encoder_sha256")?.into(),
        })
    }

    /// The bytes of the table's file: the same table always gives the same bytes.
    ///
    /// # Errors
    /// [`TableError`] where the table would be refused by [`ReferenceTable::parse`].
    pub fn to_bytes(&self, place: &str) -> Result<Vec<u8>, TableError> {
        self.check(place)?;
        emit::emit(self).map_err(|fault| format_error(place, fault))
    }

    /// Checks the table and writes it.
    ///
    /// # Errors
    /// [`TableError`] where it is not valid or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), TableError> {
        let place = path.display().to_string();
        let bytes = self.to_bytes(&place)?;
        write_whole(path, &bytes).map_err(|source| TableError::Io { place, source })
    }

    /// Number of rows.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rotations.len()
    }

    /// The rows of one class; empty where the class has none.
    #[must_use]
    pub fn class_range(&self, class: u16) -> Range<u32> {
        // Rows are bounded by ROW_COUNT_MAX, far below u32::MAX.
        let start = self.class_id.partition_point(|&c| c < class) as u32;
        start..self.class_id.partition_point(|&c| c <= class) as u32
    }

    /// The rotation of one row: allocentric camera_from_object. `None` where there is no such row.
    #[must_use]
    pub fn rotation(&self, row: u32) -> Option<Rotation> {
        self.rotations.get(row as usize).and_then(|wxyz| calibration::so3::from_wxyz(*wxyz))
    }

    /// The embeddings as the search takes them.
    #[must_use]
    pub fn view(&self) -> TableView<'_> {
        TableView::new(Rows::F16(&self.embeddings), self.dim)
    }
}

fn format_error(place: &str, Fault { key, reason }: Fault) -> TableError {
    TableError::Format { place: place.into(), key, reason }
}
