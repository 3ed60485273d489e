//! Renderings in rows, each below its label.

use anyhow::Result;
use calibration::Viewpoint;
use image::{Rgb, RgbImage};

use super::font;
use crate::rendering::{Modality, Renderer, Shape};
use crate::training::config::Canvas;

/// Pixels between tiles.
const GAP_PX: u32 = 4;
const PAPER: Rgb<u8> = Rgb([24, 24, 28]);

/// One rendering and what is written over it.
pub(super) struct Tile<'a> {
    pub(super) label: String,
    pub(super) shape: &'a Shape,
    pub(super) viewpoint: Viewpoint,
    pub(super) modality: Modality,
}

/// Renders rows of tiles; a pixel of `canvas` becomes `enlarged` pixels wide and high.
pub(super) fn draw(rows: &[Vec<Tile<'_>>], canvas: &Canvas, enlarged: u32) -> Result<RgbImage> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default() as u32;
    let (width, height) = (canvas.width * enlarged + GAP_PX, canvas.height * enlarged + GAP_PX + font::LINE_PX);
    let mut sheet = RgbImage::from_pixel(width * columns + GAP_PX, height * rows.len() as u32 + GAP_PX, PAPER);
    let mut renderer = Renderer::new(canvas.crop_spec());
    let mut pixels = vec![0.0; renderer.len()];
    for (row, tiles) in rows.iter().enumerate() {
        for (column, tile) in tiles.iter().enumerate() {
            let (x, y) = (GAP_PX + column as u32 * width, GAP_PX + row as u32 * height);
            renderer.render(tile.shape, &tile.viewpoint, tile.modality, &mut pixels)?;
            font::write(&mut sheet, (x, y), &tile.label);
            put(&mut sheet, (x, y + font::LINE_PX), canvas, enlarged, tile.modality, &pixels);
        }
    }
    Ok(sheet)
}

fn put(
    sheet: &mut RgbImage,
    (left, top): (u32, u32),
    canvas: &Canvas,
    enlarged: u32,
    modality: Modality,
    planar: &[f32],
) {
    let count = planar.len() / 3;
    for (y, x) in (0..canvas.height * enlarged).flat_map(|y| (0..canvas.width * enlarged).map(move |x| (y, x))) {
        let at = (y / enlarged * canvas.width + x / enlarged) as usize;
        let value = |channel: usize| {
            (255.0 * modality.brightness(channel, planar[channel * count + at])).round().clamp(0.0, 255.0) as u8
        };
        sheet.put_pixel(left + x, top + y, Rgb([value(0), value(1), value(2)]));
    }
}

/// At most `count` of the values, spread evenly.
pub(super) fn spread<T: Clone>(values: &[T], count: usize) -> Vec<T> {
    let kept = values.len().min(count);
    (0..kept).map(|i| values[i * values.len() / kept].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_spread_over_many() {
        assert_eq!(spread(&[0, 1, 2, 3, 4, 5, 6, 7], 4), [0, 2, 4, 6]);
        assert_eq!(spread(&[1, 2], 4), [1, 2]);
        assert!(spread::<u8>(&[], 4).is_empty());
    }

    #[test]
    fn a_sheet_shows_every_tile_enlarged() {
        let shape = Shape::of_vehicle(2);
        let canvas = Canvas { width: 32, height: 32, context_margin: 0.0 };
        let tile = |azimuth_deg: f64| Tile {
            label: String::new(),
            shape: &shape,
            viewpoint: Viewpoint::from_degrees(azimuth_deg, 5.0, 0.0),
            modality: Modality::Silhouette,
        };
        let sheet = draw(&[vec![tile(0.0), tile(90.0)], vec![tile(180.0)]], &canvas, 3).expect("drawn");
        assert_eq!(sheet.dimensions(), (2 * 100 + 4, 2 * (100 + font::LINE_PX) + 4));
        let white = |x: u32, y: u32| sheet.get_pixel(x, y).0 == [255; 3];
        // The middles of the three tiles, and the place that holds none.
        assert!(white(52, 66) && white(152, 66) && white(52, 66 + 100 + font::LINE_PX));
        assert!(!white(152, 66 + 100 + font::LINE_PX));
    }
}
