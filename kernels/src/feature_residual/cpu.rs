//! The CPU twin.

use super::{DAMPING, FeatureResidual, NormalEquations, RobustSpec, VertexMatch, check_residual, check_sums};
use crate::surface::coordinate;
use crate::{FeatureMap, KernelError, Placement, Surface};

/// Sets up steps on one CPU core. Allocates in the first call on longer features than any before,
/// unless [`FeatureResidual::reserve`] did.
#[derive(Debug, Default)]
pub struct CpuFeatureResidual {
    sample: Vec<f32>,
}

impl CpuFeatureResidual {
    /// With the best instructions this machine has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn run(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
        mut out: Option<&mut [VertexMatch]>,
    ) -> Result<NormalEquations, KernelError> {
        check_residual(map, surface, placement, spec)?;
        let dim = map.dim();
        self.sample.resize(dim, 0.0);
        let mut sums = NormalEquations::default();
        for vertex in 0..surface.vertex_count() {
            let (Some(position), Some(normal)) = (surface.position(vertex), surface.normal(vertex)) else { continue };
            let at = |index: usize| surface.coordinates()[index][vertex];
            let placed = placement.place(position, normal);
            let is_seen = placed.faces_viewer() && map.sample(placed.u, placed.v, &mut self.sample)?;
            if let Some(out) = &mut out {
                out[vertex] = VertexMatch::UNSEEN;
            }
            if !is_seen {
                continue;
            }
            let feature = &surface.features()[vertex * dim..][..dim];
            let (g1, g2) = surface.gradients()[2 * vertex * dim..][..2 * dim].split_at(dim);
            let (similarity, clutter) = (dot(feature, &self.sample), dot(surface.clutter(), &self.sample));
            if let Some(out) = &mut out {
                out[vertex] = VertexMatch { similarity, clutter };
            }
            let excess = similarity - clutter.max(spec.floor);
            let area = at(coordinate::AREA) * placed.area_scale;
            let weight = area / (1.0 + (-excess / spec.temperature).exp());
            sums.score += area * excess.max(0.0);
            sums.weight += weight;
            sums.visible_area += area;
            let squared = dot(&self.sample, &self.sample) - 2.0 * similarity + at(coordinate::SQUARED_LENGTH);
            sums.squared_residual += weight * squared;
            let tangents = [0, 3].map(|first| [0, 1, 2].map(|axis| at(coordinate::TANGENTS + first + axis)));
            let slides = slides(placement, position, tangents);
            let residual = [
                dot(g1, &self.sample) - at(coordinate::GRADIENT_FEATURE),
                dot(g2, &self.sample) - at(coordinate::GRADIENT_FEATURE + 1),
            ];
            let products = [0, 1, 2].map(|index| at(coordinate::GRADIENT_PRODUCTS + index));
            let [b1, b2] = slides;
            for (sum, (row, column)) in sums.hessian.iter_mut().zip(NormalEquations::hessian_places()) {
                *sum += weight
                    * (products[0] * b1[row] * b1[column]
                        + products[1] * (b1[row] * b2[column] + b2[row] * b1[column])
                        + products[2] * b2[row] * b2[column]);
            }
            for (column, sum) in sums.gradient.iter_mut().enumerate() {
                *sum += weight * (b1[column] * residual[0] + b2[column] * residual[1]);
            }
        }
        check_sums(sums)
    }
}

/// `B`: how far the texture slides along both tangents when the placement steps.
fn slides(placement: &Placement, position: [f32; 3], tangents: [[f32; 3]; 2]) -> [[f32; 6]; 2] {
    let ([a11, a21], [a12, a22]) = (placement.along(position, tangents[0]), placement.along(position, tangents[1]));
    let damping = DAMPING * 0.5 * (a11 * a11 + a12 * a12 + a21 * a21 + a22 * a22);
    let (m11, m12, m22) = (a11 * a11 + a12 * a12 + damping, a11 * a21 + a12 * a22, a21 * a21 + a22 * a22 + damping);
    let determinant = m11 * m22 - m12 * m12;
    let inverse = [[m22, -m12], [-m12, m11]].map(|row| row.map(|element| element / determinant));
    let [ju, jv] = placement.jacobian(position);
    [[a11, a21], [a12, a22]].map(|column| {
        let row = [0, 1].map(|axis| column[0] * inverse[0][axis] + column[1] * inverse[1][axis]);
        std::array::from_fn(|parameter| row[0] * ju[parameter] + row[1] * jv[parameter])
    })
}

impl FeatureResidual for CpuFeatureResidual {
    fn reserve(&mut self, _: usize, _: usize, dim: usize) -> Result<(), KernelError> {
        self.sample.reserve(dim.saturating_sub(self.sample.len()));
        Ok(())
    }

    fn residual(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
    ) -> Result<NormalEquations, KernelError> {
        self.run(map, surface, placement, spec, None)
    }

    fn residual_and_matches(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
        matches: &mut [VertexMatch],
    ) -> Result<NormalEquations, KernelError> {
        let (actual, needed) = (matches.len(), surface.vertex_count());
        if actual != needed {
            return Err(KernelError::OutputLength { actual, needed });
        }
        self.run(map, surface, placement, spec, Some(matches))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
