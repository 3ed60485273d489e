//! Scenes of parametric vehicles on a road, rendered with exact labels.
//!
//! [`scene`] draws an independent scene from a seed, [`Drive`] a continuous one at 10 Hz; [`render`] gives the picture, the labels and
//! an id buffer. World axes: x along the street, y to the left, z up, metres. The camera is level, so KITTI's yaw-only labels are exact.

mod buildings;
mod car_paint;
mod dataset;
mod develop;
mod facade;
mod foliage;
mod furniture;
mod geometry;
mod ground;
mod labels;
mod layout;
mod noise;
mod scenes;
mod shade;
mod sky;
mod street;
mod traffic;
mod view;

pub use dataset::{SynthArgs, run};
pub use scenes::{Drive, Eye, FRAME_RATE_HZ, SceneOptions, scene, scene_with};
pub use traffic::PlacedVehicle;

use std::sync::Arc;

use calibration::PinholeCamera;
use calibration::kitti::ObjectLabel;
use image::RgbImage;
use kernels::{CpuRasterize, KernelError, RasterBuffers};

/// Vectors of shading: single precision, world axes unless said otherwise, or linear RGB.
type V3 = nalgebra::Vector3<f32>;

/// Id of pixels that show no vehicle.
pub const NO_VEHICLE: u16 = u16::MAX;

/// Everything that one picture shows.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Intrinsics, in KITTI's pixel coordinates (pixel centres are whole numbers).
    pub camera: PinholeCamera,
    /// Where the camera stands.
    pub eye: Eye,
    /// All vehicles, also those out of sight.
    pub vehicles: Vec<PlacedVehicle>,
    street: Arc<street::Street>,
    sky: sky::Sky,
    development: develop::Development,
    noise_seed: u64,
}

/// Label of one visible vehicle.
#[derive(Clone, Debug)]
pub struct VehicleLabel {
    /// Row of [`Scene::vehicles`].
    pub vehicle: usize,
    /// Identity over the frames of a drive.
    pub track_id: i64,
    /// Visible pixels as a share of those that the vehicle alone would cover inside the image.
    pub visible_share: f64,
    /// Visible pixels.
    pub visible_px: usize,
    /// The label as KITTI writes it.
    pub object: ObjectLabel,
}

/// A rendered scene.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The picture.
    pub rgb: RgbImage,
    /// One label for each vehicle that can be seen.
    pub labels: Vec<VehicleLabel>,
    /// Row of [`Scene::vehicles`] for each pixel, row by row, or [`NO_VEHICLE`]. A pixel that a vehicle covers only partly is the vehicle's.
    pub ids: Vec<u16>,
    /// Part of the vehicle for each pixel (row of `Part::ALL`), or [`NO_VEHICLE`].
    pub parts: Vec<u16>,
}

/// Renders a scene on one core.
///
/// # Errors
/// [`KernelError`] where the scene's meshes or projection are malformed; scenes from this module are not.
pub fn render(scene: &Scene) -> Result<Rendered, KernelError> {
    let (width, height) = (scene.camera.width_px as usize, scene.camera.height_px as usize);
    let mut rasterizer = CpuRasterize::new();
    let mut buffers = RasterBuffers::new(width * view::SAMPLES, height * view::SAMPLES);
    let enlarged = view::pixel_from_world(scene, view::SAMPLES as f64);
    view::draw(scene, &enlarged, view::NEAR_M, &mut rasterizer, &mut buffers)?;
    let shadows = view::Shadows::draw(scene, &mut rasterizer)?;
    let shader = shade::Shader::new(scene, shadows);
    let mut light = Vec::with_capacity(width * height);
    for y in 0..height {
        light.extend((0..width).map(|x| shader.pixel(&buffers, x, y)));
    }
    let rgb = develop::develop(&light, width, height, &scene.development, scene.noise_seed);
    let (ids, parts) = identify(scene, &buffers, width, height);
    let labels = labels::label(scene, &buffers, &mut rasterizer)?;
    Ok(Rendered { rgb, labels, ids, parts })
}

/// Vehicle and part of each output pixel: of its nearest sample that shows a vehicle.
fn identify(scene: &Scene, buffers: &RasterBuffers, width: usize, height: usize) -> (Vec<u16>, Vec<u16>) {
    let numbers = view::PartNumbers::of(scene);
    let mut ids = vec![NO_VEHICLE; width * height];
    let mut parts = vec![NO_VEHICLE; width * height];
    for (index, (id, part)) in ids.iter_mut().zip(&mut parts).enumerate() {
        let (x, y) = (index % width * view::SAMPLES, index / width * view::SAMPLES);
        let mut nearest = f32::INFINITY;
        for k in 0..view::SAMPLES * view::SAMPLES {
            let at = (y + k / view::SAMPLES) * buffers.width + x + k % view::SAMPLES;
            let shown = buffers.part[at];
            if shown == kernels::EMPTY_PART || buffers.depth[at] >= nearest {
                continue;
            }
            if let Some((vehicle, vehicle_part)) = numbers.vehicle(shown) {
                nearest = buffers.depth[at];
                (*id, *part) = (vehicle as u16, vehicle_part as u16);
            }
        }
    }
    (ids, parts)
}

#[cfg(test)]
mod tests;
