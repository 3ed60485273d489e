//! `neural_mesh.safetensors`, read, checked and written. The law is in the crate's `README.md`.

use half::f16;
use half::slice::HalfFloatSliceExt;
use kernels::FEATURE_DIM_MAX;
use safetensors::Dtype;
use serde_json::json;

use super::sub_type::check_clutter;
use super::{
    FORMAT_VERSION, NeuralMesh, NeuralMeshError, STRIDE_MAX, SUB_TYPE_COUNT_MAX, SubType, Surface, SurfaceError,
    TRIANGLE_COUNT_MAX, VERTEX_COUNT_MAX, VERTEX_TOTAL_MAX,
};
use crate::container::{Container, Fault, begin, check_names, check_sha256, f16s, f32s, u16s, u32s};

#[cfg(test)]
mod tests;

/// Most triangles of all sub-types together.
const TRIANGLE_TOTAL_MAX: usize = VERTEX_TOTAL_MAX / VERTEX_COUNT_MAX * TRIANGLE_COUNT_MAX;
const TENSORS: [&str; 7] =
    ["positions", "clutter", "triangles", "vertex_offsets", "triangle_offsets", "features", "class_id"];
const METADATA: [&str; 5] = ["format_version", "class_names", "sub_type_names", "stride", "encoder_sha256"];

/// The mesh of a file; what concerns several sub-types is left to [`NeuralMesh::check`].
pub(super) fn read(bytes: &[u8], place: &str) -> Result<NeuralMesh, NeuralMeshError> {
    let fault = |fault| format_error(place, fault);
    let raw = Raw::read(bytes).map_err(fault)?;
    check_clutter(&raw.clutter).map_err(|error| surface_error(place, "", [0, 0], error))?;
    let mut sub_types = Vec::with_capacity(raw.class_id.len());
    for (row, (name, &class_id)) in raw.names.iter().zip(&raw.class_id).enumerate() {
        let vertices = range(place, "vertex_offsets", &raw.vertex_offsets, row, raw.positions.len())?;
        let triangles = range(place, "triangle_offsets", &raw.triangle_offsets, row, raw.triangles.len())?;
        let starts = [vertices.start, triangles.start];
        let mut features = vec![0.0; vertices.len() * raw.dim];
        raw.features[vertices.start * raw.dim..vertices.end * raw.dim].convert_to_f32_slice(&mut features);
        let sub_type = Surface::new(raw.positions[vertices].to_vec(), raw.triangles[triangles].to_vec())
            .and_then(|surface| SubType::new(name, class_id, surface, &features, &raw.clutter));
        sub_types.push(sub_type.map_err(|error| surface_error(place, name, starts, error))?);
    }
    let Raw { clutter, class_names, stride, encoder_sha256, .. } = raw;
    Ok(NeuralMesh { class_names, stride, clutter, encoder_sha256, sub_types })
}

/// Tensors and metadata whose types and shapes fit each other.
struct Raw {
    dim: usize,
    positions: Vec<[f32; 3]>,
    clutter: Vec<f32>,
    triangles: Vec<[u32; 3]>,
    vertex_offsets: Vec<u32>,
    triangle_offsets: Vec<u32>,
    features: Vec<f16>,
    class_id: Vec<u16>,
    class_names: Vec<String>,
    names: Vec<String>,
    stride: u32,
    encoder_sha256: String,
}

