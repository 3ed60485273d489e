//! A whole model small enough to understand: it embeds a crop as the colours of its 4 x 4 fields.
//!
//! The ONNX file is written byte by byte, the reference table from patterns whose embedding follows from
//! the definition, so that what a test expects does not come from the code under test.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;

use calibration::so3::to_wxyz;
use calibration::{Rotation, Viewpoint};
use half::f16;
use models::neural_mesh::{Bounds, NeuralMesh, SubType, cuboid};
use models::{BackboneConfig, Manifest, Model, Provider, ReferenceTable, sha256_hex};

/// Canvas of the network: columns, rows.
pub const CANVAS: [usize; 2] = [32, 16];
/// Fields along each axis; an embedding holds red, then green, then blue of all fields.
pub const FIELDS: usize = 4;
pub const DIM: usize = 3 * FIELDS * FIELDS;
/// Subtracted from every channel, so that patterns of one brightness point to different sides.
const MEAN: f64 = 0.5;

/// Colours of the 16 fields, 0 to 1, chosen by `seed`.
pub struct Pattern {
    pub rgb: [[f64; 3]; FIELDS * FIELDS],
}

impl Pattern {
    /// Fields are black or full in each channel: far apart for different seeds.
    pub fn new(seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1;
        let mut bit = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f64::from((state >> 33 & 1) as u32)
        };
        Self { rgb: std::array::from_fn(|_| [bit(), bit(), bit()]) }
    }

    /// The unit embedding by definition, in f64.
    pub fn embedding(&self) -> Vec<f64> {
        let values: Vec<f64> = (0..3).flat_map(|c| self.rgb.iter().map(move |rgb| rgb[c] - MEAN)).collect();
        let norm = values.iter().map(|x| x * x).sum::<f64>().sqrt();
        values.iter().map(|x| x / norm).collect()
    }

    /// Paints the pattern into an RGB image of `image_width` columns, over the whole box.
    pub fn paint(&self, pixels: &mut [u8], image_width: usize, [x1, y1, x2, y2]: [usize; 4]) {
        for y in y1..y2 {
            for x in x1..x2 {
                let field = (y - y1) * FIELDS / (y2 - y1) * FIELDS + (x - x1) * FIELDS / (x2 - x1);
                for (channel, value) in self.rgb[field].iter().enumerate() {
                    pixels[(y * image_width + x) * 3 + channel] = (value * 255.0) as u8;
                }
            }
        }
    }
}

/// The reference view of row `row`: pattern `row`, seen from `30 * row` degrees, 5 degrees from above.
pub fn reference(row: usize) -> (Pattern, Rotation) {
    (Pattern::new(row as u64 + 1), Viewpoint::from_degrees(30.0 * row as f64, 5.0, 0.0).to_rotation())
}

pub const ROWS: usize = 12;

/// Canvas pixels a cell of the feature map.
pub const STRIDE: usize = 4;
/// A feature is the colour of a cell.
const FEATURES: usize = 3;

/// Writes the model folder: manifest, network, table.
pub fn write(folder: &Path) {
    write_with(folder, false);
}

/// The same model with a feature map, the colours of the cells (not of unit length, which nothing relies on), and a neural mesh: a box
/// painted red towards the front, green towards the left, blue towards the top.
pub fn write_refining(folder: &Path) {
    write_with(folder, true);
}

fn write_with(folder: &Path, refines: bool) {
    let onnx = onnx(refines);
    std::fs::write(folder.join("backbone.onnx"), &onnx).unwrap();
    let table = table(&sha256_hex(&onnx));
    table.save(&folder.join("reference_table.safetensors")).unwrap();
    let table_bytes = std::fs::read(folder.join("reference_table.safetensors")).unwrap();
    let mut text = manifest(&onnx, &table_bytes);
    if refines {
        let mesh = mesh(&sha256_hex(&onnx)).to_bytes("the mesh of the test").unwrap();
        std::fs::write(folder.join("neural_mesh.safetensors"), &mesh).unwrap();
        text = text.replace("[outputs]\n", "[outputs]\nfeatures = \"features\"\n");
        let [sha256, bytes] = [sha256_hex(&mesh), mesh.len().to_string()];
        text += &format!("\n[artifacts.\"neural_mesh.safetensors\"]\nsha256 = \"{sha256}\"\nbytes = {bytes}\n");
    }
    std::fs::write(folder.join("manifest.toml"), text).unwrap();
}

fn mesh(encoder_sha256: &str) -> NeuralMesh {
    let surface = cuboid(&Bounds { low: [-2.0, -0.8, -0.7], high: [2.0, 0.8, 0.7] }, 200).unwrap();
    let colour = |[x, y, z]: &[f32; 3]| {
        let colour = [x / 2.0, y / 0.8, z / 0.7];
        let norm = colour.iter().map(|v| v * v).sum::<f32>().sqrt();
        colour.map(|v| v / norm)
    };
    let features: Vec<f32> = surface.positions().iter().flat_map(colour).collect();
    let clutter = vec![0.0; FEATURES];
    NeuralMesh {
        class_names: vec!["car".to_owned()],
        stride: STRIDE as u32,
        encoder_sha256: encoder_sha256.to_owned(),
        sub_types: vec![SubType::new("box", 0, surface, &features, &clutter).unwrap()],
        clutter,
    }
}

