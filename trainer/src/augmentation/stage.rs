//! The target in its surroundings: a camera's picture has its own, a photograph cut to the object gets a street.

use std::ops::Range;
use std::sync::Arc;

use anyhow::Result;
use image::{GrayImage, RgbImage};
use kernels::{BoxPx, CpuCrop, Crop, CropSpec, ImageView, PixelFormat, crop_window};
use rand::Rng;

use super::canvas::Paper;

/// What is drawn.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The picture.
    pub image: &'a RgbImage,
    /// Where it shows the object, if only the object is of use.
    pub mask: Option<Arc<GrayImage>>,
    /// The target's box in the picture.
    pub box_px: BoxPx,
    /// What the camera sees: nothing beyond these borders.
    pub visible: BoxPx,
    /// A photograph cut to the object: beyond its borders there is a street.
    pub is_photograph: bool,
}

/// Draws targets onto a canvas; holds the memory for it.
#[derive(Debug, Default)]
pub struct Stage {
    crop: CpuCrop,
    street: Vec<f32>,
    alpha: Vec<f32>,
}

impl Stage {
    /// Writes the crop `[3, H, W]`, values as `spec` normalises them, with a street of `streets` behind where one is due.
    ///
    /// # Errors
    /// A box that is outside of the picture.
    pub fn draw(
        &mut self,
        shown: &Shown<'_>,
        spec: &CropSpec,
        streets: &[RgbImage],
        rng: &mut impl Rng,
        out: &mut [f32],
    ) -> Result<()> {
        self.crop.crop(&rgb(shown.image)?, &[shown.box_px], spec, out)?;
        if !(shown.is_photograph || shown.mask.is_some()) || streets.is_empty() {
            return Ok(());
        }
        let street = &streets[rng.random_range(0..streets.len())];
        self.street.resize(out.len(), 0.0);
        let place = somewhere(street, spec, rng);
        self.crop.crop(&rgb(street)?, &[place], &CropSpec { context_margin: 0.0, ..*spec }, &mut self.street)?;
        self.alpha.clear();
        self.alpha.resize(out.len(), 1.0);
        if let Some(mask) = &shown.mask {
            let view =
                ImageView::new(mask.as_raw(), mask.width(), mask.height(), mask.width() as usize, PixelFormat::Mono8)?;
            self.crop.crop(&view, &[shown.box_px], &CropSpec { fill: [0.0; 3], ..*spec }, &mut self.alpha)?;
        }
        let picture = BoxPx { x1: 0.0, y1: 0.0, x2: shown.image.width() as f32, y2: shown.image.height() as f32 };
        let (columns, rows) = pixels(&on_canvas(&picture, &shown.box_px, spec), spec);
        let width = spec.width as usize;
        for (row, ((out, street), alpha)) in out
            .chunks_exact_mut(width)
            .zip(self.street.chunks_exact(width))
            .zip(self.alpha.chunks_exact(width))
            .enumerate()
        {
            let inside = if rows.contains(&(row % spec.height as usize)) { columns.clone() } else { 0..0 };
            out[..inside.start].copy_from_slice(&street[..inside.start]);
            out[inside.end..].copy_from_slice(&street[inside.end..]);
            for x in inside {
                out[x] = out[x] * alpha[x] + street[x] * (1.0 - alpha[x]);
            }
        }
        Ok(())
    }
}

/// A picture's rectangle on the canvas of the crop of `box_px`.
pub fn on_canvas(rectangle: &BoxPx, box_px: &BoxPx, spec: &CropSpec) -> BoxPx {
    let window = crop_window(box_px, spec);
    let scale = spec.width as f32 / (window.x2 - window.x1);
    let (x, y) = (|x: f32| (x - window.x1) * scale, |y: f32| (y - window.y1) * scale);
    BoxPx { x1: x(rectangle.x1), y1: y(rectangle.y1), x2: x(rectangle.x2), y2: y(rectangle.y2) }
}

/// Fills what lies beyond the camera's borders, as the node's crop does.
pub fn hide_beyond(shown: &Shown<'_>, spec: &CropSpec, paper: &mut Paper<'_>) {
    let (columns, rows) = pixels(&on_canvas(&shown.visible, &shown.box_px, spec), spec);
    let (width, height) = (paper.width, paper.height);
    let planes = paper.values.chunks_exact_mut(width).chain(paper.covered.chunks_exact_mut(width));
    for (row, values) in planes.enumerate() {
        let fill = spec.fill.get(row / height).copied().unwrap_or(1.0);
        let seen = if rows.contains(&(row % height)) { columns.clone() } else { 0..0 };
        values[..seen.start].fill(fill);
        values[seen.end..].fill(fill);
    }
}

