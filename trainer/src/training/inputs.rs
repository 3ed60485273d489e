//! A batch's bytes as network inputs, and its poses as tensors.

use anyhow::Result;
use calibration::{Viewpoint, so3};
use tch::{Device, Tensor};

use super::config::{Canvas, TrainingConfig};

/// Crops 0 to 255 as `[Q, 3, H, W]`, normalised as the node will.
pub fn queries(bytes: &[u8], config: &TrainingConfig, device: Device) -> Tensor {
    let spec = config.query_spec();
    let channels = |values: [f32; 3]| Tensor::from_slice(&values).view([1, 3, 1, 1]).to_device(device);
    let crops = shaped(Tensor::from_slice(bytes), &config.query).to_device(device).to_kind(tch::Kind::Float) / 255.0;
    (crops - channels(spec.mean)) / channels(spec.std)
}

/// Renderings -127 to 127 as `[R, 3, h, w]`, -1 to 1.
pub fn references(bytes: &[i8], canvas: &Canvas, device: Device) -> Tensor {
    shaped(Tensor::from_slice(bytes), canvas).to_device(device).to_kind(tch::Kind::Float) / 127.0
}

fn shaped(bytes: Tensor, canvas: &Canvas) -> Tensor {
    bytes.view([-1, 3, i64::from(canvas.height), i64::from(canvas.width)])
}

/// Unit quaternions w, x, y, z `[N, 4]` in double precision.
///
/// # Errors
/// None, unless libtorch fails.
pub fn quaternions(viewpoints: &[Viewpoint], device: Device) -> Result<Tensor> {
    let wxyz: Vec<f64> = viewpoints.iter().flat_map(|viewpoint| so3::to_wxyz(&viewpoint.to_rotation())).collect();
    Ok(Tensor::f_from_slice(&wxyz)?.view([-1, 4]).to_device(device))
}