impl Raw {
    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let container = Container::parse(bytes, "neural mesh", FORMAT_VERSION, &TENSORS)?;
        if let Some(key) = container.text_keys().filter(|key| !METADATA.contains(key)).min() {
            return Err(Fault::metadata(key, "is no key of a neural mesh"));
        }
        let (shape, features) = container.tensor("features", Dtype::F16)?;
        let &[vertex_total, dim] = shape.as_slice() else {
            return Err(Fault::new("features", format!("has shape {shape:?}, not [vertices, dim]")));
        };
        let (shape, triangles) = container.tensor("triangles", Dtype::U32)?;
        let &[triangle_total, 3] = shape.as_slice() else {
            return Err(Fault::new("triangles", format!("has shape {shape:?}, not [triangles, 3]")));
        };
        let (shape, class_id) = container.tensor("class_id", Dtype::U16)?;
        let &[count] = shape.as_slice() else {
            return Err(Fault::new("class_id", format!("has shape {shape:?}, not [sub-types]")));
        };
        check_totals(vertex_total, dim, triangle_total, count)?;
        let names = container.names("sub_type_names")?;
        if names.len() != count {
            let reason = format!("has {} names, wanted: {count}, one for each class_id", names.len());
            return Err(Fault::metadata("sub_type_names", reason));
        }
        let offsets = |key: &str| container.shaped(key, Dtype::U32, &[count + 1]).map(u32s);
        let stride = container.text("stride")?;
        let stride_px = stride.parse().ok().filter(|value: &u32| value.to_string() == stride);
        Ok(Self {
            dim,
            positions: f32s(container.shaped("positions", Dtype::F32, &[vertex_total, 3])?).as_chunks().0.to_vec(),
            clutter: f32s(container.shaped("clutter", Dtype::F32, &[dim])?),
            triangles: u32s(triangles).as_chunks().0.to_vec(),
            vertex_offsets: offsets("vertex_offsets")?,
            triangle_offsets: offsets("triangle_offsets")?,
            features: f16s(features),
            class_id: u16s(class_id),
            class_names: container.names("class_names")?,
            names,
            stride: stride_px.ok_or_else(|| Fault::metadata("stride", format!("is `{stride}`, wanted: a number")))?,
            encoder_sha256: container.text("encoder_sha256")?.into(),
        })
    }
}

/// Checks the sizes before memory is taken for them.
fn check_totals(vertices: usize, dim: usize, triangles: usize, sub_types: usize) -> Result<(), Fault> {
    for (key, what, found, most) in [
        ("features", "rows", vertices, VERTEX_TOTAL_MAX),
        ("features", "numbers a row", dim, FEATURE_DIM_MAX),
        ("triangles", "rows", triangles, TRIANGLE_TOTAL_MAX),
        ("class_id", "sub-types", sub_types, SUB_TYPE_COUNT_MAX),
    ] {
        if found == 0 || found > most {
            return Err(Fault::new(key, format!("has {found} {what}, wanted: 1 to {most}")));
        }
    }
    Ok(())
}

/// The rows of one sub-type. Offsets begin at 0, ascend, and end at the number of rows.
fn range(
    place: &str,
    key: &str,
    offsets: &[u32],
    row: usize,
    total: usize,
) -> Result<std::ops::Range<usize>, NeuralMeshError> {
    let at = |row: usize| offsets.get(row).map_or(usize::MAX, |&offset| offset as usize);
    let wrong =
        |row: usize, reason: String| Err(NeuralMeshError::Row { place: place.into(), key: key.into(), row, reason });
    let (start, end) = (at(row), at(row + 1));
    if row == 0 && start != 0 {
        return wrong(0, format!("is {start}, wanted: 0"));
    }
    if end <= start || end > total {
        return wrong(row + 1, format!("is {end}, wanted: more than {start} and at most {total}"));
    }
    if row + 2 == offsets.len() && end != total {
        return wrong(row + 1, format!("is {end}, wanted: {total}, the number of rows"));
    }
    Ok(start..end)
}

impl NeuralMesh {
    /// Checks what concerns several parts; each sub-type was checked when it was made.
    pub(super) fn check(&self, place: &str) -> Result<(), NeuralMeshError> {
        let sum = |count: fn(&Surface) -> usize| self.sub_types.iter().map(|s| count(s.surface())).sum();
        let (vertices, triangles) = (sum(Surface::vertex_count), sum(|s| s.triangles().len()));
        check_totals(vertices, self.dim(), triangles, self.sub_types.len())
            .and_then(|()| check_names("class_names", &self.class_names, usize::from(u16::MAX)))
            .and_then(|()| {
                let names: Vec<String> = self.sub_types.iter().map(|s| s.name().into()).collect();
                check_names("sub_type_names", &names, SUB_TYPE_COUNT_MAX)
            })
            .and_then(|()| check_sha256("encoder_sha256", &self.encoder_sha256))
            .and_then(|()| match (1..=STRIDE_MAX).contains(&self.stride) {
                true => Ok(()),
                false => {
                    let reason = format!("is {}, wanted: 1 to {STRIDE_MAX} pixels a cell", self.stride);
                    Err(Fault::metadata("stride", reason))
                }
            })
            .map_err(|fault| format_error(place, fault))?;
        let mut before = 0;
        for (row, sub_type) in self.sub_types.iter().enumerate() {
            let class = sub_type.class_id();
            let reason = if usize::from(class) >= self.class_names.len() {
                format!("class {class} has no name: there are {}", self.class_names.len())
            } else if class < before {
                format!("class {class} comes after class {before}: sub-types are sorted by class")
            } else if sub_type.textured().clutter() != self.clutter {
                format!("sub-type `{}` was made with another clutter vector", sub_type.name())
            } else {
                before = class;
                continue;
            };
            return Err(NeuralMeshError::Row { place: place.into(), key: "class_id".into(), row, reason });
        }
        Ok(())
    }
}

