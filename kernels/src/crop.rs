//! Cutting boxes out of an image onto a fixed canvas, ready for a network.
//!
//! # The law
//!
//! The box is grown to a window with the canvas' aspect ([`crop_window`]); the image is continued
//! to all sides with the constant `fill`. On each axis separately, with `scale = window / canvas`:
//!
//! - `scale >= 1` (shrinking): an output pixel is the average over the part of the window that it
//!   covers (exact area weights);
//! - `scale < 1` (enlarging): linear interpolation between pixel centres, sampled at the output
//!   pixel's centre.
//!
//! Both agree at `scale = 1`. The value written is `(value / 255 - mean) / std`.

mod cpu;
mod weights;

pub use cpu::CpuCrop;

use crate::{BoxFault, BoxPx, ImageView, KernelError, check_box};

/// What a crop looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropSpec {
    /// Canvas columns.
    pub width: u32,
    /// Canvas rows.
    pub height: u32,
    /// Fraction of the box' size that is added on each side; 0 or more.
    pub context_margin: f32,
    /// Colour (red, green, blue; 0 to 1) of everything outside the image.
    pub fill: [f32; 3],
    /// Subtracted from each channel (red, green, blue; 0 to 1).
    pub mean: [f32; 3],
    /// Divides each channel after that; never zero.
    pub std: [f32; 3],
}

impl CropSpec {
    /// Elements of one crop: 3 x height x width.
    ///
    /// # Errors
    /// [`KernelError::CropSpec`] naming the field that is zero, too large, not finite or negative.
    pub fn element_count(&self) -> Result<usize, KernelError> {
        let refuse = |field| Err(KernelError::CropSpec { field });
        if self.width == 0 || self.height == 0 {
            return refuse("width or height is zero");
        }
        if !self.context_margin.is_finite() || self.context_margin < 0.0 {
            return refuse("context_margin is negative or not finite");
        }
        if !self.fill.iter().chain(&self.mean).all(|value| value.is_finite()) {
            return refuse("fill or mean is not finite");
        }
        if !self.std.iter().all(|value| value.is_normal()) {
            return refuse("std is zero or not finite");
        }
        let pixels = (self.width as usize).checked_mul(self.height as usize);
        pixels.and_then(|count| count.checked_mul(3)).map_or_else(|| refuse("width x height overflows"), Ok)
    }
}

/// The window of the image that maps onto the whole canvas.
///
/// The box grows by `context_margin` on every side, then on one axis to the canvas' aspect; its
/// centre stays. Total: a box or a specification that is not valid gives a window that is not
/// finite.
#[must_use]
pub fn crop_window(b: &BoxPx, spec: &CropSpec) -> BoxPx {
    // In f64, so that boxes near the largest float do not overflow on the way.
    let (x1, y1, x2, y2) = (f64::from(b.x1), f64::from(b.y1), f64::from(b.x2), f64::from(b.y2));
    let growth = 1.0 + 2.0 * f64::from(spec.context_margin);
    let (mut width, mut height) = ((x2 - x1) * growth, (y2 - y1) * growth);
    let aspect = f64::from(spec.width) / f64::from(spec.height);
    if width < height * aspect {
        width = height * aspect;
    } else {
        height = width / aspect;
    }
    let (x, y) = (0.5 * (x1 + x2), 0.5 * (y1 + y2));
    BoxPx {
        x1: (x - 0.5 * width) as f32,
        y1: (y - 0.5 * height) as f32,
        x2: (x + 0.5 * width) as f32,
        y2: (y + 0.5 * height) as f32,
    }
}

/// Cuts, resizes and normalises boxes of one image.
pub trait Crop {
    /// Writes one crop for each box, by the law of the module.
    ///
    /// `out` is `[boxes, 3, spec.height, spec.width]`, channels red, green, blue whatever the
    /// image's format is. Boxes may lie partly outside the image and are not clipped: clip them
    /// first ([`check_box`]) where the detector's overhang means nothing.
    ///
    /// # Errors
    /// [`KernelError::CropSpec`], [`KernelError::Box`] (with the rule of [`check_box`], any size
    /// accepted) or [`KernelError::OutputLength`]; `out` is then untouched.
    fn crop(
        &mut self,
        image: &ImageView<'_>,
        boxes: &[BoxPx],
        spec: &CropSpec,
        out: &mut [f32],
    ) -> Result<(), KernelError>;
}

/// The checks every implementation makes before it writes; returns the elements of one crop.
pub(crate) fn check_crop(
    image: &ImageView<'_>,
    boxes: &[BoxPx],
    spec: &CropSpec,
    out_len: usize,
) -> Result<usize, KernelError> {
    let len = spec.element_count()?;
    let needed = len.checked_mul(boxes.len()).ok_or(KernelError::CropSpec { field: "the batch overflows" })?;
    if out_len != needed {
        return Err(KernelError::OutputLength { actual: out_len, needed });
    }
    for (index, b) in boxes.iter().enumerate() {
        check_box(b, image.width(), image.height(), 0.0).map_err(|fault| KernelError::Box { index, fault })?;
        let window = crop_window(b, spec);
        if ![window.x1, window.y1, window.x2, window.y2].iter().all(|border| border.is_finite()) {
            return Err(KernelError::Box { index, fault: BoxFault::NotFinite });
        }
        if window.x2 <= window.x1 || window.y2 <= window.y1 {
            return Err(KernelError::Box { index, fault: BoxFault::TooSmall });
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: CropSpec =
        CropSpec { width: 200, height: 100, context_margin: 0.0, fill: [0.5; 3], mean: [0.0; 3], std: [1.0; 3] };

    #[test]
    fn the_window_keeps_the_centre_and_takes_the_canvas_aspect() {
        let wide = crop_window(&BoxPx { x1: 10.0, y1: 20.0, x2: 50.0, y2: 30.0 }, &SPEC);
        assert_eq!(wide, BoxPx { x1: 10.0, y1: 15.0, x2: 50.0, y2: 35.0 });
        let high = crop_window(&BoxPx { x1: 10.0, y1: 20.0, x2: 20.0, y2: 60.0 }, &SPEC);
        assert_eq!(high, BoxPx { x1: -25.0, y1: 20.0, x2: 55.0, y2: 60.0 });
    }

    #[test]
    fn the_margin_is_added_on_each_side() {
        let window =
            crop_window(&BoxPx { x1: 0.0, y1: 0.0, x2: 40.0, y2: 20.0 }, &CropSpec { context_margin: 0.25, ..SPEC });
        assert_eq!(window, BoxPx { x1: -10.0, y1: -5.0, x2: 50.0, y2: 25.0 });
    }

    #[test]
    fn a_specification_without_meaning_is_refused() {
        for spec in [
            CropSpec { width: 0, ..SPEC },
            CropSpec { height: 0, ..SPEC },
            CropSpec { context_margin: f32::NAN, ..SPEC },
            CropSpec { context_margin: -0.1, ..SPEC },
            CropSpec { fill: [0.0, f32::INFINITY, 0.0], ..SPEC },
            CropSpec { mean: [f32::NAN, 0.0, 0.0], ..SPEC },
            CropSpec { std: [1.0, 0.0, 1.0], ..SPEC },
        ] {
            assert!(matches!(spec.element_count(), Err(KernelError::CropSpec { .. })), "{spec:?}");
        }
        assert_eq!(SPEC.element_count(), Ok(60_000));
    }
}
