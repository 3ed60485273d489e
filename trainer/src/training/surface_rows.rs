//! Which vertex a crop shows where: what dense features learn from.

use calibration::PinholeCamera;
use kernels::{BoxPx, CpuRasterize, CropSpec, EMPTY_TRIANGLE, MeshView, RasterBuffers, Rasterize};
use models::neural_mesh::Surface;
use models::refinement::placement::CellCamera;
use nalgebra::Vector3;
use rand::Rng;
use rand::seq::SliceRandom as _;

use super::mesh_config::MeshConfig;
use super::templates::{Placed, Sight, Templates};
use crate::augmentation::Augmented;
use crate::datasets::Sample;
use crate::networks::heads::FEATURE_STRIDE;

/// A vertex this far behind what is drawn at its pixel, as a part of the surface's length, is hidden.
const HIDDEN_BEHIND: f32 = 0.03;
/// Vertices seen at less than this cosine are left out: their place in the picture says little about theirs on the car.
const FACING_MIN: f32 = 0.1;

/// The vertices and background cells of a batch of crops.
#[derive(Clone, Debug, Default)]
pub struct SurfaceRows {
    /// Crop of each visible vertex, ascending.
    pub crop: Vec<i64>,
    /// The vertex.
    pub vertex: Vec<i64>,
    /// Where it is seen, in cells of the feature map: u, v.
    pub at: Vec<[f32; 2]>,
    /// Crop of each background cell, ascending.
    pub noise_crop: Vec<i64>,
    /// The cell, row-major.
    pub noise_cell: Vec<i64>,
}

/// Finds the rows of crops; holds the memory for it.
#[derive(Debug)]
pub struct RowMaker {
    rasterizer: CpuRasterize,
    buffers: RasterBuffers,
    width: usize,
    height: usize,
    seen: Vec<(i64, [f32; 2])>,
    free: Vec<i64>,
}

