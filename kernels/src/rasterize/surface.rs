//! What can be read off a drawing: silhouette, normals and points in object axes.

use super::{EMPTY_TRIANGLE, MeshView, RasterBuffers};
use crate::KernelError;

/// Writes whether a pixel is covered.
///
/// # Errors
/// [`KernelError::RasterBufferLength`] or [`KernelError::OutputLength`].
pub fn silhouette(buffers: &RasterBuffers, out: &mut [bool]) -> Result<(), KernelError> {
    check_lengths(buffers, out.len())?;
    for (covered, &triangle) in out.iter_mut().zip(&buffers.triangle) {
        *covered = triangle != EMPTY_TRIANGLE;
    }
    Ok(())
}

/// Writes the geometric unit normal of each pixel's triangle, in object axes, on the side its
/// winding gives (counter-clockwise is towards the reader); zero where nothing was drawn.
///
/// `buffers` must have been drawn from this mesh alone.
///
/// # Errors
/// [`KernelError::RasterBufferLength`], [`KernelError::OutputLength`],
/// [`KernelError::TriangleIndex`] or [`KernelError::VertexIndex`].
pub fn object_normals(mesh: &MeshView<'_>, buffers: &RasterBuffers, out: &mut [[f32; 3]]) -> Result<(), KernelError> {
    each_pixel(mesh, buffers, out, |corners, _| normal(corners))
}

/// As [`object_normals`], each normal turned towards a viewer at `viewer` (object axes, metres; see
/// [`viewer_in_object`]).
///
/// # Errors
/// As [`object_normals`].
pub fn object_normals_facing(
    mesh: &MeshView<'_>,
    viewer: [f32; 3],
    buffers: &RasterBuffers,
    out: &mut [[f32; 3]],
) -> Result<(), KernelError> {
    let viewer = viewer.map(f64::from);
    each_pixel(mesh, buffers, out, |corners, _| {
        let normal = normal(corners);
        let towards: f64 = (0..3).map(|axis| normal[axis] * (viewer[axis] - corners[0][axis])).sum();
        if towards < 0.0 { normal.map(|coordinate| -coordinate) } else { normal }
    })
}

/// Writes the point of the surface that each pixel shows, in object axes, metres; zero where
/// nothing was drawn.
///
/// # Errors
/// As [`object_normals`].
pub fn object_points(mesh: &MeshView<'_>, buffers: &RasterBuffers, out: &mut [[f32; 3]]) -> Result<(), KernelError> {
    each_pixel(mesh, buffers, out, |[a, b, c], [s, t]| {
        std::array::from_fn(|axis| a[axis] + s * (b[axis] - a[axis]) + t * (c[axis] - a[axis]))
    })
}

/// Where the camera stands in object axes, metres: the point that `pixel_from_object` takes to
/// zero; `None` when it is singular.
#[must_use]
pub fn viewer_in_object(pixel_from_object: &[[f32; 4]; 3]) -> Option<[f32; 3]> {
    let rows = pixel_from_object.map(|row| row.map(f64::from));
    let column = |index: usize| rows.map(|row| row[index]);
    let (x, y, z, offset) = (column(0), column(1), column(2), column(3).map(|value| -value));
    let volume = |a: [f64; 3], b: [f64; 3], c: [f64; 3]| {
        a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])
    };
    // Cramer's rule.
    let determinant = volume(x, y, z);
    let viewer =
        [volume(offset, y, z), volume(x, offset, z), volume(x, y, offset)].map(|minor| (minor / determinant) as f32);
    viewer.iter().all(|coordinate| coordinate.is_finite()).then_some(viewer)
}

fn check_lengths(buffers: &RasterBuffers, actual: usize) -> Result<(), KernelError> {
    buffers.check()?;
    let needed = buffers.triangle.len();
    if actual == needed { Ok(()) } else { Err(KernelError::OutputLength { actual, needed }) }
}

fn each_pixel(
    mesh: &MeshView<'_>,
    buffers: &RasterBuffers,
    out: &mut [[f32; 3]],
    value: impl Fn(&[[f64; 3]; 3], [f64; 2]) -> [f64; 3],
) -> Result<(), KernelError> {
    check_lengths(buffers, out.len())?;
    mesh.check()?;
    let triangle_count = mesh.triangles.len();
    let foreign = |triangle: u32| triangle != EMPTY_TRIANGLE && triangle as usize >= triangle_count;
    if let Some(&triangle) = buffers.triangle.iter().find(|&&triangle| foreign(triangle)) {
        return Err(KernelError::TriangleIndex { triangle, triangle_count });
    }
    for ((out, &triangle), weights) in out.iter_mut().zip(&buffers.triangle).zip(&buffers.barycentric) {
        *out = match mesh.triangles.get(triangle as usize) {
            Some(vertices) => {
                let corners = vertices.map(|vertex| mesh.positions[vertex as usize].map(f64::from));
                value(&corners, weights.map(f64::from)).map(|coordinate| coordinate as f32)
            }
            None => [0.0; 3],
        };
    }
    Ok(())
}

