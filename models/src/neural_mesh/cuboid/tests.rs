use super::super::surface::{cross, dot, subtract};
use super::*;

/// Category, extents and samples along PASCAL3D+'s x, y, z, and vertices, of the cuboids that NeMo's authors published.
type Published = (&'static str, [[f32; 2]; 3], [usize; 3], usize);
const PUBLISHED: [Published; 12] = [
    ("car", [[-0.1841, 0.1841], [-0.4408, 0.4336], [-0.1681, 0.1202]], [10, 24, 8], 1024),
    ("bus", [[-0.1238, 0.1070], [-0.4723, 0.4673], [-0.1336, 0.1347]], [8, 29, 9], 1130),
    ("aeroplane", [[-0.2838, 0.3779], [-0.3490, 0.3451], [-0.1276, 0.1014]], [17, 18, 6], 1032),
    ("bicycle", [[-0.1049, 0.1174], [-0.4133, 0.4537], [-0.2262, 0.2494]], [6, 23, 13], 1030),
    ("boat", [[-0.1498, 0.1491], [-0.4796, 0.4646], [-0.3347, 0.1233]], [8, 23, 12], 1112),
    ("bottle", [[-0.1446, 0.1400], [-0.1779, 0.1334], [-0.4735, 0.4694]], [8, 9, 27], 1062),
    ("chair", [[-0.2473, 0.2461], [-0.2711, 0.2641], [-0.3698, 0.3888]], [11, 12, 17], 1046),
    ("diningtable", [[-0.4138, 0.4554], [-0.3017, 0.3092], [-0.2155, 0.2249]], [18, 13, 10], 1088),
    ("motorbike", [[-0.1422, 0.1046], [-0.3808, 0.3910], [-0.1866, 0.1891]], [8, 23, 12], 1112),
    ("sofa", [[-0.4571, 0.4568], [-0.2652, 0.2754], [-0.2596, 0.2403]], [19, 11, 11], 1078),
    ("train", [[-0.0803, 0.0846], [-0.4871, 0.4827], [-0.1050, 0.0967]], [6, 35, 8], 1076),
    ("tvmonitor", [[-0.4296, 0.4296], [-0.2803, 0.2834], [-0.3040, 0.3038]], [17, 11, 12], 1046),
];

/// How many different values the vertices have along each axis.
fn sample_counts(surface: &Surface) -> [usize; 3] {
    [0, 1, 2].map(|axis| {
        let mut values: Vec<u32> = surface.positions().iter().map(|p| p[axis].to_bits()).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    })
}

#[test]
fn the_twelve_published_cuboids_come_out_again() {
    for (category, [x, y, z], [x_count, y_count, z_count], vertex_count) in PUBLISHED {
        // Forward is PASCAL's -y, left its +x.
        let extents = Bounds { low: [-y[1], x[0], z[0]], high: [-y[0], x[1], z[1]] };
        let surface = cuboid(&extents, 1000).unwrap();
        assert_eq!(surface.vertex_count(), vertex_count, "{category}");
        assert_eq!(sample_counts(&surface), [y_count, x_count, z_count], "{category}");
        assert_eq!(surface.bounds(), extents, "{category}");
    }
}

#[test]
fn a_cuboid_looks_outwards_and_has_the_area_of_a_box() {
    let extents = Bounds { low: [-2.0, -1.0, 0.5], high: [2.5, 1.0, 2.0] };
    let surface = cuboid(&extents, 300).unwrap();
    let center = extents.center().map(f64::from);
    for triangle in surface.triangles() {
        let [a, b, c] = triangle.map(|row| surface.positions()[row as usize].map(f64::from));
        assert!(dot(cross(subtract(b, a), subtract(c, a)), subtract(a, center)) > 0.0);
    }
    let area: f64 = surface.areas().iter().map(|&area| f64::from(area)).sum();
    assert!((area - 2.0 * (4.5 * 2.0 + 2.0 * 1.5 + 1.5 * 4.5)).abs() < 1e-4);
    // Edges and corners are there for each of their faces, so that every normal is along an axis.
    for normal in surface.normals() {
        assert!(normal.iter().filter(|v| v.abs() > 1e-6).count() == 1, "{normal:?}");
    }
    super::super::surface::tests::assert_frames(&surface);
}

#[test]
fn flat_cuboids_have_both_ends_and_needles_are_refused() {
    let flat = cuboid(&Bounds { low: [0.0; 3], high: [1.0, 1.0, 1e-3] }, 100).unwrap();
    assert_eq!(sample_counts(&flat)[2], 2);
    let reason = |high, count| cuboid(&Bounds { low: [0.0; 3], high }, count).unwrap_err().to_string();
    assert!(reason([1e6, 1e-30, 1e-30], 1000).starts_with("positions: has "));
    assert!(reason([1.0, 0.0, 1.0], 1000).starts_with("extents: measures"));
    assert!(reason([1.0, f32::NAN, 1.0], 1000).starts_with("extents: measures"));
    assert!(reason([f32::INFINITY, 1.0, 1.0], 1000).starts_with("extents: measures"));
    assert!(reason([1.0; 3], 7).starts_with("vertex_count: is 7") && reason([1.0; 3], 65_537).contains("65537"));
}

#[test]
fn extents_leave_out_one_per_cent_at_whichever_end_is_longer() {
    // 200 vertices at x = 0..199 with two far away, one of which no triangle uses.
    let mut positions: Vec<[f32; 3]> = (0..200).map(|i| [i as f32, (i % 7) as f32, -((i % 5) as f32)]).collect();
    positions[199] = [1e4, 3.0, -2.0];
    positions.push([-1e9; 3]);
    let triangles: Vec<[u32; 3]> = (0..198).map(|i| [i, i + 1, i + 2]).collect();
    let mesh = Mesh { positions, triangles, ..Mesh::default() };
    // 99 % of 200 are 198: without the far one and either end.
    let extents = cuboid_extents([&mesh]).unwrap();
    assert_eq!(extents, Bounds { low: [0.0, 0.0, -4.0], high: [197.0, 6.0, 0.0] });
    // Two meshes count together: 99 % of 400 are 396.
    let shifted = mesh.transformed(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [50.0, 0.0, 0.0]);
    assert_eq!(cuboid_extents([&mesh, &shifted]).unwrap().size()[0], 248.0 - 2.0);
    assert!(cuboid_extents([&Mesh::default()]).unwrap_err().to_string().starts_with("mesh: measures"));
    assert!(cuboid_extents([]).is_err());
}
