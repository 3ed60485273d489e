//! Drawing triangle meshes into depth, triangle, barycentric and part buffers.
//!
//! # The law
//!
//! A pixel's centre is at `(x + 0.5, y + 0.5)`. It belongs to a triangle when it lies inside the
//! triangle's projection, or on one of its top or left edges: two triangles that share an edge and
//! lie on both sides of it never both draw a pixel, and leave no gap. Both faces are visible. What
//! is nearer than the near plane is cut away. Among all triangles, and with what the buffers
//! already hold, the smallest depth wins; at equal depth, what was drawn first stays. Depth and
//! barycentric weights are perspective-correct.

mod cpu;
mod edge;
mod surface;

pub use cpu::CpuRasterize;
pub use surface::{object_normals, object_normals_facing, object_points, silhouette, viewer_in_object};

use crate::KernelError;

/// [`RasterBuffers::triangle`] of a pixel that nothing covers.
pub const EMPTY_TRIANGLE: u32 = u32::MAX;

/// [`RasterBuffers::part`] of a pixel that nothing covers.
pub const EMPTY_PART: u16 = u16::MAX;

/// A borrowed triangle mesh.
#[derive(Clone, Copy, Debug)]
pub struct MeshView<'a> {
    /// Vertices in object axes, metres.
    pub positions: &'a [[f32; 3]],
    /// Three vertices each; the winding does not matter.
    pub triangles: &'a [[u32; 3]],
    /// One part for each triangle, or empty: then all triangles are of part 0.
    pub parts: &'a [u16],
}

impl MeshView<'_> {
    /// Checks that every triangle names vertices that exist, and that parts are complete or absent.
    ///
    /// # Errors
    /// [`KernelError::VertexIndex`] or [`KernelError::PartCount`].
    pub fn check(&self) -> Result<(), KernelError> {
        let (triangle_count, part_count) = (self.triangles.len(), self.parts.len());
        if part_count != 0 && part_count != triangle_count {
            return Err(KernelError::PartCount { part_count, triangle_count });
        }
        let vertex_count = self.positions.len();
        for (triangle, vertices) in self.triangles.iter().enumerate() {
            if let Some(&vertex) = vertices.iter().find(|&&vertex| vertex as usize >= vertex_count) {
                return Err(KernelError::VertexIndex { triangle, vertex, vertex_count });
            }
        }
        Ok(())
    }
}

/// What a drawing leaves behind, row by row: `width * height` elements in each buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct RasterBuffers {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Camera z in metres; infinity where nothing was drawn.
    pub depth: Vec<f32>,
    /// Index into [`MeshView::triangles`]; [`EMPTY_TRIANGLE`] where nothing was drawn.
    pub triangle: Vec<u32>,
    /// Perspective-correct weights of the triangle's vertices 1 and 2 (vertex 0 has the rest); zero
    /// where nothing was drawn.
    pub barycentric: Vec<[f32; 2]>,
    /// The triangle's part; [`EMPTY_PART`] where nothing was drawn.
    pub part: Vec<u16>,
    /// Triangles left out since the last clear: a vertex that is not finite, or a projection
    /// without area (also exactly edge-on).
    pub skipped_count: usize,
}

impl RasterBuffers {
    /// Empty buffers of `width` x `height` pixels.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let len = width.saturating_mul(height);
        Self {
            width,
            height,
            depth: vec![f32::INFINITY; len],
            triangle: vec![EMPTY_TRIANGLE; len],
            barycentric: vec![[0.0; 2]; len],
            part: vec![EMPTY_PART; len],
            skipped_count: 0,
        }
    }

    /// Empties every pixel and the count.
    pub fn clear(&mut self) {
        self.depth.fill(f32::INFINITY);
        self.triangle.fill(EMPTY_TRIANGLE);
        self.barycentric.fill([0.0; 2]);
        self.part.fill(EMPTY_PART);
        self.skipped_count = 0;
    }

    /// Checks that all buffers hold `width * height` elements; their fields are public, so every
    /// user does.
    ///
    /// # Errors
    /// [`KernelError::RasterBufferLength`].
    pub fn check(&self) -> Result<(), KernelError> {
        let len = self.width.checked_mul(self.height).ok_or(KernelError::RasterBufferLength)?;
        let lengths = [self.depth.len(), self.triangle.len(), self.barycentric.len(), self.part.len()];
        if lengths.iter().all(|&actual| actual == len) { Ok(()) } else { Err(KernelError::RasterBufferLength) }
    }
}

/// Draws a mesh.
pub trait Rasterize {
    /// Draws `mesh` over what `out` holds, by the law of the module.
    ///
    /// `pixel_from_object` takes `(x, y, z, 1)` in object axes to `(u * w, v * w, w)`: `(u, v)`
    /// continuous image coordinates in pixels and `w` the camera z in metres. `near` is the least
    /// visible camera z, metres. Triangles with vertices that are not finite or without projected
    /// area are left out and counted in [`RasterBuffers::skipped_count`].
    ///
    /// # Errors
    /// [`KernelError::VertexIndex`], [`KernelError::PartCount`],
    /// [`KernelError::ProjectionNotFinite`], [`KernelError::NearPlane`] or
    /// [`KernelError::RasterBufferLength`]; `out` is then untouched.
    fn rasterize(
        &mut self,
        mesh: &MeshView<'_>,
        pixel_from_object: &[[f32; 4]; 3],
        near: f32,
        out: &mut RasterBuffers,
    ) -> Result<(), KernelError>;
}

/// The checks every implementation makes before it draws.
pub(crate) fn check_rasterize(
    mesh: &MeshView<'_>,
    pixel_from_object: &[[f32; 4]; 3],
    near: f32,
    out: &RasterBuffers,
) -> Result<(), KernelError> {
    out.check()?;
    if !near.is_finite() || near <= 0.0 {
        return Err(KernelError::NearPlane);
    }
    if !pixel_from_object.iter().flatten().all(|element| element.is_finite()) {
        return Err(KernelError::ProjectionNotFinite);
    }
    mesh.check()
}
