//! Object-axis normal maps: the colour says which side of the object a pixel shows, so front and rear differ.

use anyhow::{Context, Result};
use calibration::{Rotation, Viewpoint};
use kernels::{BoxPx, CpuRasterize, CropSpec, RasterBuffers, Rasterize, crop_window, object_normals};
use models::mesh::Mesh;

/// Distance of the virtual camera in object lengths: nearly affine, as in the published renderings (12 degrees of view).
const DISTANCE_IN_LENGTHS: f32 = 5.0;
/// Any focal length serves, since the object is scaled to fill the canvas.
const FOCAL_PX: f32 = 1000.0;

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
        let projection = self.projection(mesh, &viewpoint.to_rotation());
        self.buffers.clear();
        self.rasterizer.rasterize(&mesh.view(), &projection, 0.01, &mut self.buffers)?;
        object_normals(&mesh.view(), &self.buffers, &mut self.normals)?;
        face_viewer(&mut self.normals, &viewpoint.to_rotation());
        let count = self.normals.len();
        let (x, rest) = out.split_at_mut_checked(count).context("the output is shorter than a canvas")?;
        let (y, z) = rest.split_at_mut_checked(count).context("the output is shorter than a canvas")?;
        for (i, normal) in self.normals.iter().enumerate() {
            [x[i], y[i], z[i]] = *normal;
        }
        Ok(())
    }

    /// Rows `u w`, `v w`, `w` of the canvas pixel of a body point, with the mesh's projected box filling the canvas.
    fn projection(&self, mesh: &Mesh, camera_from_object: &Rotation) -> [[f32; 4]; 3] {
        let matrix = camera_from_object.to_rotation_matrix();
        let row = |i: usize| [0, 1, 2].map(|j| matrix[(i, j)] as f32);
        let rows = [row(0), row(1), row(2)];
        let (low, high) = mesh.bounds();
        let distance = DISTANCE_IN_LENGTHS * (high[0] - low[0]).max(high[1] - low[1]);
        let dot = |r: &[f32; 3], p: &[f32; 3]| r[0] * p[0] + r[1] * p[1] + r[2] * p[2];
        let mut bounds = BoxPx { x1: f32::MAX, y1: f32::MAX, x2: f32::MIN, y2: f32::MIN };
        for p in &mesh.positions {
            let depth = dot(&rows[2], p) + distance;
            let (u, v) = (FOCAL_PX * dot(&rows[0], p) / depth, FOCAL_PX * dot(&rows[1], p) / depth);
            bounds.x1 = bounds.x1.min(u);
            bounds.x2 = bounds.x2.max(u);
            bounds.y1 = bounds.y1.min(v);
            bounds.y2 = bounds.y2.max(v);
        }
        let window = crop_window(&bounds, &self.canvas);
        let scale_x = self.canvas.width as f32 / (window.x2 - window.x1);
        let scale_y = self.canvas.height as f32 / (window.y2 - window.y1);
        let pixel = |axis: &[f32; 3], scale: f32, origin: f32| {
            let at = |j: usize| scale * (FOCAL_PX * axis[j] - origin * rows[2][j]);
            [at(0), at(1), at(2), -scale * origin * distance]
        };
        let depth = [rows[2][0], rows[2][1], rows[2][2], distance];
        [pixel(&rows[0], scale_x, window.x1), pixel(&rows[1], scale_y, window.y1), depth]
    }
}

/// CAD files wind their triangles carelessly: a visible surface faces the viewer by definition.
fn face_viewer(normals: &mut [[f32; 3]], camera_from_object: &Rotation) {
    let towards = camera_from_object.inverse() * nalgebra::Vector3::new(0.0, 0.0, -1.0);
    let towards = [towards.x as f32, towards.y as f32, towards.z as f32];
    for n in normals {
        if n[0] * towards[0] + n[1] * towards[1] + n[2] * towards[2] < 0.0 {
            *n = n.map(|c| -c);
        }
    }
}
