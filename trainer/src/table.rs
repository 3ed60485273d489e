//! Reference tables: every shape rendered from every pose of a grid, embedded by the reference encoder.

use anyhow::{Result, ensure};
use calibration::{Viewpoint, so3};
use indicatif::{ProgressBar, ProgressStyle};
use models::ReferenceTable;

use crate::encoder::Encoder;
use crate::rendering::{NormalRenderer, Shape};
use crate::training::config::Canvas;

/// Poses of a reference set; in-plane angles are 0, since vehicles stand on the ground.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Degrees between azimuths; the circle is divided evenly, so the true step may be a little smaller.
    pub azimuth_step_deg: f64,
    /// Elevations in degrees.
    pub elevations_deg: Vec<f64>,
}

impl Grid {
    /// All viewpoints.
    pub fn viewpoints(&self) -> Vec<Viewpoint> {
        let count = (360.0 / self.azimuth_step_deg).ceil().max(1.0) as usize;
        let azimuths = (0..count).map(|i| i as f64 * 360.0 / count as f64);
        azimuths.flat_map(|a| self.elevations_deg.iter().map(move |&e| Viewpoint::from_degrees(a, e, 0.0))).collect()
    }
}

/// How neighbours vote before anything was fitted on held-out data.
pub const RETRIEVAL_UNFITTED: models::RetrievalSpec =
    models::RetrievalSpec { neighbors: 32, temperature: 0.02, mode_radius_deg: 25.0, covariance_scale: 1.0 };

/// Renderings embedded at once.
const BATCH: usize = 32;

/// Builds the table of one class.
pub fn build(
    encoder: &mut Encoder,
    canvas: &Canvas,
    dim: usize,
    shapes: &[&Shape],
    grid: &Grid,
    class: &str,
    backbone_sha256: &str,
) -> Result<ReferenceTable> {
    ensure!(grid.azimuth_step_deg > 0.0, "the azimuth step must be positive");
    let viewpoints = grid.viewpoints();
    let views: Vec<(usize, Viewpoint)> =
        (0..shapes.len()).flat_map(|shape| viewpoints.iter().map(move |&v| (shape, v))).collect();
    let mut table = ReferenceTable {
        dim,
        embeddings: Vec::with_capacity(views.len() * dim),
        rotations: Vec::with_capacity(views.len()),
        class_id: vec![0; views.len()],
        shape_id: views.iter().map(|&(shape, _)| shape as u16).collect(),
        class_names: vec![class.to_owned()],
        encoder_sha256: backbone_sha256.to_owned(),
    };
    let mut renderer = NormalRenderer::new(canvas.crop_spec());
    let mut pixels = vec![0.0; BATCH * renderer.len()];
    let bar = ProgressBar::new(views.len() as u64);
    bar.set_style(ProgressStyle::with_template("reference views {bar:30} {pos}/{len} eta {eta}")?);
    for chunk in views.chunks(BATCH) {
        let pixels = &mut pixels[..chunk.len() * renderer.len()];
        for ((shape, viewpoint), out) in chunk.iter().zip(pixels.chunks_exact_mut(renderer.len())) {
            renderer.render(&shapes[*shape].mesh, viewpoint, out)?;
            table.rotations.push(so3::to_wxyz(&viewpoint.to_rotation()).map(|c| c as f32));
        }
        let embeddings = encoder.embed(pixels, chunk.len())?;
        table.embeddings.extend(embeddings.iter().map(|&v| half::f16::from_f32(v)));
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_divides_the_circle_evenly() {
        let grid = Grid { azimuth_step_deg: 7.0, elevations_deg: vec![0.0, 5.0] };
        let viewpoints = grid.viewpoints();
        assert_eq!(viewpoints.len(), 52 * 2);
        let step = viewpoints[2].azimuth_rad - viewpoints[0].azimuth_rad;
        assert!((step - std::f64::consts::TAU / 52.0).abs() < 1e-12);
    }
}
