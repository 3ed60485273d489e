use proptest::prelude::*;

use super::super::{Bounds, cuboid};
use super::*;

/// A square grid of `count` x `count` vertices in a plane, `edge` apart.
fn plane(count: u32, edge: f32) -> Surface {
    let positions = (0..count).flat_map(|i| (0..count).map(move |j| [i as f32 * edge, j as f32 * edge, 0.5])).collect();
    let cell = |i: u32, j: u32| {
        let a = i * count + j;
        [[a, a + count, a + count + 1], [a, a + count + 1, a + 1]]
    };
    let triangles = (0..count - 1).flat_map(|i| (0..count - 1).flat_map(move |j| cell(i, j))).collect();
    Surface::new(positions, triangles).unwrap()
}

/// Two features that are linear in space, with these slopes.
const SLOPES: [[f64; 3]; 2] = [[0.5, -1.0, 2.0], [0.25, 3.0, -0.75]];

fn linear(surface: &Surface) -> Vec<f32> {
    let of = |position: &[f32; 3]| SLOPES.map(|slope| (dot(slope, position.map(f64::from)) + 7.0) as f32);
    surface.positions().iter().flat_map(of).collect()
}

/// Largest difference from the derivatives of [`linear`] along the tangents.
fn error_of_linear(surface: &Surface, vertices: impl Iterator<Item = usize>) -> f64 {
    let found = gradients(surface, &linear(surface), 2);
    let mut worst = 0.0_f64;
    for vertex in vertices {
        for (tangent, row) in surface.tangents()[vertex].iter().zip([4 * vertex, 4 * vertex + 2]) {
            for (slope, &found) in SLOPES.iter().zip(&found[row..row + 2]) {
                worst = worst.max((dot(*slope, tangent.map(f64::from)) - f64::from(found)).abs());
            }
        }
    }
    worst
}

#[test]
fn linear_features_give_their_slopes_also_at_borders() {
    assert!(error_of_linear(&plane(6, 0.25), 0..36) < 1e-4);
}

#[test]
fn a_crease_is_a_border() {
    let surface = cuboid(&Bounds { low: [-2.0, -0.9, 0.0], high: [2.0, 0.9, 1.5] }, 1000).unwrap();
    assert!(error_of_linear(&surface, 0..surface.vertex_count()) < 1e-3);
}

#[test]
fn bends_are_followed() {
    let cube = cuboid(&Bounds { low: [-1.0; 3], high: [1.0; 3] }, 1500).unwrap();
    let to_ball = |p: &[f32; 3]| {
        let norm = p.iter().map(|v| v * v).sum::<f32>().sqrt();
        p.map(|v| v / norm)
    };
    let ball = Surface::new(cube.positions().iter().map(to_ball).collect(), cube.triangles().to_vec()).unwrap();
    let slope = SLOPES[1].iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!(error_of_linear(&ball, 0..ball.vertex_count()) < 0.1 * slope);
}

#[test]
fn vertices_off_any_plane_or_alone_have_none() {
    // Three vertices in a line, their triangle without area, and one that no triangle uses.
    let line = vec![[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 5.0, 0.0]];
    let surface = Surface::new(line, vec![[0, 1, 2]]).unwrap();
    assert_eq!(gradients(&surface, &[1.0, 2.0, 3.0, 4.0], 1), [0.0; 8]);
    let point = Surface::new(vec![[1.0; 3]; 4], vec![[0, 1, 2], [1, 2, 3]]).unwrap();
    assert_eq!(gradients(&point, &[1.0, 2.0, 3.0, 4.0], 1), [0.0; 8]);
}

#[test]
fn a_hub_of_thousands_of_edges_is_bounded() {
    let count = 20_000_u32;
    let rim = (0..count).map(|step| {
        let (sin, cos) = (step as f32 * std::f32::consts::TAU / count as f32).sin_cos();
        [cos, sin, 0.0]
    });
    let triangles = (1..count).map(|row| [0, row, row + 1]).collect();
    let surface = Surface::new(std::iter::once([0.0; 3]).chain(rim).collect(), triangles).unwrap();
    let features = vec![1.0; surface.vertex_count()];
    assert!(gradients(&surface, &features, 1).iter().all(|v| v.abs() < 1e-3));
}

proptest! {
    /// The plane fit averages noise: central differences would leave half of the variance an edge squared.
    #[test]
    fn noise_is_averaged(seed in 0_u32..1000) {
        let surface = plane(12, 1.0);
        let noise = |row: u32| {
            let mixed = (row + 144 * seed).wrapping_mul(2_654_435_761);
            f64::from(mixed ^ (mixed >> 15)) / f64::from(u32::MAX) - 0.5
        };
        let features: Vec<f32> = (0..144).map(|row| (12.0_f64.sqrt() * noise(row)) as f32).collect();
        let squares: f64 = gradients(&surface, &features, 1).iter().map(|&g| f64::from(g) * f64::from(g)).sum();
        prop_assert!(squares / 288.0 < 0.4, "{}", squares / 288.0);
    }
}
