//! From what sixteen vertices see to their part of the normal equations.

use super::vertex::Dots;
use super::{DAMPING, NormalEquations, RobustSpec};
use crate::placement::{PlacedLanes, View};
use crate::surface::{COORDINATE_COUNT, coordinate};
use crate::vector::{LANES, Vector, array, exp};

/// Numbers of [`NormalEquations`].
const SUM_COUNT: usize = 31;

/// The constants of a call, each in all lanes.
pub(super) struct Step<V> {
    floor: V,
    /// One over the temperature would round.
    temperature: V,
}

impl<V: Vector> Step<V> {
    #[inline(always)]
    pub fn new(spec: &RobustSpec) -> Self {
        Self { floor: V::splat(spec.floor), temperature: V::splat(spec.temperature) }
    }
}

/// The sums so far: lane `l` has those of vertices `l`, `l + 16` and so on.
pub(super) struct VertexSums<V>([V; SUM_COUNT]);

impl<V: Vector> VertexSums<V> {
    #[inline(always)]
    pub fn new() -> Self {
        Self([V::splat(0.0); SUM_COUNT])
    }

    #[inline(always)]
    pub fn totals(self) -> NormalEquations {
        let mut totals = [0.0; SUM_COUNT];
        for (total, sum) in totals.iter_mut().zip(self.0) {
            *total = sum.total();
        }
        bytemuck::cast(totals)
    }

    /// Adds the vertices whose bits are set in `seen`.
    #[inline(always)]
    pub fn add(
        &mut self,
        view: &View<V>,
        step: &Step<V>,
        placed: &PlacedLanes<V>,
        coordinates: &[V; COORDINATE_COUNT],
        dots: &Dots,
        seen: u16,
    ) {
        let (seen, zero) = (V::mask(seen), V::splat(0.0));
        let area = coordinates[coordinate::AREA].mul(placed.area_scale());
        let similarity = V::load(&dots.similarity);
        let excess = similarity.sub(V::load(&dots.clutter).max(step.floor));
        let weight = area.mul(sigmoid(excess.div(step.temperature)));
        let squared = V::load(&dots.squared_length).add(coordinates[coordinate::SQUARED_LENGTH]);
        let squared = V::splat(-2.0).mul_add(similarity, squared);
        let residual = array![row in [0, 1] => {
            V::load(&dots.gradients[row]).sub(coordinates[coordinate::GRADIENT_FEATURE + row])
        }];
        let slides = slides(view, placed, coordinates);
        let [p11, p12, p22] = array![at in [0, 1, 2] => coordinates[coordinate::GRADIENT_PRODUCTS + at]];
        // `weight` times `(G G^T) B`.
        let mut weighted = slides;
        for pair in &mut weighted {
            let [b1, b2] = *pair;
            *pair = [weight.mul(p11.mul_add(b1, p12.mul(b2))), weight.mul(p12.mul_add(b1, p22.mul(b2)))];
        }
        let mut terms = [zero; SUM_COUNT];
        let (hessian, rest) = terms.split_at_mut(21);
        let (gradient, others) = rest.split_at_mut(6);
        let mut hessian = hessian.iter_mut();
        for (row, weighted) in weighted.iter().enumerate() {
            for (slide, term) in slides[row..].iter().zip(&mut hessian) {
                *term = weighted[0].mul_add(slide[0], weighted[1].mul(slide[1]));
            }
        }
        for (slide, term) in slides.iter().zip(gradient) {
            *term = weight.mul(slide[0].mul_add(residual[0], slide[1].mul(residual[1])));
        }
        others.copy_from_slice(&[area.mul(excess.max(zero)), weight.mul(squared), weight, area]);
        for (sum, term) in self.0.iter_mut().zip(terms) {
            // Other lanes may hold anything.
            *sum = V::select(seen, sum.add(term), *sum);
        }
    }
}

/// `1 / (1 + exp(-x))`; exactly zero where the exponential would leave single precision.
#[inline(always)]
fn sigmoid<V: Vector>(x: V) -> V {
    let one = V::splat(1.0);
    let value = one.div(one.add(exp(V::splat(0.0).sub(x))));
    V::select(V::splat(-87.0).greater(x), V::splat(0.0), value)
}

/// The columns of `B`: how far the texture slides along both tangents when the placement steps.
///
/// Both Jacobians hold the factor `cells`, which cancels but for the shifts.
#[inline(always)]
fn slides<V: Vector>(view: &View<V>, placed: &PlacedLanes<V>, coordinates: &[V; COORDINATE_COUNT]) -> [[V; 2]; 6] {
    let (zero, one, [x, y, z]) = (V::splat(0.0), V::splat(1.0), placed.y);
    let growth = one.div(placed.ray[2]);
    // A step dY of the point moves it by `cells * (dY.x - a dY.z, dY.y - b dY.z)`, with its own slant.
    let [a, b] = [growth.mul(placed.ray[0]), growth.mul(placed.ray[1])];
    let tangents = array![first in [0, 3] => {
        let [tx, ty, tz] = view.turn(array![axis in [0, 1, 2] => coordinates[coordinate::TANGENTS + first + axis]]);
        [tx.sub(a.mul(tz)), ty.sub(b.mul(tz))]
    }];
    let [[u1, v1], [u2, v2]] = tangents;
    let (m11, m12, m22) = (u1.mul_add(u1, u2.mul(u2)), u1.mul_add(v1, u2.mul(v2)), v1.mul_add(v1, v2.mul(v2)));
    let damping = V::splat(0.5 * DAMPING).mul(m11.add(m22));
    let (m11, m22) = (m11.add(damping), m22.add(damping));
    let inverse = one.div(m11.mul(m22).sub(m12.mul(m12)));
    let rows = array![tangent in [0, 1] => {
        let [u, v] = tangents[tangent];
        [inverse.mul(u.mul(m22).sub(v.mul(m12))), inverse.mul(v.mul(m11).sub(u.mul(m12)))]
    }];
    let (shift, [right, down]) = (one.div(view.scale), placed.across);
    let moves_u = [zero.sub(a.mul(y)), a.mul_add(x, z), zero.sub(y), growth.mul(right), shift, zero];
    let moves_v = [zero.sub(b.mul_add(y, z)), b.mul(x), x, growth.mul(down), zero, shift];
    let mut slides = [[zero; 2]; 6];
    for (slide, (u, v)) in slides.iter_mut().zip(moves_u.into_iter().zip(moves_v)) {
        *slide = array![row in [0, 1] => rows[row][0].mul_add(u, rows[row][1].mul(v))];
    }
    slides
}

const _: () = assert!(size_of::<NormalEquations>() == SUM_COUNT * size_of::<f32>() && LANES == 16);
