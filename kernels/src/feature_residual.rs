//! How a placement of a surface in a feature map should move: the normal equations of a Gauss-Newton
//! step.
//!
//! The step comes from the gradients of the surface's own features, not of the map's, as in inverse
//! compositional alignment (Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004): noise in the
//! map then does not shorten it.
//!
//! # The law
//!
//! Summed over the vertices that face the viewer ([`Placed::faces_viewer`](crate::Placed::faces_viewer))
//! and whose `(u, v)` lies between cell centres ([`FeatureMap::support`]), with `F` the bilinear sample
//! there, `theta` the vertex' feature, `G` (2 x D) its gradients, `c` the clutter vector, and `A_k` the
//! cells squared that the vertex covers:
//!
//! - `excess = theta . F - max(c . F, floor)`; `weight = A_k / (1 + exp(-excess / temperature))`.
//! - `A` (2 x 2) takes steps along the tangents to steps of `(u, v)` ([`Placement::along`]); its damped
//!   inverse is `A^T (A A^T + DAMPING trace(A A^T) / 2 I)^-1`, so that a vertex seen at a grazing angle
//!   slides little. `B` (2 x 6) is that times [`Placement::jacobian`]: how far the texture slides over
//!   the surface when the placement steps.
//! - `H += weight B^T (G G^T) B`, `g += weight B^T (G (F - theta))`,
//!   `score += A_k max(0, excess)`, `squared_residual += weight |F - theta|^2`, `weight += weight`,
//!   `visible_area += A_k`.
//!
//! The step that lowers the cost is `-(H + lambda diag(H))^-1 g`.
//!
//! Scores, areas, weights (where the exponential is below rounding or above all) and residuals are equal
//! in all implementations where their sums are exact in `f32`; on other inputs each number may differ by
//! [`RESIDUAL_ERROR_MAX`] of the sum of its terms' magnitudes. The same call repeats bit for bit.

mod cpu;
mod sums;
mod vertex;

pub use cpu::CpuFeatureResidual;

use crate::{FeatureMap, KernelError, Placement, Surface};

/// How much of the mean squared stretch of a vertex' projection is added to its square, before it is
/// inverted.
pub const DAMPING: f32 = 1e-2;

/// How far a number of [`NormalEquations`] may be from the exact one, as a fraction of the sum of its
/// terms' magnitudes, for surfaces of up to some thousand vertices with features of up to some hundred
/// elements, seen at more than a grazing angle.
pub const RESIDUAL_ERROR_MAX: f64 = 1e-4;

/// How a vertex' weight falls when something else explains the map better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RobustSpec {
    /// Of the sigmoid, in units of similarity; positive.
    pub temperature: f32,
    /// The similarity that absence reaches anywhere.
    pub floor: f32,
}

impl RobustSpec {
    /// # Errors
    /// [`KernelError::RobustSpec`] naming the field without meaning.
    pub fn check(&self) -> Result<(), KernelError> {
        let refuse = |field| Err(KernelError::RobustSpec { field });
        if !(self.temperature.is_finite() && self.temperature >= TEMPERATURE_MIN) {
            return refuse("temperature is below 1e-6 or not finite");
        }
        if self.floor.is_finite() { Ok(()) } else { refuse("floor is not finite") }
    }
}

/// Below, an excess over it may not be finite.
const TEMPERATURE_MIN: f32 = 1e-6;

/// Sums over the vertices that are seen, by the law of [`FeatureResidual`]; steps are those of [`Placement`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct NormalEquations {
    /// `H`, the upper triangle row by row: (1,1), (1,2) ... (1,6), (2,2) ... (6,6).
    pub hessian: [f32; 21],
    /// `g`.
    pub gradient: [f32; 6],
    /// What the surface explains better than its absence does, cells squared. As
    /// [`FeatureScore`](crate::FeatureScore)'s, but between cells.
    pub score: f32,
    /// The cost, weighted.
    pub squared_residual: f32,
    /// Of all vertices together, cells squared.
    pub weight: f32,
    /// Cells squared that all vertices cover.
    pub visible_area: f32,
}

