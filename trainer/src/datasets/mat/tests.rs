use super::fixture::*;
use super::*;

fn nested() -> Vec<u8> {
    let viewpoint = structure("", &[("azimuth", number(31.5)), ("px", row(&[1.0, 2.0]))]);
    let objects = structs("", &["class", "viewpoint"], &[vec![text("car"), viewpoint], vec![text("bus"), empty()]]);
    let cell = array(1, [1, 2], "", &[number(7.0), text("é")].concat());
    structure("record", &[("filename", text("n02814533_1.JPEG")), ("objects", objects), ("cell", cell)])
}

#[test]
fn structures_cells_and_text_come_back_plain_and_compressed() {
    for bytes in [file(&[nested()]), compressed_file(&[nested()])] {
        let variables = parse(&bytes).unwrap();
        assert_eq!(variables.len(), 1);
        let (name, value) = &variables[0];
        assert_eq!(name, "record");
        let record = value.single().unwrap();
        assert_eq!(record.get("filename").unwrap().text(), Some("n02814533_1.JPEG"));
        let objects: Vec<Struct<'_>> = record.get("objects").unwrap().structs().collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0].get("viewpoint").unwrap().single().unwrap().number("azimuth"), Some(31.5));
        assert_eq!(objects[1].get("class").unwrap().text(), Some("bus"));
        assert!(objects[1].get("viewpoint").unwrap().single().is_none());
        let Some(Value::Cells { shape, values }) = record.get("cell") else { panic!("no cell") };
        assert_eq!((shape.as_slice(), values[0].number(), values[1].text()), (&[1, 2][..], Some(7.0), Some("é")));
    }
}

#[test]
fn every_numeric_type_is_read() {
    for numeric in NUMERIC {
        let bytes = file(&[numbers("x", numeric, [2, 2], &[1.0, 2.0, 3.0, 100.0])]);
        let expected = Value::Numbers { shape: vec![2, 2], values: vec![1.0, 2.0, 3.0, 100.0] };
        assert_eq!(parse(&bytes).unwrap(), [("x".to_owned(), expected)]);
    }
}

/// MATLAB stores doubles that are small whole numbers in fewer bytes than their class has.
#[test]
fn a_double_array_may_be_stored_as_bytes() {
    let bytes = file(&[array(6, [1, 3], "x", &element(2, &[1, 2, 3]))]);
    assert_eq!(parse(&bytes).unwrap()[0].1.numbers(), Some(&[1.0, 2.0, 3.0][..]));
}

#[test]
fn big_endian_files_are_read() {
    let mut bytes = file(&[]);
    bytes[124..].copy_from_slice(&[1, 0, b'M', b'I']);
    let be = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
    bytes.extend(be(&[14, 56, 6, 8, 6, 0, 5, 8, 1, 1, (1 << 16) | 1]));
    bytes.extend([b'x', 0, 0, 0]);
    bytes.extend(be(&[9, 8]));
    bytes.extend(2.5f64.to_be_bytes());
    assert_eq!(parse(&bytes).unwrap(), [("x".to_owned(), Value::Numbers { shape: vec![1, 1], values: vec![2.5] })]);
}

#[test]
fn rows_of_text_are_read_along_the_rows() {
    let bytes = file(&[array(4, [2, 3], "t", &element(16, b"adbecf"))]);
    assert_eq!(parse(&bytes).unwrap()[0].1.text(), Some("abc\ndef"));
}

#[test]
fn a_cut_file_is_an_error_at_every_byte() {
    for bytes in [file(&[nested()]), compressed_file(&[nested()])] {
        for end in (0..bytes.len()).filter(|&end| end != HEADER_BYTES) {
            assert!(parse(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    for bytes in [file(&[nested()]), compressed_file(&[nested()])] {
        for at in 0..bytes.len() {
            for mask in [0x01, 0x10, 0x80, 0xff] {
                let mut flipped = bytes.clone();
                flipped[at] ^= mask;
                let _ = parse(&flipped);
            }
        }
    }
}

#[test]
fn errors_name_the_byte() {
    let mut bytes = file(&[numbers("x", F64, [1, 1], &[1.0])]);
    bytes[HEADER_BYTES] = 99;
    assert_eq!(parse(&bytes).unwrap_err().to_string(), "byte 128: unknown kind of element 99");
    let mut wide = file(&[numbers("x", F64, [1, 1], &[1.0])]);
    wide[HEADER_BYTES + 32] = 2;
    assert_eq!(parse(&wide).unwrap_err().to_string(), "byte 184: 1 numbers for dimensions [2, 1]");
}

#[test]
fn hostile_sizes_are_refused() {
    let many = array(1, [i32::MAX, i32::MAX], "c", &[]);
    assert!(parse(&file(&[many])).unwrap_err().reason.contains("arrays in the 0 bytes"));
    let mut deep = number(1.0);
    for _ in 0..40 {
        deep = array(1, [1, 1], "", &deep);
    }
    assert!(parse(&file(&[deep])).unwrap_err().reason.contains("nested deeper"));
    let bomb = array(9, [1, 33 << 20], "z", &element(2, &vec![0; 33 << 20]));
    assert!(parse(&compressed_file(&[bomb])).unwrap_err().reason.contains("more than"));
}

#[test]
fn other_formats_are_refused_by_name() {
    let mut hdf5 = file(&[]);
    hdf5[125] = 2;
    assert!(parse(&hdf5).unwrap_err().reason.contains("7.3"));
    assert!(parse(b"PK\x03\x04").is_err());
}
