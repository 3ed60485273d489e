//! A posed object in a picture.

use std::sync::Arc;

use anyhow::{Context, Result};
use calibration::Viewpoint;
use image::{GrayImage, RgbImage};
use kernels::BoxPx;

/// Where a sample comes from; batches are balanced over these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// KITTI tracking sequences.
    Kitti,
    /// Stanford Cars photographs.
    Stanford,
    /// EPFL multi-view cars.
    Epfl,
    /// Carvana studio photographs, cut out by their masks.
    Carvana,
    /// Rendered scenes.
    Synth,
    /// PASCAL3D+ photographs, and those that OccludedPASCAL3D+ and NeMo's scripts make of them.
    Pascal3d,
    /// ObjectNet3D photographs.
    ObjectNet3d,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 7] =
        [Self::Kitti, Self::Stanford, Self::Epfl, Self::Carvana, Self::Synth, Self::Pascal3d, Self::ObjectNet3d];
}

/// Pixels, decoded now or when needed.
#[derive(Clone, Debug)]
pub enum Picture {
    /// Decoded.
    Decoded(Arc<RgbImage>),
    /// An encoded file.
    Encoded(Arc<[u8]>),
    /// A picture and its mask; what is outside the mask is to be replaced by a background.
    Masked(Arc<RgbImage>, Arc<GrayImage>),
}

impl Picture {
    /// The decoded pixels.
    pub fn decode(&self) -> Result<Arc<RgbImage>> {
        match self {
            Self::Decoded(image) | Self::Masked(image, _) => Ok(Arc::clone(image)),
            Self::Encoded(bytes) => {
                Ok(Arc::new(image::load_from_memory(bytes).context("decoding a picture")?.into_rgb8()))
            }
        }
    }

    /// Where the object is, if the rest is of no use.
    pub fn mask(&self) -> Option<Arc<GrayImage>> {
        match self {
            Self::Masked(_, mask) => Some(Arc::clone(mask)),
            _ => None,
        }
    }
}

/// An object with its 2D box and its allocentric viewpoint.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Where it comes from.
    pub source: Source,
    /// The picture, often cut to the object's surroundings.
    pub picture: Picture,
    /// The object's tight 2D box in the picture's pixels.
    pub box_px: BoxPx,
    /// Allocentric viewpoint.
    pub viewpoint: Viewpoint,
    /// The same physical car has the same group within a source.
    pub group: u32,
    /// KITTI's occlusion level: 0 fully visible, 1 partly, 2 largely occluded.
    pub occlusion: u8,
}

impl Sample {
    /// Cut to the object by somebody else: there are no surroundings.
    pub fn is_photograph(&self) -> bool {
        matches!(self.source, Source::Stanford | Source::Epfl | Source::Carvana)
    }

    /// What a camera sees of a box. Photographs cut to the object have no camera's border: there, boxes stay as they are.
    pub fn clip(&self, box_px: BoxPx, image: &RgbImage) -> BoxPx {
        if self.is_photograph() {
            return box_px;
        }
        let (width, height) = (image.width() as f32, image.height() as f32);
        BoxPx {
            x1: box_px.x1.clamp(0.0, width),
            y1: box_px.y1.clamp(0.0, height),
            x2: box_px.x2.clamp(0.0, width),
            y2: box_px.y2.clamp(0.0, height),
        }
    }
}
