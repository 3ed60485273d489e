//! Neural meshes after NeMo (Wang, Kortylewski, Yuille; ICLR 2021): surfaces whose vertices carry the features that a network sees there.
//!
//! *Important terms*
//!
//! - **Surface**: vertices and triangles with what follows from them: normals, areas, tangents.
//! - **Cuboid**: the surface of the paper, six grids around a class; **wrapped**: the same grids laid onto one shape, so that all
//!   shapes of a class have the same triangles and vertices that correspond.
//! - **Sub-type**: one shape of a class with its features: the paper's Single has one a class, its Multi one a CAD shape.
//! - **Clutter**: the feature of what is no object. A vertex counts by how much better it explains a cell than clutter does.
//! - **Stride**: canvas pixels a cell of the feature map.
//!
//! [`NeuralMesh::parse`] takes bytes that were verified beforehand and believes none of them: a mesh that answers is complete and
//! finite, and what the refinement needs beyond the file (normals, areas, tangents, gradients) is computed.

use std::ops::Range;
use std::path::Path;

use crate::digest::write_whole;

mod cuboid;
mod format;
mod gradients;
mod sub_type;
mod surface;
#[cfg(test)]
pub(crate) mod tests;
mod wrap;

pub use cuboid::{cuboid, cuboid_extents};
pub use sub_type::{NAME_BYTES_MAX, SubType};
pub use surface::{Bounds, Surface, SurfaceError, TRIANGLE_COUNT_MAX, VERTEX_COUNT_MAX};
pub use wrap::{Wrapped, wrap};

/// Version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: &str = "1";
/// Most sub-types of a mesh.
pub const SUB_TYPE_COUNT_MAX: usize = 1024;
/// Most vertices of all sub-types together.
pub const VERTEX_TOTAL_MAX: usize = 1 << 20;
/// Largest stride, pixels a cell.
pub const STRIDE_MAX: u32 = 256;

/// Why a neural mesh was refused. `place` is the file.
#[derive(Debug, thiserror::Error)]
pub enum NeuralMeshError {
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
        /// The tensor's name; or `areas` or `gradients`, which follow from `positions` and `features`.
        key: String,
        /// Row, counted from 0 over all sub-types.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Shapes with what a network sees on them, sorted by class.
#[derive(Debug, Clone, PartialEq)]
pub struct NeuralMesh {
    /// Classes, in the order of the manifest. A class may be without a sub-type: its poses are not refined.
    pub class_names: Vec<String>,
    /// Canvas pixels a cell of the feature map, 1 to [`STRIDE_MAX`].
    pub stride: u32,
    /// `[D]` the feature of what is no object: of unit length, or zeros where there is no model of it.
    pub clutter: Vec<f32>,
    /// SHA-256 of the `backbone.onnx` that sees these features.
    pub encoder_sha256: String,
    /// 1 to [`SUB_TYPE_COUNT_MAX`], with ascending class ids, different names, and the clutter above.
    pub sub_types: Vec<SubType>,
}

impl NeuralMesh {
    /// Parses a mesh from the bytes of its file and checks all of it; `place` is named in errors.
    ///
    /// # Errors
    /// [`NeuralMeshError`] naming the tensor and the row.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self, NeuralMeshError> {
        let mesh = format::read(bytes, place)?;
        mesh.check(place)?;
        Ok(mesh)
    }

    /// The bytes of the mesh's file: the same mesh always gives the same bytes.
    ///
    /// # Errors
    /// [`NeuralMeshError`] where the mesh would be refused by [`NeuralMesh::parse`].
    pub fn to_bytes(&self, place: &str) -> Result<Vec<u8>, NeuralMeshError> {
        self.check(place)?;
        format::emit(self).map_err(|fault| format::format_error(place, fault))
    }

    /// Checks the mesh and writes it.
    ///
    /// # Errors
    /// [`NeuralMeshError`] where it is not valid or cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), NeuralMeshError> {
        let place = path.display().to_string();
        let bytes = self.to_bytes(&place)?;
        write_whole(path, &bytes).map_err(|source| NeuralMeshError::Io { place, source })
    }

    /// Length of a feature, D.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.clutter.len()
    }

    /// Rows of `sub_types` of one class; empty where the class has none.
    #[must_use]
    pub fn class_range(&self, class: u16) -> Range<usize> {
        let start = self.sub_types.partition_point(|s| s.class_id() < class);
        start..self.sub_types.partition_point(|s| s.class_id() <= class)
    }
}
