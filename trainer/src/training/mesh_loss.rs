//! The losses of dense features.

use anyhow::Result;
use tch::{Kind, Tensor};

use super::mesh_config::MeshConfig;
use super::surface_rows::SurfaceRows;

/// Added to the logits of vertices that are too near to be told apart (NeMo's public code).
const EXCLUDED: f64 = -1e5;
/// Below the square of a norm, whose gradient is infinite at zero.
const NORM_EPSILON: f64 = 1e-12;

/// Rows of unit length.
pub fn unit(rows: &Tensor) -> Tensor {
    rows / rows.square().sum_dim_intlist([1i64].as_slice(), true, Kind::Float).clamp_min(NORM_EPSILON).sqrt()
}

/// The features of a batch at its visible vertices and at background cells.
#[derive(Debug)]
pub struct Rows {
    /// `[N, D]` unit rows.
    features: Tensor,
    /// `[N]`.
    vertex: Tensor,
    /// `[N]`.
    crop: Tensor,
    /// `[M, D]` unit rows.
    noise: Tensor,
    /// `[M]`.
    noise_crop: Tensor,
}

impl Rows {
    /// Reads `[B, D, h, w]` features bilinearly (cells beyond the border repeat the last) and makes them unit again.
    ///
    /// # Errors
    /// None, unless libtorch fails.
    pub fn gather(features: &Tensor, surface: &SurfaceRows) -> Result<Self> {
        let (device, size) = (features.device(), features.size());
        let (dim, height, width) = (size[1], size[2], size[3]);
        let cells = features.permute([0, 2, 3, 1]).reshape([-1, dim]);
        let index = |values: &[i64]| Ok::<_, anyhow::Error>(Tensor::f_from_slice(values)?.to_device(device));
        let flat: Vec<f32> = surface.at.iter().flatten().copied().collect();
        let at = Tensor::f_from_slice(&flat)?.view([-1, 2]).to_device(device) - 0.5;
        let crop = index(&surface.crop)?;
        let (u, v) = (at.select(1, 0), at.select(1, 1));
        let (left, top) = (u.floor(), v.floor());
        let mut sum = Tensor::zeros([crop.size()[0], dim], (Kind::Float, device));
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let (x, y) = (&left + dx, &top + dy);
            let weight: Tensor = (1.0 - (&u - &x).abs()) * (1.0 - (&v - &y).abs());
            let (x, y) = (x.clamp(0.0, (width - 1) as f64), y.clamp(0.0, (height - 1) as f64));
            let cell = (&crop * height + y.to_kind(Kind::Int64)) * width + x.to_kind(Kind::Int64);
            sum = sum + cells.index_select(0, &cell) * weight.unsqueeze(1);
        }
        let noise_crop = index(&surface.noise_crop)?;
        let noise = cells.index_select(0, &(&noise_crop * (height * width) + index(&surface.noise_cell)?));
        Ok(Self { features: unit(&sum), vertex: index(&surface.vertex)?, crop, noise, noise_crop })
    }

    /// Whether no vertex is seen, or no background.
    pub fn is_empty(&self) -> bool {
        self.features.size()[0] == 0 || self.noise.size()[0] == 0
    }

    /// `[M, D]` features of background cells.
    pub fn noise(&self) -> &Tensor {
        &self.noise
    }

    /// Sum of the features `[V, D]` and number of rows `[V, 1]` of each vertex; shaped after `vertices`.
    pub fn sums(&self, vertices: &Tensor) -> (Tensor, Tensor) {
        let ones = Tensor::ones([self.vertex.size()[0], 1], (Kind::Float, self.vertex.device()));
        let counts = vertices.narrow(1, 0, 1).zeros_like().index_add(0, &self.vertex, &ones);
        (vertices.zeros_like().index_add(0, &self.vertex, &self.features.detach()), counts)
    }
}

/// NeMo's public code: cross entropy of the vertex among all others and the clutter bank, without near vertices; mean similarity of
/// background to all vertices; and the share of rows whose vertex or a near one is most similar.
pub fn contrastive(
    rows: &Rows,
    vertices: &Tensor,
    clutter: &Tensor,
    near: &Tensor,
    config: &MeshConfig,
) -> (Tensor, Tensor, Tensor) {
    let to_vertices = rows.features.matmul(&vertices.tr()) / config.temperature;
    let excluded = near.index_select(0, &rows.vertex);
    let to_clutter = rows.features.matmul(&clutter.tr()) / config.temperature + config.clutter_weight.ln();
    let logits = Tensor::cat(&[&to_vertices + &excluded * EXCLUDED, to_clutter], 1);
    let loss = logits.cross_entropy_for_logits(&rows.vertex);
    let background = rows.noise.matmul(&vertices.tr()).mean(Kind::Float);
    let best = to_vertices.argmax(1, false);
    let is_near = excluded.gather(1, &best.unsqueeze(1), false).squeeze_dim(1);
    let hit = (best.eq_tensor(&rows.vertex).to_kind(Kind::Float) + is_near).mean(Kind::Float);
    (loss, background, hit.detach())
}

/// The paper's losses on unit vectors, each as a mean: squared distance of a feature to its vertex (Eq. 8), less that to the crop's
/// other rows (Eq. 9) and, as the second term, less that to the crop's background (Eq. 10).
pub fn likelihood(rows: &Rows, vertices: &Tensor, near: &Tensor) -> (Tensor, Tensor, Tensor) {
    let own = vertices.index_select(0, &rows.vertex);
    let distance = (&rows.features - own).square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
    // On unit vectors |a - b|^2 = 2 - 2 cos.
    let mean_where =
        |cosines: Tensor, mask: Tensor| (cosines * &mask).sum(Kind::Float) / mask.sum(Kind::Float).clamp_min(1.0);
    let same_crop = rows.crop.unsqueeze(1).eq_tensor(&rows.crop.unsqueeze(0)).to_kind(Kind::Float);
    let near_rows = near.index_select(0, &rows.vertex).index_select(1, &rows.vertex);
    let same = rows.vertex.unsqueeze(1).eq_tensor(&rows.vertex.unsqueeze(0)).to_kind(Kind::Float);
    let others = same_crop * (1.0 - near_rows) * (1.0 - same);
    let apart = mean_where(rows.features.matmul(&rows.features.tr()), others) * 2.0;
    let behind = rows.crop.unsqueeze(1).eq_tensor(&rows.noise_crop.unsqueeze(0)).to_kind(Kind::Float);
    let background = mean_where(rows.features.matmul(&rows.noise.tr()), behind) * 2.0;
    let best = rows.features.matmul(&vertices.tr()).argmax(1, false);
    let hit = best.eq_tensor(&rows.vertex).to_kind(Kind::Float).mean(Kind::Float);
    (distance.mean(Kind::Float) + apart, background, hit.detach())
}