/// The model, opened with tract: available everywhere.
pub fn load(folder: &Path, batch_max: usize) -> Model {
    let config =
        BackboneConfig { providers: vec![Provider::Tract], threads: 1, batch_max, ..BackboneConfig::default() };
    Model::load(folder, &config).unwrap()
}

fn table(encoder_sha256: &str) -> ReferenceTable {
    let rows: Vec<_> = (0..ROWS).map(reference).collect();
    ReferenceTable {
        dim: DIM,
        embeddings: rows.iter().flat_map(|(pattern, _)| pattern.embedding()).map(f16::from_f64).collect(),
        rotations: rows.iter().map(|(_, rotation)| to_wxyz(rotation).map(|x| x as f32)).collect(),
        class_id: vec![0; ROWS],
        shape_id: vec![0; ROWS],
        class_names: vec!["car".to_owned()],
        encoder_sha256: encoder_sha256.to_owned(),
    }
}

fn manifest(onnx: &[u8], table: &[u8]) -> String {
    let text = format!(
        r#"
name = "colour-fields"
version = "1.0.0"
licence = "MIT OR Apache-2.0"
provenance = "written by a test"

[[classes]]
name = "car"
aliases = ["Car", "vehicle"]
length_m = 4.1
width_m = 1.7
height_m = 1.5

[input]
width = {}
height = {}
context_margin = 0.0
fill = [0.5, 0.5, 0.5]
mean = [{MEAN}, {MEAN}, {MEAN}]
std = [1.0, 1.0, 1.0]

[outputs]
embedding = "embedding"
dim = {DIM}

[retrieval]
neighbors = 4
temperature = 0.02
mode_radius_deg = 10.0
covariance_scale = 1.0

[artifacts."backbone.onnx"]
sha256 = "{}"
bytes = {}

[artifacts."reference_table.safetensors"]
sha256 = "{}"
bytes = {}
"#,
        CANVAS[0],
        CANVAS[1],
        sha256_hex(onnx),
        onnx.len(),
        sha256_hex(table),
        table.len()
    );
    Manifest::parse(&text, "the manifest of the test").unwrap();
    text
}

/// input [N, 3, 16, 32] -> AveragePool -> Flatten -> / its norm -> embedding [N, 48]; and AveragePool -> features [N, 3, 4, 8].
fn onnx(refines: bool) -> Vec<u8> {
    let pool = [(CANVAS[1] / FIELDS) as u64, (CANVAS[0] / FIELDS) as u64];
    let mut graph = [
        field(1, &node("AveragePool", &["input"], "pooled", &[ints("kernel_shape", &pool), ints("strides", &pool)])),
        field(1, &node("Flatten", &["pooled"], "flat", &[int("axis", 1)])),
        field(1, &node("ReduceL2", &["flat"], "norm", &[ints("axes", &[1]), int("keepdims", 1)])),
        field(1, &node("Div", &["flat", "norm"], "embedding", &[])),
        field(2, b"colour_fields"),
        field(11, &value_info("input", &[3, CANVAS[1] as u64, CANVAS[0] as u64])),
        field(12, &value_info("embedding", &[DIM as u64])),
    ]
    .concat();
    if refines {
        let (cell, cells) = ([STRIDE as u64; 2], CANVAS.map(|side| (side / STRIDE) as u64));
        let attributes = [ints("kernel_shape", &cell), ints("strides", &cell)];
        graph.extend(field(1, &node("AveragePool", &["input"], "features", &attributes)));
        graph.extend(field(12, &value_info("features", &[FEATURES as u64, cells[1], cells[0]])));
    }
    let opset = [field(1, b""), number(2, 13)].concat();
    [number(1, 8), field(2, b"test"), field(7, &graph), field(8, &opset)].concat()
}

fn node(op: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes: Vec<u8> = inputs.iter().flat_map(|name| field(1, name.as_bytes())).collect();
    bytes.extend(field(2, output.as_bytes()));
    bytes.extend(field(3, output.as_bytes()));
    bytes.extend(field(4, op.as_bytes()));
    bytes.extend(attributes.iter().flat_map(|attribute| field(5, attribute)));
    bytes
}

fn int(name: &str, value: u64) -> Vec<u8> {
    [field(1, name.as_bytes()), number(3, value), number(20, 2)].concat()
}

fn ints(name: &str, values: &[u64]) -> Vec<u8> {
    let list: Vec<u8> = values.iter().flat_map(|&value| number(8, value)).collect();
    [field(1, name.as_bytes()), list, number(20, 7)].concat()
}

/// A float tensor whose first dimension is the batch, N.
fn value_info(name: &str, rest: &[u64]) -> Vec<u8> {
    let mut shape = field(1, &field(2, b"N"));
    shape.extend(rest.iter().flat_map(|&size| field(1, &number(1, size))));
    let tensor = [number(1, 1), field(2, &shape)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// A protobuf field of bytes.
fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(tag << 3 | 2);
    out.extend(varint(bytes.len() as u64));
    out.extend(bytes);
    out
}

/// A protobuf field that is a number.
fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
