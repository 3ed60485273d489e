//! What is cut out for the network: how much of the answer a protocol gives away decides how its numbers compare.

use std::fmt;

use anyhow::{Context, Result};
use image::RgbImage;
use kernels::{BoxPx, CropSpec};
use rand::Rng;

use crate::augmentation::box_noise;
use crate::datasets::benchmark::{BenchmarkObject, OracleCrop};

/// Height and width of NeMo's crops of one category, pixels of the resized picture (CreatePascal3DNeMo).
const NEMO_CANVAS_PX: [(&str, [f32; 2]); 12] = [
    ("aeroplane", [320.0, 1024.0]),
    ("bicycle", [608.0, 608.0]),
    ("boat", [480.0, 1120.0]),
    ("bottle", [512.0, 736.0]),
    ("bus", [320.0, 800.0]),
    ("car", [256.0, 672.0]),
    ("chair", [544.0, 384.0]),
    ("diningtable", [320.0, 800.0]),
    ("motorbike", [512.0, 512.0]),
    ("sofa", [352.0, 736.0]),
    ("train", [256.0, 608.0]),
    ("tvmonitor", [480.0, 480.0]),
];
/// The one size that later work uses for every category (NOVUM, iNeMo).
const ANY_CANVAS_PX: [f32; 2] = [640.0, 800.0];

/// Where crops are cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CropKind {
    /// At the labelled tight box.
    Tight,
    /// By NeMo's alignment: centre and scale are given away, as in the published tables of PASCAL3D+ and KITTI3D.
    Oracle,
    /// At the tight box with detector-like noise that keeps this intersection over union.
    Jitter(f32),
}

impl fmt::Display for CropKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tight => f.write_str("tight_box"),
            Self::Oracle => f.write_str("oracle"),
            Self::Jitter(floor) => write!(f, "jittered_box_iou_{floor}"),
        }
    }
}

/// A box as the protocol gives it, and the part of it that the network is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacedCrop {
    /// As the protocol gives it.
    pub box_px: BoxPx,
    /// As the model's crop takes it.
    pub seen_px: BoxPx,
}

impl PlacedCrop {
    /// Whether it shows anything of the picture: NeMo's window of a car cut off by the border may lie beyond it.
    pub fn is_inside(&self, image: &RgbImage) -> bool {
        let BoxPx { x1, y1, x2, y2 } = self.seen_px;
        x1 < image.width() as f32 && y1 < image.height() as f32 && x2 > 0.0 && y2 > 0.0
    }
}

impl CropKind {
    /// The box of an object in its decoded picture, for a model that wants its crops by `spec`.
    ///
    /// # Errors
    /// An oracle crop of an object whose data set gives none, by the object's name.
    pub fn place(
        &self,
        object: &BenchmarkObject,
        image: &RgbImage,
        spec: &CropSpec,
        rng: &mut impl Rng,
    ) -> Result<PlacedCrop> {
        let sample = &object.sample;
        let box_px = match self {
            Self::Tight => sample.box_px,
            Self::Jitter(floor) => box_noise::jitter(&sample.box_px, *floor, rng),
            Self::Oracle => {
                let oracle = object.oracle.with_context(|| {
                    format!("{}: this data set gives no centre and scale, so it has no oracle crop", object.name)
                })?;
                // Outside the picture NeMo pads; a border of the picture does not move the centre.
                let box_px = oracle_box(&oracle, &object.category, spec);
                return Ok(PlacedCrop { box_px, seen_px: box_px });
            }
        };
        Ok(PlacedCrop { box_px, seen_px: sample.clip(box_px, image) })
    }
}

/// NeMo's window in the picture, so that the model's crop shows it whole and without a margin.
fn oracle_box(oracle: &OracleCrop, category: &str, spec: &CropSpec) -> BoxPx {
    let known = NEMO_CANVAS_PX.iter().find(|(name, _)| *name == category);
    let [height, width] = known.map_or(ANY_CANVAS_PX, |(_, size)| *size);
    let shrink = 0.5 / (oracle.scale * (1.0 + 2.0 * spec.context_margin));
    let ([x, y], [half_width, half_height]) = (oracle.center_px, [width * shrink, height * shrink]);
    BoxPx { x1: x - half_width, y1: y - half_height, x2: x + half_width, y2: y + half_height }
}

#[cfg(test)]
mod tests {
    use kernels::crop_window;

    use super::*;

    #[test]
    fn the_oracle_window_is_nemos_at_the_pictures_own_scale() {
        let spec =
            CropSpec { width: 336, height: 128, context_margin: 0.06, fill: [0.5; 3], mean: [0.0; 3], std: [1.0; 3] };
        let oracle = OracleCrop { center_px: [100.0, 50.0], scale: 2.0 };
        let window = crop_window(&oracle_box(&oracle, "car", &spec), &spec);
        let wanted = BoxPx { x1: 100.0 - 168.0, y1: 50.0 - 64.0, x2: 100.0 + 168.0, y2: 50.0 + 64.0 };
        for (found, wanted) in
            [(window.x1, wanted.x1), (window.y1, wanted.y1), (window.x2, wanted.x2), (window.y2, wanted.y2)]
        {
            assert!((found - wanted).abs() < 1e-3, "{window:?}");
        }
    }

    #[test]
    fn a_window_beyond_the_border_shows_nothing() {
        let image = RgbImage::new(20, 10);
        let placed = |x1: f32, y1: f32| {
            let box_px = BoxPx { x1, y1, x2: x1 + 5.0, y2: y1 + 5.0 };
            PlacedCrop { box_px, seen_px: box_px }.is_inside(&image)
        };
        assert!(placed(0.0, 0.0) && placed(-4.0, 9.0));
        assert!(!placed(20.0, 0.0) && !placed(-5.0, 0.0) && !placed(0.0, -6.0) && !placed(0.0, 10.0));
    }

    #[test]
    fn the_names_of_the_json_stay() {
        let names = [CropKind::Tight, CropKind::Jitter(0.75)].map(|crop| crop.to_string());
        assert_eq!(names, ["tight_box", "jittered_box_iou_0.75"]);
    }
}
