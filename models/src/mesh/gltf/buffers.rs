//! The bytes behind a glTF file's accessors: buffers, buffer views (compressed ones too), positions and indices.

use std::collections::HashMap;
use std::path::{Component, Path};

use ::gltf::json::accessor::{Accessor, ComponentType, Type};
use ::gltf::json::validation::Checked;
use ::gltf::json::{Root, Value};
use base64::Engine;

use super::super::{ELEMENT_COUNT_MAX, FILE_BYTES_MAX};
use super::meshopt;

/// An element of the JSON, and what is wrong with it.
pub(super) type Fault = (String, String);

const COMPRESSION: &str = "EXT_meshopt_compression";

/// All buffers of a file, with compressed views already expanded.
pub(super) struct Buffers<'a> {
    root: &'a Root,
    bytes: Vec<Vec<u8>>,
    expanded: HashMap<usize, Vec<u8>>,
}

impl<'a> Buffers<'a> {
    /// Reads every buffer: the binary chunk, data URIs, and files in `folder` or below it.
    pub(super) fn load(root: &'a Root, mut blob: Option<Vec<u8>>, folder: Option<&Path>) -> Result<Self, Fault> {
        let mut bytes = Vec::new();
        for (row, buffer) in root.buffers.iter().enumerate() {
            let others = buffer.extensions.as_ref().map(|e| &e.others);
            let is_fallback =
                others.and_then(|o| o.get(COMPRESSION)).is_some_and(|e| e.get("fallback") == Some(&Value::Bool(true)));
            let read = match &buffer.uri {
                Some(uri) => read_uri(uri, folder),
                // The place where expanded views would stand: it has no bytes of its own.
                None if is_fallback => Ok(Vec::new()),
                None => blob.take().ok_or_else(|| "has neither a uri nor a binary chunk".into()),
            };
            bytes.push(read.map_err(|reason| (format!("buffers[{row}]"), reason))?);
        }
        let mut buffers = Self { root, bytes, expanded: HashMap::new() };
        for (row, view) in root.buffer_views.iter().enumerate() {
            let others = view.extensions.as_ref().map(|e| &e.others);
            if let Some(extension) = others.and_then(|o| o.get(COMPRESSION)) {
                let expanded = buffers
                    .expand(extension)
                    .map_err(|reason| (format!("bufferViews[{row}].{COMPRESSION}"), reason))?;
                // Views that no position and no index lies in (normals, for instance) may use filters that are not read.
                if let Some(expanded) = expanded {
                    buffers.expanded.insert(row, expanded);
                }
            }
        }
        Ok(buffers)
    }

    /// One compressed view as plain bytes; `None` where a filter is used that positions and indices never have.
    fn expand(&self, extension: &Value) -> Result<Option<Vec<u8>>, String> {
        let number = |key: &str| match extension.get(key) {
            None if key == "byteOffset" => Ok(0),
            value => value
                .and_then(Value::as_u64)
                .and_then(|v| usize::try_from(v).ok())
                .ok_or_else(|| format!("{key} is no size")),
        };
        let text = |key: &str| extension.get(key).and_then(Value::as_str);
        let (count, stride) = (number("count")?, number("byteStride")?);
        if count > 3 * ELEMENT_COUNT_MAX {
            return Err(format!("count is {count}, at most {} are read", 3 * ELEMENT_COUNT_MAX));
        }
        let filter = text("filter").unwrap_or("NONE");
        if !matches!(filter, "NONE" | "EXPONENTIAL") {
            return Ok(None);
        }
        let (start, length) = (number("byteOffset")?, number("byteLength")?);
        let buffer = self.bytes.get(number("buffer")?).ok_or("buffer does not exist")?;
        let encoded =
            start.checked_add(length).and_then(|end| buffer.get(start..end)).ok_or("lies outside its buffer")?;
        let mut expanded = match text("mode") {
            Some("ATTRIBUTES") => meshopt::decode_vertices(encoded, count, stride)?,
            Some("TRIANGLES") => meshopt::indices_as_bytes(&meshopt::decode_triangles(encoded, count)?, stride)?,
            Some("INDICES") => meshopt::indices_as_bytes(&meshopt::decode_indices(encoded, count)?, stride)?,
            mode => return Err(format!("mode {mode:?} is unknown")),
        };
        if filter == "EXPONENTIAL" {
            meshopt::apply_exponential_filter(&mut expanded);
        }
        Ok(Some(expanded))
    }

