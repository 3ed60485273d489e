//! Numbers only: rows, pixels, matrices.
//!
//! Every operation is a trait that states its law, one or more implementations (`<op>/cpu.rs`,
//! later `<op>/cuda.rs`), and a public suite of generic test cases in [`conformance`] that every
//! implementation must pass. This crate knows no vehicle, no pose and no transport.
//!
//! *Important terms*
//!
//! - **Image coordinates**: continuous, in pixels; x right, y down; pixel `i` covers `[i, i + 1)`
//!   and its centre is `i + 0.5`.
//! - **Window**: the rectangle of the image that a whole crop canvas shows.
//! - **Map coordinates**: continuous, in cells of a feature map, in the same manner.
//! - **Surface**: points with features; a **placement** says where in a map a surface lies.
//! - **Row**: one vector of a reference table; **query**: a vector that looks for its nearest rows.

mod boxes;
pub mod conformance;
mod crop;
#[cfg(any(feature = "cuda", feature = "cuda-emulated"))]
pub mod cuda;
mod error;
mod feature_map;
mod feature_residual;
mod feature_score;
mod image_view;
pub mod measure;
mod placement;
mod rasterize;
mod surface;
mod top_k;
mod vector;

pub use boxes::{BoxFault, BoxPx, check_box};
pub use crop::{CpuCrop, Crop, CropSpec, crop_window};
#[cfg(feature = "cuda")]
pub use cuda::{CudaDevice, CudaFeatureResidual, CudaFeatureScore, CudaTable, CudaTopK, CudaUnavailable, cuda_devices};
pub use error::KernelError;
pub use feature_map::{
    FEATURE_DIM_MAX, FEATURE_MAGNITUDE_MAX, FeatureMap, FeatureMapBuffer, MAP_SIDE_MAX, Support, channels_last,
};
pub use feature_residual::{
    CpuFeatureResidual, DAMPING, FeatureResidual, NormalEquations, RESIDUAL_ERROR_MAX, RobustSpec, VertexMatch,
};
pub use feature_score::{CpuFeatureScore, FeatureScore, SIMILARITY_COUNT_MAX, score_error_max};
pub use image_view::{ImageView, PixelFormat};
pub use placement::{DEPTH_MIN, Placed, Placement};
pub use rasterize::{
    CpuRasterize, EMPTY_PART, EMPTY_TRIANGLE, MeshView, RasterBuffers, Rasterize, object_normals,
    object_normals_facing, object_points, silhouette, viewer_in_object,
};
pub use surface::{Surface, SurfaceView, VERTEX_COUNT_MAX};
pub use top_k::{
    Clusters, CpuTopK, Instructions, Neighbor, Rows, Sketch, TableView, TopK, TopKReport, found_count,
    relative_error_max,
};
