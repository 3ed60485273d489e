//! Renders shapes in any modality.

use anyhow::{Result, ensure};
use calibration::Viewpoint;
use kernels::{CpuRasterize, CropSpec, EMPTY_TRIANGLE, RasterBuffers, Rasterize, object_normals};

use super::framing::{Framing, dot};
use super::shading::{Light, NEUTRAL, luma};
use super::{Modality, Shape};

/// Nearest depth that is drawn, metres.
const NEAR_M: f32 = 0.01;

/// Renders shapes, framed exactly as the node frames a crop.
#[derive(Debug)]
pub struct Renderer {
    canvas: CropSpec,
    rasterizer: CpuRasterize,
    buffers: RasterBuffers,
    normals: Vec<[f32; 3]>,
    pixels: Vec<[f32; 3]>,
}

impl Renderer {
    /// A renderer for canvases of this size, context margin and colour normalisation.
    pub fn new(canvas: CropSpec) -> Self {
        let (width, height) = (canvas.width as usize, canvas.height as usize);
        Self {
            canvas,
            rasterizer: CpuRasterize::default(),
            buffers: RasterBuffers::new(width, height),
            normals: vec![[0.0; 3]; width * height],
            pixels: vec![[0.0; 3]; width * height],
        }
    }

    /// Numbers of one rendering: 3 * height * width.
    pub fn len(&self) -> usize {
        3 * self.pixels.len()
    }

    /// Whether the canvas is empty.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Writes the rendering `[3, H, W]` of `shape` seen from `viewpoint`; see [`Modality`] for its channels.
    ///
    /// # Errors
    /// When `out` is not [`Renderer::len`] numbers, or the shape's mesh is malformed.
    pub fn render(&mut self, shape: &Shape, viewpoint: &Viewpoint, modality: Modality, out: &mut [f32]) -> Result<()> {
        ensure!(out.len() == self.len(), "{} numbers are not a canvas of {}", out.len(), self.len());
        let framing = Framing::new(&shape.mesh, viewpoint, &self.canvas);
        self.buffers.clear();
        self.rasterizer.rasterize(&shape.mesh.view(), &framing.pixel_from_object, NEAR_M, &mut self.buffers)?;
        object_normals(&shape.mesh.view(), &self.buffers, &mut self.normals)?;
        face_viewer(&mut self.normals, &framing.axes[2]);
        match modality {
            Modality::Normals => {
                write_planar(&self.normals, out);
                return Ok(());
            }
            Modality::Silhouette => self.each_covered(|_, _| [1.0; 3]),
            Modality::Depth => {
                let nearness = nearness(shape, framing.distance_m);
                self.each_covered(|drawn, i| [nearness(drawn.depth[i]); 3]);
            }
            Modality::Rgb => {
                let (light, canvas) = (Light::new(&framing.axes), self.canvas);
                let normalised = |colour: [f32; 3]| [0, 1, 2].map(|k| (colour[k] - canvas.mean[k]) / canvas.std[k]);
                self.each_shaded(shape, &light, |_, _, _, colour| normalised(colour));
            }
            Modality::Triplet => {
                let nearness = nearness(shape, framing.distance_m);
                let light = Light::new(&framing.axes);
                self.each_shaded(shape, &light, |drawn, i, normal, colour| {
                    [2.0 * luma(colour) - 1.0, nearness(drawn.depth[i]), normal[0]]
                });
            }
        }
        write_planar(&self.pixels, out);
        Ok(())
    }

    fn each_covered(&mut self, value: impl Fn(&RasterBuffers, usize) -> [f32; 3]) {
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let covered = self.buffers.triangle[i] != EMPTY_TRIANGLE;
            *pixel = if covered { value(&self.buffers, i) } else { [0.0; 3] };
        }
    }

    fn each_shaded(
        &mut self,
        shape: &Shape,
        light: &Light,
        value: impl Fn(&RasterBuffers, usize, &[f32; 3], [f32; 3]) -> [f32; 3],
    ) {
        for (i, pixel) in self.pixels.iter_mut().enumerate() {
            let triangle = self.buffers.triangle[i];
            if triangle == EMPTY_TRIANGLE {
                *pixel = [0.0; 3];
                continue;
            }
            let geometric = &self.normals[i];
            let smooth = shading_normal(shape, triangle as usize, self.buffers.barycentric[i], geometric);
            let material = shape.materials.get(usize::from(self.buffers.part[i])).unwrap_or(&NEUTRAL);
            *pixel = value(&self.buffers, i, geometric, light.shade(material, &smooth));
        }
    }
}

/// CAD files wind their triangles carelessly: a visible surface faces the viewer by definition. `forward` is the optical axis.
fn face_viewer(normals: &mut [[f32; 3]], forward: &[f32; 3]) {
    for n in normals {
        if dot(n, forward) > 0.0 {
            *n = n.map(|c| -c);
        }
    }
}

/// Pixels of three channels to the three planes of `out`, which has room for them.
fn write_planar(pixels: &[[f32; 3]], out: &mut [f32]) {
    for (channel, plane) in out.chunks_exact_mut(pixels.len().max(1)).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(pixels) {
            *value = pixel[channel];
        }
    }
}

/// Depth (metres) to nearness: the sphere around the shape's box is 1 at its front and 0 at its back.
fn nearness(shape: &Shape, distance_m: f32) -> impl Fn(f32) -> f32 + use<> {
    let (low, high) = shape.mesh.bounds();
    let diagonal_m = (0..3).map(|axis| (high[axis] - low[axis]).powi(2)).sum::<f32>().sqrt().max(1e-6);
    move |depth_m| (0.5 + (distance_m - depth_m) / diagonal_m).clamp(0.0, 1.0)
}

/// The vertex normals' mean where the shape has any, on the side of the geometric one.
fn shading_normal(shape: &Shape, triangle: usize, [s, t]: [f32; 2], geometric: &[f32; 3]) -> [f32; 3] {
    let Some(vertices) = shape.mesh.triangles.get(triangle) else { return *geometric };
    let mut sum = [0.0f32; 3];
    for (&vertex, weight) in vertices.iter().zip([1.0 - s - t, s, t]) {
        let Some(normal) = shape.normals.get(vertex as usize) else { return *geometric };
        for (sum, c) in sum.iter_mut().zip(normal) {
            *sum += weight * c;
        }
    }
    let length = dot(&sum, &sum).sqrt();
    if length < 1e-3 {
        return *geometric;
    }
    let side = if dot(&sum, geometric) < 0.0 { -1.0 } else { 1.0 };
    sum.map(|c| side * c / length)
}

#[cfg(test)]
mod tests;
