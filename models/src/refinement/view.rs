//! What is known of an object besides its features.

use kernels::{BoxPx, CropSpec, crop_window};

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
    /// Focal length in cells, where the camera is known.
    pub focal_cells: Option<f32>,
}

impl View {
    /// Of a box (pixels) in a picture of `width` x `height`, cut by `spec` for a feature map of `stride` canvas pixels a cell;
    /// `focal_px` is the focal length in the picture's pixels, where the camera is known.
    #[must_use]
    pub fn of_crop(
        class_id: u16,
        box_px: &BoxPx,
        spec: &CropSpec,
        stride: u32,
        focal_px: Option<f64>,
        [width, height]: [u32; 2],
    ) -> Self {
        let window = crop_window(box_px, spec);
        let cells_per_px = spec.width as f32 / (window.x2 - window.x1) / stride as f32;
        let (x, y) = (|x: f32| (x - window.x1) * cells_per_px, |y: f32| (y - window.y1) * cells_per_px);
        let BoxPx { x1, y1, x2, y2 } = *box_px;
        let (width, height) = (width as f32, height as f32);
        Self {
            class_id,
            box_cells: BoxPx { x1: x(x1), y1: y(y1), x2: x(x2), y2: y(y2) },
            is_edge: [
                x1 > NEAR_BORDER_PX,
                y1 > NEAR_BORDER_PX,
                x2 < width - NEAR_BORDER_PX,
                y2 < height - NEAR_BORDER_PX,
            ],
            focal_cells: focal_px.map(|focal| focal as f32 * cells_per_px),
        }
    }
}
