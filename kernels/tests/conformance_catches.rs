//! The laws have teeth: implementations with a typical mistake do not pass.

use std::ops::Range;

use kernels::conformance::{crop, rasterize, top_k};
use kernels::{
    BoxPx, CpuCrop, CpuRasterize, CpuTopK, Crop, CropSpec, ImageView, KernelError, MeshView, Neighbor, RasterBuffers,
    Rasterize, Rows, TableView, TopK, TopKReport,
};

/// Takes pixel centres for pixel borders.
struct HalfPixelOff(CpuCrop);

impl Crop for HalfPixelOff {
    fn crop(
        &mut self,
        image: &ImageView<'_>,
        boxes: &[BoxPx],
        spec: &CropSpec,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        let shift = |b: &BoxPx| BoxPx { x1: b.x1 + 0.5, y1: b.y1 + 0.5, x2: b.x2 + 0.5, y2: b.y2 + 0.5 };
        self.0.crop(image, &boxes.iter().map(shift).collect::<Vec<_>>(), spec, out)
    }
}

#[test]
#[should_panic(expected = "BoxPx")]
fn half_a_pixel_is_caught_by_the_mirror() {
    crop::a_mirrored_image_gives_a_mirrored_crop(|| HalfPixelOff(CpuCrop::new()));
}

#[test]
#[should_panic(expected = "instead of")]
fn half_a_pixel_is_caught_by_interpolation() {
    crop::enlarging_interpolates_between_pixel_centres(|| HalfPixelOff(CpuCrop::new()));
}

/// Draws everything twice, slightly moved: a fill rule that owns all edges.
struct OwnsAllEdges(CpuRasterize);

impl Rasterize for OwnsAllEdges {
    fn rasterize(
        &mut self,
        mesh: &MeshView<'_>,
        pixel_from_object: &[[f32; 4]; 3],
        near: f32,
        out: &mut RasterBuffers,
    ) -> Result<(), KernelError> {
        for shift_px in [-1e-4, 1e-4] {
            let [u, v, w] = *pixel_from_object;
            let add = |row: [f32; 4], shift_px: f32| std::array::from_fn(|column| row[column] + shift_px * w[column]);
            let moved = [add(u, shift_px), add(v, 0.7 * shift_px), w];
            self.0.rasterize(mesh, &moved, near, out)?;
        }
        Ok(())
    }
}

#[test]
#[should_panic(expected = "[[0, 1, 2], [0, 2, 3]]")]
fn a_doubled_diagonal_is_caught() {
    rasterize::a_quad_of_two_triangles_covers_every_pixel_once(|| OwnsAllEdges(CpuRasterize::new()));
}

/// Interpolates in the image instead of on the surface.
struct AffineWeights(CpuRasterize);

impl Rasterize for AffineWeights {
    fn rasterize(
        &mut self,
        mesh: &MeshView<'_>,
        pixel_from_object: &[[f32; 4]; 3],
        near: f32,
        out: &mut RasterBuffers,
    ) -> Result<(), KernelError> {
        self.0.rasterize(mesh, pixel_from_object, near, out)?;
        let forward = pixel_from_object[2];
        for (weights, &triangle) in out.barycentric.iter_mut().zip(&out.triangle) {
            let Some(vertices) = mesh.triangles.get(triangle as usize) else { continue };
            let depths = vertices.map(|vertex| {
                let [x, y, z] = mesh.positions[vertex as usize];
                forward[0] * x + forward[1] * y + forward[2] * z + forward[3]
            });
            let scaled = [(1.0 - weights[0] - weights[1]) * depths[0], weights[0] * depths[1], weights[1] * depths[2]];
            let total: f32 = scaled.iter().sum();
            *weights = [scaled[1] / total, scaled[2] / total];
        }
        Ok(())
    }
}

#[test]
#[should_panic(expected = "weight")]
fn weights_without_perspective_are_caught() {
    rasterize::random_meshes_agree_with_ray_casting(|| AffineWeights(CpuRasterize::new()));
}

/// Sorts everything, but the later of two equals first.
struct LaterFirst(CpuTopK);

impl TopK for LaterFirst {
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        let report = self.0.top_k(table, range, queries, k, out)?;
        out.sort_by(|a, b| a.squared_distance.total_cmp(&b.squared_distance).then(b.row.cmp(&a.row)));
        Ok(report)
    }
}

#[test]
#[should_panic(expected = "row: ")]
fn reversed_ties_are_caught() {
    top_k::equal_distances_are_ordered_by_row(|k_max, batch_max| LaterFirst(CpuTopK::new(k_max, batch_max)));
}

/// Computes `|q|^2 + |r|^2 - 2 q.r` in single precision.
struct Cancels;

impl TopK for Cancels {
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        let Rows::F32(rows) = table.rows else { return Ok(TopKReport::default()) };
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        for (query, slots) in queries.chunks_exact(table.dim).zip(out.chunks_exact_mut(k)) {
            let distances = rows.chunks_exact(table.dim).zip(range.clone());
            let mut all: Vec<Neighbor> = distances
                .map(|(r, row)| Neighbor { row, squared_distance: dot(query, query) + dot(r, r) - 2.0 * dot(query, r) })
                .collect();
            all.sort_by(|a, b| a.squared_distance.total_cmp(&b.squared_distance).then(a.row.cmp(&b.row)));
            slots.copy_from_slice(&all[..k]);
        }
        Ok(TopKReport::default())
    }
}

#[test]
#[should_panic(expected = "instead of")]
fn cancelling_distances_are_caught() {
    top_k::random_rows_differ_only_within_the_error_bound(|_, _| Cancels);
}
