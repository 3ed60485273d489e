//! One shape with what the network sees on it.

use half::f16;
use half::slice::HalfFloatSliceExt;
use kernels::{FEATURE_DIM_MAX, KernelError, SurfaceView};

use super::gradients::gradients;
use super::surface::{Surface, SurfaceError};
use crate::container::not_unit;

/// Longest name of a sub-type, bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Tolerance on the length of a feature: rounding to f16 changes each component by at most 2^-11 of itself, so a unit row stays
/// within 5e-4 of unit length.
pub(super) const FEATURE_NORM_TOLERANCE: f64 = 2e-3;

/// A shape of a class, V vertices with unit features of D numbers that are exact in f16.
#[derive(Debug, Clone, PartialEq)]
pub struct SubType {
    name: String,
    class_id: u16,
    surface: Surface,
    textured: kernels::Surface,
}

impl SubType {
    /// A sub-type with `features` `[V, D]` on the vertices of `surface`; D is the length of `clutter`. Features are rounded to f16, as
    /// the file will hold them, and their gradients along the surface computed.
    ///
    /// # Errors
    /// [`SurfaceError`] where the name is not 1 to [`NAME_BYTES_MAX`] bytes of text, a count is wrong, a feature is not of unit
    /// length, the clutter is neither of unit length nor zeros, or an area or gradient is beyond a million (another unit helps).
    pub fn new(
        name: &str,
        class_id: u16,
        surface: Surface,
        features: &[f32],
        clutter: &[f32],
    ) -> Result<Self, SurfaceError> {
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
            let reason = format!("is `{}`, wanted: 1 to {NAME_BYTES_MAX} bytes of text", name.escape_debug());
            return Err(SurfaceError::Argument { key: "name", reason });
        }
        check_clutter(clutter)?;
        let dim = clutter.len();
        let wanted = surface.vertex_count() * dim;
        if features.len() != wanted {
            return Err(SurfaceError::Count { key: "features", found: features.len(), wanted: wanted.to_string() });
        }
        let mut rounded = vec![f16::ZERO; features.len()];
        rounded.convert_from_f32_slice(features);
        let mut features = vec![0.0; rounded.len()];
        rounded.convert_to_f32_slice(&mut features);
        for (row, feature) in features.chunks_exact(dim).enumerate() {
            if let Some(reason) = not_unit(feature, FEATURE_NORM_TOLERANCE) {
                return Err(SurfaceError::Row { key: "features", row, reason });
            }
        }
        let view = SurfaceView {
            positions: surface.positions(),
            normals: surface.normals(),
            areas: surface.areas(),
            tangents: surface.tangents(),
            features: &features,
            gradients: &gradients(&surface, &features, dim),
            clutter,
        };
        let textured = kernels::Surface::new(&view).map_err(refused)?;
        Ok(Self { name: name.into(), class_id, surface, textured })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Row of the mesh's class names.
    #[must_use]
    pub fn class_id(&self) -> u16 {
        self.class_id
    }

    /// The shape.
    #[must_use]
    pub fn surface(&self) -> &Surface {
        &self.surface
    }

    /// `[V, D]` what is seen at each vertex, of unit length.
    #[must_use]
    pub fn features(&self) -> &[f32] {
        self.textured.features()
    }

    /// `[V, 2, D]` how that changes along both tangents, per unit of the mesh.
    #[must_use]
    pub fn gradients(&self) -> &[f32] {
        self.textured.gradients()
    }

    /// Shape, features, gradients and clutter as scores and residuals take them.
    #[must_use]
    pub fn textured(&self) -> &kernels::Surface {
        &self.textured
    }
}

/// Of unit length, or zeros for no model of clutter.
pub(super) fn check_clutter(clutter: &[f32]) -> Result<(), SurfaceError> {
    if clutter.is_empty() || clutter.len() > FEATURE_DIM_MAX {
        return Err(SurfaceError::Count {
            key: "clutter",
            found: clutter.len(),
            wanted: format!("1 to {FEATURE_DIM_MAX}"),
        });
    }
    let reason = not_unit(clutter, FEATURE_NORM_TOLERANCE).filter(|_| clutter.iter().any(|&v| v != 0.0));
    reason.map_or(Ok(()), |reason| Err(SurfaceError::Argument { key: "clutter", reason }))
}

/// What operations refuse although it is a surface with unit features: numbers too large for their sums.
fn refused(error: KernelError) -> SurfaceError {
    match error {
        KernelError::SurfaceValue { field, vertex: row } => {
            SurfaceError::Row { key: field, row, reason: error.to_string() }
        }
        error => SurfaceError::Argument { key: "features", reason: error.to_string() },
    }
}
