//! Augmented crops beside the renderings of their poses.

use anyhow::Result;
use image::{Rgb, RgbImage};

use crate::training::TrainingConfig;
use crate::training::batches::{Batch, TrainingData};
use crate::training::config::Canvas;

const COLUMNS: usize = 4;

/// The crops and renderings of a training step.
pub(super) fn draw(mut config: TrainingConfig, step: usize) -> Result<RgbImage> {
    config.references_per_step = config.queries_per_step;
    let data = TrainingData::load(&config)?;
    let batch = data.batch(&config, step, &mut data.maker(&config))?;
    Ok(contact_sheet(&config, &batch))
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