    /// Positions of an accessor: three floats, or quantised integers of 8 or 16 bits.
    pub(super) fn positions(&self, accessor: usize) -> Result<Vec<[f32; 3]>, String> {
        let accessor = self.accessor(accessor, Type::Vec3)?;
        let Checked::Valid(component) = accessor.component_type else {
            return Err("componentType is unknown".into());
        };
        let read: fn(&[u8]) -> f32 = match (component.0, accessor.normalized) {
            (ComponentType::F32, _) => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            (ComponentType::I16, true) => |b| (f32::from(i16::from_le_bytes([b[0], b[1]])) / 32767.0).max(-1.0),
            (ComponentType::I16, false) => |b| f32::from(i16::from_le_bytes([b[0], b[1]])),
            (ComponentType::U16, true) => |b| f32::from(u16::from_le_bytes([b[0], b[1]])) / 65535.0,
            (ComponentType::U16, false) => |b| f32::from(u16::from_le_bytes([b[0], b[1]])),
            (ComponentType::I8, true) => |b| (f32::from(i8::from_le_bytes([b[0]])) / 127.0).max(-1.0),
            (ComponentType::I8, false) => |b| f32::from(i8::from_le_bytes([b[0]])),
            (ComponentType::U8, true) => |b| f32::from(b[0]) / 255.0,
            (ComponentType::U8, false) => |b| f32::from(b[0]),
            (ComponentType::U32, _) => {
                return Err("positions of 32-bit integers are no glTF".into());
            }
        };
        let size = component.0.size();
        let mut positions = Vec::new();
        self.each(accessor, 3 * size, |item| {
            positions.push([read(item), read(&item[size..]), read(&item[2 * size..])])
        })?;
        Ok(positions)
    }

    /// Vertex indices of an accessor: unsigned integers of 8, 16 or 32 bits.
    pub(super) fn indices(&self, accessor: usize) -> Result<Vec<u32>, String> {
        let accessor = self.accessor(accessor, Type::Scalar)?;
        let Checked::Valid(component) = accessor.component_type else {
            return Err("componentType is unknown".into());
        };
        let read: fn(&[u8]) -> u32 = match component.0 {
            ComponentType::U8 => |b| u32::from(b[0]),
            ComponentType::U16 => |b| u32::from(u16::from_le_bytes([b[0], b[1]])),
            ComponentType::U32 => |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            other => return Err(format!("indices of type {other:?} are no glTF")),
        };
        let mut indices = Vec::new();
        self.each(accessor, component.0.size(), |item| indices.push(read(item)))?;
        Ok(indices)
    }

    fn accessor(&self, row: usize, kind: Type) -> Result<&'a Accessor, String> {
        let accessor = self.root.accessors.get(row).ok_or_else(|| format!("accessors[{row}] does not exist"))?;
        if !matches!(&accessor.type_, Checked::Valid(found) if *found == kind) {
            return Err(format!("accessors[{row}] is not of type {kind:?}"));
        }
        if accessor.sparse.is_some() {
            return Err(format!("accessors[{row}] is sparse, which is not supported: save the file without it"));
        }
        Ok(accessor)
    }

    /// Calls `visit` with the `item_bytes` bytes of every element.
    fn each(&self, accessor: &Accessor, item_bytes: usize, mut visit: impl FnMut(&[u8])) -> Result<(), String> {
        let row = accessor.buffer_view.ok_or("accessor has no bufferView")?.value();
        let view = self.root.buffer_views.get(row).ok_or_else(|| format!("bufferViews[{row}] does not exist"))?;
        let (start, length) = (size(view.byte_offset.map_or(0, |o| o.0))?, size(view.byte_length.0)?);
        let is_compressed = view.extensions.as_ref().is_some_and(|e| e.others.contains_key(COMPRESSION));
        let bytes = match self.expanded.get(&row) {
            Some(expanded) => expanded.as_slice(),
            None if is_compressed => {
                return Err(format!(
                    "bufferViews[{row}] is compressed with a filter that positions and indices may not have"
                ));
            }
            None => {
                let buffer = self.bytes.get(view.buffer.value()).map_or(&[][..], Vec::as_slice);
                start
                    .checked_add(length)
                    .and_then(|end| buffer.get(start..end))
                    .ok_or_else(|| format!("bufferViews[{row}] lies outside its buffer"))?
            }
        };
        let count = size(accessor.count.0)?;
        let offset = size(accessor.byte_offset.map_or(0, |o| o.0))?;
        let stride = view.byte_stride.map_or(0, |s| s.0).max(item_bytes);
        let items = bytes.get(offset..).unwrap_or_default();
        if count > 0
            && (count - 1)
                .checked_mul(stride)
                .and_then(|end| end.checked_add(item_bytes))
                .is_none_or(|end| end > items.len())
        {
            return Err(format!("{count} elements of {stride} bytes do not fit into bufferViews[{row}]"));
        }
        // The last element may end before its stride does.
        (0..count).filter_map(|i| items.get(i * stride..i * stride + item_bytes)).for_each(&mut visit);
        Ok(())
    }
}

fn size(value: u64) -> Result<usize, String> {
    usize::try_from(value).map_err(|_| format!("{value} bytes are beyond this machine"))
}

fn read_uri(uri: &str, folder: Option<&Path>) -> Result<Vec<u8>, String> {
    if let Some(data) = uri.strip_prefix("data:") {
        let encoded = data.split_once(";base64,").ok_or("a data URI is base64")?.1;
        return base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|e| format!("data URI: {e}"));
    }
    let path = Path::new(uri);
    if !path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) || uri.contains(':') {
        return Err(format!("uri `{uri}` leaves the folder of the file"));
    }
    let path = folder.unwrap_or(Path::new("")).join(path.as_os_str().to_string_lossy().replace("%20", " "));
    let bytes = std::fs::metadata(&path).map_err(|e| format!("{}: {e}", path.display()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!("{} has {bytes} bytes, at most {FILE_BYTES_MAX} are read", path.display()));
    }
    std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))
}
