//! Tables of a network with random weights.

use std::collections::BTreeMap;

use super::*;
use crate::networks::graph::{Graph, Op, Padding};
use crate::networks::onnx::{ExportSpec, Parameter, export};

const CANVAS: Canvas = Canvas { width: 32, height: 32, context_margin: 0.04 };
const DIM: usize = 6;

/// Means of 4x4 cells of each channel, flattened, and a linear layer of fixed numbers: every pixel counts.
fn encoder() -> Encoder {
    let mut graph = Graph::new(3);
    let padding = Padding { before: 0, after: 0 };
    let conv = Op::Conv { inputs: 3, outputs: 4, kernel: 8, stride: 8, padding, groups: 1, bias: false };
    let cells = graph.push("cells", conv, &[0]);
    let flat = graph.push("flat", Op::Flatten, &[cells]);
    let linear = graph.push("embed", Op::Linear { inputs: 4 * 16, outputs: DIM }, &[flat]);
    let unit = graph.push("unit", Op::Normalize, &[linear]);
    graph.output("embedding", unit);
    let numbers = |shape: &[usize], scale: f32| {
        let count = shape.iter().product::<usize>();
        let data = (0..count).map(|i| scale * ((i as f32 * 12.9898).sin() * 43_758.547).fract()).collect();
        Parameter { shape: shape.to_vec(), data }
    };
    let parameters = BTreeMap::from([
        ("cells.weight".to_owned(), numbers(&[4, 3, 8, 8], 0.1)),
        ("embed.weight".to_owned(), numbers(&[DIM, 4 * 16], 0.3)),
        ("embed.bias".to_owned(), numbers(&[DIM], 0.1)),
    ]);
    let spec = ExportSpec {
        graph: &graph,
        parameters: &parameters,
        height: 32,
        width: 32,
        metadata: &[],
        producer_version: "test",
    };
    let onnx = export(&spec).expect("exports");
    Encoder::open(&onnx, &CANVAS, ("embedding", DIM), &[models::Provider::Tract], 1).expect("opens")
}

fn spec(modality: Modality) -> EmbeddingSpec<'static> {
    EmbeddingSpec { canvas: &CANVAS, modality, dim: DIM, backbone_sha256: "0000" }
}

fn class<'a>(name: &'a str, shapes: Vec<&'a Shape>, elevations_deg: &[f64]) -> ClassReferences<'a> {
    let grid = PoseGrid::new(45.0, elevations_deg.to_vec(), vec![0.0]).expect("a grid");
    let set = ReferenceSet::Grid { grid, shape_count: shapes.len() };
    ClassReferences { name, shapes, set }
}

#[test]
fn rows_are_sorted_by_class_and_name_their_shapes() {
    let shapes: Vec<Shape> = (0..3).map(Shape::of_vehicle).collect();
    let classes = [class("car", vec![&shapes[0], &shapes[1]], &[0.0, 9.0]), class("van", vec![&shapes[2]], &[4.0])];
    let mut encoder = encoder();
    let table = build(&mut encoder, &spec(Modality::Normals), &classes).expect("built");
    assert_eq!(table.rotations.len(), 2 * 16 + 8);
    assert!(table.class_id.is_sorted());
    assert_eq!(table.class_names, ["car", "van"]);
    assert_eq!((table.shape_id[0], table.shape_id[16], table.shape_id[32]), (0, 1, 2));
    // Row 37 stands for the van's sixth pose and holds its embedding.
    let view = classes[1].set.view(5);
    let expected = so3::to_wxyz(&view.viewpoint.to_rotation()).map(|c| c as f32);
    assert_eq!(table.rotations[37], expected);
    let mut renderer = crate::rendering::Renderer::new(CANVAS.crop_spec());
    let mut pixels = vec![0.0; renderer.len()];
    renderer.render(&shapes[2], &view.viewpoint, Modality::Normals, &mut pixels).expect("renders");
    let embedding = encoder.embed(&pixels, 1).expect("embeds");
    for (stored, computed) in table.embeddings[37 * DIM..].iter().zip(embedding) {
        assert!((stored.to_f32() - computed).abs() < 2e-3);
    }
}

#[test]
fn modalities_give_different_tables() {
    let shape = Shape::of_vehicle(4);
    let tables: Vec<_> = Modality::ALL
        .iter()
        .map(|&modality| build(&mut encoder(), &spec(modality), &[class("car", vec![&shape], &[5.0])]).expect("built"))
        .collect();
    for (i, a) in tables.iter().enumerate() {
        assert!(tables[..i].iter().all(|b| a.embeddings != b.embeddings));
        assert!(tables[..i].iter().all(|b| a.rotations == b.rotations));
    }
}

#[test]
fn a_table_without_renderings_is_refused() {
    let empty = ClassReferences { name: "car", shapes: Vec::new(), set: ReferenceSet::Views(Vec::new()) };
    assert!(build(&mut encoder(), &spec(Modality::Normals), &[empty]).is_err());
}
