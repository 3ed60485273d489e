//! Boxes in the image, and the one rule that accepts, clips or refuses them.

/// An axis-aligned box in continuous image coordinates (pixels; pixel `i` covers `[i, i + 1)`).
///
/// Whole image: `(0, 0)` to `(width, height)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxPx {
    /// Left border.
    pub x1: f32,
    /// Upper border.
    pub y1: f32,
    /// Right border.
    pub x2: f32,
    /// Lower border.
    pub y2: f32,
}

impl BoxPx {
    /// Right minus left border, pixels.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// Lower minus upper border, pixels.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// `(x, y)` of the centre, pixels.
    #[must_use]
    pub fn center(&self) -> [f32; 2] {
        // Halves first: borders near the largest float must not overflow.
        [0.5 * self.x1 + 0.5 * self.x2, 0.5 * self.y1 + 0.5 * self.y2]
    }
}

/// Why a box was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BoxFault {
    /// A border is NaN or infinite.
    #[error("a border is not finite")]
    NotFinite,
    /// The right border is not right of the left one, or the lower not below the upper one.
    #[error("the borders are reversed or equal")]
    Inverted,
    /// The part inside the image has a side below the minimum.
    #[error("the part inside the image is too small")]
    TooSmall,
    /// No part lies inside the image.
    #[error("no part lies inside the image")]
    OutsideImage,
}

/// The rule for boxes: finite, ordered, partly inside the image, and there at least `side_min_px`
/// wide and high.
///
/// Returns the part inside an image of `image_width` x `image_height` pixels.
///
/// # Errors
/// The first [`BoxFault`] found, in the order: not finite, inverted, outside, too small.
pub fn check_box(b: &BoxPx, image_width: u32, image_height: u32, side_min_px: f32) -> Result<BoxPx, BoxFault> {
    if ![b.x1, b.y1, b.x2, b.y2].iter().all(|border| border.is_finite()) {
        return Err(BoxFault::NotFinite);
    }
    if b.x2 <= b.x1 || b.y2 <= b.y1 {
        return Err(BoxFault::Inverted);
    }
    let clipped = BoxPx {
        x1: b.x1.max(0.0),
        y1: b.y1.max(0.0),
        x2: b.x2.min(image_width as f32),
        y2: b.y2.min(image_height as f32),
    };
    if clipped.x2 <= clipped.x1 || clipped.y2 <= clipped.y1 {
        return Err(BoxFault::OutsideImage);
    }
    if clipped.width() < side_min_px || clipped.height() < side_min_px {
        return Err(BoxFault::TooSmall);
    }
    Ok(clipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn px(x1: f32, y1: f32, x2: f32, y2: f32) -> BoxPx {
        BoxPx { x1, y1, x2, y2 }
    }

    #[test]
    fn a_box_across_the_border_is_clipped_to_the_image() {
        assert_eq!(check_box(&px(-5.0, 2.0, 7.5, 30.0), 10, 20, 1.0), Ok(px(0.0, 2.0, 7.5, 20.0)));
    }

    #[test]
    fn every_border_must_be_finite() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in 0..4 {
                let mut borders = [1.0, 1.0, 5.0, 5.0];
                borders[place] = bad;
                let [x1, y1, x2, y2] = borders;
                assert_eq!(check_box(&px(x1, y1, x2, y2), 10, 10, 0.0), Err(BoxFault::NotFinite));
            }
        }
    }

    #[test]
    fn reversed_and_empty_boxes_are_inverted() {
        assert_eq!(check_box(&px(5.0, 1.0, 2.0, 4.0), 10, 10, 0.0), Err(BoxFault::Inverted));
        assert_eq!(check_box(&px(5.0, 1.0, 5.0, 4.0), 10, 10, 0.0), Err(BoxFault::Inverted));
        assert_eq!(check_box(&px(1.0, 4.0, 5.0, 1.0), 10, 10, 0.0), Err(BoxFault::Inverted));
    }

    #[test]
    fn a_box_that_only_touches_the_image_is_outside() {
        assert_eq!(check_box(&px(10.0, 0.0, 15.0, 5.0), 10, 10, 0.0), Err(BoxFault::OutsideImage));
        assert_eq!(check_box(&px(-5.0, 0.0, 0.0, 5.0), 10, 10, 0.0), Err(BoxFault::OutsideImage));
        assert_eq!(check_box(&px(0.0, 12.0, 5.0, 15.0), 10, 10, 0.0), Err(BoxFault::OutsideImage));
    }

    #[test]
    fn the_minimum_side_applies_to_the_part_inside() {
        assert_eq!(check_box(&px(-50.0, 0.0, 3.0, 9.0), 10, 10, 4.0), Err(BoxFault::TooSmall));
        assert!(check_box(&px(-50.0, 0.0, 4.0, 9.0), 10, 10, 4.0).is_ok());
    }
}
