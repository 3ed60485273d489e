//! Why a model cannot be run, and why a frame has no answer.

use kernels::KernelError;
use models::retrieval::RotationError;

use crate::limits::LimitError;

/// Why a model cannot be run within the limits.
#[derive(Debug, thiserror::Error)]
pub enum PipelineBuildError {
    /// A limit makes no sense.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The model wants more neighbours than the limits allow.
    #[error("the manifest's retrieval.neighbors = {neighbors} is beyond limits.neighbors_max = {neighbors_max}")]
    Neighbors {
        /// What the manifest says.
        neighbors: usize,
        /// What the limits say.
        neighbors_max: usize,
    },
    /// The neural mesh or the network's feature map is of a size that the kernels refuse.
    #[error("refinement: {0}")]
    Refinement(KernelError),
    /// A row of the table is no rotation.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// A class of the manifest that could never be answered.
    #[error("class `{class}` of the manifest {reason}")]
    Class {
        /// The class' name.
        class: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Why a frame as a whole has no answer. Single detections never cause one: they carry their own status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// Image and calibration are of different sizes: a pose would be wrong without looking wrong.
    #[error("the image is {image_px:?} pixels, its calibration is for {camera_px:?}")]
    CameraSize {
        /// Width and height of the image.
        image_px: [u32; 2],
        /// Width and height the calibration is for.
        camera_px: [u32; 2],
    },
    /// A side of the image is beyond `image_side_px_max`.
    #[error("the image is {image_px:?} pixels, at most {side_px_max} each way are allowed")]
    ImageSize {
        /// Width and height of the image.
        image_px: [u32; 2],
        /// The limit.
        side_px_max: u32,
    },
    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}
