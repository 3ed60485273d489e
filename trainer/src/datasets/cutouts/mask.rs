//! From an instance's mask to a cut-out with a soft border.

use image::{GrayImage, Luma, RgbImage, imageops};

use super::Cutout;

/// Smaller instances show too little to hide anything (Kouros et al.).
const AREA_MIN_PX: usize = 500;
/// The border lets this much of what is behind it through, so that no hard edge gives the occluder away (Kouros et al.).
const BORDER_ALPHA: u8 = 192;

/// Leftmost and rightmost column offsets of the rows -4 to 3 of an ellipse of 8 pixels (OpenCV's `MORPH_ELLIPSE`).
const ELLIPSE: [(i32, i32, i32); 8] =
    [(-4, 0, 0), (-3, -3, 3), (-2, -3, 3), (-1, -4, 3), (0, -4, 3), (1, -4, 3), (2, -3, 3), (3, -3, 3)];

/// Cuts out what `mask` (0: outside) shows of `image`, of the same size; `None` where it covers fewer than 500 pixels.
pub(super) fn cut_out(image: &RgbImage, mask: &GrayImage) -> Option<Cutout> {
    let mut corners: Option<[u32; 4]> = None;
    let mut area_px = 0;
    for (x, y, _) in mask.enumerate_pixels().filter(|(_, _, value)| value.0[0] != 0) {
        let [x1, y1, x2, y2] = corners.unwrap_or([x, y, x, y]);
        corners = Some([x1.min(x), y1.min(y), x2.max(x), y2.max(y)]);
        area_px += 1;
    }
    let [x1, y1, x2, y2] = corners.filter(|_| area_px >= AREA_MIN_PX && image.dimensions() == mask.dimensions())?;
    let (w, h) = (x2 - x1 + 1, y2 - y1 + 1);
    let alpha = GrayImage::from_fn(w, h, |x, y| {
        let (x, y) = (x1 + x, y1 + y);
        Luma([match mask.get_pixel(x, y).0[0] {
            0 => 0,
            _ if survives_erosion(mask, x, y) => 255,
            _ => BORDER_ALPHA,
        }])
    });
    Some(Cutout::bounded(imageops::crop_imm(image, x1, y1, w, h).to_image(), alpha))
}

/// Whether the whole ellipse about a pixel is inside the mask; what is outside the picture is not known to be outside it.
fn survives_erosion(mask: &GrayImage, x: u32, y: u32) -> bool {
    let inside = |dx: i32, dy: i32| {
        let at = (x.checked_add_signed(dx), y.checked_add_signed(dy));
        let (Some(x), Some(y)) = at else { return true };
        mask.get_pixel_checked(x, y).is_none_or(|value| value.0[0] != 0)
    };
    ELLIPSE.iter().all(|&(dy, from, to)| (from..=to).all(|dx| inside(dx, dy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]))
    }

    #[test]
    fn a_rectangle_keeps_its_middle_and_fades_at_its_border() {
        let mask = GrayImage::from_fn(100, 80, |x, y| Luma([u8::from((20..60).contains(&x) && (30..60).contains(&y))]));
        let cutout = cut_out(&picture(100, 80), &mask).expect("large enough");
        assert_eq!(cutout.alpha.dimensions(), (40, 30));
        assert_eq!(cutout.colour.get_pixel(0, 0).0, [20, 30, 7]);
        // Eroded by an ellipse from -4 to 3: 40 - 7 by 30 - 7 pixels are left.
        let count = |value: u8| cutout.alpha.pixels().filter(|p| p.0[0] == value).count();
        assert_eq!(count(255), 33 * 23);
        assert_eq!(count(BORDER_ALPHA), 40 * 30 - 33 * 23);
    }

    #[test]
    fn the_pictures_own_edge_is_no_border() {
        let mask = GrayImage::from_pixel(40, 40, Luma([255]));
        let cutout = cut_out(&picture(40, 40), &mask).expect("large enough");
        assert!(cutout.alpha.pixels().all(|p| p.0[0] == 255));
    }

    #[test]
    fn what_is_small_or_of_another_size_is_left_out() {
        let mask = |area: u32| GrayImage::from_fn(100, 10, |x, y| Luma([u8::from(y * 100 + x < area)]));
        assert!(cut_out(&picture(100, 10), &mask(499)).is_none());
        assert!(cut_out(&picture(100, 10), &mask(500)).is_some());
        assert!(cut_out(&picture(100, 11), &mask(500)).is_none());
        assert!(cut_out(&picture(100, 10), &mask(0)).is_none());
    }
}
