//! Object-axis normal maps: the colour says which side of the object a pixel shows, so front and rear differ.

use anyhow::{Context, Result};
use calibration::Viewpoint;
use kernels::{CpuRasterize, CropSpec, RasterBuffers, Rasterize, object_normals};
use models::mesh::Mesh;

use super::framing::{Framing, dot};

/// Nearest depth that is drawn, metres.
pub(super) const NEAR_M: f32 = 0.01;

/// Renders meshes to normal maps, framed exactly as the node frames a crop.
#[derive(Debug)]
pub struct NormalRenderer {
    canvas: CropSpec,
    rasterizer: CpuRasterize,
    buffers: RasterBuffers,
    normals: Vec<[f32; 3]>,
}

impl NormalRenderer {
    /// A renderer for canvases of this size and context margin; colours of `canvas` are not used.
    pub fn new(canvas: CropSpec) -> Self {
        let (width, height) = (canvas.width as usize, canvas.height as usize);
        Self {
            canvas,
            rasterizer: CpuRasterize::default(),
            buffers: RasterBuffers::new(width, height),
            normals: vec![[0.0; 3]; width * height],
        }
    }

    /// Numbers of one rendering: 3 * height * width.
    pub fn len(&self) -> usize {
        3 * self.normals.len()
    }

    /// Whether the canvas is empty.
    pub fn is_empty(&self) -> bool {
        self.normals.is_empty()
    }

    /// Writes the normal map `[3, H, W]` of `mesh` (body axes, metres) seen from `viewpoint`: components in -1..1, towards
    /// the viewer, 0 where the background shows.
    pub fn render(&mut self, mesh: &Mesh, viewpoint: &Viewpoint, out: &mut [f32]) -> Result<()> {
        let framing = Framing::new(mesh, viewpoint, &self.canvas);
        self.buffers.clear();
        self.rasterizer.rasterize(&mesh.view(), &framing.pixel_from_object, NEAR_M, &mut self.buffers)?;
        object_normals(&mesh.view(), &self.buffers, &mut self.normals)?;
        face_viewer(&mut self.normals, &framing.axes[2]);
        write_planar(&self.normals, out)
    }
}

/// CAD files wind their triangles carelessly: a visible surface faces the viewer by definition. `forward` is the optical axis.
pub(super) fn face_viewer(normals: &mut [[f32; 3]], forward: &[f32; 3]) {
    for n in normals {
        if dot(n, forward) > 0.0 {
            *n = n.map(|c| -c);
        }
    }
}

/// Pixels of three channels to three planes.
pub(super) fn write_planar(pixels: &[[f32; 3]], out: &mut [f32]) -> Result<()> {
    let (x, rest) = out.split_at_mut_checked(pixels.len()).context("the output is shorter than a canvas")?;
    let (y, z) = rest.split_at_mut_checked(pixels.len()).context("the output is shorter than a canvas")?;
    for (i, pixel) in pixels.iter().enumerate() {
        let z = z.get_mut(i).context("the output is shorter than a canvas")?;
        [x[i], y[i], *z] = *pixel;
    }
    Ok(())
}
