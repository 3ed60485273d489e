//! The third implementation, in double precision, with slopes by finite differences.

use super::Case;
use crate::conformance::scene::{Exact, ExactPlacement, see};
use crate::{DAMPING, Placement};

/// Of a mesh unit or a radian, with an error of about its square.
const STEP: f64 = 1e-5;

/// All numbers of [`NormalEquations`](crate::NormalEquations), in its order.
pub(super) struct ExactSums {
    pub sums: [f64; 31],
    /// Sums of the terms' magnitudes.
    pub magnitudes: [f64; 31],
    /// Similarity to the surface and to clutter, of the vertices that are seen.
    pub matches: Vec<Option<[f64; 2]>>,
}

impl ExactSums {
    pub fn new(case: &Case<'_>, placement: &Placement) -> Self {
        let mut made = Self { sums: [0.0; 31], magnitudes: [0.0; 31], matches: Vec::new() };
        for (vertex, seen) in see(case.arrays, placement).iter().enumerate() {
            let sample = if seen.faces_viewer() { sample(case, seen) } else { None };
            let pair = sample.map(|sample| made.add(case, placement, vertex, seen.area, &sample));
            made.matches.push(pair);
        }
        made
    }

    fn add(&mut self, case: &Case<'_>, placement: &Placement, vertex: usize, area: f64, sample: &[f64]) -> [f64; 2] {
        let dim = sample.len();
        let feature: Vec<f64> = case.arrays.feature(vertex).iter().map(|&element| element.into()).collect();
        let gradients: Vec<f64> =
            case.arrays.gradients[2 * vertex * dim..][..2 * dim].iter().map(|&element| element.into()).collect();
        let similarity: f64 = feature.iter().zip(sample).map(|(a, b)| a * b).sum();
        let clutter: f64 = case.arrays.clutter.iter().zip(sample).map(|(&a, b)| f64::from(a) * b).sum();
        let excess = similarity - clutter.max(case.spec.floor.into());
        let weight = area / (1.0 + (-excess / f64::from(case.spec.temperature)).exp());
        let slides = slides(case, placement, vertex);
        let mut index = 0;
        let mut put = |value: f64, magnitude: f64| {
            self.sums[index] += value;
            self.magnitudes[index] += magnitude;
            index += 1;
        };
        // D numbers for each parameter: how the sample changes.
        let changes: Vec<[f64; 6]> = (0..dim)
            .map(|at| std::array::from_fn(|p| gradients[at] * slides[0][p] + gradients[dim + at] * slides[1][p]))
            .collect();
        let sizes: [f64; 6] = std::array::from_fn(|p| {
            let size = |at: usize| (gradients[at] * slides[0][p]).abs() + (gradients[dim + at] * slides[1][p]).abs();
            (0..dim).map(|at| size(at).powi(2)).sum::<f64>().sqrt()
        });
        for row in 0..6 {
            for column in row..6 {
                let product: f64 = changes.iter().map(|change| change[row] * change[column]).sum();
                put(weight * product, weight * sizes[row] * sizes[column]);
            }
        }
        let length = |vector: &[f64]| vector.iter().map(|element| element * element).sum::<f64>().sqrt();
        let lengths = length(sample) + length(&feature);
        for parameter in 0..6 {
            let product: f64 = (0..dim).map(|at| changes[at][parameter] * (sample[at] - feature[at])).sum();
            put(weight * product, weight * sizes[parameter] * lengths);
        }
        let squared: f64 = sample.iter().zip(&feature).map(|(a, b)| (a - b).powi(2)).sum();
        put(area * excess.max(0.0), area * (lengths + 1.0));
        put(weight * squared, weight * lengths.powi(2));
        put(weight, weight);
        put(area, area);
        [similarity, clutter]
    }
}

/// Bilinear interpolation as a sum over all cells of hats around their centres.
fn sample(case: &Case<'_>, seen: &Exact) -> Option<Vec<f64>> {
    let is_between = |at: f64, side: usize| (0.5..=side as f64 - 0.5).contains(&at);
    if !(is_between(seen.u, case.width) && is_between(seen.v, case.height)) {
        return None;
    }
    let hat = |at: f64, index: usize| (1.0 - (at - 0.5 - index as f64).abs()).max(0.0);
    let dim = case.arrays.dim();
    let mut sample = vec![0.0; dim];
    for (cell, feature) in case.features.chunks_exact(dim).enumerate() {
        let weight = hat(seen.u, cell % case.width) * hat(seen.v, cell / case.width);
        sample.iter_mut().zip(feature).for_each(|(sum, element)| *sum += weight * f64::from(*element));
    }
    Some(sample)
}

/// How far the texture slides along both tangents when the placement steps.
fn slides(case: &Case<'_>, placement: &Placement, vertex: usize) -> [[f64; 6]; 2] {
    let position = case.arrays.positions[vertex].map(f64::from);
    let tangents = case.arrays.tangents[vertex].map(|tangent| tangent.map(f64::from));
    let exact = ExactPlacement::new(placement);
    let slope = |after: [f64; 2], before: [f64; 2]| [0, 1].map(|axis| (after[axis] - before[axis]) / (2.0 * STEP));
    let columns = tangents.map(|tangent| {
        let at = |size: f64| exact.project(std::array::from_fn(|axis| position[axis] + size * tangent[axis]));
        slope(at(STEP), at(-STEP))
    });
    let moves: [[f64; 2]; 6] = std::array::from_fn(|parameter| {
        let at = |size: f64| stepped(&exact, parameter, size).project(position);
        slope(at(STEP), at(-STEP))
    });
    let product = |a: usize, b: usize| columns[0][a] * columns[0][b] + columns[1][a] * columns[1][b];
    let damping = f64::from(DAMPING) * (product(0, 0) + product(1, 1)) / 2.0;
    let (a, b, d) = (product(0, 0) + damping, product(0, 1), product(1, 1) + damping);
    let determinant = a * d - b * b;
    columns.map(|[x, y]| {
        let row = [(x * d - y * b) / determinant, (y * a - x * b) / determinant];
        moves.map(|[du, dv]| row[0] * du + row[1] * dv)
    })
}

/// A step of one parameter; turns are by sine and cosine about an axis of the view.
fn stepped(placement: &ExactPlacement, parameter: usize, size: f64) -> ExactPlacement {
    let mut stepped = *placement;
    match parameter {
        0..3 => {
            let (sine, cosine) = size.sin_cos();
            let (next, last) = ((parameter + 1) % 3, (parameter + 2) % 3);
            for column in 0..3 {
                let (a, b) = (placement.rotation[next][column], placement.rotation[last][column]);
                stepped.rotation[next][column] = cosine * a - sine * b;
                stepped.rotation[last][column] = sine * a + cosine * b;
            }
        }
        3 => {
            stepped.scale *= size.exp();
            stepped.nearness *= size.exp();
        }
        _ => {
            stepped.centre[parameter - 4] += size;
            stepped.slant[parameter - 4] += size * placement.nearness / placement.scale;
        }
    }
    stepped
}
