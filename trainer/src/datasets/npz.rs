//! NumPy archives (`numpy.savez`): a zip file of `.npy` arrays.
//!
//! Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`. Numeric and boolean arrays are read; pickled objects are refused,
//! since unpickling runs code. Sizes are bounded and checked against the data before anything is allocated for them, which is why
//! the header has a parser of its own here: the crates at hand multiply dimensions unchecked.

#[cfg(test)]
pub(crate) mod fixture;
mod npy;
#[cfg(test)]
mod tests;

use std::io::{Cursor, Read as _};

pub use npy::Array;

/// Largest array of an archive, in bytes; a mask of 4096x4096 fits.
const ARRAY_BYTES_MAX: u64 = 16 << 20;

/// What is wrong with an archive, and in which array.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpzError {
    /// The zip file is damaged.
    #[error("the archive: {0}")]
    Archive(String),
    /// One array is missing or damaged.
    #[error("array {array}: {reason}")]
    Array {
        /// Its name.
        array: String,
        /// What is wrong, with the byte where there is one.
        reason: String,
    },
}

/// An open archive.
pub struct Npz<'a> {
    archive: zip::ZipArchive<Cursor<&'a [u8]>>,
}

impl<'a> Npz<'a> {
    /// Opens the archive in `bytes`.
    ///
    /// # Errors
    /// [`NpzError::Archive`]
    pub fn open(bytes: &'a [u8]) -> Result<Self, NpzError> {
        let archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| NpzError::Archive(e.to_string()))?;
        Ok(Self { archive })
    }

    /// The array of a name.
    ///
    /// # Errors
    /// [`NpzError::Array`] where it is missing, damaged (its checksum is verified), too large or holds pickled objects.
    pub fn array(&mut self, name: &str) -> Result<Array, NpzError> {
        let fail = |reason: String| NpzError::Array { array: name.into(), reason };
        let file = self.archive.by_name(&format!("{name}.npy")).map_err(|e| fail(e.to_string()))?;
        let mut bytes = Vec::new();
        file.take(ARRAY_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| fail(e.to_string()))?;
        if bytes.len() as u64 > ARRAY_BYTES_MAX {
            return Err(fail(format!("larger than {ARRAY_BYTES_MAX} bytes")));
        }
        npy::parse(&bytes).map_err(fail)
    }

    /// The only number of an array.
    ///
    /// # Errors
    /// [`NpzError::Array`] also where there are none or several, or it is not finite.
    pub fn number(&mut self, name: &str) -> Result<f64, NpzError> {
        self.numbers::<1>(name).map(|[value]| value)
    }

    /// The `N` numbers of an array.
    ///
    /// # Errors
    /// [`NpzError::Array`] also where their count is another, or they are not finite.
    pub fn numbers<const N: usize>(&mut self, name: &str) -> Result<[f64; N], NpzError> {
        let array = self.array(name)?;
        let fail = |reason: String| NpzError::Array { array: name.into(), reason };
        let values = <[f64; N]>::try_from(array.values()).map_err(|v| fail(format!("{} numbers, not {N}", v.len())))?;
        match values.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(fail(format!("{value} is no number"))),
            None => Ok(values),
        }
    }
}
