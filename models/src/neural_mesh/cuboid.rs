//! NeMo's cuboid: six grids around the shapes of a class.

use super::surface::{Bounds, Surface, SurfaceError, VERTEX_COUNT_MAX};
use crate::mesh::Mesh;

#[cfg(test)]
mod tests;

/// Share of the vertices that the cuboid encloses along each axis.
const ENCLOSED_SHARE: f64 = 0.99;

/// Extents of the cuboid around one mesh (NeMo's Multi) or around all meshes of a class (its Single): along each axis the shortest
/// interval that contains 99 % of all vertices together. Vertices that no triangle uses do not count.
///
/// # Errors
/// [`SurfaceError::Argument`] where no triangle uses a vertex, or all lie in a plane along the axes.
pub fn cuboid_extents<'a>(meshes: impl IntoIterator<Item = &'a Mesh>) -> Result<Bounds, SurfaceError> {
    let mut values: [Vec<f32>; 3] = Default::default();
    for mesh in meshes {
        let mut used = vec![false; mesh.positions.len()];
        for &row in mesh.triangles.iter().flatten() {
            if let Some(used) = used.get_mut(row as usize) {
                *used = true;
            }
        }
        for (position, _) in mesh.positions.iter().zip(used).filter(|(_, used)| *used) {
            values.iter_mut().zip(position).for_each(|(values, v)| values.push(*v));
        }
    }
    let intervals = values.map(shortest_interval);
    let bounds = Bounds { low: intervals.map(|i| i.0), high: intervals.map(|i| i.1) };
    check_extents("mesh", &bounds)?;
    Ok(bounds)
}

/// The shortest interval that contains the share of the values; the first of several.
fn shortest_interval(mut values: Vec<f32>) -> (f32, f32) {
    values.sort_by(f32::total_cmp);
    let count = (ENCLOSED_SHARE * values.len() as f64).ceil() as usize;
    let mut best = (0.0, 0.0);
    let mut shortest = f32::INFINITY;
    for window in values.windows(count.max(1)) {
        if let [low, .., high] = window
            && high - low < shortest
        {
            (best, shortest) = ((*low, *high), high - low);
        }
    }
    best
}

/// The cuboid of these extents with about `vertex_count` vertices (the paper: 1000): a grid on each of its six faces, so that edges
/// are there twice and corners three times, each with the normal of its face.
///
/// The paper's rule: an edge of the grid is sqrt(surface / `vertex_count`) long, and an axis of a given length has
/// floor(length / edge) + 1 samples, ends included. Ours for a cuboid flatter than an edge, which that rule leaves one sample: two.
/// Faces are in the order -x, +x, -y, +y, -z, +z; two triangles a cell, counter-clockwise from outside.
///
/// Cuboids of the paper's authors are in the axes of PASCAL3D+ (z up, front -y, left +x): x here is their -y, y here their x.
///
/// # Errors
/// [`SurfaceError`] where an extent has no length or there would be too many vertices.
pub fn cuboid(extents: &Bounds, vertex_count: usize) -> Result<Surface, SurfaceError> {
    check_extents("extents", extents)?;
    if !(8..=VERTEX_COUNT_MAX).contains(&vertex_count) {
        let reason = format!("is {vertex_count}, wanted: 8 to {VERTEX_COUNT_MAX}");
        return Err(SurfaceError::Argument { key: "vertex_count", reason });
    }
    let lengths = [0, 1, 2].map(|axis| f64::from(extents.high[axis]) - f64::from(extents.low[axis]));
    let area = 2.0 * (lengths[0] * lengths[1] + lengths[1] * lengths[2] + lengths[2] * lengths[0]);
    let edge = (area / vertex_count as f64).sqrt();
    // Clamped, so that the counts of a needle do not overflow before their sum is refused.
    let counts = lengths.map(|length| ((length / edge) as usize).clamp(1, VERTEX_COUNT_MAX) + 1);
    let total = 2 * (counts[0] * counts[1] + counts[1] * counts[2] + counts[2] * counts[0]);
    if total > VERTEX_COUNT_MAX {
        return Err(SurfaceError::Count { key: "positions", found: total, wanted: format!("1 to {VERTEX_COUNT_MAX}") });
    }
    let (mut positions, mut triangles) = (Vec::with_capacity(total), Vec::with_capacity(2 * total));
    for axis in 0..3 {
        for high in [false, true] {
            face(extents, counts, axis, high, &mut positions, &mut triangles);
        }
    }
    Surface::new(positions, triangles)
}

/// Appends the grid of one face: across `axis`, at its low or high end.
fn face(
    extents: &Bounds,
    counts: [usize; 3],
    axis: usize,
    high: bool,
    positions: &mut Vec<[f32; 3]>,
    triangles: &mut Vec<[u32; 3]>,
) {
    let (across, along) = ((axis + 1) % 3, (axis + 2) % 3);
    let sample = |axis: usize, step: usize| {
        let share = step as f64 / (counts[axis] - 1) as f64;
        let (low, high) = (f64::from(extents.low[axis]), f64::from(extents.high[axis]));
        // The ends exactly, not nearly: neighbouring faces share them.
        if share == 1.0 { extents.high[axis] } else { (low + share * (high - low)) as f32 }
    };
    // Bounded by VERTEX_COUNT_MAX.
    let (base, row_length) = (positions.len() as u32, counts[along] as u32);
    for i in 0..counts[across] {
        for j in 0..counts[along] {
            let mut position = [0.0; 3];
            position[axis] = if high { extents.high[axis] } else { extents.low[axis] };
            position[across] = sample(across, i);
            position[along] = sample(along, j);
            positions.push(position);
        }
    }
    for i in 0..counts[across] as u32 - 1 {
        for j in 0..row_length - 1 {
            let a = base + i * row_length + j;
            let (b, c, d) = (a + row_length, a + row_length + 1, a + 1);
            // across x along = axis: counter-clockwise from the high side.
            let cell = if high { [[a, b, c], [a, c, d]] } else { [[a, c, b], [a, d, c]] };
            triangles.extend(cell);
        }
    }
}

fn check_extents(key: &'static str, extents: &Bounds) -> Result<(), SurfaceError> {
    let size = extents.size();
    if size.iter().all(|&length| length > 0.0 && length.is_finite()) {
        return Ok(());
    }
    Err(SurfaceError::Argument { key, reason: format!("measures {size:?}, wanted: three positive lengths") })
}
