//! Takes out of an ONNX graph what one output does not need: ONNX Runtime computes all outputs of the graph that it has, also those
//! that a call does not ask for (<https://github.com/microsoft/onnxruntime/issues/16483>).
//!
//! The file is walked as protobuf messages (field numbers of onnx.proto); what is kept is copied as it stands. Where the graph is not
//! of the plain kind (a node holds a graph of its own, a group is used) there is no answer, and the whole graph has to do.

use std::collections::HashSet;

#[cfg(test)]
mod tests;

/// Numbers of fields in onnx.proto.
mod field {
    pub const MODEL_GRAPH: u64 = 7;
    pub const GRAPH_NODE: u64 = 1;
    pub const GRAPH_INITIALIZER: u64 = 5;
    pub const GRAPH_OUTPUT: u64 = 12;
    pub const GRAPH_VALUE_INFO: u64 = 13;
    pub const NODE_INPUT: u64 = 1;
    pub const NODE_OUTPUT: u64 = 2;
    pub const NODE_ATTRIBUTE: u64 = 5;
    pub const ATTRIBUTE_GRAPH: u64 = 6;
    pub const ATTRIBUTE_GRAPHS: u64 = 11;
    pub const TENSOR_NAME: u64 = 8;
    pub const VALUE_INFO_NAME: u64 = 1;
}

/// A network that computes `output` and nothing else; none where the graph has no other output, does not compute this one, or is of
/// a kind that this does not understand.
pub(super) fn pruned(onnx: &[u8], output: &str) -> Option<Vec<u8>> {
    let model = fields(onnx)?;
    let mut graphs = model.iter().filter(|f| f.number == field::MODEL_GRAPH);
    let (Some(graph), None) = (graphs.next(), graphs.next()) else {
        return None;
    };
    let graph = pruned_graph(graph.payload, output)?;
    let mut bytes = Vec::with_capacity(onnx.len());
    for part in &model {
        if part.number == field::MODEL_GRAPH {
            put_varint(&mut bytes, field::MODEL_GRAPH << 3 | LENGTH_DELIMITED);
            put_varint(&mut bytes, graph.len() as u64);
            bytes.extend_from_slice(&graph);
        } else {
            bytes.extend_from_slice(part.whole);
        }
    }
    Some(bytes)
}

fn pruned_graph(graph: &[u8], output: &str) -> Option<Vec<u8>> {
    let parts = fields(graph)?;
    let is_output = |part: &&Field<'_>| part.number == field::GRAPH_OUTPUT;
    if parts.iter().filter(is_output).count() < 2 {
        return None;
    }
    let mut needed: HashSet<&[u8]> = HashSet::from([output.as_bytes()]);
    let mut is_kept = vec![true; parts.len()];
    let mut is_computed = false;
    // Nodes come in an order in which each follows those that it needs.
    for (part, is_kept) in parts.iter().zip(&mut is_kept).rev().filter(|(part, _)| part.number == field::GRAPH_NODE) {
        let node = fields(part.payload)?;
        if node.iter().filter(|f| f.number == field::NODE_ATTRIBUTE).any(|f| holds_graph(f.payload) != Some(false)) {
            return None;
        }
        let named = |number: u64| node.iter().filter(move |f| f.number == number).map(|f| f.payload);
        *is_kept = named(field::NODE_OUTPUT).any(|name| needed.contains(name));
        if *is_kept {
            is_computed |= named(field::NODE_OUTPUT).any(|name| name == output.as_bytes());
            needed.extend(named(field::NODE_INPUT));
        }
    }
    if !is_computed {
        return None;
    }
    let mut bytes = Vec::with_capacity(graph.len());
    for (part, is_kept) in parts.iter().zip(is_kept) {
        let name_field = match part.number {
            field::GRAPH_INITIALIZER => Some(field::TENSOR_NAME),
            field::GRAPH_OUTPUT | field::GRAPH_VALUE_INFO => Some(field::VALUE_INFO_NAME),
            _ => None,
        };
        let is_wanted = |name: &[u8]| match part.number {
            field::GRAPH_OUTPUT => name == output.as_bytes(),
            _ => needed.contains(name),
        };
        let name_is_wanted = match name_field {
            Some(number) => fields(part.payload)?.iter().any(|f| f.number == number && is_wanted(f.payload)),
            None => true,
        };
        if is_kept && name_is_wanted {
            bytes.extend_from_slice(part.whole);
        }
    }
    Some(bytes)
}

/// Whether an attribute holds a graph, which may use names of the outer one.
fn holds_graph(attribute: &[u8]) -> Option<bool> {
    let graphs = [field::ATTRIBUTE_GRAPH, field::ATTRIBUTE_GRAPHS];
    Some(fields(attribute)?.iter().any(|f| graphs.contains(&f.number)))
}

/// Wire types of protobuf.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// One field of a message.
struct Field<'a> {
    number: u64,
    /// With its tag.
    whole: &'a [u8],
    /// Of a text, a message or bytes; empty for a number.
    payload: &'a [u8],
}

/// The fields of a message; none where it is none.
fn fields(mut message: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let start = message;
        let tag = take_varint(&mut message)?;
        let payload = match tag & 7 {
            VARINT => {
                take_varint(&mut message)?;
                &[]
            }
            EIGHT_BYTES => {
                take(&mut message, 8)?;
                &[]
            }
            LENGTH_DELIMITED => {
                let length = usize::try_from(take_varint(&mut message)?).ok()?;
                take(&mut message, length)?
            }
            FOUR_BYTES => {
                take(&mut message, 4)?;
                &[]
            }
            _ => return None,
        };
        let whole = start.get(..start.len() - message.len())?;
        found.push(Field { number: tag >> 3, whole, payload });
    }
    Some(found)
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

/// Seven bits a byte, the lowest first; the highest bit says that there is more.
fn take_varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = take(message, 1)? else {
            return None;
        };
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
