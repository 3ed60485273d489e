//! Decoders of the glTF extension `EXT_meshopt_compression`: vertex attributes (version 0), triangle lists and index sequences.
//!
//! Written from the extension's bitstream specification (Khronos glTF registry, appendix A). Every read is bounded; damaged
//! bytes give an error or wrong numbers, never a panic.

/// Reads forward through encoded bytes.
struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("the compressed data end too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    /// Seven bits a byte, lowest first; at most five bytes.
    fn varint(&mut self) -> Result<u32, String> {
        let mut value = 0_u32;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u32::from(byte & 127) << shift;
            if byte < 128 {
                break;
            }
        }
        Ok(value)
    }

    /// An index, as its zigzag difference to the one before.
    fn index(&mut self, last: u32) -> Result<u32, String> {
        let value = self.varint()?;
        Ok(last.wrapping_add((value >> 1) ^ (value & 1).wrapping_neg()))
    }
}

/// Splits header byte, body and tail; the header names codec and version.
fn split<'a>(encoded: &'a [u8], header: &[u8], tail_bytes: usize) -> Result<(u8, &'a [u8], &'a [u8]), String> {
    let (&first, rest) = encoded.split_first().ok_or("there are no compressed data")?;
    if !header.contains(&first) {
        return Err(format!("header byte {first:#04x} is not one of {header:02x?}"));
    }
    let body_bytes = rest.len().checked_sub(tail_bytes).ok_or("the compressed data end too early")?;
    let (body, tail) = rest.split_at(body_bytes);
    Ok((first & 15, body, tail))
}

/// `count` vertices of `stride` bytes (a multiple of 4, at most 256), still as bytes.
pub(super) fn decode_vertices(encoded: &[u8], count: usize, stride: usize) -> Result<Vec<u8>, String> {
    if stride == 0 || !stride.is_multiple_of(4) || stride > 256 {
        return Err(format!("a stride of {stride} bytes is not a multiple of 4 up to 256"));
    }
    let (_, body, tail) = split(encoded, &[0xa0], stride.max(32))?;
    let mut bytes = Bytes { rest: body };
    // 64 vertices cost at least one byte for each byte of stride: a count beyond that is refused before memory is taken for it.
    if count.div_ceil(64).saturating_mul(stride) > body.len() {
        return Err(format!("{count} vertices cannot come from {} bytes", body.len()));
    }
    let mut last = tail[tail.len() - stride..].to_vec();
    let mut vertices = vec![0_u8; count * stride];
    let block_count_max = ((8192 / stride) & !15).min(256);
    let mut column = [0_u8; 256];
    for block in vertices.chunks_mut(block_count_max * stride) {
        let vertex_count = block.len() / stride;
        for (lane, last) in last.iter_mut().enumerate() {
            decode_lane(&mut bytes, &mut column[..vertex_count.next_multiple_of(16)])?;
            for (vertex, delta) in block.chunks_exact_mut(stride).zip(column) {
                *last = last.wrapping_add((delta >> 1) ^ (delta & 1).wrapping_neg());
                vertex[lane] = *last;
            }
        }
    }
    Ok(vertices)
}

/// One byte of every vertex of a block, as groups of 16 that use 0, 2, 4 or 8 bits a value.
fn decode_lane(bytes: &mut Bytes<'_>, column: &mut [u8]) -> Result<(), String> {
    let widths = bytes.take((column.len() / 16).div_ceil(4))?;
    for (row, group) in column.chunks_exact_mut(16).enumerate() {
        match widths[row / 4] >> (row % 4 * 2) & 3 {
            0 => group.fill(0),
            3 => group.copy_from_slice(bytes.take(16)?),
            width => {
                // 2 or 4 bits a value, highest first; all ones mean that the value follows as a byte of its own.
                let bits = 2 * u32::from(width);
                let sentinel = (1_u8 << bits) - 1;
                let packed = bytes.take(2 * bits as usize)?;
                for (item, value) in group.iter_mut().enumerate() {
                    let first_bit = item as u32 * bits;
                    let packed = packed[first_bit as usize / 8] >> (8 - bits - first_bit % 8) & sentinel;
                    *value = if packed == sentinel { bytes.byte()? } else { packed };
                }
            }
        }
    }
    Ok(())
}

/// The last 16 vertices and edges that a triangle list has named.
#[derive(Default)]
struct Recent {
    edges: [[u32; 2]; 16],
    edge_offset: usize,
    vertices: [u32; 16],
    vertex_offset: usize,
}

impl Recent {
    fn edge(&self, age: u8) -> [u32; 2] {
        self.edges[self.edge_offset.wrapping_sub(1 + usize::from(age)) & 15]
    }

    fn vertex(&self, age: u8) -> u32 {
        self.vertices[self.vertex_offset.wrapping_sub(usize::from(age)) & 15]
    }

    fn push_edge(&mut self, edge: [u32; 2]) {
        self.edges[self.edge_offset] = edge;
        self.edge_offset = (self.edge_offset + 1) & 15;
    }

