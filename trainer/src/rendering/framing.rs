//! The virtual camera of a rendering: nearly affine, with the object's projected box fitted into the canvas as the node fits
//! a detection's.

use calibration::Viewpoint;
use calibration::so3::to_rows;
use kernels::{BoxPx, CropSpec, crop_window};
use models::mesh::Mesh;

/// Distance of the virtual camera in object lengths: as in the published renderings (12 degrees of view).
const DISTANCE_IN_LENGTHS: f32 = 5.0;
/// Any focal length serves, since the object is scaled to fill the canvas.
const FOCAL_PX: f32 = 1000.0;

/// A viewpoint of one mesh on one canvas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    /// Rows of `camera_from_object`: the optical axes (x right, y down, z forward) in body axes.
    pub(super) axes: [[f32; 3]; 3],
    /// From the camera to the body's origin, metres.
    pub(super) distance_m: f32,
    /// Rows `u w`, `v w`, `w` of the canvas pixel of a body point.
    pub(super) pixel_from_object: [[f32; 4]; 3],
}

impl Framing {
    /// Looks at `mesh` (body axes, metres) from `viewpoint`.
    pub(super) fn new(mesh: &Mesh, viewpoint: &Viewpoint, canvas: &CropSpec) -> Self {
        let axes = to_rows(&viewpoint.to_rotation());
        let distance_m = camera_distance_m(mesh);
        let window = crop_window(&projected_box(&mesh.positions, &axes, distance_m), canvas);
        let scale_x = canvas.width as f32 / (window.x2 - window.x1);
        let scale_y = canvas.height as f32 / (window.y2 - window.y1);
        let pixel = |axis: &[f32; 3], scale: f32, origin: f32| {
            let at = |j: usize| scale * (FOCAL_PX * axis[j] - origin * axes[2][j]);
            [at(0), at(1), at(2), -scale * origin * distance_m]
        };
        let depth = [axes[2][0], axes[2][1], axes[2][2], distance_m];
        let pixel_from_object = [pixel(&axes[0], scale_x, window.x1), pixel(&axes[1], scale_y, window.y1), depth];
        Self { axes, distance_m, pixel_from_object }
    }
}

/// From the camera to the body's origin, metres.
pub(super) fn camera_distance_m(mesh: &Mesh) -> f32 {
    let (low, high) = mesh.bounds();
    DISTANCE_IN_LENGTHS * (high[0] - low[0]).max(high[1] - low[1])
}

/// The box around the projections of body points (metres), in pixels of the virtual camera about its principal point.
pub(super) fn projected_box(positions: &[[f32; 3]], axes: &[[f32; 3]; 3], distance_m: f32) -> BoxPx {
    let mut bounds = BoxPx { x1: f32::MAX, y1: f32::MAX, x2: f32::MIN, y2: f32::MIN };
    for p in positions {
        let depth = dot(&axes[2], p) + distance_m;
        let (u, v) = (FOCAL_PX * dot(&axes[0], p) / depth, FOCAL_PX * dot(&axes[1], p) / depth);
        bounds.x1 = bounds.x1.min(u);
        bounds.x2 = bounds.x2.max(u);
        bounds.y1 = bounds.y1.min(v);
        bounds.y2 = bounds.y2.max(v);
    }
    bounds
}

pub(super) fn dot(a: &[f32; 3], b: &[f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
