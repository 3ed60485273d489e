//! Stanford PLY, text and binary of both byte orders: element `vertex` with x, y, z and element `face` with a list of indices.

use std::io::Cursor;

use ply_rs_bw::parser::{ParseError, Parser, Reader};
use ply_rs_bw::ply::{Property, PropertyAccess, PropertyAccessResult};

use super::{ELEMENT_COUNT_MAX, Mesh, MeshBuilder, MeshError};

/// # Errors
/// [`MeshError`] with the line or the element.
pub(super) fn parse(bytes: &[u8], place: &str) -> Result<Mesh, MeshError> {
    let mut reader = Reader::new(Cursor::new(bytes));
    let header = Parser::<Vertex>::new().read_header(&mut reader).map_err(|e| from_ply(place, &e))?;
    let mut builder = MeshBuilder::new(place);
    for (name, element) in &header.elements {
        // A count that the file cannot hold would be believed, element by element, where an element has no property.
        if element.count > ELEMENT_COUNT_MAX || (element.count > 0 && element.properties.is_empty()) {
            let reason = format!(
                "{} elements with {} properties; at most {ELEMENT_COUNT_MAX} are read",
                element.count,
                element.properties.len()
            );
            return Err(MeshError::element(place, format!("element {name}"), reason));
        }
        match name.as_str() {
            "vertex" => {
                let read = Parser::<Vertex>::new().read_payload_for_element(&mut reader, element, &header);
                for (row, vertex) in read.map_err(|e| from_ply(place, &e))?.into_iter().enumerate() {
                    let failed = |reason: String| MeshError::element(place, format!("vertex {row}"), reason);
                    builder.vertex(vertex.position().map_err(failed)?).map_err(failed)?;
                }
            }
            "face" => {
                let read = Parser::<Face>::new().read_payload_for_element(&mut reader, element, &header);
                for (row, face) in read.map_err(|e| from_ply(place, &e))?.into_iter().enumerate() {
                    let failed = |reason: String| MeshError::element(place, format!("face {row}"), reason);
                    let corners =
                        face.corners.ok_or_else(|| failed("has no list vertex_indices of whole numbers".into()))?;
                    builder.polygon(&corners).map_err(failed)?;
                }
            }
            _ => {
                let read = Parser::<Skipped>::new().read_payload_for_element(&mut reader, element, &header);
                read.map_err(|e| from_ply(place, &e))?;
            }
        }
    }
    builder.finish()
}

fn from_ply(place: &str, error: &ParseError) -> MeshError {
    let text = error.to_string();
    // The parser quotes the line over several lines; the first says what is wrong.
    let reason = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let reason = reason.strip_prefix("Line ").and_then(|r| r.split_once(": ")).map_or(reason.as_str(), |(_, r)| r);
    MeshError::line(place, error.line().unwrap_or(1), reason)
}

/// x, y, z of one vertex, each as soon as it was seen.
#[derive(Default)]
struct Vertex {
    coordinates: [Option<f64>; 3],
}

impl Vertex {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "meshes are kept in single precision; infinities are refused by the builder"
    )]
    fn position(&self) -> Result<[f32; 3], String> {
        match self.coordinates {
            [Some(x), Some(y), Some(z)] => Ok([x as f32, y as f32, z as f32]),
            _ => Err("has not x, y and z".into()),
        }
    }
}

impl PropertyAccess for Vertex {
    fn new() -> Self {
        Self::default()
    }

    fn set_property(&mut self, name: &str, property: Property) -> PropertyAccessResult {
        let axis = match name {
            "x" => 0,
            "y" => 1,
            "z" => 2,
            _ => return PropertyAccessResult::Ignored,
        };
        self.coordinates[axis] = match property {
            Property::Double(v) => Some(v),
            other => other.to_f32_lossy().map(f64::from),
        };
        PropertyAccessResult::Set
    }
}

/// Corners of one face.
#[derive(Default)]
struct Face {
    corners: Option<Vec<i64>>,
}

impl PropertyAccess for Face {
    fn new() -> Self {
        Self::default()
    }

    fn set_property(&mut self, name: &str, property: Property) -> PropertyAccessResult {
        if !matches!(name, "vertex_indices" | "vertex_index") {
            return PropertyAccessResult::Ignored;
        }
        self.corners = match property {
            Property::ListChar(v) => Some(v.into_iter().map(i64::from).collect()),
            Property::ListUChar(v) => Some(v.into_iter().map(i64::from).collect()),
            Property::ListShort(v) => Some(v.into_iter().map(i64::from).collect()),
            Property::ListUShort(v) => Some(v.into_iter().map(i64::from).collect()),
            Property::ListInt(v) => Some(v.into_iter().map(i64::from).collect()),
            Property::ListUInt(v) => Some(v.into_iter().map(i64::from).collect()),
            _ => None,
        };
        PropertyAccessResult::Set
    }
}

