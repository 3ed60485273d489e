//! Checks that a graph is well-formed and finds the shape of every node, so that a mistake is named by node at export
//! and not by a runtime's message in the field.

use std::collections::BTreeSet;

use super::OnnxError;
use crate::networks::graph::{Graph, Node, Op, Padding};

/// Shape of a node's value, without the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `[C, H, W]`.
    Map([usize; 3]),
    /// `[N]`.
    Vector(usize),
}

impl Shape {
    /// The dimensions after the batch.
    pub fn dimensions(&self) -> &[usize] {
        match self {
            Self::Map(dimensions) => dimensions,
            Self::Vector(length) => std::slice::from_ref(length),
        }
    }

    fn channels(self) -> usize {
        match self {
            Self::Map([channels, ..]) => channels,
            Self::Vector(length) => length,
        }
    }
}

/// Shape of every node for inputs of `height` x `width`.
///
/// # Errors
/// When the graph's form is broken or a node does not fit its inputs.
pub fn infer(graph: &Graph, height: usize, width: usize) -> Result<Vec<Shape>, OnnxError> {
    check_form(graph)?;
    let mut shapes: Vec<Shape> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let inputs: Option<Vec<Shape>> = node.inputs.iter().map(|input| shapes.get(*input).copied()).collect();
        let inputs = inputs.ok_or_else(|| OnnxError::node(&node.name, "reads a node that does not come before it"))?;
        if (index == 0) != matches!(node.op, Op::Input { .. }) {
            return Err(OnnxError::node(&node.name, "the input has to be the first node, and the only one"));
        }
        let shape = match node.op {
            Op::Input { channels } if inputs.is_empty() => Ok(Shape::Map([channels, height, width])),
            _ => node_shape(node, &inputs),
        };
        let shape = shape.map_err(|problem| OnnxError::node(&node.name, problem))?;
        if shape.dimensions().contains(&0) {
            return Err(OnnxError::node(&node.name, format!("gives the empty shape {:?}", shape.dimensions())));
        }
        shapes.push(shape);
    }
    Ok(shapes)
}

fn check_form(graph: &Graph) -> Result<(), OnnxError> {
    let mut names = BTreeSet::new();
    if let Some(twice) = graph.nodes.iter().find(|node| !names.insert(&node.name)) {
        return Err(OnnxError::graph(format!("has two nodes named `{}`", twice.name)));
    }
    if graph.outputs.is_empty() {
        return Err(OnnxError::graph("has no outputs"));
    }
    match graph.outputs.iter().find(|(_, node)| *node >= graph.nodes.len()) {
        Some((name, node)) => Err(OnnxError::graph(format!("has no node {node} for its output `{name}`"))),
        None => Ok(()),
    }
}

/// The shape a node gives, or what is wrong with it.
fn node_shape(node: &Node, inputs: &[Shape]) -> Result<Shape, String> {
    match (node.op, inputs) {
        (Op::Conv { inputs, outputs, kernel, stride, padding, groups, .. }, [Shape::Map([channels, rest @ ..])]) => {
            check_channels(*channels, inputs)?;
            if groups == 0 || inputs % groups != 0 || outputs % groups != 0 {
                return Err(format!("{inputs} inputs and {outputs} outputs do not split into {groups} groups"));
            }
            let [height, width] = window(*rest, kernel, stride, padding)?;
            Ok(Shape::Map([outputs, height, width]))
        }
        (Op::MaxPool { kernel, stride, padding }, [Shape::Map([channels, rest @ ..])]) => {
            if padding >= kernel {
                return Err(format!("a padding of {padding} leaves windows of {kernel} without a pixel"));
            }
            let [height, width] = window(*rest, kernel, stride, Padding { before: padding, after: padding })?;
            Ok(Shape::Map([*channels, height, width]))
        }
        (Op::Upsample, [Shape::Map([channels, height, width])]) => {
            let doubled = height.checked_mul(2).zip(width.checked_mul(2));
            doubled
                .map(|(h, w)| Shape::Map([*channels, h, w]))
                .ok_or_else(|| format!("cannot double {height} x {width}"))
        }
        (Op::BatchNorm { channels, .. }, [shape]) => check_channels(shape.channels(), channels).map(|()| *shape),
        (Op::Relu | Op::Relu6 | Op::Normalize, [shape]) => Ok(*shape),
        (Op::Add, [a, b]) if a == b => Ok(*a),
        (Op::Concat, [first, ..]) => concat(*first, inputs),
        (Op::GlobalAveragePool, [Shape::Map([channels, ..])]) => Ok(Shape::Vector(*channels)),
        (Op::Flatten, [Shape::Map(dimensions)]) => {
            let length = dimensions.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
            length.map(Shape::Vector).ok_or_else(|| format!("flattens {dimensions:?}, which is too large"))
        }
        (Op::Linear { inputs, outputs }, [Shape::Vector(length)]) => {
            check_channels(*length, inputs).map(|()| Shape::Vector(outputs))
        }
        (op, _) => {
            let shapes: Vec<&[usize]> = inputs.iter().map(Shape::dimensions).collect();
            Err(format!("{op:?} cannot take inputs of shape {shapes:?}"))
        }
    }
}

fn check_channels(found: usize, wanted: usize) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("wants {wanted} channels and gets {found}")) }
}

/// Sides of the map that a sliding window gives; incomplete windows at the end are dropped.
fn window(sides: [usize; 2], kernel: usize, stride: usize, padding: Padding) -> Result<[usize; 2], String> {
    let side = |side: usize| {
        let room = side.checked_add(padding.before)?.checked_add(padding.after)?.checked_sub(kernel)?;
        room.checked_div(stride)?.checked_add(1)
    };
    match (kernel, side(sides[0]), side(sides[1])) {
        (1.., Some(height), Some(width)) => Ok([height, width]),
        _ => Err(format!("a window of {kernel} at stride {stride} with {padding:?} does not fit into {sides:?}")),
    }
}

fn concat(first: Shape, inputs: &[Shape]) -> Result<Shape, String> {
    let total = inputs.iter().try_fold(0_usize, |sum, shape| sum.checked_add(shape.channels()));
    let alike = inputs.iter().all(|shape| match (first, shape) {
        (Shape::Map([_, height, width]), Shape::Map([_, h, w])) => (height, width) == (*h, *w),
        (Shape::Vector(_), Shape::Vector(_)) => true,
        _ => false,
    });
    match (total, first) {
        (Some(total), Shape::Map([_, height, width])) if alike => Ok(Shape::Map([total, height, width])),
        (Some(total), Shape::Vector(_)) if alike => Ok(Shape::Vector(total)),
        _ => {
            let shapes: Vec<&[usize]> = inputs.iter().map(Shape::dimensions).collect();
            Err(format!("cannot concatenate {shapes:?} along their channels"))
        }
    }
}
