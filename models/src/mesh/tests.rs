use std::path::PathBuf;

use super::*;

/// A box of 4 x 2 x 1 around (2, 1, 0.5), with one vertex far away that no triangle uses.
fn wedge() -> Mesh {
    Mesh {
        positions: vec![[0., 0., 0.], [4., 0., 0.], [0., 2., 0.], [0., 0., 1.], [99., 99., 99.]],
        triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
        ..Mesh::default()
    }
}

/// Signed volume: positive where the normals point outwards.
fn volume(mesh: &Mesh) -> f32 {
    let corner = |t: &[u32; 3]| t.map(|i| mesh.positions[i as usize]);
    mesh.triangles.iter().map(|t| determinant(&corner(t)) / 6.0).sum()
}

#[test]
fn bounds_hold_only_what_is_drawn() {
    assert_eq!(wedge().bounds(), ([0.0; 3], [4.0, 2.0, 1.0]));
    assert_eq!(Mesh::default().bounds(), ([0.0; 3], [0.0; 3]));
    assert_eq!(wedge().centered().bounds(), ([-2.0, -1.0, -0.5], [2.0, 1.0, 0.5]));
}

#[test]
fn a_transform_maps_points_and_keeps_normals_outward() {
    let mesh = wedge();
    let mirrored = mesh.transformed(&[[0., 1., 0.], [2., 0., 0.], [0., 0., 3.]], [0., 0., 7.]);
    assert_eq!(mirrored.positions[1], [0.0, 8.0, 7.0]);
    assert_eq!(mirrored.positions[3], [0.0, 0.0, 10.0]);
    assert!((volume(&mesh) - 4.0 * 2.0 / 6.0).abs() < 1e-5);
    // The tetrahedron touches the origin's neighbourhood no more: measure it about its own centre.
    assert!((volume(&mirrored.centered()) - 6.0 * 8.0 / 6.0).abs() < 1e-4);
}

#[test]
fn merging_joins_parts_of_one_name() {
    let mut glass = wedge();
    (glass.parts, glass.part_names) = (vec![0, 1, 1, 0], vec!["paint".into(), "glass".into()]);
    let mut wheel = wedge();
    (wheel.parts, wheel.part_names) = (vec![0; 4], vec!["glass".into()]);
    let merged = Mesh::merged([&glass, &wheel, &wedge()]).unwrap();
    assert_eq!(merged.part_names, ["paint", "glass", "unnamed"]);
    assert_eq!(merged.parts, [0, 1, 1, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    assert_eq!(merged.triangles[4], [5, 7, 6]);
    assert_eq!(Mesh::merged([&wedge(), &wedge()]).unwrap().parts, [0_u16; 0]);
    let broken = Mesh { triangles: vec![[0, 1, 5]], ..wedge() };
    assert!(Mesh::merged([&broken]).unwrap_err().to_string().contains("triangle 0"));
}

#[test]
fn the_extension_chooses_the_reader() {
    let reason = |name: &str| Mesh::load(&PathBuf::from(name)).unwrap_err().to_string();
    assert!(reason("car.dae").contains("COLLADA (.dae) is not supported: convert"));
    assert!(reason("car").contains("ends in .off"));
    assert!(reason("absent/car.OFF").contains("absent/car.OFF: "));
}

#[test]
fn a_file_is_read_from_disk_by_its_extension() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("car.OBJ");
    std::fs::write(&path, "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n").unwrap();
    assert_eq!(Mesh::load(&path).unwrap().triangles, [[0, 1, 2]]);
}

fn shared(folder: &str) -> PathBuf {
    let data = std::env::var_os("AZIMUTH_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    data.join(folder)
}

/// Every mesh below a folder, with its bounds' size.
pub(crate) fn load_all(folder: &str, extension: &str) -> Vec<(String, Mesh, [f32; 3])> {
    let mut pending = vec![shared(folder)];
    let mut meshes = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == extension) {
            let mesh = Mesh::load(&path).unwrap();
            let (low, high) = mesh.bounds();
            meshes.push((path.display().to_string(), mesh, [0, 1, 2].map(|a| high[a] - low[a])));
        }
    }
    meshes
}

#[test]
#[ignore = "needs real data (AZIMUTH_DATA)"]
fn apollo_cars_are_five_thousand_faces_of_a_car_in_metres() {
    let meshes = load_all("cad_apollo", "ply");
    assert_eq!(meshes.len(), 79);
    for (name, mesh, mut size) in meshes {
        assert!((4999..=5000).contains(&mesh.triangles.len()), "{name}");
        size.sort_by(f32::total_cmp);
        assert!(
            (1.0..2.6).contains(&size[0]) && (1.3..3.0).contains(&size[1]) && (2.4..7.0).contains(&size[2]),
            "{name}: {size:?}"
        );
    }
}

#[test]
#[ignore = "needs real data (AZIMUTH_DATA)"]
fn gazebo_vehicles_load_with_their_materials() {
    let meshes = load_all("cad_gazebo", "obj");
    assert_eq!(meshes.len(), 8);
    for (name, mesh, size) in meshes {
        assert!(
            mesh.triangles.len() > 500 && mesh.parts.len() == mesh.triangles.len() && !mesh.part_names.is_empty(),
            "{name}"
        );
        let longest = size.iter().copied().fold(0.0, f32::max);
        let ratio = longest / size.iter().copied().fold(f32::INFINITY, f32::min);
        assert!((1.5..6.0).contains(&ratio), "{name}: {size:?}");
    }
    assert!(
        Mesh::load(&shared("cad_gazebo/pickup/meshes/pickup.dae")).unwrap_err().to_string().contains("not supported")
    );
}

#[test]
#[ignore = "needs real data (AZIMUTH_DATA)"]
fn quaternius_cars_are_decompressed_to_the_bounds_their_accessors_state() {
    let meshes = load_all("cad_quaternius", "glb");
    assert_eq!(meshes.len(), 5);
    for (name, mesh, size) in meshes {
        assert!(mesh.triangles.len() > 500, "{name}: {}", mesh.triangles.len());
        // glTF axes: x right, y up, z forward; metres.
        assert!(
            (1.5..3.0).contains(&size[0]) && (0.9..2.5).contains(&size[1]) && (3.0..6.0).contains(&size[2]),
            "{name}: {size:?}"
        );
        // A decoder that lost its way would leave edges across the whole car.
        let (length, count) = mesh.triangles.iter().fold((0.0, 0.0), |(length, count), t| {
            let [a, b] = [t[0], t[1]].map(|i| mesh.positions[i as usize]);
            (length + (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f32>().sqrt(), count + 1.0)
        });
        assert!(length / count < 0.3, "{name}: mean edge {} m", length / count);
    }
}
