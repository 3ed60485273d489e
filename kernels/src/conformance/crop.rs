//! The law of [`Crop`].

mod filter;
mod memory;
mod refusal;

pub use filter::{
    a_box_far_larger_than_the_image_is_almost_all_fill, a_constant_image_stays_constant,
    a_mirrored_image_gives_a_mirrored_crop, a_window_of_the_canvas_size_copies_pixels,
    enlarging_interpolates_between_pixel_centres, shrinking_averages_exactly_the_area_covered,
    what_lies_outside_the_image_is_filled,
};
pub use memory::{
    an_instance_forgets_earlier_sizes, every_box_of_a_batch_is_cut_on_its_own,
    every_format_comes_out_as_red_green_blue, row_padding_is_never_read,
};
pub use refusal::{
    a_specification_without_meaning_is_refused, an_empty_batch_is_an_empty_answer,
    an_output_of_the_wrong_length_is_refused, boxes_without_meaning_are_refused_by_number,
};

use super::random::Random;
use crate::{BoxPx, Crop, CropSpec, ImageView, PixelFormat};

/// Makes one test of every case: `crop_conformance!(name, make)`, `make` a function without
/// arguments that returns an instance.
#[macro_export]
macro_rules! crop_conformance {
    ($(#[$attribute:meta])* $name:ident, $make:expr) => {
        $crate::conformance_tests! { [$(#[$attribute])*] $name, $make, crop:
            shrinking_averages_exactly_the_area_covered,
            enlarging_interpolates_between_pixel_centres,
            what_lies_outside_the_image_is_filled,
            a_window_of_the_canvas_size_copies_pixels,
            a_constant_image_stays_constant,
            a_mirrored_image_gives_a_mirrored_crop,
            every_format_comes_out_as_red_green_blue,
            row_padding_is_never_read,
            every_box_of_a_batch_is_cut_on_its_own,
            an_instance_forgets_earlier_sizes,
            a_box_far_larger_than_the_image_is_almost_all_fill,
            boxes_without_meaning_are_refused_by_number,
            an_output_of_the_wrong_length_is_refused,
            a_specification_without_meaning_is_refused,
            an_empty_batch_is_an_empty_answer,
        }
    };
}

/// Largest accepted difference, in units of the normalised output; single precision and a window
/// rounded to single precision stay an order of magnitude below it.
pub const ERROR_MAX: f64 = 1e-3;

const SPEC: CropSpec = CropSpec {
    width: 28,
    height: 16,
    context_margin: 0.1,
    fill: [0.2, 0.5, 0.8],
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
};

struct Picture {
    bytes: Vec<u8>,
    width: u32,
    height: u32,
    format: PixelFormat,
}

impl Picture {
    fn random(width: u32, height: u32, format: PixelFormat, random: &mut Random) -> Self {
        let len = (width * height) as usize * format.bytes_per_pixel();
        Self { bytes: (0..len).map(|_| random.bits() as u8).collect(), width, height, format }
    }

    fn view(&self) -> ImageView<'_> {
        let stride_bytes = self.width as usize * self.format.bytes_per_pixel();
        ImageView::new(&self.bytes, self.width, self.height, stride_bytes, self.format).expect("sizes match")
    }

    /// Channel `channel` (red, green, blue) at a pixel, 0 to 1, or the fill outside.
    fn sample(&self, x: i64, y: i64, channel: usize, spec: &CropSpec) -> f64 {
        if x < 0 || y < 0 || x >= i64::from(self.width) || y >= i64::from(self.height) {
            return f64::from(spec.fill[channel]);
        }
        let place = match self.format {
            PixelFormat::Rgb8 => channel,
            PixelFormat::Bgr8 => 2 - channel,
            PixelFormat::Mono8 => 0,
        };
        let pixel = (y * i64::from(self.width) + x) as usize;
        f64::from(self.bytes[pixel * self.format.bytes_per_pixel() + place]) / 255.0
    }
}

/// The third implementation: the definition, pixel by pixel, on an image continued without end.
fn expected(picture: &Picture, b: &BoxPx, spec: &CropSpec) -> Vec<f64> {
    let (width, height) = (f64::from(spec.width), f64::from(spec.height));
    let growth = 1.0 + 2.0 * f64::from(spec.context_margin);
    let box_width = (f64::from(b.x2) - f64::from(b.x1)) * growth;
    let box_height = (f64::from(b.y2) - f64::from(b.y1)) * growth;
    let scale = (box_width / width).max(box_height / height);
    let left = (f64::from(b.x1) + f64::from(b.x2)) / 2.0 - scale * width / 2.0;
    let top = (f64::from(b.y1) + f64::from(b.y2)) / 2.0 - scale * height / 2.0;
    let mut out = Vec::new();
    for channel in 0..3 {
        for y in 0..spec.height {
            for x in 0..spec.width {
                let columns = weights(left + f64::from(x) * scale, scale);
                let rows = weights(top + f64::from(y) * scale, scale);
                let mut value = 0.0;
                for (row, row_weight) in &rows {
                    for (column, column_weight) in &columns {
                        value += row_weight * column_weight * picture.sample(*column, *row, channel, spec);
                    }
                }
                out.push((value - f64::from(spec.mean[channel])) / f64::from(spec.std[channel]));
            }
        }
    }
    out
}

fn weights(from: f64, scale: f64) -> Vec<(i64, f64)> {
    let to = from + scale;
    let weight = |pixel: i64| {
        let pixel = pixel as f64;
        if scale >= 1.0 {
            ((to.min(pixel + 1.0) - from.max(pixel)) / scale).max(0.0)
        } else {
            (1.0 - ((from + to) / 2.0 - (pixel + 0.5)).abs()).max(0.0)
        }
    };
    (from.floor() as i64 - 2..to.ceil() as i64 + 2).map(|pixel| (pixel, weight(pixel))).collect()
}

fn cut<I: Crop>(instance: &mut I, image: &ImageView<'_>, boxes: &[BoxPx], spec: &CropSpec) -> Vec<f32> {
    let mut out = vec![f32::NAN; boxes.len() * spec.element_count().expect("a valid specification")];
    instance.crop(image, boxes, spec, &mut out).expect("valid boxes");
    out
}

fn assert_near(actual: &[f32], expected: &[f64], what: &dyn std::fmt::Debug) {
    assert_eq!(actual.len(), expected.len());
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(*actual) - expected).abs();
        assert!(error <= ERROR_MAX, "{what:?}, element {index}: {actual} instead of {expected}");
    }
}
