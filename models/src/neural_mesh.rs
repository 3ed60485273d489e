//! Neural meshes after NeMo (Wang, Kortylewski, Yuille; ICLR 2021): surfaces whose vertices carry the features that a network sees there.
//!
//! *Important terms*
//!
//! - **Surface**: vertices and triangles with what follows from them: normals, areas, tangents.
//! - **Cuboid**: the surface of the paper, six grids around a class; **wrapped**: the same grids laid onto one shape, so that all
//!   shapes of a class have the same triangles and vertices that correspond.

mod cuboid;
mod surface;
mod wrap;

pub use cuboid::{cuboid, cuboid_extents};
pub use surface::{Bounds, Surface, SurfaceError, TRIANGLE_COUNT_MAX, VERTEX_COUNT_MAX};
pub use wrap::{Wrapped, wrap};
