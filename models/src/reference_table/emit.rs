//! Writes the safetensors file with keys and tensors in a fixed order: the `safetensors` crate keeps metadata in a hash map,
//! so that the same table would have another SHA-256 at each run.

use serde_json::{Map, Value, json};

use super::{FORMAT_VERSION, ReferenceTable};

/// The file: 8 bytes header length (little-endian), JSON header padded with spaces to a multiple of 8, tensors one after the other.
pub(super) fn emit(table: &ReferenceTable) -> Result<Vec<u8>, serde_json::Error> {
    let row_count = table.row_count();
    // The longest elements first, so that each tensor begins at a multiple of its element's size.
    let tensors: [(&str, &str, Vec<usize>, usize); 4] = [
        ("rotations", "F32", vec![row_count, 4], row_count * 16),
        ("embeddings", "F16", vec![row_count, table.dim], row_count * table.dim * 2),
        ("class_id", "U16", vec![row_count], row_count * 2),
        ("shape_id", "U16", vec![row_count], row_count * 2),
    ];
    let mut header = Map::new();
    let metadata = json!({
        "class_names": serde_json::to_string(&table.class_names)?,
        "encoder_sha256": table.encoder_sha256,
        "format_version": FORMAT_VERSION,
    });
    header.insert("__metadata__".into(), metadata);
    let mut end = 0;
    for (name, dtype, shape, bytes) in tensors {
        let start = end;
        end += bytes;
        header.insert(name.into(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
    }
    let mut header = serde_json::to_vec(&Value::Object(header))?;
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    bytes.extend(table.rotations.as_flattened().iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(table.embeddings.iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(table.class_id.iter().chain(&table.shape_id).flat_map(|v| v.to_le_bytes()));
    Ok(bytes)
}
