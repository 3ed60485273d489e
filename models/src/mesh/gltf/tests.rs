use super::*;

/// Two triangles in a buffer: four positions (f32) and six indices (u16).
const POSITIONS: [[f32; 3]; 4] = [[0., 0., 0.], [1., 0., 0.], [1., 1., 0.], [0., 1., 2.]];

fn buffer() -> Vec<u8> {
    let positions = POSITIONS.as_flattened().iter().flat_map(|v| v.to_le_bytes());
    positions.chain([0_u16, 1, 2, 0, 2, 3].into_iter().flat_map(u16::to_le_bytes)).collect()
}

fn json(buffer: &str) -> String {
    format!(
        r#"{{"asset": {{"version": "2.0"}}, "scene": 0, "scenes": [{{"nodes": [0]}}],
        "nodes": [{{"children": [1, 2], "translation": [0, 0, 10]}}, {{"mesh": 0, "scale": [2, 1, 1]}},
                  {{"mesh": 0, "rotation": [0, 0, 0.7071068, 0.7071068], "scale": [-1, 1, 1]}}],
        "meshes": [{{"primitives": [{{"attributes": {{"POSITION": 0}}, "indices": 1, "material": 0}},
                                    {{"attributes": {{"POSITION": 0}}, "mode": 6}}]}}],
        "materials": [{{"name": "paint"}}],
        "accessors": [{{"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 2]}},
                      {{"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"}}],
        "bufferViews": [{{"buffer": 0, "byteLength": 48}}, {{"buffer": 0, "byteOffset": 48, "byteLength": 12}}],
        "buffers": [{{"byteLength": 60{buffer}}}]}}"#
    )
}