/// Columns and rows of the canvas whose middles lie in the rectangle.
fn pixels(rectangle: &BoxPx, spec: &CropSpec) -> (Range<usize>, Range<usize>) {
    let first = |at: f32, count: u32| (at - 0.5).ceil().clamp(0.0, count as f32) as usize;
    let range = |from: f32, to: f32, count: u32| first(from, count)..first(to, count).max(first(from, count));
    (range(rectangle.x1, rectangle.x2, spec.width), range(rectangle.y1, rectangle.y2, spec.height))
}

/// Whether the middle of a pixel lies in the rectangle.
pub fn contains(rectangle: &BoxPx, x: usize, y: usize) -> bool {
    let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
    rectangle.x1 <= x && x < rectangle.x2 && rectangle.y1 <= y && y < rectangle.y2
}

fn rgb(image: &RgbImage) -> Result<ImageView<'_>> {
    Ok(ImageView::new(image.as_raw(), image.width(), image.height(), 3 * image.width() as usize, PixelFormat::Rgb8)?)
}

/// A window of a street with the canvas' aspect, half of what fits or more.
fn somewhere(street: &RgbImage, spec: &CropSpec, rng: &mut impl Rng) -> BoxPx {
    let (width, height) = (street.width() as f32, street.height() as f32);
    let aspect = spec.width as f32 / spec.height as f32;
    let w = width.min(height * aspect) * rng.random_range(0.5..=1.0);
    let h = w / aspect;
    let (x, y) = (rng.random_range(0.0..=1.0) * (width - w), rng.random_range(0.0..=1.0) * (height - h));
    BoxPx { x1: x, y1: y, x2: x + w, y2: y + h }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, Rgb};
    use rand::SeedableRng;

    const SPEC: CropSpec =
        CropSpec { width: 64, height: 32, context_margin: 0.25, fill: [0.5; 3], mean: [0.0; 3], std: [1.0; 3] };

    fn draw(mask: Option<GrayImage>, is_photograph: bool, visible: BoxPx) -> Vec<f32> {
        let white = RgbImage::from_pixel(40, 20, Rgb([255; 3]));
        let streets = [RgbImage::from_pixel(300, 100, Rgb([0; 3]))];
        let box_px = BoxPx { x1: 0.0, y1: 0.0, x2: 40.0, y2: 20.0 };
        let shown = Shown { image: &white, mask: mask.map(Arc::new), box_px, visible, is_photograph };
        let mut out = vec![f32::NAN; 3 * 64 * 32];
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        Stage::default().draw(&shown, &SPEC, &streets, &mut rng, &mut out).expect("draws");
        let mut covered = vec![0.0; 64 * 32];
        let mut paper = Paper { values: &mut out, width: 64, height: 32, covered: &mut covered };
        hide_beyond(&shown, &SPEC, &mut paper);
        let cut = visible != EVERYTHING;
        assert_eq!(covered.iter().any(|&c| c > 0.0), cut, "what is beyond the border counts as covered");
        out
    }

    const EVERYTHING: BoxPx = BoxPx { x1: f32::MIN, y1: f32::MIN, x2: f32::MAX, y2: f32::MAX };

    /// The box takes two thirds of the canvas' width: columns 10.7 to 53.3.
    #[test]
    fn a_photograph_stands_in_a_street_and_a_camera_s_picture_ends() {
        let (photograph, picture) = (draw(None, true, EVERYTHING), draw(None, false, EVERYTHING));
        let middle = 16 * 64;
        assert_eq!((photograph[middle + 32], photograph[middle + 3]), (1.0, 0.0));
        assert_eq!((picture[middle + 32], picture[middle + 3]), (1.0, 0.5));
    }

    #[test]
    fn only_the_object_of_a_masked_picture_is_shown() {
        let mask = GrayImage::from_fn(40, 20, |x, _| Luma([if x < 20 { 255 } else { 0 }]));
        let out = draw(Some(mask), true, EVERYTHING);
        assert_eq!((out[16 * 64 + 20], out[16 * 64 + 45]), (1.0, 0.0));
    }

    #[test]
    fn beyond_the_camera_s_border_there_is_the_fill() {
        let visible = BoxPx { x2: 20.0, ..EVERYTHING };
        let out = draw(None, true, visible);
        assert_eq!((out[16 * 64 + 20], out[16 * 64 + 45], out[16 * 64 + 60]), (1.0, 0.5, 0.5));
    }
}
