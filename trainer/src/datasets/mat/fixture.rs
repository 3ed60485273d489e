//! Writes MAT-files for tests, byte by byte from the format's description.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// A numeric type: kind of element, class of array, bytes of a value (least significant first).
pub(crate) type Numeric = (u32, u32, fn(f64) -> Vec<u8>);

pub(crate) const F64: Numeric = (9, 6, |v| v.to_le_bytes().into());
/// Every numeric type.
pub(crate) const NUMERIC: [Numeric; 10] = [
    F64,
    (7, 7, |v| (v as f32).to_le_bytes().into()),
    (1, 8, |v| (v as i8).to_le_bytes().into()),
    (2, 9, |v| (v as u8).to_le_bytes().into()),
    (3, 10, |v| (v as i16).to_le_bytes().into()),
    (4, 11, |v| (v as u16).to_le_bytes().into()),
    (5, 12, |v| (v as i32).to_le_bytes().into()),
    (6, 13, |v| (v as u32).to_le_bytes().into()),
    (12, 14, |v| (v as i64).to_le_bytes().into()),
    (13, 15, |v| (v as u64).to_le_bytes().into()),
];

/// A data element, in the small form where it fits.
pub(crate) fn element(kind: u32, data: &[u8]) -> Vec<u8> {
    let size = data.len() as u32;
    let mut bytes = if (1..=4).contains(&size) {
        ((size << 16) | kind).to_le_bytes().to_vec()
    } else {
        [kind.to_le_bytes(), size.to_le_bytes()].concat()
    };
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// An array: class, rows and columns, and what its class asks for.
pub(crate) fn array(class: u32, shape: [i32; 2], name: &str, content: &[u8]) -> Vec<u8> {
    let flags = [class.to_le_bytes(), [0; 4]].concat();
    let shape = shape.map(i32::to_le_bytes).concat();
    let body = [element(6, &flags), element(5, &shape), element(1, name.as_bytes()), content.to_vec()].concat();
    element(14, &body)
}

pub(crate) fn numbers(name: &str, (kind, class, bytes): Numeric, shape: [i32; 2], values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|&v| bytes(v)).collect();
    array(class, shape, name, &element(kind, &data))
}

pub(crate) fn number(value: f64) -> Vec<u8> {
    numbers("", F64, [1, 1], &[value])
}

pub(crate) fn row(values: &[f64]) -> Vec<u8> {
    numbers("", F64, [1, values.len() as i32], values)
}

/// `[]`.
pub(crate) fn empty() -> Vec<u8> {
    row(&[])
}

/// Characters in 16 bits, as MATLAB writes them.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    array(4, [1, text.len() as i32], "", &element(4, &units))
}

/// A row of structures with the same fields.
pub(crate) fn structs(name: &str, fields: &[&str], elements: &[Vec<Vec<u8>>]) -> Vec<u8> {
    const LENGTH: usize = 32;
    let mut names = Vec::new();
    for field in fields {
        names.extend(field.bytes());
        names.resize(names.len().next_multiple_of(LENGTH), 0);
    }
    let values = elements.concat().concat();
    let content = [element(5, &(LENGTH as i32).to_le_bytes()), element(1, &names), values].concat();
    array(2, [1, elements.len() as i32], name, &content)
}

/// One structure.
pub(crate) fn structure(name: &str, fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    structs(name, &names, &[fields.iter().map(|(_, value)| value.clone()).collect()])
}

/// A file of uncompressed variables.
pub(crate) fn file(variables: &[Vec<u8>]) -> Vec<u8> {
    let mut header = b"MATLAB 5.0 MAT-file".to_vec();
    header.resize(124, b' ');
    header.extend([0, 1, b'I', b'M']);
    [header, variables.concat()].concat()
}

/// A file of compressed variables.
pub(crate) fn compressed_file(variables: &[Vec<u8>]) -> Vec<u8> {
    let compress = |variable: &Vec<u8>| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(variable).expect("writing to memory");
        let data = encoder.finish().expect("writing to memory");
        // Compressed elements are not padded.
        [15u32.to_le_bytes().to_vec(), (data.len() as u32).to_le_bytes().to_vec(), data].concat()
    };
    file(&variables.iter().map(compress).collect::<Vec<_>>())
}
