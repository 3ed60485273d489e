//! Reference views: CAD shapes seen from a viewpoint, as maps of surface normals in the object's own axes.

pub mod normals;
pub mod shapes;

pub use normals::NormalRenderer;
pub use shapes::{Shape, ShapeSource, VehicleShapes, load_shapes};
