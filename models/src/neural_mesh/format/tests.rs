use proptest::prelude::*;
use safetensors::tensor::TensorView;

use super::super::tests::{features, mesh, tetrahedron};
use super::*;
use crate::digest::sha256_hex;

fn valid() -> NeuralMesh {
    mesh(&sha256_hex(b"network"))
}

/// Why a mesh is neither written nor read.
fn reason(change: impl FnOnce(&mut NeuralMesh)) -> String {
    let mut mesh = valid();
    change(&mut mesh);
    let saved = mesh.to_bytes("m").unwrap_err().to_string();
    // What may not be saved may not be read either.
    let read = NeuralMesh::parse(&emit(&mesh).unwrap(), "m").unwrap_err().to_string();
    assert_eq!(read, saved);
    read
}

/// Why the file is refused with `to` at the place of `from`.
fn with(from: &[u8], to: &[u8]) -> String {
    assert_eq!(from.len(), to.len());
    let mut file = valid().to_bytes("m").unwrap();
    let at = file.windows(from.len()).position(|w| w == from).unwrap();
    file[at..at + to.len()].copy_from_slice(to);
    NeuralMesh::parse(&file, "m").unwrap_err().to_string()
}

fn with_text(from: &str, to: &str) -> String {
    with(from.as_bytes(), to.as_bytes())
}

/// As [`with`], for numbers of 32 bits.
fn with_numbers(from: &[u32], to: &[u32]) -> String {
    let bytes = |numbers: &[u32]| numbers.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    with(&bytes(from), &bytes(to))
}

#[test]
fn a_saved_mesh_loads_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    valid().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(NeuralMesh::parse(&bytes, "m").unwrap(), valid());
    assert_eq!(bytes, valid().to_bytes("m").unwrap());
    let missing = valid().save(&folder.path().join("absent/m.safetensors")).unwrap_err().to_string();
    assert!(missing.contains("absent/m.safetensors: "));
}

