//! Wavefront OBJ: positions, polygons, and the names of parts (`usemtl`, else `o` or `g`).
//!
//! Only what a pose needs is read. Texture coordinates, normals and the `.mtl` file are passed over, so a missing `.mtl` is no
//! error. Positions may be followed by w or by a colour; indices may count from the end.

use super::{Mesh, MeshBuilder, MeshError};

/// # Errors
/// [`MeshError`] with the line.
pub(super) fn parse(bytes: &[u8], place: &str) -> Result<Mesh, MeshError> {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = MeshBuilder::new(place);
    let vertex_count = text.lines().filter(|l| l.split_whitespace().next() == Some("v")).count();
    let mut corners = Vec::new();
    let mut material_named = false;
    for (row, text) in text.lines().enumerate() {
        let failed = |reason: String| MeshError::line(place, row + 1, reason);
        let content = text.split('#').next().unwrap_or_default().trim();
        let (keyword, rest) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
        match keyword {
            "v" => builder.vertex(position(rest).map_err(failed)?).map_err(failed)?,
            "f" => {
                corners.clear();
                for word in rest.split_whitespace() {
                    corners.push(corner(word, builder.vertex_count(), vertex_count).map_err(failed)?);
                }
                if corners.len() < 3 {
                    return Err(failed(format!("a face has at least three corners, this one has {}", corners.len())));
                }
                builder.polygon(&corners).map_err(failed)?;
            }
            "usemtl" => {
                material_named = true;
                builder.set_part(name_of(rest)).map_err(failed)?;
            }
            // An object's name is the part's name only as long as no material has been named.
            "o" | "g" if !material_named => builder.set_part(name_of(rest)).map_err(failed)?,
            _ => {}
        }
    }
    builder.finish()
}

fn name_of(rest: &str) -> &str {
    match rest.trim() {
        "" => "unnamed",
        name => name,
    }
}

fn position(rest: &str) -> Result<[f32; 3], String> {
    let mut words = rest.split_whitespace();
    let mut position = [0.0; 3];
    for value in &mut position {
        let word = words.next().ok_or("a vertex has three coordinates")?;
        *value = word.parse().map_err(|_| format!("`{word}` is not a coordinate"))?;
    }
    Ok(position)
}

/// The row of the position that `index[/texture[/normal]]` names. `seen` vertices came before this line: negative indices
/// count back from there.
fn corner(word: &str, seen: i64, vertex_count: usize) -> Result<i64, String> {
    let index = word.split('/').next().unwrap_or_default();
    let row = match index.parse::<i64>() {
        Ok(index) if index > 0 => Some(index - 1),
        Ok(index) if index < 0 => seen.checked_add(index),
        _ => None,
    };
    row.filter(|&row| row >= 0 && (row as u64) < vertex_count as u64)
        .ok_or_else(|| format!("`{word}` does not name one of {vertex_count} vertices"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_PARTS: &str = "mtllib absent.mtl\no body\nv 0 0 0\nv 1 0 0 1.0\nv 1 1 0 .1 .2 .3\nv 0 1 0\nvt 0 0\nvn 0 0 1\nusemtl dark glass\nf 1/1/1 2//1 3/1 4\nusemtl tyre\nf -4 -3 -2\n";

    fn reason(text: &str) -> String {
        parse(text.as_bytes(), "a.obj").unwrap_err().to_string()
    }

    #[test]
    fn materials_are_parts_even_where_their_file_is_missing() {
        let mesh = parse(TWO_PARTS.as_bytes(), "a.obj").unwrap();
        assert_eq!(mesh.positions, [[0., 0., 0.], [1., 0., 0.], [1., 1., 0.], [0., 1., 0.]]);
        assert_eq!(mesh.triangles, [[0, 1, 2], [0, 2, 3], [0, 1, 2]]);
        let names: Vec<&str> = mesh.parts.iter().map(|&p| mesh.part_names[usize::from(p)].as_str()).collect();
        assert_eq!(names, ["dark glass", "dark glass", "tyre"]);
    }

    #[test]
    fn objects_are_parts_where_no_material_is_named() {
        let text = "o a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\no b\nf 3 2 1\no a\nf 1 2 3\n";
        let mesh = parse(text.as_bytes(), "a.obj").unwrap();
        assert_eq!((mesh.parts, mesh.part_names), (vec![0, 1, 0], vec!["a".into(), "b".into()]));
    }

    #[test]
    fn triangles_before_the_first_name_are_the_part_unnamed() {
        let mesh = parse(b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nusemtl paint\nf 3 2 1\n", "a.obj").unwrap();
        assert_eq!((mesh.parts, mesh.part_names), (vec![1, 0], vec!["paint".into(), "unnamed".into()]));
    }

    #[test]
    fn an_error_names_file_and_line() {
        assert!(reason(&TWO_PARTS.replace("-4 -3", "-5 -3")).contains("a.obj:12: `-5` does not name one of 4"));
        assert!(reason(&TWO_PARTS.replace("f -4 -3 -2", "f 5 1 2")).contains("a.obj:12: `5`"));
        assert!(reason(&TWO_PARTS.replace("f -4 -3 -2", "f 0 1 2")).contains("`0`"));
        assert!(reason(&TWO_PARTS.replace("f -4 -3 -2", "f 1 2")).contains("at least three"));
        assert!(reason(&TWO_PARTS.replace("v 0 1 0", "v 0 1")).contains("a.obj:6: a vertex has three"));
        assert!(reason(&TWO_PARTS.replace("v 0 1 0", "v 0 inf 0")).contains("not finite"));
        assert!(reason(&format!("{TWO_PARTS}f {} 1 2\n", i64::MIN)).contains("does not name"));
        assert!(reason("").contains("no triangle"));
    }
}
