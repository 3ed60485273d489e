//! Objects with their masks, to be pasted as occluders: COCO instances (YOLO polygon files) and Carvana cars.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use image::{GrayImage, RgbImage, imageops};

use super::{Picture, Sample};

/// Instances whose box covers less of their picture than this share are too small to paste.
const AREA_MIN: f32 = 0.01;
/// COCO's `car` in the 80-class numbering; never pasted as an ordinary occluder (Kouros et al., section 4).
const COCO_CAR: usize = 2;
/// Longest side kept.
const SIDE_MAX: u32 = 160;

/// An object cut out of its picture.
#[derive(Clone, Debug)]
pub struct Cutout {
    /// Colours, meaningful where `alpha` is not 0.
    pub colour: RgbImage,
    /// 255 inside the object.
    pub alpha: GrayImage,
}

impl Cutout {
    fn bounded(colour: RgbImage, alpha: GrayImage) -> Self {
        let longest = colour.width().max(colour.height());
        if longest <= SIDE_MAX {
            return Self { colour, alpha };
        }
        let scale = |side: u32| (side * SIDE_MAX / longest).max(1);
        let (w, h) = (scale(colour.width()), scale(colour.height()));
        let filter = imageops::FilterType::Triangle;
        Self { colour: imageops::resize(&colour, w, h, filter), alpha: imageops::resize(&alpha, w, h, filter) }
    }
}

/// Cuts the instances of `images/train2017/*.jpg` out by `instance_segmentation/labels/train2017/*.txt`
/// (class and polygon in normalised coordinates, a line an instance).
pub fn load_coco(root: &Path) -> Result<Vec<Cutout>> {
    let labels = root.join("instance_segmentation/labels/train2017");
    let images = root.join("images/train2017");
    let mut paths: Vec<_> = std::fs::read_dir(&labels)
        .with_context(|| labels.display().to_string())?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<std::io::Result<_>>()?;
    paths.sort();
    let mut cutouts = Vec::new();
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "txt")) {
        let stem = path.file_stem().context("a label file has no name")?;
        let image = super::kitti::open_image(&images.join(stem))?;
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        for (index, line) in text.lines().enumerate() {
            let place = || format!("{}:{}", path.display(), index + 1);
            let mut fields = line.split_whitespace();
            let class: usize = fields.next().unwrap_or_default().parse().with_context(place)?;
            let values: Vec<f32> = fields.map(str::parse).collect::<Result<_, _>>().with_context(place)?;
            let polygon: Vec<[f32; 2]> = values.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
            if class != COCO_CAR && polygon.len() >= 3 {
                cutouts.extend(cut_polygon(&image, &polygon));
            }
        }
    }
    Ok(cutouts)
}

fn cut_polygon(image: &RgbImage, polygon: &[[f32; 2]]) -> Option<Cutout> {
    let bound = |axis: usize, pick: fn(f32, f32) -> f32, start: f32| polygon.iter().map(|p| p[axis]).fold(start, pick);
    let (x1, x2) = (bound(0, f32::min, 1.0), bound(0, f32::max, 0.0));
    let (y1, y2) = (bound(1, f32::min, 1.0), bound(1, f32::max, 0.0));
    if (x2 - x1) * (y2 - y1) < AREA_MIN {
        return None;
    }
    let (width, height) = (image.width() as f32, image.height() as f32);
    let (left, top) = ((x1 * width).max(0.0) as u32, (y1 * height).max(0.0) as u32);
    let w = (((x2 - x1) * width) as u32).clamp(1, image.width() - left.min(image.width() - 1));
    let h = (((y2 - y1) * height) as u32).clamp(1, image.height() - top.min(image.height() - 1));
    let colour = imageops::crop_imm(image, left, top, w, h).to_image();
    let alpha = GrayImage::from_fn(w, h, |x, y| {
        let point = [((left + x) as f32 + 0.5) / width, ((top + y) as f32 + 0.5) / height];
        image::Luma([if inside(polygon, point) { 255 } else { 0 }])
    });
    Some(Cutout::bounded(colour, alpha))
}

/// Even-odd rule.
fn inside(polygon: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
    let mut odd = false;
    let mut previous = polygon[polygon.len() - 1];
    for &current in polygon {
        let ([x1, y1], [x2, y2]) = (previous, current);
        if (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 {
            odd = !odd;
        }
        previous = current;
    }
    odd
}

/// Whole cars, from every `stride`-th masked sample.
pub fn load_cars(samples: &[Sample], stride: usize) -> Vec<Cutout> {
    let masked = samples.iter().step_by(stride.max(1)).filter_map(|sample| match &sample.picture {
        Picture::Masked(image, mask) => Some((sample, image, mask)),
        _ => None,
    });
    let cut = |(sample, image, mask): (&Sample, &Arc<RgbImage>, &Arc<GrayImage>)| {
        let b = &sample.box_px;
        let (x, y, w, h) = (b.x1 as u32, b.y1 as u32, (b.x2 - b.x1) as u32, (b.y2 - b.y1) as u32);
        let colour = imageops::crop_imm(&**image, x, y, w, h).to_image();
        Cutout::bounded(colour, imageops::crop_imm(&**mask, x, y, w, h).to_image())
    };
    masked.map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_is_cut_out_of_its_picture() {
        let image = RgbImage::from_pixel(100, 80, image::Rgb([9, 8, 7]));
        let cutout = cut_polygon(&image, &[[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]).expect("large enough");
        let covered = cutout.alpha.pixels().filter(|p| p.0[0] > 127).count() as f32;
        let share = covered / (cutout.alpha.width() * cutout.alpha.height()) as f32;
        assert!((share - 0.5).abs() < 0.03, "{share}");
        assert_eq!(cutout.colour.get_pixel(3, 3).0, [9, 8, 7]);
    }
}
