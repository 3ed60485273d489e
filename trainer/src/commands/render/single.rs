//! One shape from all around, in every modality.

use std::path::Path;

use anyhow::{Context, Result};
use calibration::Viewpoint;
use image::RgbImage;

use super::sheet::{self, Tile};
use crate::rendering::{Modality, Shape, ShapeSource, load_shapes};
use crate::training::config::Canvas;

const CANVAS: Canvas = Canvas { width: 192, height: 128, context_margin: 0.04 };
const AZIMUTHS: usize = 8;
const ELEVATION_DEG: f64 = 10.0;

/// A mesh file.
pub(super) fn of_file(path: &Path, forward: &str, up: &str) -> Result<RgbImage> {
    let source = ShapeSource { path: path.to_owned(), forward: forward.to_owned(), up: up.to_owned(), length_m: None };
    let shapes = load_shapes(&[source], None, Path::new(""))?;
    draw(shapes.first().with_context(|| path.display().to_string())?)
}

/// A generated vehicle.
pub(super) fn of_vehicle(seed: u64) -> Result<RgbImage> {
    draw(&Shape::of_vehicle(seed))
}

fn draw(shape: &Shape) -> Result<RgbImage> {
    let (low, high) = shape.mesh.bounds();
    let [length, width, height] = [0, 1, 2].map(|axis| high[axis] - low[axis]);
    let triangles = shape.mesh.triangles.len();
    eprintln!("{}: {length:.2} x {width:.2} x {height:.2} m, {triangles} triangles", shape.name);
    let row = |modality: Modality| {
        let tile = |i: usize| {
            let azimuth_deg = i as f64 * 360.0 / AZIMUTHS as f64;
            Tile {
                label: format!("{} {azimuth_deg:.0}", modality.name()),
                shape,
                viewpoint: Viewpoint::from_degrees(azimuth_deg, ELEVATION_DEG, 0.0),
                modality,
            }
        };
        (0..AZIMUTHS).map(tile).collect::<Vec<_>>()
    };
    sheet::draw(&Modality::ALL.map(row), &CANVAS, 1)
}
