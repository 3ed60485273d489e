use super::super::cuboid;
use super::*;

fn reason(positions: &[[f32; 3]], triangles: &[[u32; 3]]) -> String {
    Surface::new(positions.to_vec(), triangles.to_vec()).unwrap_err().to_string()
}

/// A right-angled corner of three faces, 2 x 3 x 4.
const CORNER: [[f32; 3]; 4] = [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0]];

fn tetrahedron() -> Surface {
    Surface::new(CORNER.to_vec(), vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]).unwrap()
}

/// Unit normals, and tangents that form a right-handed system with them.
pub(crate) fn assert_frames(surface: &Surface) {
    for (normal, [first, second]) in surface.normals().iter().zip(surface.tangents()) {
        let [normal, first, second] = [normal, first, second].map(|v| v.map(f64::from));
        for (a, b, wanted) in [(normal, normal, 1.0), (first, first, 1.0), (second, second, 1.0)] {
            assert!((dot(a, b) - wanted).abs() < 1e-6);
        }
        assert!(subtract(cross(first, second), normal).iter().all(|v| v.abs() < 1e-6));
    }
}

#[test]
fn areas_sum_up_to_that_of_the_surface() {
    let surface = tetrahedron();
    let faces = [3.0, 4.0, 6.0, 0.5 * (36.0 + 64.0 + 144.0_f64).sqrt()];
    let sum: f64 = surface.areas().iter().map(|&area| f64::from(area)).sum();
    assert!((sum - faces.iter().sum::<f64>()).abs() < 1e-5);
    assert!((f64::from(surface.areas()[0]) - 13.0 / 3.0).abs() < 1e-5);
}

#[test]
fn normals_are_weighted_by_area() {
    let surface = tetrahedron();
    // The corner's three faces look along -z (area 3), -y (4) and -x (6).
    let norm = (36.0 + 16.0 + 9.0_f64).sqrt();
    for (found, wanted) in surface.normals()[0].iter().zip([-6.0, -4.0, -3.0]) {
        assert!((f64::from(*found) - wanted / norm).abs() < 1e-6);
    }
    assert_frames(&surface);
}

#[test]
fn tangents_are_there_for_every_direction() {
    for direction in directions() {
        let normal = unit(direction).unwrap();
        let [first, second] = tangents(normal);
        assert!(subtract(cross(first, second), normal).iter().all(|v| v.abs() < 1e-12), "{normal:?}");
    }
    assert_eq!(directions().count(), 26 + SPIRAL_DIRECTION_COUNT);
}

#[test]
fn a_vertex_without_area_looks_outwards() {
    let mut positions = CORNER.to_vec();
    positions.push([2.0, 3.0, 4.0]);
    let surface = Surface::new(positions, vec![[0, 2, 1], [0, 1, 3], [0, 3, 2]]).unwrap();
    let third = 1.0 / 29.0_f32.sqrt();
    assert_eq!(surface.areas()[4], 0.0);
    assert!(surface.normals()[4].iter().zip([2.0, 3.0, 4.0]).all(|(v, w)| (v - w * third).abs() < 1e-6));
    let flat = Surface::new(vec![[1.0; 3]; 3], vec![[0, 1, 2]]).unwrap();
    assert_eq!(flat.normals(), [[0.0, 0.0, 1.0]; 3]);
    assert_frames(&flat);
}

#[test]
fn stretching_computes_normals_anew() {
    let surface = tetrahedron().scaled([2.0, 1.0, 0.5]).unwrap();
    assert_eq!(surface.bounds(), Bounds { low: [0.0; 3], high: [4.0, 3.0, 2.0] });
    assert_eq!(surface.bounds().center(), [2.0, 1.5, 1.0]);
    assert_frames(&surface);
    assert!((surface.areas()[0] - (6.0 + 4.0 + 3.0) / 3.0).abs() < 1e-5);
    for factors in [[0.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, f32::NAN], [f32::INFINITY, 1.0, 1.0]] {
        assert!(tetrahedron().scaled(factors).unwrap_err().to_string().starts_with("factors: are"));
    }
    assert!(tetrahedron().scaled([1e6, 1.0, 1.0]).unwrap_err().to_string().starts_with("positions: row 1"));
}

#[test]
fn the_outline_of_a_cuboid_is_its_corners() {
    let extents = Bounds { low: [-2.0, -1.0, 0.0], high: [3.0, 1.0, 1.5] };
    let surface = cuboid(&extents, 500).unwrap();
    let outline = surface.outline();
    assert_eq!(outline.len(), 8);
    let corners = outline.iter().map(|&row| surface.positions()[row as usize]);
    let is_corner = |p: [f32; 3]| (0..3).all(|axis| p[axis] == extents.low[axis] || p[axis] == extents.high[axis]);
    assert!(corners.into_iter().all(is_corner));
}

#[test]
fn the_outline_reaches_as_far_as_all_vertices() {
    // A ball of 2000 vertices, whose outline cannot hold them all.
    let golden = std::f32::consts::PI * (3.0 - 5.0_f32.sqrt());
    let positions: Vec<[f32; 3]> = (0..2000)
        .map(|row| {
            let z = 1.0 - (2 * row + 1) as f32 / 2000.0;
            let (sin, cos) = (golden * row as f32).sin_cos();
            [cos * (1.0 - z * z).sqrt(), sin * (1.0 - z * z).sqrt(), z]
        })
        .collect();
    let surface = Surface::new(positions, vec![[0, 1, 2]]).unwrap();
    let outline = surface.outline();
    assert!(outline.len() <= 26 + SPIRAL_DIRECTION_COUNT && outline.is_sorted());
    for direction in [[0.3, -0.7, 0.2], [1.0, 0.1, 0.05], [-0.2, 0.3, 0.9], [0.6, 0.6, -0.4]] {
        let direction = unit(direction).unwrap();
        let reach = outline.iter().map(|&row| dot(surface.positions()[row as usize].map(f64::from), direction));
        let reach = reach.fold(f64::NEG_INFINITY, f64::max);
        assert!(reach > 0.99, "{reach}");
    }
}

#[test]
fn what_is_no_surface_is_refused_with_its_row() {
    assert!(reason(&[], &[[0, 1, 2]]).contains("positions: has 0, wanted: 1 to 65536"));
    assert!(reason(&CORNER, &[]).contains("triangles: has 0"));
    assert!(reason(&vec![[0.0; 3]; VERTEX_COUNT_MAX + 1], &[[0, 1, 2]]).contains("positions: has 65537"));
    assert!(reason(&CORNER, &vec![[0, 1, 2]; TRIANGLE_COUNT_MAX + 1]).contains("triangles: has 262145"));
    for bad in [f32::NAN, f32::NEG_INFINITY, 2e6] {
        assert!(reason(&[[0.0; 3], [0.0, bad, 0.0], [1.0; 3]], &[[0, 1, 2]]).contains("positions: row 1: is ["));
    }
    assert!(reason(&CORNER, &[[0, 1, 2], [0, 4, 1]]).contains("triangles: row 1: names [0, 4, 1], but there are 4"));
    assert!(reason(&CORNER, &[[0, 1, 0]]).contains("triangles: row 0: names [0, 1, 0], wanted: three different"));
}
