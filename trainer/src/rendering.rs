//! Reference views: shapes seen from a viewpoint, as maps of surface normals in the object's own axes or in another modality.

mod framing;
pub mod modality;
pub mod outline;
pub mod renderer;
mod shading;
pub mod shapes;

pub use modality::Modality;
pub use outline::Outline;
pub use renderer::Renderer;
pub use shapes::{Shape, ShapeSource, VehicleShapes, load_shapes};
