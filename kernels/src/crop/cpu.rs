//! The CPU twin: weighted image rows first (long, vectorised), then weighted columns of the one row
//! that remains.

use super::weights::{AxisWeights, Span};
use super::{Crop, CropSpec, check_crop, crop_window};
use crate::{BoxPx, ImageView, KernelError, PixelFormat};

/// Cuts crops on one CPU core.
///
/// Keeps its scratch memory: after the first call with a canvas and an image size, or after
/// [`CpuCrop::reserve`], nothing is allocated.
#[derive(Debug, Default)]
pub struct CpuCrop {
    columns: AxisWeights,
    rows: AxisWeights,
    /// The vertically weighted part of the image, channels interleaved, then padding up to the next
    /// four-element load.
    line: Vec<f32>,
}

/// A three-channel pixel is read as four elements; the last one belongs to the next pixel and is
/// dropped.
const LINE_PADDING: usize = 1;

impl CpuCrop {
    /// An instance without scratch memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Allocates now for images up to `width_max` x `height_max` pixels and the canvas of `spec`.
    pub fn reserve(&mut self, width_max: u32, height_max: u32, spec: &CropSpec) {
        self.columns.reserve(width_max as usize, spec.width as usize);
        self.rows.reserve(height_max as usize, spec.height as usize);
        self.line.clear();
        self.line.reserve((width_max as usize).saturating_mul(3).saturating_add(LINE_PADDING));
    }

    fn crop_one(&mut self, image: &ImageView<'_>, window: &BoxPx, colour: &Colour, spec: &CropSpec, out: &mut [f32]) {
        let (width, height) = (spec.width as usize, spec.height as usize);
        let channels = image.format().bytes_per_pixel();
        self.columns.set(f64::from(window.x1), f64::from(window.x2), image.width() as usize, width);
        self.rows.set(f64::from(window.y1), f64::from(window.y2), image.height() as usize, height);
        let seen = self.columns.source_range();
        self.line.clear();
        self.line.resize(image.width() as usize * channels + LINE_PADDING, 0.0);
        let (red, rest) = out.split_at_mut(width * height);
        let (green, blue) = rest.split_at_mut(width * height);
        let lines = red.chunks_exact_mut(width).zip(green.chunks_exact_mut(width)).zip(blue.chunks_exact_mut(width));
        for (span, ((red, green), blue)) in self.rows.spans.iter().zip(lines) {
            let line = &mut self.line[..seen.len() * channels];
            weigh_rows(line, image, seen.start * channels, span, self.rows.of(span));
            let line =
                Line { columns: &self.columns, pixels: &self.line, seen_start: seen.start, outside: span.outside };
            match image.format() {
                PixelFormat::Rgb8 => line.write_colour(colour, [red, green, blue]),
                PixelFormat::Bgr8 => line.write_colour(colour, [blue, green, red]),
                PixelFormat::Mono8 => line.write_mono(colour, [red, green, blue]),
            }
        }
    }
}

impl Crop for CpuCrop {
    fn crop(
        &mut self,
        image: &ImageView<'_>,
        boxes: &[BoxPx],
        spec: &CropSpec,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        let len = check_crop(image, boxes, spec, out.len())?;
        let colour = Colour::new(spec, image.format());
        for (b, canvas) in boxes.iter().zip(out.chunks_exact_mut(len)) {
            self.crop_one(image, &crop_window(b, spec), &colour, spec, canvas);
        }
        Ok(())
    }
}

/// Normalisation as `value * gain + bias`, channels in the order of the image's pixels; the fourth
/// is there for whole vector registers only.
struct Colour {
    gain: [f32; 4],
    bias: [f32; 4],
    /// Fill colour on the scale of the image, 0 to 255.
    fill: [f32; 4],
}

impl Colour {
    fn new(spec: &CropSpec, format: PixelFormat) -> Self {
        let in_pixel_order = |rgb: [f32; 3]| match (rgb, format) {
            ([red, green, blue], PixelFormat::Bgr8) => [blue, green, red, 0.0],
            ([red, green, blue], PixelFormat::Rgb8 | PixelFormat::Mono8) => [red, green, blue, 0.0],
        };
        Self {
            gain: in_pixel_order(spec.std.map(|std| 1.0 / (255.0 * std))),
            bias: in_pixel_order(std::array::from_fn(|channel| -spec.mean[channel] / spec.std[channel])),
            fill: in_pixel_order(spec.fill.map(|fill| 255.0 * fill)),
        }
    }

    /// A pixel on the scale of the image, without its part `outside`, as the network wants it.
    fn normalised(&self, value: [f32; 4], outside: f32) -> [f32; 4] {
        std::array::from_fn(|channel| {
            (value[channel] + outside * self.fill[channel]) * self.gain[channel] + self.bias[channel]
        })
    }
}

/// `line = sum of weight * row`, over the bytes from `offset` on; two rows a pass, to touch the
/// line half as often.
fn weigh_rows(line: &mut [f32], image: &ImageView<'_>, offset: usize, span: &Span, weights: &[f32]) {
    let len = line.len();
    let row = |index: usize| image.row(span.start + index).get(offset..offset + len).unwrap_or(&[]);
    line.fill(0.0);
    for (pair, weights) in weights.chunks(2).enumerate() {
        match *weights {
            [upper, lower] => {
                for ((sum, &a), &b) in line.iter_mut().zip(row(2 * pair)).zip(row(2 * pair + 1)) {
                    *sum += upper * f32::from(a) + lower * f32::from(b);
                }
            }
            [only] => {
                for (sum, &a) in line.iter_mut().zip(row(2 * pair)) {
                    *sum += only * f32::from(a);
                }
            }
            _ => {}
        }
    }
}

/// One row of the canvas before its columns are weighted.
struct Line<'a> {
    columns: &'a AxisWeights,
    /// Source pixels from column `seen_start` on, and padding.
    pixels: &'a [f32],
    seen_start: usize,
    /// Weight of what this row sees above and below the image.
    outside: f32,
}

impl Line<'_> {
    /// Weight outside the image, on either axis.
    fn outside(&self, span: &Span) -> f32 {
        span.outside + self.outside - span.outside * self.outside
    }

    /// `planes` in the order of the image's channels.
    fn write_colour(&self, colour: &Colour, planes: [&mut [f32]; 3]) {
        let [first, second, third] = planes;
        for (((span, first), second), third) in self.columns.spans.iter().zip(first).zip(second).zip(third) {
            let pixels = self.pixels.get(3 * span.start.saturating_sub(self.seen_start)..).unwrap_or(&[]);
            let mut sum = [0.0_f32; 4];
            for (index, &weight) in self.columns.of(span).iter().enumerate() {
                // Four elements are one vector load; the last belongs to the next pixel.
                let Some(pixel) = pixels.get(3 * index..).and_then(|rest| rest.first_chunk::<4>()) else { break };
                sum = std::array::from_fn(|channel| sum[channel] + weight * pixel[channel]);
            }
            [*first, *second, *third, _] = colour.normalised(sum, self.outside(span));
        }
    }

    fn write_mono(&self, colour: &Colour, planes: [&mut [f32]; 3]) {
        let [red, green, blue] = planes;
        for (((span, red), green), blue) in self.columns.spans.iter().zip(red).zip(green).zip(blue) {
            let pixels = self.pixels.get(span.start.saturating_sub(self.seen_start)..).unwrap_or(&[]);
            let grey: f32 = self.columns.of(span).iter().zip(pixels).map(|(weight, value)| weight * value).sum();
            [*red, *green, *blue, _] = colour.normalised([grey; 4], self.outside(span));
        }
    }
}