fn normal(corners: &[[f64; 3]; 3]) -> [f64; 3] {
    let [a, b, c] = corners;
    let (p, q): ([f64; 3], [f64; 3]) =
        (std::array::from_fn(|axis| b[axis] - a[axis]), std::array::from_fn(|axis| c[axis] - a[axis]));
    let raw = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
    let length = raw.iter().map(|coordinate| coordinate * coordinate).sum::<f64>().sqrt();
    if length > 0.0 { raw.map(|coordinate| coordinate / length) } else { [0.0; 3] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CpuRasterize, Rasterize};

    const MESH: MeshView<'_> = MeshView {
        positions: &[[-2.0, -2.0, 4.0], [6.0, -2.0, 4.0], [-2.0, 6.0, 6.0]],
        triangles: &[[0, 1, 2]],
        parts: &[],
    };
    /// Focal length 8 px, principal point (4, 4); the camera stands at object (1, 0, 0).
    const CAMERA: [[f32; 4]; 3] = [[8.0, 0.0, 4.0, -8.0], [0.0, 8.0, 4.0, 0.0], [0.0, 0.0, 1.0, 0.0]];

    fn drawn() -> RasterBuffers {
        let mut buffers = RasterBuffers::new(8, 8);
        CpuRasterize::new().rasterize(&MESH, &CAMERA, 0.1, &mut buffers).unwrap();
        buffers
    }

    #[test]
    fn points_project_back_onto_the_pixel_that_shows_them() {
        let buffers = drawn();
        let mut points = vec![[0.0; 3]; 64];
        object_points(&MESH, &buffers, &mut points).unwrap();
        let mut seen_count = 0;
        for (index, point) in points.iter().enumerate().filter(|(index, _)| buffers.triangle[*index] != EMPTY_TRIANGLE)
        {
            let [uw, vw, w] = CAMERA.map(|row| row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3]);
            assert!((uw / w - (index % 8) as f32 - 0.5).abs() < 1e-4);
            assert!((vw / w - (index / 8) as f32 - 0.5).abs() < 1e-4);
            assert!((w - buffers.depth[index]).abs() < 1e-5);
            seen_count += 1;
        }
        assert!(seen_count > 30);
    }

    #[test]
    fn normals_face_the_viewer_only_when_asked() {
        let buffers = drawn();
        let (mut plain, mut facing) = (vec![[0.0; 3]; 64], vec![[0.0; 3]; 64]);
        object_normals(&MESH, &buffers, &mut plain).unwrap();
        let viewer = viewer_in_object(&CAMERA).unwrap();
        assert_eq!(viewer, [1.0, 0.0, 0.0]);
        object_normals_facing(&MESH, viewer, &buffers, &mut facing).unwrap();
        let expected = [0.0, -2.0, 8.0].map(|coordinate: f32| coordinate / 68.0_f32.sqrt());
        for (index, triangle) in buffers.triangle.iter().enumerate() {
            let sign = if *triangle == EMPTY_TRIANGLE { 0.0 } else { 1.0 };
            for axis in 0..3 {
                assert!((plain[index][axis] - sign * expected[axis]).abs() < 1e-6);
                assert!((facing[index][axis] + sign * expected[axis]).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn the_silhouette_is_where_depth_is_finite() {
        let buffers = drawn();
        let mut covered = vec![false; 64];
        silhouette(&buffers, &mut covered).unwrap();
        assert!(covered.iter().zip(&buffers.depth).all(|(covered, depth)| *covered == depth.is_finite()));
    }

    #[test]
    fn buffers_drawn_from_another_mesh_are_refused() {
        let mut buffers = drawn();
        buffers.triangle[3] = 9;
        let fault = object_points(&MESH, &buffers, &mut vec![[0.0; 3]; 64]).unwrap_err();
        assert_eq!(fault, KernelError::TriangleIndex { triangle: 9, triangle_count: 1 });
        let fault = silhouette(&buffers, &mut [false; 3]).unwrap_err();
        assert_eq!(fault, KernelError::OutputLength { actual: 3, needed: 64 });
    }

    #[test]
    fn a_singular_projection_has_no_viewer() {
        assert_eq!(viewer_in_object(&[[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]), None);
    }
}
