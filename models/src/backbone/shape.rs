//! What goes into a network and what comes out of it.

#![cfg_attr(not(any(feature = "ort", feature = "tract")), expect(dead_code, reason = "only providers need all of it"))]

use kernels::{FEATURE_DIM_MAX, MAP_SIDE_MAX};

use super::BackboneError;
use crate::manifest::Manifest;

/// The outputs that are wanted, by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outputs<'a> {
    pub(super) embedding: &'a str,
    pub(super) features: Option<&'a str>,
}

/// What goes in and comes out, as the manifest says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) dim: usize,
    pub(super) batch_max: usize,
}

impl Shape {
    pub(super) fn of(manifest: &Manifest, batch_max: usize) -> Self {
        // The manifest bounds both sides by 4096 pixels.
        Self {
            height: manifest.input.height as usize,
            width: manifest.input.width as usize,
            dim: manifest.outputs.dim,
            batch_max,
        }
    }

    /// Values of one crop.
    pub(super) fn crop_len(&self) -> usize {
        3 * self.height * self.width
    }

    /// Checks the arguments of [`super::Backbone::embed`].
    pub(super) fn check(&self, crops: &[f32], batch: usize, embeddings: &[f32]) -> Result<(), BackboneError> {
        if batch > self.batch_max {
            return Err(BackboneError::Batch { batch, batch_max: self.batch_max });
        }
        check_length("crops", crops.len(), batch * self.crop_len())?;
        check_length("embeddings", embeddings.len(), batch * self.dim)
    }

    /// Whether an embedding of this shape is the manifest's.
    pub(super) fn check_embedding(&self, found: &[usize], batch: usize) -> Result<(), String> {
        if found == [batch, self.dim] {
            return Ok(());
        }
        Err(format!("the embedding has shape {found:?}, the manifest says [{batch}, {}]", self.dim))
    }
}

pub(super) fn check_length(what: &'static str, found: usize, wanted: usize) -> Result<(), BackboneError> {
    if found == wanted { Ok(()) } else { Err(BackboneError::Length { what, found, wanted }) }
}

/// The feature map's `[D, h, w]`, from the shape that a batch of one gave.
pub(super) fn feature_shape_of(found: &[usize]) -> Result<[usize; 3], String> {
    match *found {
        [1, dim, height, width]
            if (1..=FEATURE_DIM_MAX).contains(&dim)
                && [height, width].iter().all(|side| (1..=MAP_SIDE_MAX).contains(side)) =>
        {
            Ok([dim, height, width])
        }
        _ => Err(format!(
            "the feature map has shape {found:?}, wanted: [1, up to {FEATURE_DIM_MAX}, up to {MAP_SIDE_MAX}, up to {MAP_SIDE_MAX}]"
        )),
    }
}
