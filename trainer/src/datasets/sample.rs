//! A posed object in a picture.

use std::sync::Arc;

use anyhow::{Context, Result};
use calibration::{PinholeCamera, Viewpoint, ray};
use image::{GrayImage, RgbImage};
use kernels::BoxPx;
use models::retrieval::level::UP_OF_LEVEL_CAMERA;
use nalgebra::Vector3;

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
    /// Length, width and height of its 3D box in metres, where they are known.
    pub size_m: Option<[f64; 3]>,
    /// Centre of its 3D box in the axes of `camera`, metres, where it is known.
    pub center_m: Option<Vector3<f64>>,
    /// The level camera that took the picture, for the picture's pixels; `None` where nothing is known about it.
    pub camera: Option<PinholeCamera>,
}

impl Sample {
    /// Cut to the object by somebody else: there are no surroundings.
    pub fn is_photograph(&self) -> bool {
        matches!(self.source, Source::Stanford | Source::Epfl | Source::Carvana)
    }

    /// Whether the border of the picture cuts through the object: its box then ends there. Photographs cut to the object show it whole.
    pub fn is_cut(&self) -> bool {
        const NEAR_BORDER_PX: f32 = 1.5;
        let Some(camera) = self.camera.filter(|_| !self.is_photograph()) else { return false };
        let BoxPx { x1, y1, x2, y2 } = self.box_px;
        let beyond = [x2 - camera.width_px as f32, y2 - camera.height_px as f32];
        x1.min(y1) < NEAR_BORDER_PX || beyond[0].max(beyond[1]) > -NEAR_BORDER_PX
    }

    /// Up (unit), in the virtual camera that looks along the ray through the centre of `box_px`: what the node knows, which has
    /// no 3D box. `None` without a camera.
    pub fn up(&self, box_px: &BoxPx) -> Option<Vector3<f64>> {
        let camera = self.camera?.with_corner_origin();
        let seen = within(box_px, camera.width_px as f32, camera.height_px as f32);
        let [u, v] = seen.center().map(f64::from);
        let viewing_ray = camera.ray(u, v);
        Some(ray::camera_from_ray(&viewing_ray)?.inverse() * UP_OF_LEVEL_CAMERA)
    }

    /// What a camera sees of a box. Photographs cut to the object have no camera's border: there, boxes stay as they are.
    pub fn clip(&self, box_px: BoxPx, image: &RgbImage) -> BoxPx {
        if self.is_photograph() {
            return box_px;
        }
        within(&box_px, image.width() as f32, image.height() as f32)
    }
}

fn within(box_px: &BoxPx, width: f32, height: f32) -> BoxPx {
    BoxPx {
        x1: box_px.x1.clamp(0.0, width),
        y1: box_px.y1.clamp(0.0, height),
        x2: box_px.x2.clamp(0.0, width),
        y2: box_px.y2.clamp(0.0, height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(camera: Option<PinholeCamera>) -> Sample {
        Sample {
            source: Source::Kitti,
            picture: Picture::Decoded(Arc::new(RgbImage::new(200, 100))),
            box_px: BoxPx { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 },
            viewpoint: Viewpoint::from_degrees(0.0, 0.0, 0.0),
            group: 0,
            occlusion: 0,
            size_m: None,
            center_m: None,
            camera,
        }
    }

    #[test]
    fn up_leans_towards_the_camera_below_the_horizon_and_ends_with_the_picture() {
        let camera = PinholeCamera::new(80.0, 80.0, 99.5, 19.5, 200, 100).unwrap();
        let sample = sample(Some(camera));
        // Centre (100, 80): 60 below the principal point of corner-origin pixels, 80 ahead.
        for bottom in [100.0, 400.0] {
            let up = sample.up(&BoxPx { x1: 80.0, y1: 60.0, x2: 120.0, y2: bottom }).unwrap();
            assert!((up - Vector3::new(0.0, -0.8, -0.6)).norm() < 1e-6, "{up}");
        }
        assert!((sample.up(&BoxPx { x1: 0.0, y1: 10.0, x2: 50.0, y2: 30.0 }).unwrap() + Vector3::y()).norm() < 1e-6);
    }

    #[test]
    fn without_a_camera_nobody_knows_which_way_is_up() {
        assert_eq!(sample(None).up(&BoxPx { x1: 0.0, y1: 0.0, x2: 9.0, y2: 9.0 }), None);
    }
}
