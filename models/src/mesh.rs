//! Triangle meshes and the files they come from: OFF, OBJ, PLY and glTF.
//!
//! A loader answers with the file's own axes and units; [`Mesh::transformed`] and [`Mesh::centered`] bring a mesh to the body axes.
//! Every file is treated as hostile: counts are bounded, every index is checked, every coordinate is finite, and an error names
//! the file and the line or element.

use std::path::Path;

use kernels::MeshView;

mod builder;
mod gltf;
mod obj;
mod off;
mod ply;
#[cfg(test)]
pub(crate) mod tests;

use builder::MeshBuilder;

/// Most vertices, and most triangles, that a mesh may have.
pub const ELEMENT_COUNT_MAX: usize = 20_000_000;
/// Largest mesh file that is opened, in bytes.
pub const FILE_BYTES_MAX: u64 = 2 << 30;

/// Why a mesh could not be loaded. `place` is the path as it was given.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// The file could not be read.
    #[error("{place}: {source}")]
    Read {
        /// The file.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's extension is none that can be read.
    #[error("{place}: {reason}")]
    Unsupported {
        /// The file.
        place: String,
        /// What is wanted, and the mend.
        reason: String,
    },
    /// One line of a text file is wrong.
    #[error("{place}:{line}: {reason}")]
    Line {
        /// The file.
        place: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// One element is wrong, for instance `triangle 12`.
    #[error("{place}: {element}: {reason}")]
    Element {
        /// The file.
        place: String,
        /// The element, counted from 0.
        element: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl MeshError {
    fn line(place: &str, line: usize, reason: impl Into<String>) -> Self {
        Self::Line { place: place.into(), line, reason: reason.into() }
    }

    fn element(place: &str, element: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Element { place: place.into(), element: element.into(), reason: reason.into() }
    }
}

/// A triangle mesh, optionally divided into named parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mesh {
    /// Vertices (x, y, z), finite.
    pub positions: Vec<[f32; 3]>,
    /// Rows of `positions`, three a triangle.
    pub triangles: Vec<[u32; 3]>,
    /// Row of `part_names` for each triangle; empty where the file names no parts.
    pub parts: Vec<u16>,
    /// Materials, or objects where there are no materials, in the order of the file.
    pub part_names: Vec<String>,
}

impl Mesh {
    /// Loads a `.off`, `.obj`, `.ply`, `.gltf` or `.glb` file in its own axes and units. Polygons become triangle fans.
    ///
    /// # Errors
    /// [`MeshError`] where the file cannot be read, is malformed, is beyond the bounds, or holds no triangle.
    pub fn load(path: &Path) -> Result<Self, MeshError> {
        let place = path.display().to_string();
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let unsupported = |reason: &str| Err(MeshError::Unsupported { place: place.clone(), reason: reason.into() });
        match extension.as_deref() {
            Some("off") => off::parse(&read(path, &place)?, &place),
            Some("obj") => obj::parse(&read(path, &place)?, &place),
            Some("ply") => ply::parse(&read(path, &place)?, &place),
            Some("gltf" | "glb") => gltf::parse(&read(path, &place)?, &place, path.parent()),
            Some("dae") => unsupported(
                "COLLADA (.dae) is not supported: convert the mesh to glTF (.glb) or OBJ, for instance with Blender",
            ),
            _ => unsupported("a mesh file ends in .off, .obj, .ply, .gltf or .glb"),
        }
    }

    /// Smallest and largest corner of the box around all vertices that a triangle uses; zeros where there is none.
    #[must_use]
    pub fn bounds(&self) -> ([f32; 3], [f32; 3]) {
        let mut bounds: Option<([f32; 3], [f32; 3])> = None;
        for &row in self.triangles.iter().flatten() {
            let Some(position) = self.positions.get(row as usize) else {
                continue;
            };
            let (low, high) = bounds.get_or_insert((*position, *position));
            for axis in 0..3 {
                low[axis] = low[axis].min(position[axis]);
                high[axis] = high[axis].max(position[axis]);
            }
        }
        bounds.unwrap_or_default()
    }

    /// The mesh as the rasteriser takes it.
    #[must_use]
    pub fn view(&self) -> MeshView<'_> {
        MeshView { positions: &self.positions, triangles: &self.triangles, parts: &self.parts }
    }

    /// `linear * position + offset` for every vertex; `linear` is given by rows. Where `linear` mirrors, the triangles are
    /// turned round, so that outward normals stay outward.
    #[must_use]
    pub fn transformed(&self, linear: &[[f32; 3]; 3], offset: [f32; 3]) -> Self {
        let apply = |p: &[f32; 3]| {
            let mut moved = offset;
            for (value, row) in moved.iter_mut().zip(linear) {
                *value += row[0] * p[0] + row[1] * p[1] + row[2] * p[2];
            }
            moved
        };
        let mut mesh = self.clone();
        mesh.positions = self.positions.iter().map(apply).collect();
        if determinant(linear) < 0.0 {
            mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        }
        mesh
    }

    /// The same mesh with the centre of [`Mesh::bounds`] at the origin.
    #[must_use]
    pub fn centered(&self) -> Self {
        let (low, high) = self.bounds();
        let offset = [0, 1, 2].map(|axis| -0.5 * (low[axis] + high[axis]));
        self.transformed(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], offset)
    }

    /// All meshes as one; parts of the same name become one part. Triangles without a part get the part `unnamed` as soon as
    /// any of the meshes has parts.
    ///
    /// # Errors
    /// [`MeshError::Element`] where an index is out of range or the whole is beyond [`ELEMENT_COUNT_MAX`].
    pub fn merged<'a>(meshes: impl IntoIterator<Item = &'a Self>) -> Result<Self, MeshError> {
        let meshes: Vec<&Self> = meshes.into_iter().collect();
        let any_parts = meshes.iter().any(|m| !m.parts.is_empty());
        let mut builder = MeshBuilder::new("merged mesh");
        for mesh in meshes {
            let base = builder.vertex_count();
            for position in &mesh.positions {
                builder.vertex(*position).map_err(|reason| builder.error(reason))?;
            }
            for (row, triangle) in mesh.triangles.iter().enumerate() {
                if any_parts {
                    let name = mesh.parts.get(row).and_then(|&p| mesh.part_names.get(usize::from(p)));
                    let name = name.map_or("unnamed", String::as_str);
                    builder.set_part(name).map_err(|reason| builder.error(reason))?;
                }
                let corners = triangle.map(|index| base + i64::from(index));
                builder.polygon(&corners).map_err(|reason| builder.error(reason))?;
            }
        }
        builder.finish()
    }
}

fn determinant(m: &[[f32; 3]; 3]) -> f32 {
    m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
}

/// The whole file, bounded by [`FILE_BYTES_MAX`].
fn read(path: &Path, place: &str) -> Result<Vec<u8>, MeshError> {
    let failed = |source| MeshError::Read { place: place.into(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        let reason = format!("{bytes} bytes, but a mesh file may have at most {FILE_BYTES_MAX}");
        return Err(MeshError::element(place, "file", reason));
    }
    std::fs::read(path).map_err(failed)
}
