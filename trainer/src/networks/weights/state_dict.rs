//! The tensors of a PyTorch file by name: `torch.save(model.state_dict())` in its two formats.
//!
//! Since PyTorch 1.6 a file is an uncompressed zip archive with one entry `<folder>/data.pkl`, the pickle, and an entry
//! `<folder>/data/<key>` for each storage. Before, it was a magic number, a version, the writer's type sizes, the state,
//! and the storages' keys, each a pickle, then each storage as a count (i64) and its elements.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use anyhow::{Context, Result, bail, ensure};
use zip::ZipArchive;

use super::pickle::Pickle;
use super::tensor::View;
use super::value::Value;
use crate::networks::onnx::Parameter;

/// The number that the older format starts with, `0x1950a86a20f9469cfc6c`, as far as [`Value::Int`] holds it.
const LEGACY_MAGIC: i64 = 0xa86a_20f9_469c_fc6c_u64 as i64;
/// Where checkpoints of training keep the state dictionary.
const STATE_KEY: &str = "state_dict";

/// Reads the newer format.
///
/// # Errors
/// Names the entry and, in the pickle, the byte.
pub fn read_archive(file: &[u8]) -> Result<Vec<(String, Parameter)>> {
    let mut archive = ZipArchive::new(Cursor::new(file)).context("as a zip archive")?;
    let pickle = archive.file_names().find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let pickle = pickle.context("no entry data.pkl: not a PyTorch file")?.to_owned();
    let folder = pickle.trim_end_matches("data.pkl").to_owned();
    let mut entry = |name: &str| -> Result<Vec<u8>> {
        let mut entry = archive.by_name(name).with_context(|| format!("entry {name}"))?;
        // Only what is stored as it is has a size that the file's own bounds.
        ensure!(entry.compression() == zip::CompressionMethod::Stored, "entry {name}: is compressed");
        let mut bytes = Vec::new();
        entry.by_ref().take(file.len() as u64).read_to_end(&mut bytes).with_context(|| format!("entry {name}"))?;
        Ok(bytes)
    };
    if let Ok(order) = entry(&format!("{folder}byteorder")) {
        ensure!(order == b"little", "entry {folder}byteorder: only little-endian files are read");
    }
    let state = Pickle::read(&entry(&pickle)?).with_context(|| format!("entry {pickle}"))?;
    let mut loaded: Option<(String, Vec<u8>)> = None;
    tensors(&state, file.len(), |view| {
        // Tensors come in the order of their storages, so the last one read is enough to keep.
        let key = &view.storage.key;
        let bytes = match loaded.take() {
            Some((name, bytes)) if name == *key => bytes,
            _ => entry(&format!("{folder}data/{key}"))?,
        };
        let parameter = view.read(&bytes);
        loaded = Some((key.clone(), bytes));
        parameter
    })
}

/// Reads the older format.
///
/// # Errors
/// Names the byte of the file or of the pickle that starts there.
pub fn read_legacy(file: &[u8]) -> Result<Vec<(String, Parameter)>> {
    let mut position = 0;
    let mut next = || -> Result<Pickle> {
        let rest = file.get(position..).unwrap_or_default();
        let pickle = Pickle::read(rest).with_context(|| format!("the pickle at byte {position}"))?;
        position += pickle.length;
        Ok(pickle)
    };
    ensure!(*next()?.root() == Value::Int(LEGACY_MAGIC), "byte 0: a pickle, but not one of PyTorch");
    let (_version, system, state, keys) = (next()?, next()?, next()?, next()?);
    if let Some(Value::Bool(little)) = item(&system, system.root(), "little_endian") {
        ensure!(*little, "byte 0: only little-endian files are read");
    }
    let sizes = element_sizes(&state)?;
    let Value::List(keys_listed) = keys.root() else { bail!("byte {position}: the storages' keys are not a list") };
    let mut storages = BTreeMap::new();
    for id in keys_listed {
        let Value::Text(key) = keys.get(*id) else { bail!("byte {position}: a storage's key is not a string") };
        let bytes = storage(file, &mut position, sizes.get(key.as_str()).copied());
        storages.insert(key.as_str(), bytes.with_context(|| format!("byte {position}: storage {key}"))?);
    }
    tensors(&state, file.len(), |view| {
        let key = view.storage.key.as_str();
        view.read(storages.get(key).with_context(|| format!("storage {key} is not in the file"))?)
    })
}

/// The elements of the storage at `position`, which is moved past them.
fn storage<'a>(file: &'a [u8], position: &mut usize, element_size: Option<usize>) -> Result<&'a [u8]> {
    let size = element_size.context("no tensor says what its elements are")?;
    let rest = file.get(*position..).unwrap_or_default();
    let (count, rest) = rest.split_first_chunk::<8>().context("the file ends")?;
    let length = usize::try_from(i64::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(size));
    let bytes = length.and_then(|length| rest.get(..length)).context("the file ends within it")?;
    *position += 8 + bytes.len();
    Ok(bytes)
}

/// Bytes an element takes, by storage key.
fn element_sizes(state: &Pickle) -> Result<BTreeMap<&str, usize>> {
    let views =
        entries(state)?.filter_map(|(_, value)| if let Value::Tensor(view) = value { Some(view) } else { None });
    Ok(views.map(|view| (view.storage.key.as_str(), view.storage.kind.size())).collect())
}

/// The floating-point tensors of a state dictionary in its order.
///
/// # Errors
/// When there is none, or they hold more elements together than the file has bytes.
fn tensors(
    state: &Pickle,
    file_length: usize,
    mut read: impl FnMut(&View) -> Result<Option<Parameter>>,
) -> Result<Vec<(String, Parameter)>> {
    let (mut tensors, mut total) = (Vec::new(), 0);
    for (name, value) in entries(state)? {
        let Value::Tensor(view) = value else { continue };
        let Some(parameter) = read(view).with_context(|| format!("tensor {name}"))? else { continue };
        total += parameter.data.len();
        ensure!(total <= file_length, "tensor {name}: the tensors repeat more elements than the file can hold");
        tensors.push((name.to_owned(), parameter));
    }
    ensure!(!tensors.is_empty(), "a PyTorch file without a state dictionary of tensors");
    Ok(tensors)
}

/// Names and values of the state dictionary, which is the file's root or its entry [`STATE_KEY`].
fn entries(state: &Pickle) -> Result<impl Iterator<Item = (&str, &Value)>> {
    let root = item(state, state.root(), STATE_KEY).unwrap_or_else(|| state.root());
    let Value::Dict(items) = root else { bail!("the file holds no dictionary") };
    Ok(items.iter().filter_map(|&(key, value)| match state.get(key) {
        Value::Text(name) => Some((name.as_str(), state.get(value))),
        _ => None,
    }))
}

/// The value of a string key, where `dict` is a dictionary that has it.
fn item<'a>(pickle: &'a Pickle, dict: &Value, key: &str) -> Option<&'a Value> {
    let Value::Dict(items) = dict else { return None };
    let (_, value) = items.iter().find(|(name, _)| matches!(pickle.get(*name), Value::Text(text) if text == key))?;
    Some(pickle.get(*value))
}
