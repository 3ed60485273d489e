//! Losses between query and reference embeddings.

use tch::{Kind, Tensor};

use super::config::LossConfig;

/// Keeps the square root's gradient finite for identical embeddings.
const SQUARED_DISTANCE_MIN: f64 = 1e-6;

/// Terms of one step.
#[derive(Debug)]
pub struct Loss {
    /// What is minimised.
    pub total: Tensor,
    /// Unweighted contrastive pose loss.
    pub contrastive: f64,
    /// Unweighted listwise loss.
    pub listwise: f64,
}

/// Loss of unit embeddings `queries` `[Q, D]` and `references` `[R, D]` whose poses are `distances_rad` `[Q, R]` apart.
pub fn retrieval_loss(queries: &Tensor, references: &Tensor, distances_rad: &Tensor, config: &LossConfig) -> Loss {
    let squared = (queries.matmul(&references.tr()) * -2.0 + 2.0).clamp_min(SQUARED_DISTANCE_MIN);
    let contrastive = contrastive_pose_loss(&squared.sqrt(), distances_rad, config);
    let listwise = listwise_loss(&squared, distances_rad, config);
    Loss {
        contrastive: contrastive.double_value(&[]),
        listwise: listwise.double_value(&[]),
        total: config.contrastive * contrastive + config.listwise * listwise,
    }
}

/// The contrastive pose loss with dynamic margin, in its corrected form (Kouros et al. 2022, Eq. 1-2): with d the chord
/// between embeddings and D the geodesic distance of their poses,
/// positives (D at most `positive_max_deg`) pay max(0, d - m D), negatives max(0, m D - d), each averaged over the pairs
/// that pay anything.
fn contrastive_pose_loss(chord: &Tensor, distances_rad: &Tensor, config: &LossConfig) -> Tensor {
    let margin = distances_rad * config.margin;
    let positive = distances_rad.le(config.positive_max_deg.to_radians()).to_kind(Kind::Float);
    let pull = (chord - &margin).relu() * &positive;
    let push = (&margin - chord).relu() * (1.0 - &positive);
    mean_of_positive(&pull) + mean_of_positive(&push)
}

fn mean_of_positive(terms: &Tensor) -> Tensor {
    let count = terms.gt(0.0).sum(Kind::Float).clamp_min(1.0);
    terms.sum(Kind::Float) / count
}

/// Cross entropy of softmax(-d^2 / temperature) over a query's references with a target that falls off as a Gaussian of
/// pose distance. It orders all references at once where the contrastive loss sees pairs, and so learns in fewer steps.
fn listwise_loss(squared: &Tensor, distances_rad: &Tensor, config: &LossConfig) -> Tensor {
    let width = config.listwise_width_deg.to_radians();
    let target = (distances_rad.square() / (-2.0 * width * width)).softmax(1, Kind::Float);
    let log_probability = (squared / -config.listwise_temperature).log_softmax(1, Kind::Float);
    -(target * log_probability).sum_dim_intlist([1i64].as_slice(), false, Kind::Float).mean(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: LossConfig = LossConfig {
        positive_max_deg: 5.0,
        margin: 1.0,
        contrastive: 1.0,
        listwise: 0.0,
        listwise_width_deg: 6.0,
        listwise_temperature: 0.1,
    };

    fn unit(angle: f64) -> [f32; 2] {
        [angle.cos() as f32, angle.sin() as f32]
    }

    /// Written out pair by pair from the formula.
    #[test]
    fn the_contrastive_pose_loss_is_the_papers_corrected_formula() {
        let (queries, references) = ([0.3, 1.0], [0.25, 0.9, 2.5]);
        let poses: [[f64; 3]; 2] = [[0.02, 0.7, 2.0], [0.5, 0.05, 3.0]];
        let (mut pull, mut push) = (Vec::new(), Vec::new());
        for (q, row) in queries.iter().zip(poses) {
            for (r, distance) in references.iter().zip(row) {
                let chord: f64 = 2.0 * ((q - r) / 2.0f64).sin().abs();
                let list = if distance <= 5f64.to_radians() {
                    (&mut pull, chord - distance)
                } else {
                    (&mut push, distance - chord)
                };
                if list.1 > 0.0 {
                    list.0.push(list.1);
                }
            }
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
        let q = Tensor::from_slice(&queries.map(unit).concat()).view([2, 2]);
        let r = Tensor::from_slice(&references.map(unit).concat()).view([3, 2]);
        let d = Tensor::from_slice(&poses.concat()).to_kind(Kind::Float).view([2, 3]);
        let loss = retrieval_loss(&q, &r, &d, &CONFIG);
        assert!((loss.contrastive - mean(&pull) - mean(&push)).abs() < 1e-4);
    }

    #[test]
    fn identical_embeddings_have_finite_gradients() {
        let q = Tensor::from_slice(&unit(0.5)).view([1, 2]).set_requires_grad(true);
        let r = Tensor::from_slice(&unit(0.5)).view([1, 2]);
        let d = Tensor::from_slice(&[0.0f32]).view([1, 1]);
        retrieval_loss(&q, &r, &d, &CONFIG).total.backward();
        assert!(q.grad().isfinite().all().int64_value(&[]) == 1);
    }
}