fn data_uri() -> String {
    use base64::Engine;
    let data = base64::engine::general_purpose::STANDARD.encode(buffer());
    format!(r#", "uri": "data:application/octet-stream;base64,{data}""#)
}

fn binary(json: &str, blob: &[u8]) -> Vec<u8> {
    let json = format!("{json}{}", " ".repeat(json.len().next_multiple_of(4) - json.len()));
    let size = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    [
        b"glTF",
        &size(2)[..],
        &size(12 + 8 + json.len() + 8 + blob.len()),
        &size(json.len()),
        b"JSON",
        json.as_bytes(),
        &size(blob.len()),
        b"BIN\0",
        blob,
    ]
    .concat()
}

fn parse_text(text: &str) -> Result<Mesh, MeshError> {
    parse(text.as_bytes(), "a.gltf", None)
}

fn reason(text: &str) -> String {
    parse_text(text).unwrap_err().to_string()
}

#[test]
fn node_transforms_apply_from_the_leaf_to_the_root() {
    let mesh = parse_text(&json(&data_uri())).unwrap();
    assert_eq!(mesh.positions.len(), 16);
    // Node 1: scale by 2 along x, then the parent's 10 along z.
    assert_eq!(mesh.positions[2], [2.0, 1.0, 10.0]);
    assert_eq!(mesh.positions[3], [0.0, 1.0, 12.0]);
    // Node 2: x -> -x, then a quarter turn about z: (1, 1, 0) -> (-1, 1, 0) -> (-1, -1, 0).
    for (found, wanted) in mesh.positions[10].iter().zip([-1.0, -1.0, 10.0]) {
        assert!((found - wanted).abs() < 1e-6, "{:?}", mesh.positions[10]);
    }
}

#[test]
fn a_mirroring_node_turns_its_triangles_round() {
    let mesh = parse_text(&json(&data_uri())).unwrap();
    assert_eq!(mesh.triangles[..2], [[0, 1, 2], [0, 2, 3]]);
    assert_eq!(mesh.triangles[4..6], [[8, 10, 9], [8, 11, 10]]);
}

#[test]
fn materials_are_parts_and_a_fan_without_indices_is_drawn() {
    let mesh = parse_text(&json(&data_uri())).unwrap();
    assert_eq!(mesh.part_names, ["paint", "unnamed"]);
    assert_eq!(mesh.parts, [0, 0, 1, 1, 0, 0, 1, 1]);
    assert_eq!(mesh.triangles[2..4], [[4, 5, 6], [4, 6, 7]]);
}

#[test]
fn text_binary_and_a_file_beside_it_give_the_same_mesh() {
    let text = parse_text(&json(&data_uri())).unwrap();
    assert_eq!(parse(&binary(&json(""), &buffer()), "a.glb", None).unwrap(), text);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a b.bin"), buffer()).unwrap();
    let beside = json(r#", "uri": "a%20b.bin""#);
    assert_eq!(parse(beside.as_bytes(), "a.gltf", Some(folder.path())).unwrap(), text);
}

#[test]
fn a_strip_keeps_one_winding() {
    assert_eq!(triangles(Mode::TriangleStrip, &[0, 1, 2, 3]), [[0, 1, 2], [2, 1, 3]]);
    assert_eq!(triangles(Mode::TriangleFan, &[]), [[0; 3]; 0]);
}

#[test]
fn quantised_positions_are_scaled_to_one() {
    let positions: Vec<u8> =
        [0_i16, -32768, 32767, 0].into_iter().cycle().take(16).flat_map(i16::to_le_bytes).collect();
    let blob = [&positions[..], &[0, 1, 2, 0, 0, 0]].concat();
    let text = json("")
        .replace(
            r#""bufferView": 0, "componentType": 5126"#,
            r#""bufferView": 0, "normalized": true, "componentType": 5122"#,
        )
        .replace(
            r#""bufferView": 1, "componentType": 5123, "count": 6"#,
            r#""bufferView": 1, "componentType": 5121, "count": 3"#,
        )
        .replace(r#""byteLength": 48}, "#, r#""byteLength": 32, "byteStride": 8}, "#)
        .replace(r#""byteOffset": 48, "byteLength": 12"#, r#""byteOffset": 32, "byteLength": 6"#)
        .replace(r#""byteLength": 60"#, r#""byteLength": 38"#)
        .replace(r#""asset""#, r#""extensionsRequired": ["KHR_mesh_quantization"], "asset""#);
    let mesh = parse(&binary(&text, &blob), "a.glb", None).unwrap();
    assert_eq!(mesh.positions[0], [0.0, -1.0, 11.0]);
}

#[test]
fn an_error_names_the_element() {
    let text = json(&data_uri());
    assert!(
        reason(&text.replace(r#""count": 6"#, r#""count": 7"#))
            .contains("meshes[0].primitives[0]: 7 elements of 2 bytes do not fit")
    );
    assert!(
        reason(&text.replace(r#""children": [1, 2]"#, r#""children": [1, 0]"#)).contains("nodes[0]: has two parents")
    );
    assert!(
        reason(&text.replace(r#""children": [1, 2]"#, r#""children": [1, 9]"#)).contains("nodes[9]: does not exist")
    );
    assert!(
        reason(&text.replace(r#""mesh": 0, "scale""#, r#""mesh": 7, "scale""#)).contains("meshes[7]: does not exist")
    );
    assert!(reason(&text.replace(r#""byteOffset": 48"#, r#""byteOffset": 49"#)).contains("lies outside its buffer"));
    assert!(
        reason(&text.replace(r#""asset""#, r#""extensionsRequired": ["KHR_draco_mesh_compression"], "asset""#))
            .contains("KHR_draco_mesh_compression is not supported")
    );
    assert!(reason(&json(r#", "uri": "../a.bin""#)).contains("leaves the folder"));
    assert!(reason(&json(r#", "uri": "https://a/b.bin""#)).contains("leaves the folder"));
    assert!(reason(&json("")).contains("buffers[0]: has neither"));
    let far =
        json("").replace(r#""scale": [2, 1, 1]"#, r#""scale": [3e38, 1e38, 1]"#).replace("0, 0, 10", "0, 0, 10e37");
    let mut blob = buffer();
    blob[12..16].copy_from_slice(&9.0_f32.to_le_bytes());
    assert!(parse(&binary(&far, &blob), "a.glb", None).unwrap_err().to_string().contains("are not finite"));
    blob[48] = 9;
    assert!(parse(&binary(&json(""), &blob), "a.glb", None).unwrap_err().to_string().contains("vertex index 9"));
}

#[test]
fn every_truncation_and_bit_flip_is_an_error_or_a_mesh_and_never_a_panic() {
    let bytes = binary(&json(""), &buffer());
    for end in 0..bytes.len() {
        assert!(parse(&bytes[..end], "a.glb", None).is_err(), "{end}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = parse(&bytes, "a.glb", None);
    }
}
