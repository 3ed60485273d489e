//! The CPU twin: one core, triangle by triangle, in double precision where coverage is decided.

use super::edge::{doubled_area, edges_of, pixels_between};
use super::{MeshView, RasterBuffers, Rasterize, check_rasterize};
use crate::KernelError;

/// Draws on one CPU core. Keeps the projected vertices' memory from call to call.
#[derive(Debug, Default)]
pub struct CpuRasterize {
    /// `(u * w, v * w, w)` of each vertex.
    projected: Vec<[f64; 3]>,
    /// `(u, v)` of each vertex, of use where it lies beyond the near plane.
    flat: Vec<[f64; 2]>,
}

impl CpuRasterize {
    /// An instance without scratch memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Allocates now for meshes up to `vertex_max` vertices; such meshes are then drawn without
    /// allocating.
    pub fn reserve(&mut self, vertex_max: usize) {
        self.projected.clear();
        self.projected.reserve(vertex_max);
        self.flat.clear();
        self.flat.reserve(vertex_max);
    }
}

impl Rasterize for CpuRasterize {
    fn rasterize(
        &mut self,
        mesh: &MeshView<'_>,
        pixel_from_object: &[[f32; 4]; 3],
        near: f32,
        out: &mut RasterBuffers,
    ) -> Result<(), KernelError> {
        check_rasterize(mesh, pixel_from_object, near, out)?;
        self.projected.clear();
        self.projected.extend(mesh.positions.iter().map(|position| project(pixel_from_object, position)));
        self.flat.clear();
        self.flat.extend(self.projected.iter().map(|&[uw, vw, w]| [uw / w, vw / w]));
        let near = f64::from(near);
        for (index, vertices) in mesh.triangles.iter().enumerate() {
            let corners = vertices.map(|vertex| self.projected[vertex as usize]);
            if !corners.iter().flatten().all(|coordinate| coordinate.is_finite()) {
                out.skipped_count += 1;
                continue;
            }
            let part = mesh.parts.get(index).copied().unwrap_or(0);
            let drawn = Triangle { index: index as u32, part, corners };
            if corners.iter().all(|corner| corner[2] >= near) {
                drawn.draw(&[vertices.map(|vertex| self.flat[vertex as usize])], near, out);
            } else {
                drawn.draw_clipped(near, out);
            }
        }
        Ok(())
    }
}

