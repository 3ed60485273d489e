use safetensors::tensor::TensorView;

use super::*;

/// Six rows of two classes, for tests of this crate.
pub(crate) fn table(encoder_sha256: &str) -> ReferenceTable {
    let half = std::f32::consts::FRAC_1_SQRT_2;
    let row = |a: f32, b: f32| [a, b, 0.0, 0.0, 0.0].map(f16::from_f32);
    ReferenceTable {
        dim: 5,
        embeddings: [row(1., 0.), row(0., 1.), row(half, half), row(0.6, 0.8), row(-1., 0.), row(0., -1.)].concat(),
        rotations: vec![
            [1., 0., 0., 0.],
            [half, half, 0., 0.],
            [0., 1., 0., 0.],
            [0., 0., 1., 0.],
            [0.5, 0.5, 0.5, -0.5],
            [0., 0., 0., -1.],
        ],
        class_id: vec![0, 0, 0, 0, 1, 1],
        shape_id: vec![7, 7, 9, 9, 0, 65535],
        class_names: vec!["car".into(), "van".into()],
        encoder_sha256: encoder_sha256.into(),
    }
}

fn valid() -> ReferenceTable {
    table(&crate::digest::sha256_hex(b"network"))
}

fn reason(change: impl FnOnce(&mut ReferenceTable)) -> String {
    let mut table = valid();
    change(&mut table);
    let saved = table.to_bytes("t").unwrap_err().to_string();
    // What may not be saved may not be read either.
    let read = ReferenceTable::parse(&emit::emit(&table).unwrap(), "t").unwrap_err().to_string();
    assert_eq!(read, saved);
    read
}

#[test]
fn a_saved_table_loads_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    valid().save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(ReferenceTable::parse(&bytes, "t").unwrap(), valid());
    assert_eq!(bytes, valid().to_bytes("t").unwrap());
}

/// The format stays what it was: a table that was released long ago comes out as the bytes that it is.
#[test]
fn the_released_table_is_written_as_the_bytes_it_was_read_from() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo/car").join(crate::manifest::REFERENCE_TABLE_FILE);
    let file = std::fs::read(path).unwrap();
    assert!(ReferenceTable::parse(&file, "t").unwrap().to_bytes("t").unwrap() == file);
}

#[test]
fn a_class_is_one_range_of_rows() {
    let table = valid();
    assert_eq!([0, 1, 2].map(|c| table.class_range(c)), [0..4, 4..6, 6..6]);
    assert_eq!((table.view().dim, table.row_count()), (5, 6));
    assert!((table.rotation(1).unwrap().angle() - std::f64::consts::FRAC_PI_2).abs() < 1e-6);
    assert!(table.rotation(6).is_none());
}

/// The same table, written by the `safetensors` crate instead of by us.
#[test]
fn a_table_of_another_writer_is_read() {
    let table = valid();
    let bytes = [
        table.rotations.as_flattened().iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>(),
        table.embeddings.iter().flat_map(|v| v.to_le_bytes()).collect(),
        table.class_id.iter().flat_map(|v| v.to_le_bytes()).collect(),
        table.shape_id.iter().flat_map(|v| v.to_le_bytes()).collect(),
    ];
    let tensors = [
        ("rotations", TensorView::new(Dtype::F32, vec![6, 4], &bytes[0]).unwrap()),
        ("embeddings", TensorView::new(Dtype::F16, vec![6, 5], &bytes[1]).unwrap()),
        ("class_id", TensorView::new(Dtype::U16, vec![6], &bytes[2]).unwrap()),
        ("shape_id", TensorView::new(Dtype::U16, vec![6], &bytes[3]).unwrap()),
    ];
    let metadata =
        [("format_version", "1"), ("class_names", r#"["car","van"]"#), ("encoder_sha256", &table.encoder_sha256)];
    let metadata = metadata.map(|(k, v)| (k.to_string(), v.to_string())).into_iter().collect();
    let file = safetensors::serialize(tensors, Some(metadata)).unwrap();
    assert_eq!(ReferenceTable::parse(&file, "t").unwrap(), table);
}

#[test]
fn a_wrong_row_is_named() {
    assert!(
        reason(|t| t.embeddings[2 * 5] = f16::NAN).starts_with("t: embeddings: row 2: has a value that is not finite")
    );
    assert!(reason(|t| t.embeddings[5 * 5 + 4] = f16::INFINITY).contains("row 5"));
    assert!(reason(|t| t.embeddings[3 * 5] = f16::ZERO).contains("embeddings: row 3: has length 0.7"));
    assert!(reason(|t| t.embeddings[..5].fill(f16::ZERO)).contains("row 0: has length 0"));
    assert!(
        reason(|t| t.rotations[4] = [0.5; 4].map(|v: f32| v * 1.01)).contains("rotations: row 4: has length 1.00999")
    );
    assert!(reason(|t| t.rotations[1][2] = f32::NAN).contains("rotations: row 1"));
    assert!(reason(|t| t.class_id[1] = 1).contains("class_id: row 2: class 0 comes after class 1"));
    assert!(reason(|t| t.class_id[5] = 2).contains("class_id: row 5: class 2 has no name"));
}

#[test]
fn wrong_metadata_is_named() {
    assert!(reason(|t| t.class_names[1] = "car".into()).contains("metadata.class_names: name 1"));
    assert!(reason(|t| t.class_names.clear()).contains("metadata.class_names"));
    assert!(reason(|t| t.encoder_sha256.truncate(63)).contains("metadata.encoder_sha256"));
    let file = valid().to_bytes("t").unwrap();
    let with = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = file.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut file = file.clone();
        file[at..at + to.len()].copy_from_slice(to.as_bytes());
        ReferenceTable::parse(&file, "t").unwrap_err().to_string()
    };
    assert!(with("\"format_version\":\"1\"", "\"format_version\":\"2\"").contains("metadata.format_version: is `2`"));
    assert!(with("format_version", "format_Version").contains("metadata.format_version: is missing"));
    assert!(with("F16", "I16").contains("embeddings: is of type I16, not F16"));
    assert!(with("shape_id", "shape_no").contains("shape_no: is no tensor"));
    assert!(with("\"shape\":[6,4]", "\"shape\":[4,6]").contains("rotations: has shape [4, 6], not [6, 4]"));
    assert!(with("\"shape\":[6,5]", "\"shape\":[5,6]").contains("shape [6, 4], not [5, 4]"));
}

#[test]
fn too_many_rows_are_refused_before_memory_is_taken() {
    assert!(check::counts(ROW_COUNT_MAX + 1, 5).unwrap_err().reason.contains("wanted: 1 to 10000000"));
    assert!(check::counts(0, 5).is_err() && check::counts(1, 0).is_err() && check::counts(1, DIM_TOO_LONG).is_err());
}

const DIM_TOO_LONG: usize = crate::manifest::DIM_MAX + 1;

#[test]
fn every_truncation_is_an_error_and_no_bit_flip_panics() {
    let file = valid().to_bytes("t").unwrap();
    for end in 0..file.len() {
        assert!(ReferenceTable::parse(&file[..end], "t").is_err(), "{end}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(ReferenceTable::parse(&longer, "t").is_err());
    for bit in 0..file.len() * 8 {
        let mut file = file.clone();
        file[bit / 8] ^= 1 << (bit % 8);
        // A flip may give another valid table (a shape id, the last bit of an embedding): the hash is what tells.
        let _ = ReferenceTable::parse(&file, "t");
    }
}
