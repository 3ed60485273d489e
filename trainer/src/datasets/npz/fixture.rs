//! Writes `.npz` files for tests.

use std::io::{Cursor, Write as _};

use zip::write::{FileOptions, ZipWriter};

/// An array as `numpy.save` writes it.
pub(crate) fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', length - 1 - header.len()).chain(['\n']));
    [b"\x93NUMPY\x01\x00", &(length as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

pub(crate) fn scalar(value: f64) -> Vec<u8> {
    npy("<f8", "()", &value.to_le_bytes())
}

pub(crate) fn vector(values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("<f8", &format!("({},)", values.len()), &data)
}

/// A truth value for each pixel.
pub(crate) fn mask(width: usize, height: usize, inside: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let data: Vec<u8> = (0..width * height).map(|i| inside(i % width, i / width).into()).collect();
    npy("|b1", &format!("({height}, {width})"), &data)
}

/// An archive of named arrays, stored as `numpy.savez` does or deflated as `numpy.savez_compressed` does.
pub(crate) fn npz(arrays: &[(&str, Vec<u8>)], deflated: bool) -> Vec<u8> {
    let method = if deflated { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = FileOptions::default().compression_method(method).large_file(true);
        writer.start_file(format!("{name}.npy"), options).expect("writing to memory");
        writer.write_all(bytes).expect("writing to memory");
    }
    writer.finish().expect("writing to memory").into_inner()
}
