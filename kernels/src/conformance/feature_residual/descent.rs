//! The case of what the numbers are for.

use super::Case;
use crate::conformance::random::Random;
use crate::conformance::scene::{Arrays, FRONT, PLAIN};
use crate::{FeatureResidual, NormalEquations, Placement, RobustSpec};

/// A flat texture that faces the viewer, seen where it is: steps lead there from beside it, and the
/// cost falls.
pub fn a_few_steps_find_a_shifted_turned_and_grown_texture<I: FeatureResidual>(make: impl Fn() -> I) {
    let mut random = Random::new(26);
    let (width, height, dim) = (24, 20, 16);
    let truth = Placement { centre: [12.0, 10.0], nearness: 0.2, ..PLAIN };
    // Channels are slow waves over the map, each in a direction of its own.
    let waves: Vec<[f32; 3]> = (0..dim)
        .map(|_| [random.between(-0.25, 0.25), random.between(-0.25, 0.25), random.between(0.0, 6.0)])
        .collect();
    let texture = |u: f32, v: f32| waves.iter().map(move |[a, b, phase]| 0.3 * (a * u + b * v + phase).sin());
    let slopes = |u: f32, v: f32, axis: usize| {
        waves.iter().map(move |wave| 0.3 * wave[axis] * (wave[0] * u + wave[1] * v + wave[2]).cos() * truth.scale)
    };
    let features: Vec<f32> = (0..height)
        .flat_map(|row| (0..width).flat_map(move |column| texture(column as f32 + 0.5, row as f32 + 0.5)))
        .collect();
    let mut arrays = Arrays { clutter: vec![0.0; dim], ..Default::default() };
    for row in -8..=8 {
        for column in -8..=8 {
            let position = [column as f32 / 10.0, row as f32 / 10.0, 0.0];
            let at = truth.place(position, FRONT);
            arrays.push(position, FRONT, 0.01, 0.0);
            let vertex = arrays.positions.len() - 1;
            arrays.features.truncate(vertex * dim);
            arrays.features.extend(texture(at.u, at.v));
            arrays.gradients.truncate(2 * vertex * dim);
            arrays.gradients.extend((0..2).flat_map(|axis| slopes(at.u, at.v, axis)));
        }
    }
    let spec = RobustSpec { temperature: 1.0, floor: -1.0 };
    let case = Case { arrays: &arrays, features: &features, width, height, spec };
    for start in
        [[0.0, 0.0, 0.0, 0.0, 0.9, -0.7], [0.03, -0.04, 0.15, 0.08, 0.3, 0.4], [0.1, 0.1, -0.1, -0.1, -0.5, 0.0]]
    {
        let mut placement = truth.stepped(&start);
        let mut instance = make();
        let before = case.sums(&mut instance, &placement);
        for _ in 0..8 {
            let sums = case.sums(&mut instance, &placement);
            placement = placement.stepped(&step(&sums));
        }
        let after = case.sums(&mut instance, &placement);
        let cost = |sums: &NormalEquations| sums.squared_residual / sums.weight;
        assert!(cost(&after) < 0.03 * cost(&before), "{} after {}", cost(&after), cost(&before));
        let offset = (placement.centre[0] - 12.0).hypot(placement.centre[1] - 10.0);
        let grown = (placement.scale / truth.scale).ln().abs();
        let turned = placement.rotation[0][1].hypot(placement.rotation[0][2]);
        assert!(offset < 0.1 && grown < 0.02 && turned < 0.03, "{start:?}: {offset} {grown} {turned}");
    }
}

/// `-(H + lambda diag(H))^-1 g`, by elimination; the matrix is positive definite.
fn step(sums: &NormalEquations) -> [f32; 6] {
    let mut rows: [[f64; 7]; 6] = [[0.0; 7]; 6];
    for (index, row) in sums.hessian_matrix().iter().enumerate() {
        for (element, value) in rows[index].iter_mut().zip(row) {
            *element = (*value).into();
        }
        rows[index][index] *= 1.0 + 1e-3;
        rows[index][6] = -f64::from(sums.gradient[index]);
    }
    for pivot in 0..6 {
        let pivot_row = rows[pivot].map(|element| element / rows[pivot][pivot]);
        for row in &mut rows {
            let factor = row[pivot];
            row.iter_mut().zip(pivot_row).for_each(|(element, other)| *element -= factor * other);
        }
        rows[pivot] = pivot_row;
    }
    rows.map(|row| row[6] as f32)
}
