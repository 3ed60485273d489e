//! Reference tables: renderings of every class' shapes, embedded by the reference encoder.

pub mod poses;
pub mod reference_set;
mod stream;
pub mod vertex_means;

pub use poses::PoseGrid;
pub use reference_set::{ReferenceSet, ReferenceView};

use anyhow::{Result, ensure};
use calibration::so3;
use indicatif::{ProgressBar, ProgressStyle};
use models::ReferenceTable;

use crate::encoder::Encoder;
use crate::rendering::{Modality, Shape};
use crate::training::config::Canvas;

/// How neighbours vote before anything was fitted on held-out data.
pub const RETRIEVAL_UNFITTED: models::RetrievalSpec = models::RetrievalSpec {
    neighbors: 32,
    temperature: 0.02,
    mode_radius_deg: 25.0,
    covariance_scale: 1.0,
    flip_temperature: 0.3,
};

/// Most rows of a table, as the node reads it.
const ROWS_MAX: usize = 10_000_000;

/// One class of a table.
#[derive(Debug)]
pub struct ClassReferences<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its shapes.
    pub shapes: Vec<&'a Shape>,
    /// Its renderings, of these shapes.
    pub set: ReferenceSet,
}

/// How renderings are drawn and embedded.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingSpec<'a> {
    /// The reference encoder's canvas.
    pub canvas: &'a Canvas,
    /// What it was trained to see.
    pub modality: Modality,
    /// Length of an embedding.
    pub dim: usize,
    /// SHA-256 of the query encoder that the table belongs to.
    pub backbone_sha256: &'a str,
}

/// Builds a table; its rows are sorted by class, then in the order of each class' set. Beside the table itself, only a few
/// batches of renderings are held.
///
/// # Errors
/// When there are no renderings, or too many for a table; when a mesh is malformed, or the encoder fails.
pub fn build(
    encoder: &mut Encoder,
    spec: &EmbeddingSpec<'_>,
    classes: &[ClassReferences<'_>],
) -> Result<ReferenceTable> {
    let count: usize = classes.iter().map(|class| class.set.len()).sum();
    ensure!(count > 0, "a reference table needs at least one rendering");
    ensure!(count <= ROWS_MAX, "{count} renderings are more than a table's {ROWS_MAX} rows: take larger steps");
    let shape_count: usize = classes.iter().map(|class| class.shapes.len()).sum();
    ensure!(shape_count <= usize::from(u16::MAX), "{shape_count} shapes are more than {}", u16::MAX);
    let mut table = ReferenceTable {
        dim: spec.dim,
        embeddings: Vec::with_capacity(count * spec.dim),
        rotations: Vec::with_capacity(count),
        class_id: Vec::with_capacity(count),
        shape_id: Vec::with_capacity(count),
        class_names: classes.iter().map(|class| class.name.to_owned()).collect(),
        encoder_sha256: spec.backbone_sha256.to_owned(),
    };
    let bar = ProgressBar::new(count as u64);
    bar.set_style(ProgressStyle::with_template("reference views {bar:30} {pos}/{len} {per_sec} eta {eta}")?);
    let mut shape_first = 0;
    for (class_id, class) in classes.iter().enumerate() {
        stream::each_batch(&class.shapes, &class.set, spec.canvas.crop_spec(), spec.modality, |views, pixels| {
            let embeddings = encoder.embed(pixels, views.len())?;
            table.embeddings.extend(embeddings.iter().map(|&v| half::f16::from_f32(v)));
            for view in views {
                table.rotations.push(so3::to_wxyz(&view.viewpoint.to_rotation()).map(|c| c as f32));
                table.class_id.push(class_id as u16);
                table.shape_id.push((shape_first + view.shape) as u16);
            }
            bar.inc(views.len() as u64);
            Ok(())
        })?;
        shape_first += class.shapes.len();
    }
    bar.finish_and_clear();
    Ok(table)
}

#[cfg(test)]
mod tests;
