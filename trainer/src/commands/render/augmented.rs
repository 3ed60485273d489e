//! Augmented crops beside the renderings of their poses.

use anyhow::Result;
use image::{Rgb, RgbImage};

use crate::networks::heads::FEATURE_STRIDE;
use crate::training::TrainingConfig;
use crate::training::batches::{Batch, TrainingData};
use crate::training::config::Canvas;
use crate::training::templates::{Template, Templates};

const COLUMNS: usize = 4;

/// The crops and renderings of a training step.
pub(super) fn draw(mut config: TrainingConfig, step: usize) -> Result<RgbImage> {
    if config.mesh.is_none() {
        config.references_per_step = config.queries_per_step;
    }
    let data = TrainingData::load(&config)?;
    let batch = data.batch(&config, step, &mut data.maker(&config))?;
    Ok(match &data.templates {
        Some(templates) => with_vertices(&config, &batch, templates),
        None => contact_sheet(&config, &batch),
    })
}

/// Every crop beside itself with the vertices that it shows, coloured by their place on the object (red: front, green: left, blue:
/// top), and background cells in white.
fn with_vertices(config: &TrainingConfig, batch: &Batch, templates: &Templates) -> RgbImage {
    let query = config.query;
    let rows = config.queries_per_step.div_ceil(COLUMNS) as u32;
    let mut sheet = RgbImage::new(2 * query.width * COLUMNS as u32, query.height * rows);
    let corner = |i: usize| ((i % COLUMNS) as u32 * 2 * query.width, (i / COLUMNS) as u32 * query.height);
    for i in 0..config.queries_per_step {
        let (x, y) = corner(i);
        for offset in [0, query.width] {
            put(&mut sheet, (x + offset, y), &query, item(&batch.queries, &query, i), |v| v);
        }
    }
    let stride = FEATURE_STRIDE as f32;
    let mut dot = |crop: i64, at: [f32; 2], colour: [u8; 3]| {
        let (x, y) = corner(crop as usize);
        let pixel = [(at[0] * stride) as u32, (at[1] * stride) as u32];
        if pixel[0] < query.width && pixel[1] < query.height {
            sheet.put_pixel(x + query.width + pixel[0], y + pixel[1], Rgb(colour));
        }
    };
    let surface = &batch.surface;
    let positions = templates.templates().first().map_or(&[][..], |template| template.surface.positions());
    let size = templates.templates().first().map_or([1.0; 3], Template::size);
    for ((&crop, &vertex), &at) in surface.crop.iter().zip(&surface.vertex).zip(&surface.at) {
        let place = positions.get(vertex as usize).copied().unwrap_or_default();
        dot(crop, at, [0, 1, 2].map(|axis| (255.0 * (0.5 + place[axis] / size[axis])) as u8));
    }
    let columns = i64::from(query.width) / FEATURE_STRIDE as i64;
    for (&crop, &cell) in surface.noise_crop.iter().zip(&surface.noise_cell) {
        dot(crop, [(cell % columns) as f32 + 0.5, (cell / columns) as f32 + 0.5], [255; 3]);
    }
    sheet
}

fn contact_sheet(config: &TrainingConfig, batch: &Batch) -> RgbImage {
    let (query, reference) = (&config.query, &config.reference);
    let (width, height) = (query.width + reference.width, query.height.max(reference.height));
    let rows = config.queries_per_step.div_ceil(COLUMNS) as u32;
    let mut sheet = RgbImage::new(width * COLUMNS as u32, height * rows);
    for i in 0..config.queries_per_step {
        let (x, y) = ((i % COLUMNS) as u32 * width, (i / COLUMNS) as u32 * height);
        put(&mut sheet, (x, y), query, item(&batch.queries, query, i), |v| v);
        let normal = |v: i8| (i16::from(v) + 128) as u8;
        put(&mut sheet, (x + query.width, y), reference, item(&batch.references, reference, i), normal);
    }
    sheet
}

fn item<'a, T>(values: &'a [T], canvas: &Canvas, index: usize) -> &'a [T] {
    let size = 3 * (canvas.width * canvas.height) as usize;
    &values[index * size..(index + 1) * size]
}

fn put<T: Copy>(sheet: &mut RgbImage, (x, y): (u32, u32), canvas: &Canvas, planar: &[T], shown: impl Fn(T) -> u8) {
    let count = planar.len() / 3;
    for i in 0..count as u32 {
        let value = |c: usize| shown(planar[c * count + i as usize]);
        sheet.put_pixel(x + i % canvas.width, y + i / canvas.width, Rgb([value(0), value(1), value(2)]));
    }
}
