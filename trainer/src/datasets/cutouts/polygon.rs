//! Filling polygons.

use image::{GrayImage, Luma};

/// Adds the polygons' insides to `mask`, each by the even-odd rule; points in pixels from the picture's top left corner.
pub(super) fn fill(mask: &mut GrayImage, polygon: &[[f32; 2]]) {
    let bound = |axis: usize, pick: fn(f32, f32) -> f32, start: f32| polygon.iter().map(|p| p[axis]).fold(start, pick);
    let (width, height) = mask.dimensions();
    // Casts saturate: a polygon beyond the picture fills what is inside.
    let columns = bound(0, f32::min, f32::MAX) as u32..width.min(bound(0, f32::max, 0.0).ceil() as u32);
    for y in bound(1, f32::min, f32::MAX) as u32..height.min(bound(1, f32::max, 0.0).ceil() as u32) {
        for x in columns.clone() {
            if inside(polygon, [x as f32 + 0.5, y as f32 + 0.5]) {
                mask.put_pixel(x, y, Luma([255]));
            }
        }
    }
}

/// Even-odd rule.
fn inside(polygon: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
    let mut odd = false;
    let Some(mut previous) = polygon.last() else { return false };
    for current in polygon {
        let (&[x1, y1], &[x2, y2]) = (previous, current);
        if (y1 > y) != (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 {
            odd = !odd;
        }
        previous = current;
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(polygon: &[[f32; 2]]) -> usize {
        let mut mask = GrayImage::new(100, 80);
        fill(&mut mask, polygon);
        mask.pixels().filter(|p| p.0[0] == 255).count()
    }

    #[test]
    fn a_triangles_area_is_half_base_times_height() {
        let count = area(&[[10.0, 10.0], [90.0, 10.0], [10.0, 70.0]]) as f32;
        assert!((count / (0.5 * 80.0 * 60.0) - 1.0).abs() < 0.02, "{count}");
    }

    #[test]
    fn a_polygon_beyond_the_picture_fills_what_is_inside() {
        assert_eq!(area(&[[-50.0, -50.0], [500.0, -50.0], [500.0, 500.0], [-50.0, 500.0]]), 100 * 80);
        assert_eq!(area(&[[200.0, 10.0], [300.0, 10.0], [300.0, 90.0]]), 0);
        assert_eq!(area(&[]), 0);
    }
}
