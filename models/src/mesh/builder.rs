//! Collects vertices and polygons under the bounds that hold for every mesh format.

use super::{ELEMENT_COUNT_MAX, Mesh, MeshError};

/// A mesh in the making. Its methods answer with a reason alone; the parser adds the place it is at.
pub(super) struct MeshBuilder {
    place: String,
    mesh: Mesh,
    part: Option<u16>,
}

impl MeshBuilder {
    pub(super) fn new(place: &str) -> Self {
        Self { place: place.into(), mesh: Mesh::default(), part: None }
    }

    pub(super) fn vertex_count(&self) -> i64 {
        // Bounded by ELEMENT_COUNT_MAX in `vertex`.
        self.mesh.positions.len() as i64
    }

    pub(super) fn error(&self, reason: String) -> MeshError {
        MeshError::element(&self.place, "mesh", reason)
    }

    pub(super) fn vertex(&mut self, position: [f32; 3]) -> Result<(), String> {
        if !position.iter().all(|v| v.is_finite()) {
            return Err(format!("coordinates are not finite: {position:?}"));
        }
        if self.mesh.positions.len() >= ELEMENT_COUNT_MAX {
            return Err(format!("more than {ELEMENT_COUNT_MAX} vertices"));
        }
        self.mesh.positions.push(position);
        Ok(())
    }

    /// Triangles from now on belong to the part of this name.
    pub(super) fn set_part(&mut self, name: &str) -> Result<(), String> {
        if let Some(part) = self.part
            && self.mesh.part_names.get(usize::from(part)).is_some_and(|n| n == name)
        {
            return Ok(());
        }
        let row = self.mesh.part_names.iter().position(|n| n == name).unwrap_or(self.mesh.part_names.len());
        if row == self.mesh.part_names.len() {
            if row >= usize::from(u16::MAX) {
                return Err(format!("more than {} parts", u16::MAX));
            }
            self.mesh.part_names.push(name.into());
        }
        self.part = u16::try_from(row).ok();
        Ok(())
    }

    /// A polygon as a triangle fan around its first corner. Points and lines (fewer than three corners) have no surface and are
    /// passed over. A corner may name a vertex that comes later in the file: `finish` checks the upper bound.
    pub(super) fn polygon(&mut self, corners: &[i64]) -> Result<(), String> {
        let index = |corner: i64| u32::try_from(corner).map_err(|_| format!("vertex index {corner} is out of range"));
        let Some((&first, rest)) = corners.split_first() else {
            return Ok(());
        };
        let first = index(first)?;
        for pair in rest.windows(2) {
            if self.mesh.triangles.len() >= ELEMENT_COUNT_MAX {
                return Err(format!("more than {ELEMENT_COUNT_MAX} triangles"));
            }
            self.mesh.triangles.push([first, index(pair[0])?, index(pair[1])?]);
            if let Some(part) = self.part {
                self.mesh.parts.push(part);
            }
        }
        Ok(())
    }

    /// The mesh, once every index is known to be in range and every triangle or none has a part.
    pub(super) fn finish(mut self) -> Result<Mesh, MeshError> {
        let vertex_count = self.mesh.positions.len();
        if let Some(row) = self.mesh.triangles.iter().position(|t| t.iter().any(|&i| i as usize >= vertex_count)) {
            let reason = format!(
                "vertex index of {:?} is out of range: there are {vertex_count} vertices",
                self.mesh.triangles[row]
            );
            return Err(MeshError::element(&self.place, format!("triangle {row}"), reason));
        }
        if self.mesh.triangles.is_empty() {
            return Err(self.error("there is no triangle in it".into()));
        }
        self.name_leading_triangles()?;
        Ok(self.mesh)
    }

    /// Triangles that came before the first named part form a part of their own.
    fn name_leading_triangles(&mut self) -> Result<(), MeshError> {
        let missing = self.mesh.triangles.len() - self.mesh.parts.len();
        if self.mesh.parts.is_empty() {
            self.mesh.part_names.clear();
        } else if missing > 0 {
            self.set_part("unnamed").map_err(|reason| self.error(reason))?;
            let part = self.part.unwrap_or_default();
            self.mesh.parts.splice(0..0, std::iter::repeat_n(part, missing));
        }
        Ok(())
    }
}
