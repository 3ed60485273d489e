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

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const DIM: usize = 3;
    const VERTICES: [[f32; DIM]; 4] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.6, 0.8, 0.0]];
    const CLUTTER: [[f32; DIM]; 2] = [[0.0, -1.0, 0.0], [0.0, 0.6, 0.8]];
    /// Vertices 0 and 3 cannot be told apart.
    const NEAR: [[f32; 4]; 4] = [[0.0, 0.0, 0.0, 1.0], [0.0; 4], [0.0; 4], [1.0, 0.0, 0.0, 0.0]];

    fn tensor<const N: usize>(rows: &[[f32; N]]) -> Tensor {
        Tensor::from_slice(&rows.concat()).view([-1, N as i64])
    }

    /// Two crops of 2 x 3 cells; cell `(row, column)` of crop `b` points mostly along axis `(row + column + b) % 3`.
    fn features() -> Tensor {
        let value = |b: usize, c: usize, y: usize, x: usize| if (y + x + b) % 3 == c { 1.0f32 } else { 0.25 };
        let all = (0..2 * DIM * 6).map(|i| value(i / (DIM * 6), i / 6 % DIM, i / 3 % 2, i % 3));
        Tensor::from_slice(&all.collect::<Vec<f32>>()).view([2, DIM as i64, 2, 3])
    }

    fn surface() -> SurfaceRows {
        SurfaceRows {
            crop: vec![0, 0, 1],
            vertex: vec![0, 2, 1],
            at: vec![[0.5, 0.5], [1.25, 1.0], [2.9, 1.9]],
            noise_crop: vec![0, 1],
            noise_cell: vec![5, 0],
        }
    }

    fn cell(b: usize, y: usize, x: usize) -> [f64; DIM] {
        [0, 1, 2].map(|c| if (y + x + b) % 3 == c { 1.0 } else { 0.25 })
    }

    fn normalized(v: [f64; DIM]) -> [f64; DIM] {
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.map(|x| x / length)
    }

    fn mix(parts: &[(f64, [f64; DIM])]) -> [f64; DIM] {
        normalized([0, 1, 2].map(|c| parts.iter().map(|(weight, v)| weight * v[c]).sum()))
    }

    /// The rows by hand: a cell's centre; between four centres; beyond the last centres.
    fn expected_rows() -> [[f64; DIM]; 3] {
        [
            normalized(cell(0, 0, 0)),
            mix(&[
                (0.25 * 0.5, cell(0, 0, 0)),
                (0.75 * 0.5, cell(0, 0, 1)),
                (0.25 * 0.5, cell(0, 1, 0)),
                (0.75 * 0.5, cell(0, 1, 1)),
            ]),
            normalized(cell(1, 1, 2)),
        ]
    }

    fn dot(a: &[f64; DIM], b: &[f32; DIM]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * f64::from(*b)).sum()
    }

    #[test]
    fn rows_are_read_between_cells_and_made_unit() {
        let rows = Rows::gather(&features(), &surface()).unwrap();
        for (i, expected) in expected_rows().iter().enumerate() {
            for (c, expected) in expected.iter().enumerate() {
                let found = rows.features.double_value(&[i as i64, c as i64]);
                assert!((found - expected).abs() < 1e-6, "row {i}: {found} for {expected}");
            }
        }
        let (sums, counts) = rows.sums(&tensor(&VERTICES));
        assert_eq!(Vec::<f32>::try_from(counts.view(-1)).unwrap(), [1.0, 1.0, 1.0, 0.0]);
        assert!((sums.double_value(&[2, 0]) - expected_rows()[1][0]).abs() < 1e-6);
    }

    #[test]
    fn the_contrastive_loss_is_the_public_codes() {
        let config = MeshConfig::default();
        let rows = Rows::gather(&features(), &surface()).unwrap();
        let (loss, background, hit) =
            contrastive(&rows, &tensor(&VERTICES), &tensor(&CLUTTER), &tensor(&NEAR), &config);
        let (mut sum, mut hits) = (0.0, 0.0);
        for (feature, vertex) in expected_rows().iter().zip([0usize, 2, 1]) {
            let others = (0..4).filter(|&other| NEAR[vertex][other] == 0.0);
            let weight = |theta: &[f32; DIM]| (dot(feature, theta) / config.temperature).exp();
            let clutter: f64 = CLUTTER.iter().map(|c| config.clutter_weight * weight(c)).sum();
            let total = others.map(|other| weight(&VERTICES[other])).sum::<f64>() + clutter;
            sum -= (weight(&VERTICES[vertex]) / total).ln();
            let best = (0..4).max_by(|&a, &b| dot(feature, &VERTICES[a]).total_cmp(&dot(feature, &VERTICES[b])));
            hits += f64::from(u8::from(best.is_some_and(|best| best == vertex || NEAR[vertex][best] == 1.0)));
        }
        assert!((loss.double_value(&[]) - sum / 3.0).abs() < 1e-5, "{loss:?} for {}", sum / 3.0);
        assert!((hit.double_value(&[]) - hits / 3.0).abs() < 1e-6);
        let noise = [cell(0, 1, 2), cell(1, 0, 0)];
        let mean = noise.iter().flat_map(|n| VERTICES.iter().map(|v| dot(n, v))).sum::<f64>() / 8.0;
        assert!((background.double_value(&[]) - mean).abs() < 1e-6);
    }

    #[test]
    fn the_likelihood_pulls_to_the_vertex_and_pushes_from_the_crops_own() {
        let rows = Rows::gather(&features(), &surface()).unwrap();
        let (loss, background, _) = likelihood(&rows, &tensor(&VERTICES), &tensor(&NEAR));
        let found = expected_rows();
        let own: f64 = found.iter().zip([0usize, 2, 1]).map(|(f, v)| 2.0 - 2.0 * dot(f, &VERTICES[v])).sum();
        // Only the first two rows share a crop.
        let cosine: f64 = (0..DIM).map(|c| found[0][c] * found[1][c]).sum();
        assert!((loss.double_value(&[]) - (own / 3.0 + 2.0 * cosine)).abs() < 1e-5);
        let against = |row: usize, noise: [f64; DIM]| (0..DIM).map(|c| found[row][c] * noise[c]).sum::<f64>();
        let mean = (against(0, cell(0, 1, 2)) + against(1, cell(0, 1, 2)) + against(2, cell(1, 0, 0))) / 3.0;
        assert!((background.double_value(&[]) - 2.0 * mean).abs() < 1e-5);
    }

    #[test]
    fn a_batch_without_rows_is_empty() {
        let rows = Rows::gather(&features(), &SurfaceRows::default()).unwrap();
        assert!(rows.is_empty());
        assert_eq!(unit(&Tensor::zeros([1, 3], (Kind::Float, Device::Cpu))).double_value(&[0, 0]), 0.0);
    }
}
