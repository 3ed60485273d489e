//! Tables in NumPy's file format, as far as benches need it: little-endian `f32`, row after row.
//!
//! The format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

/// A matrix of `f32`, `[rows, dim]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    /// Elements of one row, not zero.
    pub(super) dim: usize,
    /// All elements.
    pub(super) elements: Vec<f32>,
}

/// Why a file was not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum NpyError {
    /// Reading failed.
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// Another format, type, order, number of dimensions or length.
    #[error("not a whole two-dimensional C-order .npy file of little-endian f32")]
    Format,
}

impl Matrix {
    /// Loads a `.npy` file.
    ///
    /// # Errors
    /// [`NpyError`], also for a file that ends early or late.
    pub(super) fn load(path: &Path) -> Result<Self, NpyError> {
        let mut file = File::open(path)?;
        let mut start = [0; 10];
        file.read_exact(&mut start)?;
        let [magic @ .., major, _, low, high] = start;
        if magic != *b"\x93NUMPY" || major != 1 {
            return Err(NpyError::Format);
        }
        let mut header = vec![0; usize::from(u16::from_le_bytes([low, high]))];
        file.read_exact(&mut header)?;
        let (row_count, dim) = shape(&header).ok_or(NpyError::Format)?;
        let element_count = row_count.checked_mul(dim).ok_or(NpyError::Format)?;
        // Before anything is allocated: a header may claim what it likes.
        let claimed = (start.len() + header.len()) as u64 + 4 * element_count as u64;
        if file.metadata()?.len() != claimed {
            return Err(NpyError::Format);
        }
        let mut elements = vec![0.0_f32; element_count];
        file.read_exact(bytemuck::cast_slice_mut(&mut elements))?;
        if cfg!(target_endian = "big") {
            elements.iter_mut().for_each(|element| *element = f32::from_bits(element.to_bits().swap_bytes()));
        }
        Ok(Self { dim, elements })
    }

    /// Saves the file that [`Matrix::load`] loads.
    ///
    /// # Errors
    /// [`NpyError::Io`], or [`NpyError::Format`] for elements that are not whole rows.
    pub(super) fn save(&self, path: &Path) -> Result<(), NpyError> {
        if self.dim == 0 || !self.elements.len().is_multiple_of(self.dim) {
            return Err(NpyError::Format);
        }
        let shape = (self.elements.len() / self.dim, self.dim);
        let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape:?}, }}");
        // The elements start at a multiple of 64 bytes; the header ends in a line feed.
        let header = format!("{text:<width$}\n", width = (text.len() + 11).next_multiple_of(64) - 11);
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"\x93NUMPY\x01\x00")?;
        file.write_all(&(header.len() as u16).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for element in &self.elements {
            file.write_all(&element.to_le_bytes())?;
        }
        Ok(file.flush()?)
    }
}

/// Rows and columns, when the header describes what we can read.
fn shape(header: &[u8]) -> Option<(usize, usize)> {
    let header = std::str::from_utf8(header).ok()?;
    let plain: String = header.chars().filter(|character| !character.is_whitespace()).collect();
    if !plain.contains("'descr':'<f4'") || !plain.contains("'fortran_order':False") {
        return None;
    }
    let (_, after) = plain.split_once("'shape':(")?;
    let (rows, dim) = after.split_once(')')?.0.split_once(',')?;
    let (rows, dim): (usize, usize) = (rows.parse().ok()?, dim.parse().ok()?);
    // No file is larger than this, and no allocation should be.
    (dim > 0 && rows.checked_mul(dim)? < 1 << 40).then_some((rows, dim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let matrix = Matrix { dim: 3, elements: vec![1.0, -2.5, f32::MAX, 0.0, 1e-40, 7.0] };
        matrix.save(&path).unwrap();
        let (length, loaded) = (std::fs::metadata(&path).unwrap().len(), Matrix::load(&path).unwrap());
        assert_eq!((length % 64, loaded), (24, matrix));
    }

    #[test]
    fn headers_that_numpy_writes_are_understood() {
        let header = |text: &str| shape(text.as_bytes());
        assert_eq!(header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }   \n"), Some((3, 2)));
        assert_eq!(header("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }"), None);
        assert_eq!(header("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }"), None);
        assert_eq!(header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"), None);
        assert_eq!(header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }"), None);
    }
}
