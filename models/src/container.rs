//! The safetensors container as our formats use it: known tensors of known types and shapes, texts in the metadata, and one order
//! of bytes when written.

use std::collections::{HashMap, HashSet};

use half::f16;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use crate::digest::is_sha256_hex;

/// What is wrong with a file, without its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    /// `header`, a tensor's name or `metadata.<key>`.
    pub key: String,
    /// What is wrong, and what is wanted.
    pub reason: String,
}

impl Fault {
    pub(crate) fn new(key: &str, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }

    pub(crate) fn metadata(key: &str, reason: impl Into<String>) -> Self {
        Self::new(&format!("metadata.{key}"), reason)
    }
}

/// A file's tensors and texts.
pub(crate) struct Container<'a> {
    tensors: SafeTensors<'a>,
    texts: HashMap<String, String>,
}

impl<'a> Container<'a> {
    /// Reads the header: a version that this program knows, and no tensor but the `known` ones of `what`.
    pub(crate) fn parse(bytes: &'a [u8], what: &str, version: &str, known: &[&str]) -> Result<Self, Fault> {
        let header = |error: safetensors::SafeTensorError| Fault::new("header", error.to_string());
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(header)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(header)?;
        let texts = metadata.metadata().clone().unwrap_or_default();
        let container = Self { tensors, texts };
        let found = container.text("format_version")?;
        if found != version {
            return Err(Fault::metadata("format_version", format!("is `{found}`, this program reads `{version}`")));
        }
        if let Some(name) = container.tensors.names().iter().find(|name| !known.contains(*name)) {
            return Err(Fault::new(name, format!("is no tensor of a {what}")));
        }
        Ok(container)
    }

    /// A value of the metadata.
    pub(crate) fn text(&self, key: &str) -> Result<&str, Fault> {
        self.texts.get(key).map(String::as_str).ok_or_else(|| Fault::metadata(key, "is missing"))
    }

    /// A value of the metadata that is a JSON array of texts.
    pub(crate) fn names(&self, key: &str) -> Result<Vec<String>, Fault> {
        serde_json::from_str(self.text(key)?).map_err(|e| Fault::metadata(key, e.to_string()))
    }

    /// The keys of the metadata.
    pub(crate) fn text_keys(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// Shape and bytes of a tensor.
    pub(crate) fn tensor(&self, name: &str, dtype: Dtype) -> Result<(Vec<usize>, &'a [u8]), Fault> {
        let view = self.tensors.tensor(name).map_err(|e| Fault::new(name, e.to_string()))?;
        match view.dtype() == dtype {
            true => Ok((view.shape().to_vec(), view.data())),
            false => Err(Fault::new(name, format!("is of type {:?}, not {dtype:?}", view.dtype()))),
        }
    }

    /// Bytes of a tensor of a known shape.
    pub(crate) fn shaped(&self, name: &str, dtype: Dtype, wanted: &[usize]) -> Result<&'a [u8], Fault> {
        match self.tensor(name, dtype)? {
            (shape, data) if shape == wanted => Ok(data),
            (shape, _) => Err(Fault::new(name, format!("has shape {shape:?}, not {wanted:?}"))),
        }
    }
}

/// The beginning of a file, with room for the tensors: they follow in the order of the list, each as little-endian numbers. Those with
/// the longest elements come first, so that each begins at a multiple of its element's size.
///
/// The `safetensors` crate keeps metadata in a hash map, so that the same file would have another SHA-256 at each run.
pub(crate) fn begin(metadata: &Value, tensors: &[(&str, Dtype, Vec<usize>)]) -> Result<Vec<u8>, Fault> {
    let fault = |e: serde_json::Error| Fault::new("header", e.to_string());
    let mut header = Map::new();
    header.insert("__metadata__".into(), metadata.clone());
    let mut end = 0;
    for (name, dtype, shape) in tensors {
        let start = end;
        // Of the types that the formats use none is smaller than a byte.
        end += shape.iter().product::<usize>() * (dtype.bitsize() / 8);
        let dtype = serde_json::to_value(dtype).map_err(fault)?;
        header.insert((*name).into(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
    }
    let mut header = serde_json::to_vec(&Value::Object(header)).map_err(fault)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    Ok(bytes)
}

/// Numbers of a tensor's bytes.
pub(crate) fn u16s(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)).collect()
}

/// As [`u16s`].
pub(crate) fn u32s(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect()
}

/// As [`u16s`].
pub(crate) fn f16s(bytes: &[u8]) -> Vec<f16> {
    bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b)).collect()
}

/// As [`u16s`].
pub(crate) fn f32s(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Class names as every format wants them: at least one, none empty, each once.
pub(crate) fn check_names(key: &str, names: &[String], count_max: usize) -> Result<(), Fault> {
    if names.is_empty() || names.len() > count_max {
        return Err(Fault::metadata(key, format!("has {} names, wanted: 1 to {count_max}", names.len())));
    }
    let mut seen = HashSet::new();
    for (row, name) in names.iter().enumerate() {
        if name.is_empty() || !seen.insert(name) {
            return Err(Fault::metadata(key, format!("name {row} `{name}` is empty or twice there")));
        }
    }
    Ok(())
}

/// The SHA-256 of a network, as the metadata holds it.
pub(crate) fn check_sha256(key: &str, sha256: &str) -> Result<(), Fault> {
    is_sha256_hex(sha256).then_some(()).ok_or_else(|| Fault::metadata(key, "wanted: 64 lowercase hexadecimal digits"))
}

/// What keeps a vector from being of unit length, if anything does.
pub(crate) fn not_unit(vector: &[f32], tolerance: f64) -> Option<String> {
    let squared: f64 = vector.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    if !squared.is_finite() {
        return Some("has a value that is not finite".into());
    }
    let norm = squared.sqrt();
    ((norm - 1.0).abs() > tolerance).then(|| format!("has length {norm}, not 1"))
}