impl NormalEquations {
    /// Row and column of each number of [`NormalEquations::hessian`].
    #[must_use]
    pub fn hessian_places() -> [(usize, usize); 21] {
        let mut places = [(0, 0); 21];
        let all = (0..6).flat_map(|row| (row..6).map(move |column| (row, column)));
        places.iter_mut().zip(all).for_each(|(place, at)| *place = at);
        places
    }

    /// `H` as a whole matrix.
    #[must_use]
    pub fn hessian_matrix(&self) -> [[f32; 6]; 6] {
        let mut matrix = [[0.0; 6]; 6];
        for ((row, column), value) in Self::hessian_places().into_iter().zip(self.hessian) {
            matrix[row][column] = value;
            matrix[column][row] = value;
        }
        matrix
    }
}

/// What one vertex is compared with; both NaN where it is not seen.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct VertexMatch {
    /// `theta . F`.
    pub similarity: f32,
    /// `c . F`.
    pub clutter: f32,
}

impl VertexMatch {
    /// Of a vertex that is turned away or outside of the map.
    pub const UNSEEN: Self = Self { similarity: f32::NAN, clutter: f32::NAN };

    /// Whether the vertex was compared.
    #[must_use]
    pub const fn is_seen(&self) -> bool {
        !self.similarity.is_nan()
    }
}

/// Sets up Gauss-Newton steps of a surface in a feature map.
pub trait FeatureResidual {
    /// Makes room for surfaces of up to `vertex_count` vertices and maps of up to `cell_count` cells,
    /// with features of up to `dim` elements, so that no later call on such allocates.
    ///
    /// # Errors
    /// [`KernelError::Device`] for want of memory.
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError>;

    /// The normal equations at one placement, by the law of the module; all zeros when no vertex is
    /// seen.
    ///
    /// # Errors
    /// [`KernelError::FeatureDim`], [`KernelError::RobustSpec`], [`KernelError::PlacementInvalid`],
    /// [`KernelError::SumNotFinite`] or [`KernelError::Device`].
    fn residual(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
    ) -> Result<NormalEquations, KernelError>;

    /// As [`FeatureResidual::residual`], and writes what each vertex is compared with: `matches` has one
    /// entry for each vertex of the surface.
    ///
    /// # Errors
    /// As [`FeatureResidual::residual`], and [`KernelError::OutputLength`]; `matches` is then untouched,
    /// but for [`KernelError::SumNotFinite`].
    fn residual_and_matches(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
        matches: &mut [VertexMatch],
    ) -> Result<NormalEquations, KernelError>;
}

/// The checks every implementation makes before it sums.
pub(crate) fn check_residual(
    map: &FeatureMap<'_>,
    surface: &Surface,
    placement: &Placement,
    spec: &RobustSpec,
) -> Result<(), KernelError> {
    if map.dim() != surface.dim() {
        return Err(KernelError::FeatureDim { map_dim: map.dim(), surface_dim: surface.dim() });
    }
    spec.check()?;
    if placement.is_valid() { Ok(()) } else { Err(KernelError::PlacementInvalid) }
}

/// The check every implementation makes after that.
pub(crate) fn check_sums(sums: NormalEquations) -> Result<NormalEquations, KernelError> {
    let numbers: &[f32; 31] = bytemuck::cast_ref(&sums);
    if numbers.iter().all(|number| number.is_finite()) { Ok(sums) } else { Err(KernelError::SumNotFinite) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_triangle_unfolds_into_a_symmetric_matrix() {
        let sums = NormalEquations { hessian: std::array::from_fn(|at| at as f32), ..Default::default() };
        let matrix = sums.hessian_matrix();
        assert_eq!(matrix[0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(matrix[1], [1.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
        assert_eq!(matrix[5], [5.0, 10.0, 14.0, 17.0, 19.0, 20.0]);
    }

    #[test]
    fn specifications_without_meaning_are_refused() {
        let good = RobustSpec { temperature: 0.1, floor: 0.2 };
        assert_eq!(good.check(), Ok(()));
        for temperature in [0.0, -0.1, f32::NAN, f32::INFINITY] {
            assert!(RobustSpec { temperature, ..good }.check().is_err());
        }
        assert!(RobustSpec { floor: f32::NAN, ..good }.check().is_err());
    }
}
