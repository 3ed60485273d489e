//! MATLAB level 5 MAT-files (`save -v6` and `-v7`, SciPy), as the annotations of PASCAL3D+ and ObjectNet3D are kept in.
//!
//! Source: MathWorks, "MAT-File Format", chapter 1. Read are numeric, logical and character arrays, cells and structures, also
//! compressed and in either byte order. Files are taken for hostile: every size is checked against what is left, nesting and
//! decompressed bytes are bounded, and an error names the byte. Objects, sparse and complex arrays are skipped over.

mod array;
mod bytes;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
mod value;

use std::io::Read as _;

pub use value::{Struct, Value};

use bytes::{Bytes, Kind};

/// Bytes before the first variable.
const HEADER_BYTES: usize = 128;
/// Most bytes that the variables of a file may decompress to; an annotation has some ten thousand.
const DECOMPRESSED_BYTES_MAX: usize = 32 << 20;

/// What is wrong with a MAT-file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}{}: {reason}", .inside.map_or_else(String::new, |at| format!(" of the variable compressed at byte {at}")))]
pub struct MatError {
    /// Byte of the file, or of a decompressed variable.
    pub offset: usize,
    /// Where in the file the compressed variable begins, for offsets within one.
    pub inside: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

/// The variables of a MAT-file by name, in its order.
///
/// # Errors
/// [`MatError`] for anything that is not level 5 or does not fit together.
pub fn parse(file: &[u8]) -> Result<Vec<(String, Value)>, MatError> {
    let mut rest = open(file)?;
    let mut variables = Vec::new();
    let mut budget = DECOMPRESSED_BYTES_MAX;
    while !rest.is_empty() {
        let at = rest.offset();
        let element = rest.element()?;
        match element.kind {
            Kind::Matrix => variables.push(array::parse(element.data, 0)?),
            Kind::Compressed => {
                let plain = decompress(&element.data, at, &mut budget)?;
                let mut inner = Bytes::within(&plain, &element.data, at);
                let matrix = inner.element()?;
                if matrix.kind != Kind::Matrix {
                    return Err(matrix.data.error("a compressed element that is no array"));
                }
                variables.push(array::parse(matrix.data, 0)?);
            }
            _ => return Err(element.data.error("an element that is no variable")),
        }
    }
    Ok(variables)
}

/// Checks the header and gives what follows.
fn open(file: &[u8]) -> Result<Bytes<'_>, MatError> {
    let fail = |offset, reason: &str| Err(MatError { offset, inside: None, reason: reason.into() });
    let Some((header, body)) = file.split_at_checked(HEADER_BYTES) else {
        return fail(file.len(), "cut off in the 128-byte header, or no level 5 MAT-file");
    };
    let big_endian = match &header[126..] {
        b"IM" => false,
        b"MI" => true,
        _ => return fail(126, "no byte-order mark: not a level 5 MAT-file"),
    };
    let version = if big_endian { [header[124], header[125]] } else { [header[125], header[124]] };
    match version {
        [1, _] => Ok(Bytes::new(body, HEADER_BYTES, big_endian)),
        [2, _] => fail(124, "a version 7.3 (HDF5) file: save it again with -v7"),
        _ => fail(124, "neither version 5 nor 7.3"),
    }
}

fn decompress(data: &Bytes<'_>, at: usize, budget: &mut usize) -> Result<Vec<u8>, MatError> {
    let fail = |reason: String| MatError { offset: at, inside: None, reason };
    let mut plain = Vec::new();
    let limit = *budget as u64 + 1;
    let read = flate2::read::ZlibDecoder::new(data.as_slice()).take(limit).read_to_end(&mut plain);
    read.map_err(|error| fail(format!("the compressed variable cannot be decompressed: {error}")))?;
    *budget = budget
        .checked_sub(plain.len())
        .ok_or_else(|| fail(format!("decompresses to more than {DECOMPRESSED_BYTES_MAX} bytes")))?;
    Ok(plain)
}