/// The file: tensors with the longest elements first.
pub(super) fn emit(mesh: &NeuralMesh) -> Result<Vec<u8>, Fault> {
    let surfaces = || mesh.sub_types.iter().map(SubType::surface);
    let offsets = |count: fn(&Surface) -> usize| {
        // Bounded by VERTEX_TOTAL_MAX and TRIANGLE_TOTAL_MAX.
        let ends = surfaces().scan(0, move |end, surface| {
            *end += count(surface) as u32;
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect::<Vec<u32>>()
    };
    let (vertices, triangles) = (offsets(Surface::vertex_count), offsets(|s| s.triangles().len()));
    let total = |offsets: &[u32]| offsets.last().map_or(0, |&end| end as usize);
    let json =
        |key: &str, names: Vec<&str>| serde_json::to_string(&names).map_err(|e| Fault::metadata(key, e.to_string()));
    let metadata = json!({
        "class_names": json("class_names", mesh.class_names.iter().map(String::as_str).collect())?,
        "encoder_sha256": mesh.encoder_sha256,
        "format_version": FORMAT_VERSION,
        "stride": mesh.stride.to_string(),
        "sub_type_names": json("sub_type_names", mesh.sub_types.iter().map(SubType::name).collect())?,
    });
    let count = mesh.sub_types.len();
    let tensors = [
        ("positions", Dtype::F32, vec![total(&vertices), 3]),
        ("clutter", Dtype::F32, vec![mesh.dim()]),
        ("triangles", Dtype::U32, vec![total(&triangles), 3]),
        ("vertex_offsets", Dtype::U32, vec![count + 1]),
        ("triangle_offsets", Dtype::U32, vec![count + 1]),
        ("features", Dtype::F16, vec![total(&vertices), mesh.dim()]),
        ("class_id", Dtype::U16, vec![count]),
    ];
    let mut bytes = begin(&metadata, &tensors)?;
    bytes.extend(surfaces().flat_map(|s| s.positions().as_flattened()).flat_map(|v| v.to_le_bytes()));
    bytes.extend(mesh.clutter.iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(surfaces().flat_map(|s| s.triangles().as_flattened()).flat_map(|v| v.to_le_bytes()));
    bytes.extend(vertices.iter().chain(&triangles).flat_map(|v| v.to_le_bytes()));
    let features = mesh.sub_types.iter().flat_map(|s| s.features());
    bytes.extend(features.flat_map(|&v| f16::from_f32(v).to_le_bytes()));
    bytes.extend(mesh.sub_types.iter().flat_map(|s| s.class_id().to_le_bytes()));
    Ok(bytes)
}

pub(super) fn format_error(place: &str, Fault { key, reason }: Fault) -> NeuralMeshError {
    NeuralMeshError::Format { place: place.into(), key, reason }
}

/// What is wrong with one sub-type, whose vertices and triangles start at these rows of the file.
fn surface_error(
    place: &str,
    name: &str,
    [vertex_start, triangle_start]: [usize; 2],
    error: SurfaceError,
) -> NeuralMeshError {
    let place = place.into();
    let of =
        |reason: String| if name.is_empty() { reason } else { format!("sub-type `{}`: {reason}", name.escape_debug()) };
    match error {
        SurfaceError::Row { key, row, reason } => {
            let start = if key == "triangles" { triangle_start } else { vertex_start };
            NeuralMeshError::Row { place, key: key.into(), row: start + row, reason: of(reason) }
        }
        SurfaceError::Count { key, found, wanted } => {
            NeuralMeshError::Format { place, key: key.into(), reason: of(format!("has {found}, wanted: {wanted}")) }
        }
        SurfaceError::Argument { key: "name", reason } => {
            NeuralMeshError::Format { place, key: "metadata.sub_type_names".into(), reason: of(reason) }
        }
        SurfaceError::Argument { key, reason } => {
            NeuralMeshError::Format { place, key: key.into(), reason: of(reason) }
        }
    }
}