impl RowMaker {
    /// For crops of this canvas.
    pub fn new(spec: &CropSpec) -> Self {
        let (width, height) = (spec.width as usize, spec.height as usize);
        Self {
            rasterizer: CpuRasterize::default(),
            buffers: RasterBuffers::new(width, height),
            width: width / FEATURE_STRIDE,
            height: height / FEATURE_STRIDE,
            seen: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Adds the rows of crop number `crop`, which shows `sample` as `augmented` says; `is_covered` tells which points of the canvas
    /// (pixels) are hidden. A crop into which no sub-type fits adds none.
    pub fn add(
        &mut self,
        config: &MeshConfig,
        templates: &Templates,
        (crop, sample, augmented): (usize, &Sample, &Augmented),
        is_covered: impl Fn(f32, f32) -> bool,
        rng: &mut impl Rng,
        rows: &mut SurfaceRows,
    ) {
        let Some(placed) = place(templates, sample, augmented) else { return };
        if !self.draw(&placed) {
            return;
        }
        self.look(&placed, &is_covered);
        self.seen.shuffle(rng);
        let count = if config.rows_per_crop == 0 { self.seen.len() } else { config.rows_per_crop };
        for &(vertex, at) in self.seen.iter().take(count) {
            rows.crop.push(crop as i64);
            rows.vertex.push(vertex);
            rows.at.push(at);
        }
        self.free.shuffle(rng);
        for &cell in self.free.iter().take(config.noise_per_crop) {
            rows.noise_crop.push(crop as i64);
            rows.noise_cell.push(cell);
        }
    }

    /// Draws the surface in canvas pixels; depths are in mesh units from the camera.
    fn draw(&mut self, placed: &Placed<'_>) -> bool {
        let Surface { .. } = placed.surface.as_ref();
        let mesh =
            MeshView { positions: placed.surface.positions(), triangles: placed.surface.triangles(), parts: &[] };
        let placement = &placed.placement;
        let stride = FEATURE_STRIDE as f32;
        let distance = distance(placed);
        // u w and v w for the w that is the depth: (center + scale * distance * (Y.x - a Y.z) / depth) * depth.
        let row = |axis: usize| {
            let across = |j: usize| placement.rotation[axis][j] - placement.slant[axis] * placement.rotation[2][j];
            let along = |j: usize| {
                stride * (placement.scale * distance * across(j) + placement.centre[axis] * placement.rotation[2][j])
            };
            [along(0), along(1), along(2), stride * placement.centre[axis] * distance]
        };
        let [x, y, z] = placement.rotation[2];
        let pixel_from_object = [row(0), row(1), [x, y, z, distance]];
        self.buffers.clear();
        self.rasterizer.rasterize(&mesh, &pixel_from_object, 0.05 * distance, &mut self.buffers).is_ok()
    }

    /// Fills `seen` with visible vertices and `free` with cells that show no visible part of the object.
    fn look(&mut self, placed: &Placed<'_>, is_covered: &impl Fn(f32, f32) -> bool) {
        let stride = FEATURE_STRIDE as f32;
        let (width, height) = (self.width as f32, self.height as f32);
        let surface = placed.surface.as_ref();
        let behind = HIDDEN_BEHIND * surface.bounds().size().into_iter().fold(0.0, f32::max);
        let distance = distance(placed);
        self.seen.clear();
        for (vertex, (position, normal)) in (0i64..).zip(surface.positions().iter().zip(surface.normals())) {
            let seen = placed.placement.place(*position, *normal);
            let (u, v) = (seen.u, seen.v);
            let is_inside = 0.0 < u && u < width && 0.0 < v && v < height;
            if !seen.faces_viewer() || seen.facing < FACING_MIN || !is_inside || is_covered(stride * u, stride * v) {
                continue;
            }
            // Beside the silhouette by rounding, nothing is drawn at the vertex' own pixel: then it is in view.
            let drawn = self.buffers.depth[(stride * v) as usize * self.buffers.width + (stride * u) as usize];
            if seen.depth * distance <= drawn + behind {
                self.seen.push((vertex, [u, v]));
            }
        }
        self.free.clear();
        for cell in 0..self.width * self.height {
            let (column, row) = (cell % self.width, cell / self.width);
            let center = [(column as f32 + 0.5) * stride, (row as f32 + 0.5) * stride];
            if is_covered(center[0], center[1]) || !self.is_drawn(column, row) {
                self.free.push(cell as i64);
            }
        }
    }

    /// Whether the object's silhouette reaches into a cell.
    fn is_drawn(&self, column: usize, row: usize) -> bool {
        (row * FEATURE_STRIDE..(row + 1) * FEATURE_STRIDE).any(|y| {
            let line = &self.buffers.triangle[y * self.buffers.width + column * FEATURE_STRIDE..][..FEATURE_STRIDE];
            line.iter().any(|&triangle| triangle != EMPTY_TRIANGLE)
        })
    }
}

/// From the camera to the object's centre, in mesh units; far away where there is no perspective.
fn distance(placed: &Placed<'_>) -> f32 {
    1.0 / placed.placement.nearness.max(1e-4)
}

/// The sub-type of a crop where it shows its object.
pub fn place<'a>(templates: &'a Templates, sample: &Sample, augmented: &Augmented) -> Option<Placed<'a>> {
    let stride = FEATURE_STRIDE as f32;
    let BoxPx { x1, y1, x2, y2 } = augmented.box_px;
    let box_cells = BoxPx { x1: x1 / stride, y1: y1 / stride, x2: x2 / stride, y2: y2 / stride };
    let camera = sample.camera.map(|camera| in_cells(&camera.with_corner_origin(), sample, augmented));
    let center_m = sample
        .center_m
        .map(|center| if augmented.is_mirrored { Vector3::new(-center.x, center.y, center.z) } else { center });
    templates.place(&Sight { size_m: sample.size_m, center_m, viewpoint: augmented.viewpoint, box_cells, camera })
}

