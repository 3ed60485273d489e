//! Projections, drawing the scene into buffers, and the sun's shadow maps.

use kernels::{CpuRasterize, KernelError, MeshView, RasterBuffers, Rasterize};
use nalgebra::{Matrix3, Matrix3x4, Matrix4, Vector3};

use super::Scene;
use super::traffic::PlacedVehicle;
use crate::vehicles::Part;

/// Supersampling per axis.
pub(super) const SAMPLES: usize = 2;
/// Nearest visible camera z, metres.
pub(super) const NEAR_M: f32 = 0.3;
/// Distance of the stand-in sun: far enough for parallel light, near enough for single precision.
const SUN_M: f64 = 1200.0;

/// Parts of the scenery come first, then [`Part::ALL`] of each vehicle in turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartNumbers {
    scenery_count: u16,
}

impl PartNumbers {
    pub(super) fn of(scene: &Scene) -> Self {
        Self { scenery_count: scene.street.geometry.surfaces.len() as u16 }
    }

    /// (vehicle index, part index), or `None` for scenery.
    pub(super) fn vehicle(self, part: u16) -> Option<(usize, usize)> {
        let beyond = part.checked_sub(self.scenery_count)? as usize;
        Some((beyond / Part::ALL.len(), beyond % Part::ALL.len()))
    }

    fn first_of(self, vehicle: usize) -> u16 {
        self.scenery_count + (vehicle * Part::ALL.len()) as u16
    }
}

/// World from vehicle axes (origin in the middle of its box).
pub(super) fn world_from_vehicle(scene: &Scene, placed: &PlacedVehicle) -> Matrix4<f64> {
    let (sin, cos) = f64::from(placed.yaw_rad).sin_cos();
    let [x, y] = placed.position_m.map(f64::from);
    let z =
        0.5 * placed.vehicle.height_m + f64::from(super::traffic::ground_z_m(&scene.street.layout, placed.position_m));
    Matrix4::new(cos, -sin, 0.0, x, sin, cos, 0.0, y, 0.0, 0.0, 1.0, z, 0.0, 0.0, 0.0, 1.0)
}

/// Optical axes (x right, y down, z forward) from world axes.
pub(super) fn camera_from_world(scene: &Scene) -> Matrix4<f64> {
    let eye = &scene.eye;
    let (sin, cos) = eye.yaw_rad.sin_cos();
    let rotation = Matrix3::new(sin, -cos, 0.0, 0.0, 0.0, -1.0, cos, sin, 0.0);
    let center = Vector3::new(eye.position_m[0], eye.position_m[1], eye.position_m[2]);
    let offset = -(rotation * center);
    let mut out = rotation.to_homogeneous();
    out.fixed_view_mut::<3, 1>(0, 3).copy_from(&offset);
    out
}

/// Pixel from world, for an image enlarged by `scale`, in the corner-origin coordinates of the rasteriser.
pub(super) fn pixel_from_world(scene: &Scene, scale: f64) -> Matrix3x4<f64> {
    let camera = scene.camera.with_corner_origin();
    let intrinsics = Matrix3::new(
        scale * camera.fx_px,
        0.0,
        scale * camera.cx_px, //
        0.0,
        scale * camera.fy_px,
        scale * camera.cy_px, //
        0.0,
        0.0,
        1.0,
    );
    intrinsics * camera_from_world(scene).fixed_view::<3, 4>(0, 0)
}

/// The rasteriser's form of a projection.
pub(super) fn rows(matrix: &Matrix3x4<f64>) -> [[f32; 4]; 3] {
    std::array::from_fn(|row| std::array::from_fn(|column| matrix[(row, column)] as f32))
}

/// Draws scenery and vehicles. `part` numbers follow [`PartNumbers`]; `triangle` counts within the mesh that the part belongs to.
pub(super) fn draw(
    scene: &Scene,
    pixel_from_world: &Matrix3x4<f64>,
    near_m: f32,
    rasterizer: &mut CpuRasterize,
    out: &mut RasterBuffers,
) -> Result<(), KernelError> {
    let numbers = PartNumbers::of(scene);
    rasterizer.rasterize(&scene.street.geometry.view(), &rows(pixel_from_world), near_m, out)?;
    let mut parts = Vec::new();
    for (index, placed) in scene.vehicles.iter().enumerate() {
        let mesh = &placed.vehicle.mesh;
        let first = numbers.first_of(index);
        parts.clear();
        parts.extend(mesh.parts.iter().map(|part| part + first));
        let view = MeshView { positions: &mesh.positions, triangles: &mesh.triangles, parts: &parts };
        let matrix = pixel_from_world * world_from_vehicle(scene, placed);
        rasterizer.rasterize(&view, &rows(&matrix), near_m, out)?;
    }
    Ok(())
}

