//! A tensor as PyTorch files describe it: a strided view of a run of elements.

use anyhow::{Context, Result, ensure};
use half::{bf16, f16};

use crate::networks::onnx::Parameter;

/// Type of the elements of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementKind {
    /// Half, single or double precision, or the upper half of single precision.
    F16,
    /// See [`Self::F16`].
    Bf16,
    /// See [`Self::F16`].
    F32,
    /// See [`Self::F16`].
    F64,
    /// Integers or booleans of this many bytes: counters, which no network here needs.
    Integer(usize),
}

impl ElementKind {
    /// By the name of PyTorch's storage class.
    pub fn of_storage(class: &str) -> Option<Self> {
        match class {
            "HalfStorage" => Some(Self::F16),
            "BFloat16Storage" => Some(Self::Bf16),
            "FloatStorage" => Some(Self::F32),
            "DoubleStorage" => Some(Self::F64),
            "LongStorage" => Some(Self::Integer(8)),
            "IntStorage" => Some(Self::Integer(4)),
            "ShortStorage" => Some(Self::Integer(2)),
            "CharStorage" | "ByteStorage" | "BoolStorage" => Some(Self::Integer(1)),
            _ => None,
        }
    }

    /// Bytes an element takes.
    pub fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Integer(size) => size,
        }
    }

    /// The element that starts at `offset` (in elements) in little-endian `bytes`; None past the end and for integers.
    fn element(self, bytes: &[u8], offset: usize) -> Option<f32> {
        let start = offset.checked_mul(self.size())?;
        let bytes = bytes.get(start..start.checked_add(self.size())?)?;
        Some(match self {
            Self::F16 => f16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
            Self::Bf16 => bf16::from_le_bytes(bytes.try_into().ok()?).to_f32(),
            Self::F32 => f32::from_le_bytes(bytes.try_into().ok()?),
            Self::F64 => f64::from_le_bytes(bytes.try_into().ok()?) as f32,
            Self::Integer(_) => return None,
        })
    }
}

/// A run of elements that lies outside the pickle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Type of the elements.
    pub kind: ElementKind,
    /// Its name in the file.
    pub key: String,
    /// Number of elements.
    pub count: usize,
}

/// A tensor: element `[i, j, ...]` is number `offset + i * stride[0] + j * stride[1] + ...` of the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Where the elements are.
    pub storage: Storage,
    /// The first element.
    pub offset: usize,
    /// Length along each axis.
    pub shape: Vec<usize>,
    /// Step along each axis, in elements.
    pub stride: Vec<usize>,
}

impl View {
    /// The elements in row-major order as single precision; a tensor of integers gives None.
    ///
    /// # Errors
    /// When the view is larger than its storage or reaches beyond `bytes`.
    pub fn read(&self, bytes: &[u8]) -> Result<Option<Parameter>> {
        let Storage { kind, ref key, count } = self.storage;
        if matches!(kind, ElementKind::Integer(_)) {
            return Ok(None);
        }
        ensure!(self.shape.len() == self.stride.len(), "shape {:?} has strides {:?}", self.shape, self.stride);
        let length = self.shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        // A view may repeat elements without end by a stride of 0; no saved weight does.
        let length = length.filter(|length| *length <= count);
        let length = length.with_context(|| format!("shape {:?} in storage {key} of {count} elements", self.shape))?;
        let mut data = Vec::with_capacity(length);
        let mut index = vec![0_usize; self.shape.len()];
        for _ in 0..length {
            let mut steps = index.iter().zip(&self.stride);
            let place = steps.try_fold(self.offset, |sum, (i, stride)| sum.checked_add(i.checked_mul(*stride)?));
            let element = place.and_then(|place| kind.element(bytes, place));
            data.push(element.with_context(|| format!("element {index:?} lies beyond storage {key}"))?);
            for (i, side) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < *side {
                    break;
                }
                *i = 0;
            }
        }
        Ok(Some(Parameter { shape: self.shape.clone(), data }))
    }
}