fn project(pixel_from_object: &[[f32; 4]; 3], position: &[f32; 3]) -> [f64; 3] {
    let [x, y, z] = position.map(f64::from);
    pixel_from_object.map(|row| {
        let [a, b, c, d] = row.map(f64::from);
        a * x + b * y + c * z + d
    })
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Depth and barycentric weights as functions of the pixel.
///
/// Homogeneous: the weight of a vertex is proportional to the triple product of the pixel's ray
/// with the two other vertices (Olano and Greer, "Triangle scan conversion using 2D homogeneous
/// coordinates", 1997), which holds for clipped triangles too.
struct Surface {
    weight: [[f64; 3]; 3],
    depth: [f64; 3],
}

impl Surface {
    fn new(corners: [[f64; 3]; 3]) -> Self {
        let [a, b, c] = corners;
        Self { weight: [cross(b, c), cross(c, a), cross(a, b)], depth: [a[2], b[2], c[2]] }
    }

    /// Weights of the three vertices at `(u, v)`: each in `[0, 1]`, their sum one.
    fn weights(&self, u: f64, v: f64) -> [f64; 3] {
        let raw = self.weight.map(|[x, y, w]| x * u + y * v + w);
        let inverse = 1.0 / (raw[0] + raw[1] + raw[2]);
        let weights = raw.map(|weight| weight * inverse);
        if weights.iter().all(|weight| (0.0..=1.0).contains(weight)) { weights } else { Self::at_the_rim(weights) }
    }

    /// At the rim rounding may leave the triangle, far so with a sliver; the surface does not
    /// continue there.
    #[cold]
    fn at_the_rim(weights: [f64; 3]) -> [f64; 3] {
        let clamped = weights.map(|weight| weight.clamp(0.0, 1.0));
        let total = clamped[0] + clamped[1] + clamped[2];
        if total.is_finite() && total > 0.0 { clamped.map(|weight| weight / total) } else { [1.0 / 3.0; 3] }
    }
}

struct Triangle {
    index: u32,
    part: u16,
    /// `(u * w, v * w, w)`.
    corners: [[f64; 3]; 3],
}

impl Triangle {
    /// Cuts at the near plane and draws what remains, as one or two flat triangles.
    fn draw_clipped(&self, near: f64, out: &mut RasterBuffers) {
        let mut visible = [[0.0; 2]; 4];
        match clip_near(&self.corners, near, &mut visible) {
            3 => self.draw(&[[visible[0], visible[1], visible[2]]], near, out),
            4 => {
                let [a, b, c, d] = visible;
                self.draw(&[[a, b, c], [a, c, d]], near, out);
            }
            _ => {}
        }
    }

    fn draw(&self, parts: &[[[f64; 2]; 3]], near: f64, out: &mut RasterBuffers) {
        let mut has_area = false;
        for flat in parts {
            if doubled_area(flat).abs() > 0.0 {
                has_area = true;
                self.draw_flat(flat, near, out);
            }
        }
        if !has_area {
            out.skipped_count += 1;
        }
    }

    fn draw_flat(&self, flat: &[[f64; 2]; 3], near: f64, out: &mut RasterBuffers) {
        let [a, b, c] = *flat;
        let columns = pixels_between(a[0].min(b[0]).min(c[0]), a[0].max(b[0]).max(c[0]), out.width);
        let lines = pixels_between(a[1].min(b[1]).min(c[1]), a[1].max(b[1]).max(c[1]), out.height);
        // Of a detailed mesh on a small canvas most triangles lie between the pixels' centres: so far it was cheap.
        if columns.is_empty() || lines.is_empty() {
            return;
        }
        let Some(edges) = edges_of(flat) else { return };
        let surface = Surface::new(self.corners);
        for y in lines {
            let center_y = y as f64 + 0.5;
            let rows = edges.map(|edge| edge.row(center_y));
            let mut columns = columns.clone();
            if columns.len() > NARROW_FROM_PIXELS {
                for (edge, row) in edges.iter().zip(rows) {
                    edge.narrow(row, &mut columns);
                }
            }
            for x in columns {
                let center_x = x as f64 + 0.5;
                if edges.iter().zip(rows).all(|(edge, row)| edge.admits(row, center_x)) {
                    self.draw_pixel(&surface, y * out.width + x, [center_x, center_y], near, out);
                }
            }
        }
    }

    fn draw_pixel(&self, surface: &Surface, at: usize, [u, v]: [f64; 2], near: f64, out: &mut RasterBuffers) {
        let weights = surface.weights(u, v);
        let depth: f64 = weights.iter().zip(surface.depth).map(|(weight, depth)| weight * depth).sum();
        let depth = depth.max(near) as f32;
        if depth < out.depth[at] {
            out.depth[at] = depth;
            out.triangle[at] = self.index;
            out.barycentric[at] = [weights[1] as f32, weights[2] as f32];
            out.part[at] = self.part;
        }
    }
}

/// Rows shorter than this are tested pixel by pixel: the divisions would cost more than they save.
const NARROW_FROM_PIXELS: usize = 8;

/// The part of a triangle with `w >= near`, projected; returns its number of corners, 0, 3 or 4.
fn clip_near(corners: &[[f64; 3]; 3], near: f64, visible: &mut [[f64; 2]; 4]) -> usize {
    let mut count = 0;
    let mut push = |corner: [f64; 2]| {
        visible[count] = corner;
        count += 1;
    };
    for (index, &from) in corners.iter().enumerate() {
        let to = corners[(index + 1) % 3];
        if from[2] >= near {
            push([from[0] / from[2], from[1] / from[2]]);
        }
        if (from[2] >= near) != (to[2] >= near) {
            // Always from the visible end, so that both triangles of a shared edge compute the same
            // bits.
            let (front, behind) = if from[2] >= near { (from, to) } else { (to, from) };
            let step = (front[2] - near) / (front[2] - behind[2]);
            push([0, 1].map(|axis| (front[axis] + step * (behind[axis] - front[axis])) / near));
        }
    }
    count
}