/// Depth of the scene as the sun sees it.
pub(super) struct ShadowMap {
    side: usize,
    depth: Vec<f32>,
    matrix: Matrix3x4<f32>,
    texel_m: f32,
    center: Vector3<f64>,
}

impl ShadowMap {
    /// A map of `side` x `side` texels round `center`, `radius_m` in each direction.
    pub(super) fn draw(
        scene: &Scene,
        center: Vector3<f64>,
        radius_m: f64,
        side: usize,
        rasterizer: &mut CpuRasterize,
    ) -> Result<Self, KernelError> {
        let sun = scene.sky.sun_direction.cast::<f64>();
        let right = Vector3::z().cross(&sun).normalize();
        let down = sun.cross(&right);
        let rotation = Matrix3::from_rows(&[right.transpose(), down.transpose(), (-sun).transpose()]);
        // Relative to the centre, so that single precision is spent on the scene and not on the way to the sun.
        let local_from_world = Matrix4::new_translation(&-center);
        let mut sun_from_local = rotation.to_homogeneous();
        sun_from_local[(2, 3)] = SUN_M;
        let focal = 0.5 * side as f64 * SUN_M / radius_m;
        let middle = 0.5 * side as f64;
        let intrinsics = Matrix3::new(focal, 0.0, middle, 0.0, focal, middle, 0.0, 0.0, 1.0);
        let texel_from_local = intrinsics * sun_from_local.fixed_view::<3, 4>(0, 0);
        let mut buffers = RasterBuffers::new(side, side);
        draw(scene, &(texel_from_local * local_from_world), 1.0, rasterizer, &mut buffers)?;
        let texel_m = (2.0 * radius_m / side as f64) as f32;
        Ok(Self { side, depth: buffers.depth, matrix: texel_from_local.cast(), texel_m, center })
    }

    /// Share of sunlight that reaches a point of a surface with the given normal; `None` outside of the map.
    pub(super) fn sunlight(&self, point: &Vector3<f32>, normal: &Vector3<f32>) -> Option<f32> {
        let local = point.cast::<f64>() - self.center;
        let lifted = local.cast::<f32>() + normal * (1.2 * self.texel_m + 0.01);
        let projected = self.matrix * lifted.push(1.0);
        let (u, v) = (projected.x / projected.z - 0.5, projected.y / projected.z - 0.5);
        let limit = (self.side - 4) as f32;
        if !(2.0..limit).contains(&u) || !(2.0..limit).contains(&v) {
            return None;
        }
        let (x, y) = (u as usize, v as usize);
        let (fx, fy) = (u - x as f32, v - y as f32);
        let own = projected.z - 0.02 - 0.6 * self.texel_m;
        // A 4 x 4 window, whose outer texels fade with the position inside the texel.
        let (wx, wy) = ([1.0 - fx, 1.0, 1.0, fx], [1.0 - fy, 1.0, 1.0, fy]);
        let mut lit = 0.0;
        for (j, weight_y) in wy.iter().enumerate() {
            let row = (y + j - 1) * self.side + x - 1;
            for (i, weight_x) in wx.iter().enumerate() {
                if self.depth[row + i] >= own {
                    lit += weight_x * weight_y;
                }
            }
        }
        Some(lit / 9.0)
    }
}

/// Two maps: fine near the camera, coarse for the rest of the street.
pub(super) struct Shadows {
    maps: Vec<ShadowMap>,
}

impl Shadows {
    pub(super) fn draw(scene: &Scene, rasterizer: &mut CpuRasterize) -> Result<Self, KernelError> {
        let eye = &scene.eye;
        let ahead = |distance: f64| {
            Vector3::new(
                eye.position_m[0] + distance * eye.yaw_rad.cos(),
                eye.position_m[1] + distance * eye.yaw_rad.sin(),
                0.0,
            )
        };
        let near = ShadowMap::draw(scene, ahead(20.0), 25.0, 1024, rasterizer)?;
        let far = ShadowMap::draw(scene, ahead(75.0), 80.0, 800, rasterizer)?;
        Ok(Self { maps: vec![near, far] })
    }

    /// Share of sunlight at a point; everything beyond the maps is lit.
    pub(super) fn sunlight(&self, point: &Vector3<f32>, normal: &Vector3<f32>) -> f32 {
        self.maps.iter().find_map(|map| map.sunlight(point, normal)).unwrap_or(1.0)
    }
}
