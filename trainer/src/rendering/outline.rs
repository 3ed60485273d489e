//! The few points of a mesh that decide how large its projected box is.

use calibration::Viewpoint;
use calibration::so3::to_rows;
use models::mesh::Mesh;

use super::framing::{camera_distance_m, dot, projected_box};

/// Directions in which the farthest point is kept.
const DIRECTIONS: usize = 512;

/// A mesh's farthest points in directions spread over the sphere: its projected box at a hundredth of the cost.
#[derive(Clone, Debug)]
pub struct Outline {
    points: Vec<[f32; 3]>,
    distance_m: f32,
}

impl Outline {
    /// The outline of a mesh in body axes, metres.
    pub fn of(mesh: &Mesh) -> Self {
        let golden = std::f32::consts::PI * (3.0 - 5.0f32.sqrt());
        let direction = |i: usize| {
            let z = 1.0 - 2.0 * (i as f32 + 0.5) / DIRECTIONS as f32;
            let (sin, cos) = (golden * i as f32).sin_cos();
            let radius = (1.0 - z * z).sqrt();
            [radius * cos, radius * sin, z]
        };
        let farthest = |d: [f32; 3]| mesh.positions.iter().max_by(|a, b| dot(a, &d).total_cmp(&dot(b, &d))).copied();
        let mut points: Vec<[f32; 3]> = (0..DIRECTIONS).filter_map(|i| farthest(direction(i))).collect();
        points.sort_by(|a, b| a.iter().zip(b).fold(std::cmp::Ordering::Equal, |o, (a, b)| o.then(a.total_cmp(b))));
        points.dedup();
        Self { points, distance_m: camera_distance_m(mesh) }
    }

    /// Width over height of the projected box seen from `viewpoint`.
    pub fn aspect(&self, viewpoint: &Viewpoint) -> f32 {
        let bounds = projected_box(&self.points, &to_rows(&viewpoint.to_rotation()), self.distance_m);
        (bounds.x2 - bounds.x1) / (bounds.y2 - bounds.y1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rendering::Shape;

    #[test]
    fn an_outline_has_the_proportions_of_its_mesh() {
        let mesh = Shape::of_vehicle(3).mesh;
        let outline = Outline::of(&mesh);
        assert!(outline.points.len() <= DIRECTIONS && outline.points.len() * 4 < mesh.positions.len());
        let distance_m = camera_distance_m(&mesh);
        for azimuth_deg in [0.0, 35.0, 90.0, 200.0] {
            let viewpoint = Viewpoint::from_degrees(azimuth_deg, 8.0, 3.0);
            let whole = projected_box(&mesh.positions, &to_rows(&viewpoint.to_rotation()), distance_m);
            let expected = (whole.x2 - whole.x1) / (whole.y2 - whole.y1);
            assert!((outline.aspect(&viewpoint) / expected - 1.0).abs() < 0.01);
        }
    }
}