    /// `kept` is false for a vertex that is already among the recent ones: it is written, but the place stays free.
    fn push_vertex(&mut self, vertex: u32, kept: bool) {
        self.vertices[self.vertex_offset] = vertex;
        self.vertex_offset = (self.vertex_offset + usize::from(kept)) & 15;
    }
}

/// `count` indices of a triangle list.
pub(super) fn decode_triangles(encoded: &[u8], count: usize) -> Result<Vec<u32>, String> {
    if !count.is_multiple_of(3) {
        return Err(format!("{count} indices are no triangles"));
    }
    let (version, body, pairs) = split(encoded, &[0xe0, 0xe1], 16)?;
    let mut bytes = Bytes { rest: body };
    let codes = bytes.take(count / 3)?;
    let inline_max = if version == 0 { 15 } else { 13 };
    let mut indices = Vec::with_capacity(count);
    let mut recent = Recent::default();
    let (mut next, mut last) = (0_u32, 0_u32);
    for &code in codes {
        if code < 0xf0 {
            let [a, b] = recent.edge(code >> 4);
            let third = code & 15;
            let c = if third == 0 {
                next = next.wrapping_add(1);
                next.wrapping_sub(1)
            } else if third < inline_max {
                recent.vertex(1 + third)
            } else {
                last = match third {
                    13 => last.wrapping_sub(1),
                    14 => last.wrapping_add(1),
                    _ => bytes.index(last)?,
                };
                last
            };
            recent.push_vertex(c, third == 0 || third >= inline_max);
            recent.push_edge([c, b]);
            recent.push_edge([a, c]);
            indices.extend([a, b, c]);
        } else {
            let pair = if code < 0xfe { pairs[usize::from(code & 15)] } else { bytes.byte()? };
            // A pair of zeros that is spelt out restarts the numbering.
            if code >= 0xfe && pair == 0 {
                next = 0;
            }
            let ages = [if code == 0xff { 15 } else { 0 }, pair >> 4, pair & 15];
            let is_free = |age: u8| age == 15 && code >= 0xfe;
            let mut triangle = [0; 3];
            for (vertex, age) in triangle.iter_mut().zip(ages) {
                if age == 0 {
                    *vertex = next;
                    next = next.wrapping_add(1);
                } else if !is_free(age) {
                    *vertex = recent.vertex(age);
                }
            }
            for (vertex, _) in triangle.iter_mut().zip(ages).filter(|(_, age)| is_free(*age)) {
                last = bytes.index(last)?;
                *vertex = last;
            }
            for (vertex, age) in triangle.into_iter().zip(ages) {
                recent.push_vertex(vertex, age == 0 || is_free(age));
            }
            let [a, b, c] = triangle;
            [[b, a], [c, b], [a, c]].into_iter().for_each(|edge| recent.push_edge(edge));
            indices.extend(triangle);
        }
    }
    Ok(indices)
}

/// `count` indices of any sequence.
pub(super) fn decode_indices(encoded: &[u8], count: usize) -> Result<Vec<u32>, String> {
    let (_, body, _) = split(encoded, &[0xd1], 4)?;
    if count > body.len() {
        return Err(format!("{count} indices cannot come from {} bytes", body.len()));
    }
    let mut bytes = Bytes { rest: body };
    let mut last = [0_u32; 2];
    let mut indices = Vec::with_capacity(count);
    for _ in 0..count {
        let value = bytes.varint()?;
        let last = &mut last[value as usize & 1];
        let delta = value >> 1;
        *last = last.wrapping_add((delta >> 1) ^ (delta & 1).wrapping_neg());
        indices.push(*last);
    }
    Ok(indices)
}

/// Indices as the 2 or 4 bytes that the view is said to hold.
pub(super) fn indices_as_bytes(indices: &[u32], stride: usize) -> Result<Vec<u8>, String> {
    match stride {
        2 => indices
            .iter()
            .map(|&i| u16::try_from(i).map(u16::to_le_bytes))
            .collect::<Result<Vec<_>, _>>()
            .map(|b| b.concat())
            .map_err(|e| e.to_string()),
        4 => Ok(indices.iter().flat_map(|i| i.to_le_bytes()).collect()),
        _ => Err(format!("indices of {stride} bytes are not 2 or 4")),
    }
}

/// Filter EXPONENTIAL: each 32 bits are an 8-bit exponent over a 24-bit mantissa, both signed, and become a float.
pub(super) fn apply_exponential_filter(bytes: &mut [u8]) {
    for word in bytes.chunks_exact_mut(4) {
        let bits = i32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let (exponent, mantissa) = (bits >> 24, bits << 8 >> 8);
        let value = f64::from(mantissa) * f64::from(exponent).exp2();
        #[expect(clippy::cast_possible_truncation, reason = "the filter yields single precision by definition")]
        word.copy_from_slice(&(value as f32).to_le_bytes());
    }
}

#[cfg(test)]
mod tests;
