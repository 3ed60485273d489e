use super::*;

/// A tetrahedron of this size about the origin.
pub(crate) fn tetrahedron(size: f32) -> Surface {
    let positions = [[-1.0, -1.0, -1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]];
    let triangles = vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]];
    Surface::new(positions.map(|p| p.map(|v| v * size)).to_vec(), triangles).unwrap()
}

/// Unit features of `dim` numbers, none like the next.
pub(crate) fn features(vertex_count: usize, dim: usize, seed: usize) -> Vec<f32> {
    let mut features: Vec<f32> =
        (0..vertex_count * dim).map(|i| ((i + 1) * (seed + 3) * 2_654_435_761 % 1000) as f32 / 500.0 - 1.0).collect();
    for feature in features.chunks_exact_mut(dim) {
        let norm = feature.iter().map(|v| v * v).sum::<f32>().sqrt();
        feature.iter_mut().for_each(|v| *v /= norm);
    }
    features
}

/// Two sub-types of the first class and one of the second, with features of 4 numbers, for tests of this crate.
pub(crate) fn mesh(encoder_sha256: &str) -> NeuralMesh {
    let clutter = vec![0.5, -0.5, 0.5, 0.5];
    let sub_type = |name: &str, class_id: u16, size: f32| {
        SubType::new(name, class_id, tetrahedron(size), &features(4, 4, name.len()), &clutter).unwrap()
    };
    NeuralMesh {
        class_names: vec!["car".into(), "van".into()],
        stride: 1,
        encoder_sha256: encoder_sha256.into(),
        sub_types: vec![sub_type("saloon", 0, 2.0), sub_type("estate", 0, 2.25), sub_type("panel van", 1, 2.5)],
        clutter,
    }
}

#[test]
fn a_class_is_one_range_of_sub_types() {
    let mesh = mesh("");
    assert_eq!([0, 1, 2].map(|class| mesh.class_range(class)), [0..2, 2..3, 3..3]);
    assert_eq!(mesh.dim(), 4);
    let sub_type = &mesh.sub_types[1];
    assert_eq!((sub_type.name(), sub_type.class_id(), sub_type.surface()), ("estate", 0, &tetrahedron(2.25)));
}

#[test]
fn features_are_rounded_as_the_file_holds_them_and_handed_over_with_their_gradients() {
    let surface = cuboid(&Bounds { low: [-2.0, -1.0, 0.0], high: [2.0, 1.0, 1.5] }, 300).unwrap();
    let exact = features(surface.vertex_count(), 16, 1);
    let mut clutter = vec![0.0; 16];
    let sub_type = SubType::new("car", 0, surface.clone(), &exact, &clutter).unwrap();
    for (found, exact) in sub_type.features().iter().zip(&exact) {
        assert_eq!(*found, half::f16::from_f32(*exact).to_f32());
    }
    let textured = sub_type.textured();
    assert_eq!((textured.vertex_count(), textured.dim()), (surface.vertex_count(), 16));
    assert_eq!(textured.position(7), Some(surface.positions()[7]));
    assert_eq!((textured.normal(7), textured.areas()), (Some(surface.normals()[7]), surface.areas()));
    assert_eq!(sub_type.gradients().len(), 2 * sub_type.features().len());
    assert!(sub_type.gradients().iter().any(|&g| g != 0.0));
    clutter[3] = 1.0;
    let cluttered = SubType::new("car", 0, surface, &exact, &clutter).unwrap();
    assert_eq!((cluttered.gradients(), cluttered.textured().clutter()), (sub_type.gradients(), clutter.as_slice()));
}

#[test]
fn what_is_no_sub_type_is_refused() {
    let reason = |name: &str, surface: Surface, features: &[f32], clutter: &[f32]| {
        SubType::new(name, 0, surface, features, clutter).unwrap_err().to_string()
    };
    let (good, none) = (features(4, 4, 0), [0.0; 4]);
    for name in ["", "a\nb", &"x".repeat(65)] {
        assert!(reason(name, tetrahedron(1.0), &good, &none).starts_with("name: is `"), "{name}");
    }
    assert_eq!(reason("a", tetrahedron(1.0), &good[1..], &none), "features: has 15, wanted: 16");
    assert!(reason("a", tetrahedron(1.0), &good, &[]).starts_with("clutter: has 0, wanted: 1 to 4096"));
    for clutter in [[0.9, 0.0, 0.0, 0.0], [f32::NAN, 1.0, 0.0, 0.0], [f32::INFINITY; 4]] {
        assert!(reason("a", tetrahedron(1.0), &good, &clutter).starts_with("clutter: has "));
    }
    let mut bad = good.clone();
    bad[9] = f32::NAN;
    assert_eq!(reason("a", tetrahedron(1.0), &bad, &none), "features: row 2: has a value that is not finite");
    bad[8..12].copy_from_slice(&[0.0, 0.0, 0.99, 0.0]);
    assert!(reason("a", tetrahedron(1.0), &bad, &none).starts_with("features: row 2: has length 0.9"));
    // In millimetres a car is fine, in nanometres its sums are not, and neither are slopes over less than a millionth.
    assert!(reason("a", tetrahedron(5e5), &good, &none).starts_with("areas: row 0"));
    let speck = Surface::new(vec![[0.0; 3], [1e-7, 0.0, 0.0], [0.0, 1e-7, 0.0]], vec![[0, 1, 2]]).unwrap();
    assert!(reason("a", speck, &good[..12], &none).starts_with("gradients: row 0"));
}