/// The camera of a sample's picture, in cells of the crop.
fn in_cells(camera: &PinholeCamera, sample: &Sample, augmented: &Augmented) -> CellCamera {
    let [right, down] = [camera.cx_px as f32 - sample.box_px.x1, camera.cy_px as f32 - sample.box_px.y1];
    let BoxPx { x1, y1, x2, .. } = augmented.box_px;
    let x_px = if augmented.is_mirrored { x2 - right * augmented.scale } else { x1 + right * augmented.scale };
    let principal = [x_px, y1 + down * augmented.scale].map(|at_px| at_px / FEATURE_STRIDE as f32);
    CellCamera { focal: camera.fx_px as f32 * augmented.scale / FEATURE_STRIDE as f32, principal }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use calibration::Viewpoint;
    use image::RgbImage;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::datasets::{Picture, Source};
    use crate::training::mesh_config::MeshForm;

    const SPEC: CropSpec =
        CropSpec { width: 224, height: 128, context_margin: 0.1, fill: [0.5; 3], mean: [0.0; 3], std: [1.0; 3] };

    fn config() -> MeshConfig {
        MeshConfig { form: MeshForm::Cuboid, vehicles_per_kind: 1, noise_per_crop: 40, ..MeshConfig::default() }
    }

    /// A car of 4 x 1.8 x 1.5 m seen from its left side, its front towards the image's left.
    fn rows(azimuth_deg: f64, is_covered: impl Fn(f32, f32) -> bool) -> (SurfaceRows, Templates) {
        let templates = Templates::new(&config()).unwrap();
        let box_px = BoxPx { x1: 20.0, y1: 30.0, x2: 204.0, y2: 98.0 };
        let sample = Sample {
            source: Source::Stanford,
            picture: Picture::Decoded(Arc::new(RgbImage::new(224, 128))),
            box_px,
            viewpoint: Viewpoint::from_degrees(azimuth_deg, 0.0, 0.0),
            group: 0,
            occlusion: 0,
            size_m: Some([4.0, 1.8, 1.5]),
            center_m: None,
            camera: None,
        };
        let augmented = Augmented { viewpoint: sample.viewpoint, box_px, scale: 1.0, is_mirrored: false };
        let mut rows = SurfaceRows::default();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        RowMaker::new(&SPEC).add(&config(), &templates, (0, &sample, &augmented), is_covered, &mut rng, &mut rows);
        (rows, templates)
    }

    fn positions<'a>(
        rows: &'a SurfaceRows,
        templates: &'a Templates,
    ) -> impl Iterator<Item = ([f32; 3], [f32; 2])> + 'a {
        let surface = &templates.templates()[0].surface;
        rows.vertex.iter().map(|&v| surface.positions()[v as usize]).zip(rows.at.iter().copied())
    }

    #[test]
    fn the_left_side_is_seen_from_the_left_with_its_front_to_the_left() {
        let (rows, templates) = rows(90.0, |_, _| false);
        let left = templates.templates()[0].surface.bounds().high[1];
        assert!(rows.crop.len() > 100);
        let sides = positions(&rows, &templates).filter(|(p, _)| (p[1] - left).abs() < 1e-4).count();
        assert!(sides as f32 > 0.8 * rows.crop.len() as f32, "{sides} of {}", rows.crop.len());
        let front = positions(&rows, &templates).filter(|(p, _)| p[0] > 1.0).map(|(_, at)| at[0]);
        let front: Vec<f32> = front.collect();
        assert!(front.len() > 10 && front.iter().all(|&u| u < 14.0), "{front:?}");
        let box_cells = [20.0 / 8.0, 30.0 / 8.0, 204.0 / 8.0, 98.0 / 8.0];
        for (_, [u, v]) in positions(&rows, &templates) {
            assert!(
                u > box_cells[0] - 0.5 && u < box_cells[2] + 0.5 && v > box_cells[1] - 1.5 && v < box_cells[3] + 1.5
            );
        }
    }

    #[test]
    fn what_is_covered_is_no_vertex_but_background() {
        let (rows, _) = rows(45.0, |x, _| x < 112.0);
        assert!(!rows.at.is_empty() && rows.at.iter().all(|at| at[0] >= 14.0));
        // Cells within the object's box, on its hidden half.
        let hidden = |cell: &&i64| (4..13).contains(&(**cell % 28)) && (5..11).contains(&(**cell / 28));
        assert!(rows.noise_cell.iter().filter(hidden).count() > 0, "{:?}", rows.noise_cell);
    }

    #[test]
    fn background_is_beside_the_object() {
        let (rows, _) = rows(90.0, |_, _| false);
        assert_eq!(rows.noise_cell.len(), 40);
        let inside = |cell: &i64| (5..23).contains(&(cell % 28)) && (5..11).contains(&(cell / 28));
        assert!(rows.noise_cell.iter().all(|cell| !inside(cell)));
    }
}
