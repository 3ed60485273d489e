//! Checked access to parameters, and batch norms folded into convolutions.

use super::{OnnxError, Parameters};
use crate::networks::graph::{Node, Op};

/// A convolution's tensors as the file holds them.
pub struct Convolution {
    /// `[outputs, inputs / groups, kernel, kernel]`.
    pub shape: [usize; 4],
    /// The kernels, row-major.
    pub weight: Vec<f32>,
    /// One per output channel.
    pub bias: Option<Vec<f32>>,
}

/// `y = scale * x + offset` per channel: a batch norm at inference.
struct Affine {
    scale: Vec<f64>,
    offset: Vec<f64>,
}

/// The elements of a parameter, once its shape, length and values are known to be sound.
///
/// # Errors
/// When it is missing, has another shape, or holds NaN or infinity.
pub fn parameter<'a>(parameters: &'a Parameters, name: &str, expected: &[usize]) -> Result<&'a [f32], OnnxError> {
    let Some(parameter) = parameters.get(name) else {
        return Err(OnnxError::MissingParameter { name: name.to_owned(), expected: expected.to_vec() });
    };
    if parameter.shape != expected {
        let (expected, found) = (expected.to_vec(), parameter.shape.clone());
        return Err(OnnxError::ParameterShape { name: name.to_owned(), expected, found });
    }
    let length = expected.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
    if length != Some(parameter.data.len()) {
        let (shape, length) = (expected.to_vec(), parameter.data.len());
        return Err(OnnxError::ParameterLength { name: name.to_owned(), shape, length });
    }
    check_values(name, parameter.data.iter().map(|value| f64::from(*value)), f64::is_finite)?;
    Ok(&parameter.data)
}

/// Scale, offset, mean and variance of a batch norm, each `[channels]`.
///
/// # Errors
/// As [`parameter`], and when a variance with epsilon added is not positive.
pub fn batch_norm<'a>(
    parameters: &'a Parameters,
    node: &str,
    channels: usize,
    epsilon: f64,
) -> Result<[&'a [f32]; 4], OnnxError> {
    let get = |part: &str| parameter(parameters, &format!("{node}.{part}"), &[channels]);
    let variance = get("running_var")?;
    let padded = variance.iter().map(|value| f64::from(*value) + epsilon);
    check_values(&format!("{node}.running_var"), padded, |value| value > 0.0 && value.is_finite())?;
    Ok([get("weight")?, get("bias")?, get("running_mean")?, variance])
}

/// A convolution's tensors, with the batch norm that follows it folded in; computed in f64 and rounded once.
///
/// # Errors
/// As [`parameter`] and [`batch_norm`], and when a folded value is too large for f32.
pub fn convolution(parameters: &Parameters, conv: &Node, norm: Option<&Node>) -> Result<Convolution, OnnxError> {
    let Op::Conv { inputs, outputs, kernel, groups, bias, .. } = conv.op else {
        return Err(OnnxError::node(&conv.name, "is not a convolution"));
    };
    let shape = [outputs, inputs.checked_div(groups).unwrap_or(0), kernel, kernel];
    let weight = parameter(parameters, &format!("{}.weight", conv.name), &shape)?;
    let bias = match bias {
        true => Some(parameter(parameters, &format!("{}.bias", conv.name), &[outputs])?),
        false => None,
    };
    let Some(norm) = norm else {
        return Ok(Convolution { shape, weight: weight.to_vec(), bias: bias.map(<[f32]>::to_vec) });
    };
    let Affine { scale, offset } = affine(parameters, norm)?;
    let per_output = weight.len().checked_div(outputs).unwrap_or(0).max(1);
    let kernels = weight.chunks_exact(per_output).zip(&scale);
    let weight = kernels.flat_map(|(kernel, scale)| kernel.iter().map(move |w| (f64::from(*w) * scale) as f32));
    let bias = (0..).zip(scale.iter().zip(&offset)).map(|(channel, (scale, offset))| {
        let bias = bias.and_then(|bias| bias.get::<usize>(channel)).copied().unwrap_or(0.0);
        (f64::from(bias) * scale + offset) as f32
    });
    let (weight, bias): (Vec<f32>, Vec<f32>) = (weight.collect(), bias.collect());
    let folded = |part: &str| format!("{} folded into {}.{part}", norm.name, conv.name);
    check_values(&folded("weight"), weight.iter().map(|value| f64::from(*value)), f64::is_finite)?;
    check_values(&folded("bias"), bias.iter().map(|value| f64::from(*value)), f64::is_finite)?;
    Ok(Convolution { shape, weight, bias: Some(bias) })
}

fn affine(parameters: &Parameters, norm: &Node) -> Result<Affine, OnnxError> {
    let Op::BatchNorm { channels, epsilon } = norm.op else {
        return Err(OnnxError::node(&norm.name, "is not a batch norm"));
    };
    let [weight, bias, mean, variance] = batch_norm(parameters, &norm.name, channels, epsilon)?;
    let scale: Vec<f64> =
        weight.iter().zip(variance).map(|(w, v)| f64::from(*w) / (f64::from(*v) + epsilon).sqrt()).collect();
    let moved = bias.iter().zip(mean).zip(&scale);
    let offset = moved.map(|((bias, mean), scale)| f64::from(*bias) - f64::from(*mean) * scale).collect();
    Ok(Affine { scale, offset })
}

fn check_values(name: &str, values: impl Iterator<Item = f64>, sound: fn(f64) -> bool) -> Result<(), OnnxError> {
    match values.enumerate().find(|(_, value)| !sound(*value)) {
        Some((index, value)) => Err(OnnxError::ParameterValue { name: name.to_owned(), index, value }),
        None => Ok(()),
    }
}
