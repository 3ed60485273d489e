//! A run's reference renderings, as its reference encoder sees them.

use anyhow::{Result, ensure};
use image::RgbImage;

use super::sheet::{self, Tile, spread};
use crate::commands::reference_args::ReferenceArgs;
use crate::rendering::{Modality, Shape, load_shapes};
use crate::table::{PoseGrid, ReferenceSet};
use crate::training::TrainingConfig;
use crate::training::batches::TrainingData;

/// Most tiles of a row and rows of a sheet; a larger set is shown in part, spread evenly.
const COLUMNS_MAX: usize = 12;
const ROWS_MAX: usize = 12;
/// A pixel of the canvas becomes this wide.
const ENLARGED: u32 = 2;

/// Draws the sheet.
pub(super) fn draw(config: &TrainingConfig, args: &ReferenceArgs) -> Result<RgbImage> {
    let all = load_shapes(&config.shapes, config.vehicles, &config.data.root)?;
    let shapes = args.select(&all)?;
    let modality = args.modality.unwrap_or(config.modality);
    let rows = match args.grid()? {
        Some(grid) => {
            eprintln!("{:?}: {} poses of {} shapes", args.set, grid.len(), shapes.len());
            of_grid(&grid, &shapes, modality)
        }
        None => {
            let set = ReferenceSet::of_samples(&TrainingData::load(config)?.samples, &shapes);
            ensure!(!set.is_empty(), "the run has no training samples");
            eprintln!("{:?}: {} views of {} shapes", args.set, set.len(), shapes.len());
            of_views(&set, &shapes, modality)
        }
    };
    sheet::draw(&rows, &config.reference, ENLARGED)
}

/// Shapes, elevations and in-plane angles one below the other, as many as fit.
fn of_grid<'a>(grid: &PoseGrid, shapes: &[&'a Shape], modality: Modality) -> Vec<Vec<Tile<'a>>> {
    let tilts: Vec<(f64, f64)> =
        grid.elevations_deg().iter().flat_map(|&e| grid.in_planes_deg().iter().map(move |&t| (e, t))).collect();
    // Every tilt of a few shapes where there are few, and some tilts of one shape where there are many.
    let tilts = spread(&tilts, ROWS_MAX);
    let shapes = spread(shapes, (ROWS_MAX / tilts.len()).max(1));
    let azimuths = spread(&grid.azimuths_deg(), COLUMNS_MAX);
    let row = |shape: &'a Shape, (elevation_deg, in_plane_deg): (f64, f64)| {
        let tile = |&azimuth_deg: &f64| tile(shape, [azimuth_deg, elevation_deg, in_plane_deg], modality);
        azimuths.iter().map(tile).collect::<Vec<_>>()
    };
    shapes.iter().flat_map(|&shape| tilts.iter().map(move |&tilt| row(shape, tilt))).collect()
}

fn of_views<'a>(set: &ReferenceSet, shapes: &[&'a Shape], modality: Modality) -> Vec<Vec<Tile<'a>>> {
    let indices: Vec<usize> = (0..set.len()).collect();
    let tiles = spread(&indices, COLUMNS_MAX * ROWS_MAX).into_iter().map(|index| {
        let view = set.view(index);
        tile(shapes[view.shape], view.viewpoint.to_degrees(), modality)
    });
    let mut rows: Vec<Vec<Tile<'a>>> = Vec::new();
    for tile in tiles {
        match rows.last_mut().filter(|row| row.len() < COLUMNS_MAX) {
            Some(row) => row.push(tile),
            None => rows.push(vec![tile]),
        }
    }
    rows
}

fn tile<'a>(shape: &'a Shape, [azimuth, elevation, in_plane]: [f64; 3], modality: Modality) -> Tile<'a> {
    Tile {
        label: format!("{azimuth:.0} {elevation:.0} {in_plane:.0}"),
        shape,
        viewpoint: calibration::Viewpoint::from_degrees(azimuth, elevation, in_plane),
        modality,
    }
}
