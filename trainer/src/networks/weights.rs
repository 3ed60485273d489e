//! Files of trained weights: safetensors, and what PyTorch's `torch.save` writes, read without PyTorch (libtorch itself
//! opens TorchScript archives, but no state dictionary of a module).
//!
//! Whatever the file, the result is single-precision tensors by name; integers (counters of batches) are left out.
//! Nothing in a file is executed, and memory is bounded by the file's size. [`names`] maps published names to ours.

pub mod names;
mod pickle;
mod state_dict;
mod tensor;
#[cfg(test)]
mod tests;
mod value;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use safetensors::{Dtype, SafeTensors};

use super::onnx::Parameter;
use tensor::{ElementKind, Storage, View};

pub use names::renamed;

/// Larger files are refused; the weights of the largest backbone take 0.1 GB.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// Start of a zip archive.
const ARCHIVE_START: &[u8] = b"PK\x03\x04";
/// Protocol 2 and an integer of ten bytes, with which PyTorch's older format starts. A safetensors file cannot: it would
/// have a header of 170 MB.
const LEGACY_START: &[u8] = b"\x80\x02\x8a\x0a";

/// The floating-point tensors of a weight file: `.safetensors`, or `.pt` and `.pth` of either age.
///
/// # Errors
/// Names the file and the place in it (byte, archive entry, tensor) that cannot be read.
pub fn read(path: &Path) -> Result<Vec<(String, Parameter)>> {
    let place = || path.display().to_string();
    ensure!(path.is_file(), "{}: no such file (scripts/fetch_weights.sh fetches one)", place());
    let length = path.metadata().with_context(place)?.len();
    ensure!(length <= FILE_BYTES_MAX, "{}: {length} bytes are more than {FILE_BYTES_MAX}", place());
    decode(&std::fs::read(path).with_context(place)?).with_context(place)
}

fn decode(file: &[u8]) -> Result<Vec<(String, Parameter)>> {
    if file.starts_with(ARCHIVE_START) {
        state_dict::read_archive(file)
    } else if file.starts_with(LEGACY_START) {
        state_dict::read_legacy(file)
    } else {
        read_safetensors(file).context("as safetensors (it is no PyTorch file)")
    }
}

fn read_safetensors(file: &[u8]) -> Result<Vec<(String, Parameter)>> {
    let file = SafeTensors::deserialize(file)?;
    let mut parameters = Vec::new();
    for (name, tensor) in file.iter() {
        let kind = match tensor.dtype() {
            Dtype::F16 => ElementKind::F16,
            Dtype::BF16 => ElementKind::Bf16,
            Dtype::F32 => ElementKind::F32,
            Dtype::F64 => ElementKind::F64,
            _ => continue,
        };
        let shape = tensor.shape().to_vec();
        let count = tensor.data().len() / kind.size();
        let mut stride = vec![1_usize; shape.len()];
        for axis in (1..shape.len()).rev() {
            stride[axis - 1] = stride[axis].saturating_mul(shape[axis]);
        }
        let view = View { storage: Storage { kind, key: name.to_owned(), count }, offset: 0, shape, stride };
        if let Some(parameter) = view.read(tensor.data()).with_context(|| format!("tensor {name}"))? {
            parameters.push((name.to_owned(), parameter));
        }
    }
    Ok(parameters)
}
