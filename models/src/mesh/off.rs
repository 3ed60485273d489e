//! Object File Format (Geomview): header, counts, vertices, polygons, one a line; `#` starts a comment.
//!
//! Two habits of CAD collections are accepted: counts on the header's line (`OFF 8 6 12`) and even glued to it (`OFF8 6 12`).
//! Colours behind a vertex or a face are passed over.

use super::{ELEMENT_COUNT_MAX, Mesh, MeshBuilder, MeshError};

/// # Errors
/// [`MeshError`] with the line.
pub(super) fn parse(bytes: &[u8], place: &str) -> Result<Mesh, MeshError> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = Lines { place, line: 0, inner: text.lines() };
    let (vertex_count, face_count) = header(&mut lines)?;
    let mut builder = MeshBuilder::new(place);
    for row in 0..vertex_count {
        let (line, mut words) = lines.next(|| format!("vertex {row} of {vertex_count}"))?;
        let mut position = [0.0_f32; 3];
        for value in &mut position {
            let word = words.next().ok_or_else(|| MeshError::line(place, line, "a vertex has three coordinates"))?;
            *value = word.parse().map_err(|_| MeshError::line(place, line, format!("`{word}` is not a coordinate")))?;
        }
        builder.vertex(position).map_err(|reason| MeshError::line(place, line, reason))?;
    }
    let mut corners = Vec::new();
    for row in 0..face_count {
        let (line, mut words) = lines.next(|| format!("face {row} of {face_count}"))?;
        let corner_count = count(words.next(), "number of corners", place, line)?;
        corners.clear();
        for _ in 0..corner_count {
            let word = words.next().ok_or_else(|| {
                MeshError::line(place, line, format!("a face of {corner_count} corners has {}", corners.len()))
            })?;
            let corner = word.parse::<u32>().ok().filter(|&i| (i as usize) < vertex_count);
            let corner = corner.ok_or_else(|| {
                MeshError::line(place, line, format!("`{word}` is not one of {vertex_count} vertices"))
            })?;
            corners.push(i64::from(corner));
        }
        builder.polygon(&corners).map_err(|reason| MeshError::line(place, line, reason))?;
    }
    builder.finish()
}

/// Reads `OFF` and the counts; answers with the numbers of vertices and faces.
fn header(lines: &mut Lines<'_>) -> Result<(usize, usize), MeshError> {
    let place = lines.place;
    let (mut line, mut words) = lines.next(|| "header OFF".into())?;
    let word = words.next().unwrap_or_default();
    // C and N announce colours and normals behind each vertex: they change nothing for us.
    let rest = ["OFF", "COFF", "NOFF", "CNOFF"].iter().find_map(|h| word.strip_prefix(h));
    let rest = rest.ok_or_else(|| MeshError::line(place, line, format!("`{word}` is not the header OFF")))?;
    let mut first = (!rest.is_empty()).then_some(rest).or_else(|| words.next());
    if first == Some("BINARY") {
        return Err(MeshError::line(place, line, "binary OFF is not supported: save it as text"));
    }
    if first.is_none() {
        (line, words) = lines.next(|| "counts".into())?;
        first = words.next();
    }
    let vertex_count = count(first, "number of vertices", place, line)?;
    let face_count = count(words.next(), "number of faces", place, line)?;
    Ok((vertex_count, face_count))
}

fn count(word: Option<&str>, what: &str, place: &str, line: usize) -> Result<usize, MeshError> {
    let word = word.unwrap_or_default();
    let value: usize = word.parse().map_err(|_| MeshError::line(place, line, format!("`{word}` is not a {what}")))?;
    if value > ELEMENT_COUNT_MAX {
        return Err(MeshError::line(place, line, format!("{what} is {value}, at most {ELEMENT_COUNT_MAX} are read")));
    }
    Ok(value)
}

/// Lines that hold something, with their numbers.
struct Lines<'a> {
    place: &'a str,
    line: usize,
    inner: std::str::Lines<'a>,
}

impl<'a> Lines<'a> {
    /// The next line with content; the error for a file that ends too early says what was wanted.
    fn next(&mut self, wanted: impl Fn() -> String) -> Result<(usize, std::str::SplitWhitespace<'a>), MeshError> {
        for text in self.inner.by_ref() {
            self.line += 1;
            let content = text.split('#').next().unwrap_or_default();
            if !content.trim().is_empty() {
                return Ok((self.line, content.split_whitespace()));
            }
        }
        Err(MeshError::line(self.place, self.line, format!("the file ends before {}", wanted())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PYRAMID: &str = "OFF\n# five corners\n5 5 8\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n.5 .5 1 # top\n\n4 0 3 2 1\n3 0 1 4\n3 1 2 4 255 0 0\n3 2 3 4\n3 3 0 4\n";

    fn reason(text: &str) -> String {
        parse(text.as_bytes(), "a.off").unwrap_err().to_string()
    }

    #[test]
    fn a_polygon_becomes_a_fan_around_its_first_corner() {
        let mesh = parse(PYRAMID.as_bytes(), "a.off").unwrap();
        assert_eq!(mesh.positions.len(), 5);
        assert_eq!(mesh.triangles, [[0, 3, 2], [0, 2, 1], [0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]);
        assert!(mesh.parts.is_empty() && mesh.part_names.is_empty());
    }

    #[test]
    fn counts_may_stand_on_the_line_of_the_header() {
        let plain = parse(PYRAMID.as_bytes(), "a.off").unwrap();
        for header in ["OFF 5 5 8\n", "OFF5 5 8\n", "OFF # a\n#b\n5 5\n", "COFF\n5 5 0\n"] {
            let text = PYRAMID.replacen("OFF\n# five corners\n5 5 8\n", header, 1);
            assert_eq!(parse(text.as_bytes(), "a.off").unwrap(), plain, "{header:?}");
        }
    }

    #[test]
    fn an_error_names_file_and_line() {
        assert!(reason(&PYRAMID.replace("1 1 0", "1 x 0")).contains("a.off:6: `x`"));
        assert!(reason(&PYRAMID.replace("1 1 0", "1 nan 0")).contains("a.off:6: coordinates are not finite"));
        assert!(reason(&PYRAMID.replace("1 1 0", "1e39 1 0")).contains("not finite"));
        assert!(reason(&PYRAMID.replace("3 2 3 4", "3 2 3 5")).contains("a.off:13: `5` is not one of 5 vertices"));
        assert!(reason(&PYRAMID.replace("3 2 3 4", "3 2 3 -1")).contains("a.off:13"));
        assert!(reason(&PYRAMID.replace("3 3 0 4\n", "")).contains("ends before face 4 of 5"));
        assert!(reason(&PYRAMID.replace("5 5 8", "99999999999 5 8")).contains("at most"));
        assert!(reason("ply\n").contains("a.off:1: `ply` is not the header"));
        assert!(reason("OFF BINARY\n").contains("binary OFF"));
        assert!(reason("").contains("ends before header"));
        assert!(reason("OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n").contains("no triangle"));
    }

    #[test]
    fn every_truncation_is_an_error_or_a_mesh_and_never_a_panic() {
        for end in 0..PYRAMID.len() {
            let _ = parse(&PYRAMID.as_bytes()[..end], "a.off");
        }
    }
}
