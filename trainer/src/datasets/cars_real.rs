//! The `cars_real` collection: Stanford Cars, EPFL multi-view cars and Carvana, already cut to crops, each with a CSV of
//! poses (`azimuth_pascal_deg`: 0 front, 90 left side visible).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use calibration::Viewpoint;
use image::GrayImage;
use kernels::BoxPx;
use rayon::prelude::*;

use super::{Picture, Sample, Source};

/// Elevation assumed where the collection gives none: a standing photographer some metres away.
const ELEVATION_ASSUMED_DEG: f64 = 5.0;
/// Stanford annotations disagreeing by more than this are left out.
const DISAGREEMENT_MAX_DEG: f64 = 5.5;

/// Rows of a CSV with a header, by column name.
struct Table {
    place: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let mut lines = text.lines();
        let split = |line: &str| line.split(',').map(|s| s.trim().to_owned()).collect::<Vec<_>>();
        let columns = split(lines.next().unwrap_or_default());
        let rows: Vec<Vec<String>> = lines.filter(|l| !l.trim().is_empty()).map(split).collect();
        if let Some(i) = rows.iter().position(|r| r.len() < columns.len()) {
            bail!("{}:{}: {} fields where the header has {}", path.display(), i + 2, rows[i].len(), columns.len());
        }
        Ok(Self { place: path.display().to_string(), columns, rows })
    }

    fn text(&self, row: usize, column: &str) -> Result<&str> {
        let index = self.columns.iter().position(|c| c == column);
        let index = index.with_context(|| format!("{}: no column {column}", self.place))?;
        Ok(&self.rows[row][index])
    }

    fn number(&self, row: usize, column: &str) -> Result<f64> {
        let text = self.text(row, column)?;
        text.parse().with_context(|| format!("{}:{}: {column} is not a number: {text}", self.place, row + 2))
    }
}

/// Every picture and mask that the three CSVs name, with its collection.
///
/// # Errors
/// Where a CSV is missing or damaged.
pub fn files(root: &Path) -> Result<Vec<(Source, PathBuf)>> {
    let collections = [
        (Source::Stanford, "stanford.csv", &["file"][..]),
        (Source::Epfl, "epfl.csv", &["file"]),
        (Source::Carvana, "carvana.csv", &["file", "mask"]),
    ];
    let mut files = Vec::new();
    for (source, csv, columns) in collections {
        let table = Table::load(&root.join(csv))?;
        for row in 0..table.rows.len() {
            for column in columns {
                files.push((source, root.join(table.text(row, column)?)));
            }
        }
    }
    Ok(files)
}

fn read(root: &Path, file: &str) -> Result<Arc<[u8]>> {
    let path = root.join(file);
    Ok(std::fs::read(&path).with_context(|| path.display().to_string())?.into())
}

fn size(bytes: &[u8], file: &str) -> Result<(f32, f32)> {
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format()?;
    let (w, h) = reader.into_dimensions().with_context(|| file.to_owned())?;
    Ok((w as f32, h as f32))
}

/// Stanford Cars: photographs cut to the tight box.
pub fn load_stanford(root: &Path) -> Result<Vec<Sample>> {
    let table = Table::load(&root.join("stanford.csv"))?;
    let mut samples = Vec::with_capacity(table.rows.len());
    for row in 0..table.rows.len() {
        if table.number(row, "annotation_disagreement_deg")? > DISAGREEMENT_MAX_DEG {
            continue;
        }
        let file = table.text(row, "file")?;
        let bytes = read(root, file)?;
        let (width, height) = size(&bytes, file)?;
        samples.push(Sample {
            source: Source::Stanford,
            picture: Picture::Encoded(bytes),
            box_px: BoxPx { x1: 0.0, y1: 0.0, x2: width, y2: height },
            viewpoint: Viewpoint::from_degrees(
                table.number(row, "azimuth_pascal_deg")?,
                table.number(row, "elevation_deg")?,
                // The annotators' in-plane angle scatters around zero by two degrees either way; photographs are level.
                0.0,
            ),
            group: row as u32,
            occlusion: 0,
            size_m: None,
            center_m: None,
            camera: None,
        });
    }
    Ok(samples)
}

/// EPFL: cars on a turning table, box given.
pub fn load_epfl(root: &Path) -> Result<Vec<Sample>> {
    let table = Table::load(&root.join("epfl.csv"))?;
    (0..table.rows.len())
        .map(|row| {
            let side = |name| Ok::<f32, anyhow::Error>(table.number(row, name)? as f32);
            Ok(Sample {
                source: Source::Epfl,
                picture: Picture::Encoded(read(root, table.text(row, "file")?)?),
                box_px: BoxPx { x1: side("x1")?, y1: side("y1")?, x2: side("x2")?, y2: side("y2")? },
                viewpoint: Viewpoint::from_degrees(
                    table.number(row, "azimuth_pascal_deg")?,
                    ELEVATION_ASSUMED_DEG,
                    0.0,
                ),
                group: table.number(row, "sequence")? as u32,
                occlusion: 0,
                size_m: None,
                center_m: None,
                camera: None,
            })
        })
        .collect()
}

/// Carvana: 16 turns of each car in a studio, with masks, whose bounds are the boxes.
pub fn load_carvana(root: &Path) -> Result<Vec<Sample>> {
    let table = Table::load(&root.join("carvana.csv"))?;
    (0..table.rows.len())
        .into_par_iter()
        .map(|row| {
            let (file, mask_file) = (table.text(row, "file")?, table.text(row, "mask")?);
            let image = image::load_from_memory(&read(root, file)?).with_context(|| file.to_owned())?.into_rgb8();
            let mask =
                image::load_from_memory(&read(root, mask_file)?).with_context(|| mask_file.to_owned())?.into_luma8();
            ensure!(image.dimensions() == mask.dimensions(), "{mask_file}: not as large as {file}");
            let box_px = mask_box(&mask).with_context(|| format!("{mask_file}: shows nothing"))?;
            let car = table.text(row, "car")?;
            Ok(Sample {
                source: Source::Carvana,
                picture: Picture::Masked(Arc::new(image), Arc::new(mask)),
                box_px,
                viewpoint: Viewpoint::from_degrees(
                    table.number(row, "azimuth_pascal_deg")?,
                    ELEVATION_ASSUMED_DEG,
                    0.0,
                ),
                group: car.bytes().fold(0u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b))),
                occlusion: 0,
                size_m: None,
                center_m: None,
                camera: None,
            })
        })
        .collect()
}

/// Tight box of the set pixels of a mask.
fn mask_box(mask: &GrayImage) -> Option<BoxPx> {
    let mut found: Option<BoxPx> = None;
    for (x, y, _) in mask.enumerate_pixels().filter(|(_, _, p)| p.0[0] > 127) {
        let (x, y) = (x as f32, y as f32);
        let b = found.get_or_insert(BoxPx { x1: x, y1: y, x2: x + 1.0, y2: y + 1.0 });
        *b = BoxPx { x1: b.x1.min(x), y1: b.y1.min(y), x2: b.x2.max(x + 1.0), y2: b.y2.max(y + 1.0) };
    }
    found
}
