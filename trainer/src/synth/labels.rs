//! KITTI labels of a rendered scene: boxes of the whole projected shape, truncation, occlusion from visible pixels.

use calibration::kitti::{ObjectLabel, alpha_from_rotation_y};
use kernels::{CpuRasterize, EMPTY_PART, EMPTY_TRIANGLE, KernelError, RasterBuffers, Rasterize};
use nalgebra::{Matrix4, Vector3};

use super::traffic::PlacedVehicle;
use super::view::{NEAR_M, PartNumbers, SAMPLES, camera_from_world, pixel_from_world, rows, world_from_vehicle};
use super::{Scene, VehicleLabel};

/// Vehicles with fewer visible pixels have no label.
const VISIBLE_MIN_PX: usize = 12;
/// Visible shares above which a vehicle counts as fully, partly, largely visible; below the last it is "unknown" (3).
const VISIBLE_SHARES: [f64; 3] = [0.90, 0.50, 0.12];

/// Labels of all vehicles that the supersampled drawing of the scene shows.
pub(super) fn label(
    scene: &Scene,
    drawn: &RasterBuffers,
    rasterizer: &mut CpuRasterize,
) -> Result<Vec<VehicleLabel>, KernelError> {
    let numbers = PartNumbers::of(scene);
    let mut counts = vec![0usize; scene.vehicles.len()];
    for part in drawn.part.iter().filter(|part| **part != EMPTY_PART) {
        if let Some((vehicle, _)) = numbers.vehicle(*part) {
            counts[vehicle] += 1;
        }
    }
    let mut out = Vec::new();
    for (index, placed) in scene.vehicles.iter().enumerate() {
        let visible_px = counts[index] / (SAMPLES * SAMPLES);
        if visible_px < VISIBLE_MIN_PX {
            continue;
        }
        let Some(outline) = outline(scene, placed) else { continue };
        let alone = silhouette_samples(scene, placed, &outline.clipped_px, rasterizer)?;
        let visible_share = (counts[index] as f64 / alone.max(1) as f64).min(1.0);
        let occluded = VISIBLE_SHARES.iter().position(|share| visible_share > *share).unwrap_or(3) as i32;
        let object = object_label(scene, placed, &outline, occluded);
        out.push(VehicleLabel { vehicle: index, track_id: placed.track_id, visible_share, visible_px, object });
    }
    Ok(out)
}

struct Outline {
    /// Box of the projected mesh, clipped to the image, KITTI pixel coordinates (centres are whole numbers).
    clipped_px: [f64; 4],
    truncated: f64,
}

/// Projected extent of the mesh; `None` when none of it is in the image.
fn outline(scene: &Scene, placed: &PlacedVehicle) -> Option<Outline> {
    let camera = &scene.camera;
    let camera_from_vehicle: Matrix4<f64> = camera_from_world(scene) * world_from_vehicle(scene, placed);
    let mut full = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for position in &placed.vehicle.mesh.positions {
        let p = camera_from_vehicle * Vector3::from(position.map(f64::from)).push(1.0);
        // What is beside or behind the camera reaches beyond the image; half a metre ahead of it is far enough outside.
        let point = Vector3::new(p.x, p.y, p.z.max(0.5));
        let [u, v] = camera.project(&point)?;
        full = [full[0].min(u), full[1].min(v), full[2].max(u), full[3].max(v)];
    }
    let limits = [f64::from(camera.width_px) - 1.0, f64::from(camera.height_px) - 1.0];
    let clipped_px = [
        full[0].clamp(0.0, limits[0]),
        full[1].clamp(0.0, limits[1]),
        full[2].clamp(0.0, limits[0]),
        full[3].clamp(0.0, limits[1]),
    ];
    let area = |b: &[f64; 4]| (b[2] - b[0]).max(0.0) * (b[3] - b[1]).max(0.0);
    let truncated = 1.0 - area(&clipped_px) / area(&full).max(1e-9);
    (area(&clipped_px) > 0.0)
        .then_some(Outline { clipped_px, truncated: if truncated < 1e-6 { 0.0 } else { truncated } })
}

/// Samples that the vehicle would cover inside the image if it were alone.
fn silhouette_samples(
    scene: &Scene,
    placed: &PlacedVehicle,
    clipped_px: &[f64; 4],
    rasterizer: &mut CpuRasterize,
) -> Result<usize, KernelError> {
    let scale = SAMPLES as f64;
    let (x0, y0) = (scale * clipped_px[0].floor(), scale * clipped_px[1].floor());
    let (x1, y1) = (scale * (clipped_px[2].ceil() + 1.0), scale * (clipped_px[3].ceil() + 1.0));
    let mut matrix = pixel_from_world(scene, scale) * world_from_vehicle(scene, placed);
    let depth_row = matrix.row(2).into_owned();
    for (row, offset) in [(0, x0), (1, y0)] {
        let moved = matrix.row(row) - depth_row * offset;
        matrix.row_mut(row).copy_from(&moved);
    }
    let mut buffers = RasterBuffers::new((x1 - x0) as usize, (y1 - y0) as usize);
    rasterizer.rasterize(&placed.vehicle.mesh.view(), &rows(&matrix), NEAR_M, &mut buffers)?;
    Ok(buffers.triangle.iter().filter(|triangle| **triangle != EMPTY_TRIANGLE).count())
}

fn object_label(scene: &Scene, placed: &PlacedVehicle, outline: &Outline, occluded: i32) -> ObjectLabel {
    let vehicle = &placed.vehicle;
    let camera_from_vehicle = camera_from_world(scene) * world_from_vehicle(scene, placed);
    let center = camera_from_vehicle.fixed_view::<3, 1>(0, 3).into_owned();
    let forward = camera_from_vehicle.fixed_view::<3, 1>(0, 0).into_owned();
    let rotation_y_rad = rounded((-forward.z).atan2(forward.x));
    let bottom = Vector3::new(center.x, center.y + 0.5 * vehicle.height_m, center.z).map(rounded);
    ObjectLabel {
        class: vehicle.kind.kitti_class().to_owned(),
        truncated: (outline.truncated * 100.0).round() / 100.0,
        occluded,
        alpha_rad: rounded(alpha_from_rotation_y(rotation_y_rad, bottom.x, bottom.z)),
        box_px: outline.clipped_px.map(|value| (value * 100.0).round() / 100.0),
        height_m: rounded(vehicle.height_m),
        width_m: rounded(vehicle.width_m),
        length_m: rounded(vehicle.length_m),
        bottom_center_m: bottom,
        rotation_y_rad,
        score: None,
    }
}

/// Six decimals, as in KITTI's own files.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
