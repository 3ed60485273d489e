//! The bytes of a table's file.

use safetensors::Dtype;
use serde_json::json;

use super::{FORMAT_VERSION, ReferenceTable};
use crate::container::{Fault, begin};

/// The file: tensors with the longest elements first.
pub(super) fn emit(table: &ReferenceTable) -> Result<Vec<u8>, Fault> {
    let row_count = table.row_count();
    let names = serde_json::to_string(&table.class_names).map_err(|e| Fault::metadata("class_names", e.to_string()))?;
    let metadata = json!({
        "class_names": names,
        "encoder_sha256": table.encoder_sha256,
        "format_version": FORMAT_VERSION,
    });
    let tensors = [
        ("rotations", Dtype::F32, vec![row_count, 4]),
        ("embeddings", Dtype::F16, vec![row_count, table.dim]),
        ("class_id", Dtype::U16, vec![row_count]),
        ("shape_id", Dtype::U16, vec![row_count]),
    ];
    let mut bytes = begin(&metadata, &tensors)?;
    bytes.extend(table.rotations.as_flattened().iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(table.embeddings.iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(table.class_id.iter().chain(&table.shape_id).flat_map(|v| v.to_le_bytes()));
    Ok(bytes)
}