/// The same mesh, written by the `safetensors` crate instead of by us.
#[test]
fn a_mesh_of_another_writer_is_read() {
    let mesh = valid();
    let surfaces = || mesh.sub_types.iter().map(SubType::surface);
    let bytes = [
        surfaces().flat_map(|s| s.positions().as_flattened()).flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>(),
        surfaces().flat_map(|s| s.triangles().as_flattened()).flat_map(|v| v.to_le_bytes()).collect(),
        mesh.sub_types.iter().flat_map(|s| s.features()).flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        mesh.clutter.iter().flat_map(|v| v.to_le_bytes()).collect(),
        [0_u32, 4, 8, 12].iter().flat_map(|v| v.to_le_bytes()).collect(),
        [0_u16, 0, 1].iter().flat_map(|v| v.to_le_bytes()).collect(),
    ];
    let view = |dtype: Dtype, shape: &[usize], row: usize| TensorView::new(dtype, shape.into(), &bytes[row]).unwrap();
    let tensors = [
        ("positions", view(Dtype::F32, &[12, 3], 0)),
        ("triangles", view(Dtype::U32, &[12, 3], 1)),
        ("features", view(Dtype::F16, &[12, 4], 2)),
        ("clutter", view(Dtype::F32, &[4], 3)),
        ("vertex_offsets", view(Dtype::U32, &[4], 4)),
        ("triangle_offsets", view(Dtype::U32, &[4], 4)),
        ("class_id", view(Dtype::U16, &[3], 5)),
    ];
    let metadata = [
        ("format_version", "1"),
        ("class_names", r#"["car","van"]"#),
        ("sub_type_names", r#"["saloon","estate","panel van"]"#),
        ("stride", "1"),
        ("encoder_sha256", &mesh.encoder_sha256),
    ];
    let metadata = metadata.map(|(k, v)| (k.to_string(), v.to_string())).into_iter().collect();
    let file = safetensors::serialize(tensors, Some(metadata)).unwrap();
    assert_eq!(NeuralMesh::parse(&file, "m").unwrap(), mesh);
}

#[test]
fn parts_that_do_not_fit_each_other_are_named() {
    assert!(reason(|m| m.class_names[1] = "car".into()).contains("metadata.class_names: name 1"));
    assert!(reason(|m| m.class_names.clear()).contains("metadata.class_names: has 0"));
    assert!(reason(|m| m.encoder_sha256.truncate(63)).contains("metadata.encoder_sha256: wanted"));
    assert!(reason(|m| m.stride = 0).contains("metadata.stride: is 0, wanted: 1 to 256"));
    assert!(reason(|m| m.stride = 257).contains("metadata.stride: is 257"));
    assert!(reason(|m| m.sub_types.clear()).contains("features: has 0 rows"));
    assert!(reason(|m| m.sub_types[2] = m.sub_types[0].clone()).contains("sub_type_names: name 2 `saloon`"));
    assert!(reason(|m| m.sub_types.swap(1, 2)).contains("m: class_id: row 2: class 0 comes after class 1"));
    assert!(reason(|m| drop(m.class_names.pop())).contains("m: class_id: row 2: class 1 has no name: there are 1"));
    // A file has one clutter vector, so that this cannot be read.
    let mut mesh = valid();
    mesh.clutter = vec![0.0; 4];
    assert!(mesh.to_bytes("m").unwrap_err().to_string().contains("row 0: sub-type `saloon` was made with another"));
}

#[test]
fn wrong_metadata_and_tensors_are_named() {
    assert!(with_text("format_version\":\"1\"", "format_version\":\"2\"").contains("metadata.format_version: is `2`"));
    assert!(with_text("format_version", "format_Version").contains("metadata.format_version: is missing"));
    assert!(with_text("stride\":\"1\"", "strIde\":\"1\"").contains("metadata.strIde: is no key of a neural mesh"));
    for text in ["x", "-", " "] {
        assert!(
            with_text("stride\":\"1\"", &format!("stride\":\"{text}\"")).contains("metadata.stride: is `"),
            "{text}"
        );
    }
    assert!(with_text("\\\"panel van\\\"", "\\\"ab\\\",\\\"cd\\\"").contains("metadata.sub_type_names: has 4 names"));
    assert!(with_text("panel van", "pa\\\\u0007").contains("metadata.sub_type_names: "));
    assert!(with_text("\"F16\"", "\"I16\"").contains("features: is of type I16, not F16"));
    assert!(with_text("\"class_id\"", "\"class_no\"").contains("class_no: is no tensor of a neural mesh"));
    assert!(with_text("[12,4]", "[4,12]").contains("positions: has shape [12, 3], not [4, 3]"));
    assert!(
        with_text("\"shape\":[12,3]},\"t", "\"shape\":[36 ]} ,\"t").contains("positions: has shape [36], not [12, 3]")
    );
    assert!(with_text("\"shape\":[12,3]},\"v", "\"shape\":[3,12]},\"v").contains("triangles: has shape [3, 12], not"));
}

#[test]
fn wrong_rows_are_named_by_their_row_in_the_file() {
    assert!(with_numbers(&[0, 4, 8, 12], &[1, 4, 8, 12]).contains("vertex_offsets: row 0: is 1, wanted: 0"));
    assert!(with_numbers(&[0, 4, 8, 12], &[0, 4, 4, 12]).contains("vertex_offsets: row 2: is 4, wanted: more than 4"));
    assert!(with_numbers(&[0, 4, 8, 12], &[0, 13, 8, 12]).contains("row 1: is 13, wanted: more than 0 and at most 12"));
    assert!(with_numbers(&[0, 4, 8, 12], &[0, 4, 8, 11]).contains("vertex_offsets: row 3: is 11, wanted: 12"));
    assert!(
        with_numbers(&[8, 12, 0, 4, 8, 12], &[8, 12, 0, 4, 8, 9]).contains("triangle_offsets: row 3: is 9, wanted")
    );
    let corner = |size: f32| [-size, size].map(f32::to_bits);
    assert!(
        with_numbers(&corner(2.25), &[f32::NAN.to_bits(), 0])
            .starts_with("m: positions: row 4: sub-type `estate`: is [")
    );
    assert!(
        with_numbers(&[1, 2, 3, 0, 4, 8, 12], &[1, 2, 4, 0, 4, 8, 12])
            .contains("triangles: row 11: sub-type `panel van`: names [1, 2, 4]")
    );
    assert!(with_numbers(&[0.5_f32, -0.5].map(f32::to_bits), &[0, 0]).starts_with("m: clutter: has length 0.7"));
    let feature =
        valid().sub_types[2].features()[4..8].iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect::<Vec<u8>>();
    assert!(with(&feature, &[0; 8]).starts_with("m: features: row 9: sub-type `panel van`: has length 0, not 1"));
}

#[test]
fn too_much_is_refused_before_memory_is_taken() {
    let reason = |v, d, t, s| check_totals(v, d, t, s).unwrap_err().reason;
    assert!(check_totals(VERTEX_TOTAL_MAX, FEATURE_DIM_MAX, TRIANGLE_TOTAL_MAX, SUB_TYPE_COUNT_MAX).is_ok());
    assert!(reason(VERTEX_TOTAL_MAX + 1, 1, 1, 1).contains("has 1048577 rows") && reason(0, 1, 1, 1).contains("rows"));
    assert!(
        reason(1, FEATURE_DIM_MAX + 1, 1, 1).contains("4097 numbers a row")
            && reason(1, 0, 1, 1).contains("numbers a row")
    );
    assert!(
        reason(1, 1, TRIANGLE_TOTAL_MAX + 1, 1).contains("has 4194305 rows") && reason(1, 1, 0, 1).contains("rows")
    );
    assert!(reason(1, 1, 1, 1025).contains("1025 sub-types") && reason(1, 1, 1, 0).contains("0 sub-types"));
}

#[test]
fn every_truncation_is_an_error_and_no_bit_flip_panics() {
    let file = valid().to_bytes("m").unwrap();
    for end in 0..file.len() {
        assert!(NeuralMesh::parse(&file[..end], "m").is_err(), "{end}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(NeuralMesh::parse(&longer, "m").is_err());
    for bit in 0..file.len() * 8 {
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        // A flip may give another valid mesh (the last bit of a coordinate): the hash is what tells. That is written as it was read.
        if let Ok(mesh) = NeuralMesh::parse(&file, "m") {
            assert_eq!(NeuralMesh::parse(&mesh.to_bytes("m").unwrap(), "m").unwrap(), mesh);
        }
    }
}

proptest! {
    #[test]
    fn whatever_can_be_made_is_written_and_read(
        names in prop::collection::hash_set("[a-zé \"\\\\]{1,12}", 1..5),
        classes in prop::collection::vec(0_u16..3, 5),
        size in 0.01_f32..100.0,
        dim in 1_usize..40,
        stride in 1_u32..=STRIDE_MAX,
        clutter in prop::option::of(0_usize..40),
    ) {
        let mut mesh = valid();
        mesh.class_names = ["car", "van", "\"bus\""].map(String::from).to_vec();
        mesh.stride = stride;
        mesh.clutter = (0..dim).map(|row| if clutter == Some(row) { -1.0 } else { 0.0 }).collect();
        let mut classes = classes;
        classes.truncate(names.len());
        classes.sort_unstable();
        mesh.sub_types = names.iter().zip(classes).map(|(name, class)| {
            SubType::new(name, class, tetrahedron(size), &features(4, dim, name.len()), &mesh.clutter).unwrap()
        }).collect();
        let bytes = mesh.to_bytes("m").unwrap();
        prop_assert_eq!(NeuralMesh::parse(&bytes, "m").unwrap(), mesh);
    }
}
