//! What is known of an object besides its features.

use calibration::PinholeCamera;
use kernels::{BoxPx, CropSpec, crop_window};

use super::placement::CellCamera;

/// A box side nearer than this to the picture's border is the border, pixels.
const NEAR_BORDER_PX: f32 = 1.5;

/// An object as its crop shows it, in cells of the feature map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Row of the manifest's classes.
    pub class_id: u16,
    /// The detector's box in cells of the feature map.
    pub box_cells: BoxPx,
    /// Which of left, top, right, bottom are the object's own, not the picture's.
    pub is_edge: [bool; 4],
    /// The camera whose picture the crop was cut from, where it is known.
    pub camera: Option<CellCamera>,
}

impl View {
    /// Of a box (pixels) in a picture of `width` x `height`, cut by `spec` for a feature map of `stride` canvas pixels a cell.
    #[must_use]
    pub fn of_crop(
        class_id: u16,
        box_px: &BoxPx,
        spec: &CropSpec,
        stride: u32,
        camera: Option<&PinholeCamera>,
        [width, height]: [u32; 2],
    ) -> Self {
        let window = crop_window(box_px, spec);
        let cells_per_px = spec.width as f32 / (window.x2 - window.x1) / stride as f32;
        let (x, y) = (|x: f32| (x - window.x1) * cells_per_px, |y: f32| (y - window.y1) * cells_per_px);
        let BoxPx { x1, y1, x2, y2 } = *box_px;
        let (width, height) = (width as f32, height as f32);
        let in_cells = |camera: &PinholeCamera| {
            let PinholeCamera { fx_px, cx_px, cy_px, .. } = camera.with_corner_origin();
            CellCamera { focal: fx_px as f32 * cells_per_px, principal: [x(cx_px as f32), y(cy_px as f32)] }
        };
        Self {
            class_id,
            box_cells: BoxPx { x1: x(x1), y1: y(y1), x2: x(x2), y2: y(y2) },
            is_edge: [
                x1 > NEAR_BORDER_PX,
                y1 > NEAR_BORDER_PX,
                x2 < width - NEAR_BORDER_PX,
                y2 < height - NEAR_BORDER_PX,
            ],
            camera: camera.map(in_cells),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A canvas of 28 x 16 cells of 8 pixels.
    const SPEC: CropSpec =
        CropSpec { width: 224, height: 128, context_margin: 0.1, fill: [0.0; 3], mean: [0.0; 3], std: [1.0; 3] };

    #[test]
    fn the_box_is_the_middle_of_the_map_but_for_the_margin() {
        // As wide as the canvas' aspect: the margin of a tenth on each side is all there is.
        let box_px = BoxPx { x1: 100.0, y1: 50.0, x2: 275.0, y2: 150.0 };
        let camera = PinholeCamera::new(700.0, 700.0, 609.5, 172.5, 1242, 375).unwrap();
        let view = View::of_crop(3, &box_px, &SPEC, 8, Some(&camera), [1242, 375]);
        let found = [view.box_cells.x1, view.box_cells.y1, view.box_cells.x2, view.box_cells.y2];
        let wanted = [0.1 / 1.2 * 28.0, 0.1 / 1.2 * 16.0, 1.1 / 1.2 * 28.0, 1.1 / 1.2 * 16.0];
        assert!(found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-4), "{found:?}");
        // 210 pixels are 28 cells; the box' middle, pixel (187.5, 100), is that of the map.
        let (camera, per_px) = (view.camera.unwrap(), 28.0 / 210.0);
        assert!((camera.focal - 700.0 * per_px).abs() < 1e-3, "{view:?}");
        let principal = [14.0 + (610.0 - 187.5) * per_px, 8.0 + (173.0 - 100.0) * per_px];
        assert!(camera.principal.iter().zip(principal).all(|(a, b)| (a - b).abs() < 1e-3), "{view:?}");
        assert_eq!((view.class_id, view.is_edge), (3, [true; 4]));
        assert_eq!(View::of_crop(3, &box_px, &SPEC, 8, None, [1242, 375]).camera, None);
    }

    #[test]
    fn a_tall_box_keeps_its_shape_and_the_middle() {
        let box_px = BoxPx { x1: 30.0, y1: 20.0, x2: 90.0, y2: 120.0 };
        let BoxPx { x1, y1, x2, y2 } = View::of_crop(0, &box_px, &SPEC, 8, None, [200, 200]).box_cells;
        assert!(((x1 + x2) / 2.0 - 14.0).abs() < 1e-4 && ((y1 + y2) / 2.0 - 8.0).abs() < 1e-4);
        assert!(((x2 - x1) / (y2 - y1) - 0.6).abs() < 1e-5);
        assert!((y2 - y1 - 16.0 / 1.2).abs() < 1e-4);
    }

    #[test]
    fn sides_at_the_border_are_the_picture_s() {
        let is_edge = |x1, y1, x2, y2| View::of_crop(0, &BoxPx { x1, y1, x2, y2 }, &SPEC, 8, None, [100, 80]).is_edge;
        assert_eq!(is_edge(1.0, 10.0, 50.0, 60.0), [false, true, true, true]);
        assert_eq!(is_edge(10.0, 0.0, 99.0, 60.0), [true, false, false, true]);
        assert_eq!(is_edge(-5.0, 2.0, 97.0, 90.0), [false, true, true, false]);
    }
}