/// An element that says nothing about the surface.
struct Skipped;

impl PropertyAccess for Skipped {
    fn new() -> Self {
        Self
    }

    fn set_property(&mut self, _: &str, _: Property) -> PropertyAccessResult {
        PropertyAccessResult::Ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "element vertex 4\nproperty float x\nproperty float y\nproperty double z\nproperty uchar red\nelement edge 1\nproperty int a\nelement face 2\nproperty list uchar int vertex_indices\nend_header\n";

    fn text() -> String {
        format!(
            "ply\nformat ascii 1.0\ncomment by hand\n{HEADER}0 0 0 9\n1 0 0 9\n1 1 0.5 9\n0 1 0 9\n7\n4 0 1 2 3\n3 0 1 2\n"
        )
    }

    fn binary(big_endian: bool) -> Vec<u8> {
        let name = if big_endian { "big" } else { "little" };
        let mut bytes = format!("ply\nformat binary_{name}_endian 1.0\n{HEADER}").into_bytes();
        let mut push = |mut word: Vec<u8>| {
            if big_endian {
                word.reverse();
            }
            bytes.extend(word);
        };
        for [x, y, z] in [[0.0_f32, 0., 0.], [1., 0., 0.], [1., 1., 0.5], [0., 1., 0.]] {
            push(x.to_le_bytes().into());
            push(y.to_le_bytes().into());
            push(f64::from(z).to_le_bytes().into());
            push(vec![9]);
        }
        push(7_i32.to_le_bytes().into());
        for corners in [&[0_i32, 1, 2, 3][..], &[0, 1, 2]] {
            push(vec![u8::try_from(corners.len()).unwrap()]);
            corners.iter().for_each(|c| push(c.to_le_bytes().into()));
        }
        bytes
    }

    #[test]
    fn text_and_both_byte_orders_give_the_same_mesh() {
        let mesh = parse(text().as_bytes(), "a.ply").unwrap();
        assert_eq!(mesh.positions[2], [1.0, 1.0, 0.5]);
        assert_eq!(mesh.triangles, [[0, 1, 2], [0, 2, 3], [0, 1, 2]]);
        assert_eq!(parse(&binary(false), "a.ply").unwrap(), mesh);
        assert_eq!(parse(&binary(true), "a.ply").unwrap(), mesh);
    }

    #[test]
    fn an_error_names_file_and_line_or_element() {
        let reason = |text: &str| parse(text.as_bytes(), "a.ply").unwrap_err().to_string();
        let text = text();
        assert!(
            reason(&text.replace("1 1 0.5 9", "1 x 0.5 9")).starts_with("a.ply:16: "),
            "{}",
            reason(&text.replace("1 1 0.5 9", "1 x 0.5 9"))
        );
        assert!(reason(&text.replace("1 1 0.5 9", "1 nan 0.5 9")).starts_with("a.ply:16: "));
        assert!(
            reason(&text.replace("1 1 0.5 9", "1 1e39 0.5 9")).contains("a.ply: vertex 2: coordinates are not finite")
        );
        assert!(reason(&text.replace("3 0 1 2\n", "3 0 1 4\n")).contains("a.ply: triangle 2: vertex index"));
        assert!(reason(&text.replace("3 0 1 2\n", "3 0 1 -2\n")).contains("a.ply: face 1: vertex index -2"));
        assert!(reason(&text.replace("float x", "float u")).contains("vertex 0: has not x, y and z"));
        assert!(reason(&text.replace("int vertex_indices", "float vertex_indices")).contains("face 0: has no list"));
        assert!(reason(&text.replace("vertex 4", "vertex 99999999")).contains("element vertex"));
        assert!(reason(&text.replace("element edge 1\nproperty int a", "element edge 5")).contains("0 properties"));
        assert!(reason("OFF\n").contains("a.ply:1: "));
    }

    #[test]
    fn every_truncation_and_bit_flip_is_an_error_or_a_mesh_and_never_a_panic() {
        let bytes = binary(false);
        for end in 0..bytes.len() {
            assert!(parse(&bytes[..end], "a.ply").is_err(), "{end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = parse(&bytes, "a.ply");
        }
    }
}
