//! Losses between query and reference embeddings.

use tch::{Kind, Tensor};

use super::config::{LossConfig, Miner, PairLoss};

/// Keeps the square root's gradient finite for identical embeddings.
const SQUARED_DISTANCE_MIN: f64 = 1e-6;

/// Terms of one step.
#[derive(Debug)]
pub struct Loss {
    /// What is minimised.
    pub total: Tensor,
    /// Unweighted pairwise term.
    pub pair: Tensor,
    /// Unweighted listwise term.
    pub listwise: Tensor,
}

/// Loss of unit embeddings `queries` `[Q, D]` and `references` `[R, D]` whose poses are `distances_rad` `[Q, R]` apart.
pub fn retrieval_loss(queries: &Tensor, references: &Tensor, distances_rad: &Tensor, config: &LossConfig) -> Loss {
    let squared = (queries.matmul(&references.tr()) * -2.0 + 2.0).clamp_min(SQUARED_DISTANCE_MIN);
    let pair = pair_loss(&squared.sqrt(), distances_rad, config);
    let listwise = listwise_loss(&squared, distances_rad, config);
    Loss { total: config.contrastive * &pair + config.listwise * &listwise, pair, listwise }
}

/// Geodesic distances in radians `[Q, R]` of unit quaternions `[Q, 4]` and `[R, 4]` in double precision.
pub fn geodesic_distances(queries: &Tensor, references: &Tensor) -> Tensor {
    queries.matmul(&references.tr()).abs().clamp_max(1.0).acos().to_kind(Kind::Float) * 2.0
}

fn pair_loss(chord: &Tensor, distances_rad: &Tensor, config: &LossConfig) -> Tensor {
    let positive = distances_rad.le(config.positive_max_deg.to_radians());
    let (positive, negative) = match config.miner {
        Miner::All => (positive.to_kind(Kind::Float), positive.logical_not().to_kind(Kind::Float)),
        Miner::PoseMargin => mined(chord, &positive, config.margin),
    };
    match config.pair {
        PairLoss::ContrastiveDynamic | PairLoss::ContrastiveDiscretised => {
            let margin = distances_rad * config.margin;
            contrastive(chord, &margin, &margin, &positive, &negative)
        }
        PairLoss::ContrastiveFixed => {
            let margin = distances_rad.full_like(config.margin);
            contrastive(chord, &margin.zeros_like(), &margin, &positive, &negative)
        }
        PairLoss::TripletDynamic => triplet(chord, distances_rad, &positive, &negative, config.margin),
    }
}

/// The contrastive pose loss in its corrected form (Kouros et al. 2022, Eq. 1-2): with d the chord between embeddings and
/// margins m D, D the geodesic distance of their poses, positives pay max(0, d - m D), negatives max(0, m D - d), each
/// averaged over the pairs that pay anything.
fn contrastive(chord: &Tensor, pull: &Tensor, push: &Tensor, positive: &Tensor, negative: &Tensor) -> Tensor {
    mean_of_positive(&((chord - pull).relu() * positive)) + mean_of_positive(&((push - chord).relu() * negative))
}

/// max(0, d_ap - d_an + m (D_an - D_ap)) over each query's hardest positive and all of its negatives (Zakharov et al. 2017:
/// a margin that is dynamic).
fn triplet(chord: &Tensor, distances_rad: &Tensor, positive: &Tensor, negative: &Tensor, margin: f64) -> Tensor {
    let hardest = (chord * positive).argmax(1, true);
    let has_positive = positive.amax([1i64].as_slice(), true);
    let (chord_ap, distance_ap) = (chord.gather(1, &hardest, false), distances_rad.gather(1, &hardest, false));
    let terms = (chord_ap - chord + (distances_rad - distance_ap) * margin).relu();
    mean_of_positive(&(terms * negative * has_positive))
}

/// Positives and negatives (1 or 0) that occur in a triplet whose negative is not farther than its positive by `margin`.
fn mined(chord: &Tensor, positive: &Tensor, margin: f64) -> (Tensor, Tensor) {
    let chord = chord.detach();
    let negative = positive.logical_not();
    let nearest_negative = chord.masked_fill(positive, f64::INFINITY).amin([1i64].as_slice(), true);
    let farthest_positive = chord.masked_fill(&negative, f64::NEG_INFINITY).amax([1i64].as_slice(), true);
    let positive = positive.logical_and(&chord.ge_tensor(&(nearest_negative - margin)));
    let negative = negative.logical_and(&chord.le_tensor(&(farthest_positive + margin)));
    (positive.to_kind(Kind::Float), negative.to_kind(Kind::Float))
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
        pair: PairLoss::ContrastiveDynamic,
        miner: Miner::All,
        bin_deg: 15.0,
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

    /// Chords and pose distances (radians) of two queries and four references on a circle.
    const QUERIES: [f64; 2] = [0.3, 1.0];
    const REFERENCES: [f64; 4] = [0.25, 0.9, 2.5, 0.31];
    const POSES: [[f64; 4]; 2] = [[0.02, 0.7, 2.0, 0.05], [0.5, 0.05, 3.0, 0.9]];

    fn chord(q: usize, r: usize) -> f64 {
        2.0 * ((QUERIES[q] - REFERENCES[r]) / 2.0f64).sin().abs()
    }

    fn is_positive(q: usize, r: usize) -> bool {
        POSES[q][r] <= 5f64.to_radians()
    }

    /// Mean over what is above zero, as the formulas are averaged.
    fn mean_paid(terms: impl IntoIterator<Item = f64>) -> f64 {
        let paid: Vec<f64> = terms.into_iter().filter(|&t| t > 0.0).collect();
        paid.iter().sum::<f64>() / paid.len().max(1) as f64
    }

    fn pairs() -> impl Iterator<Item = (usize, usize)> {
        (0..2).flat_map(|q| (0..4).map(move |r| (q, r)))
    }

    fn computed(config: &LossConfig) -> f64 {
        let q = Tensor::from_slice(&QUERIES.map(unit).concat()).view([2, 2]);
        let r = Tensor::from_slice(&REFERENCES.map(unit).concat()).view([4, 2]);
        let d = Tensor::from_slice(&POSES.concat()).to_kind(Kind::Float).view([2, 4]);
        retrieval_loss(&q, &r, &d, config).pair.double_value(&[])
    }

    /// Written out pair by pair from the formula.
    #[test]
    fn the_contrastive_pose_loss_is_the_papers_corrected_formula() {
        let pull = mean_paid(pairs().filter(|&(q, r)| is_positive(q, r)).map(|(q, r)| chord(q, r) - POSES[q][r]));
        let push = mean_paid(pairs().filter(|&(q, r)| !is_positive(q, r)).map(|(q, r)| POSES[q][r] - chord(q, r)));
        assert!((computed(&CONFIG) - pull - push).abs() < 1e-4);
    }

    #[test]
    fn a_fixed_margin_ignores_how_far_apart_the_poses_are() {
        let pull = mean_paid(pairs().filter(|&(q, r)| is_positive(q, r)).map(|(q, r)| chord(q, r)));
        let push = mean_paid(pairs().filter(|&(q, r)| !is_positive(q, r)).map(|(q, r)| 1.0 - chord(q, r)));
        let config = LossConfig { pair: PairLoss::ContrastiveFixed, ..CONFIG };
        assert!((computed(&config) - pull - push).abs() < 1e-4);
    }

    #[test]
    fn the_triplet_loss_pushes_every_negative_beyond_the_hardest_positive() {
        let hardest = |q: usize| {
            (0..4).filter(|&r| is_positive(q, r)).max_by(|&a, &b| chord(q, a).total_cmp(&chord(q, b))).unwrap()
        };
        let term = |(q, n): (usize, usize)| {
            let p = hardest(q);
            chord(q, p) - chord(q, n) + POSES[q][n] - POSES[q][p]
        };
        let expected = mean_paid(pairs().filter(|&(q, r)| !is_positive(q, r)).map(term));
        let config = LossConfig { pair: PairLoss::TripletDynamic, ..CONFIG };
        assert!((computed(&config) - expected).abs() < 1e-4);
    }

    #[test]
    fn the_miner_keeps_the_pairs_of_triplets_within_the_margin() {
        let (margin, in_triplet) = (0.3, |q: usize, p: usize, n: usize| chord(q, n) - chord(q, p) <= 0.3);
        let of = |q: usize, wanted: bool| (0..4).filter(move |&r| is_positive(q, r) == wanted);
        let pull = pairs().filter(|&(q, p)| is_positive(q, p) && of(q, false).any(|n| in_triplet(q, p, n)));
        let push = pairs().filter(|&(q, n)| !is_positive(q, n) && of(q, true).any(|p| in_triplet(q, p, n)));
        let pull = mean_paid(pull.map(|(q, r)| chord(q, r) - margin * POSES[q][r]));
        let push = mean_paid(push.map(|(q, r)| margin * POSES[q][r] - chord(q, r)));
        let config = LossConfig { miner: Miner::PoseMargin, margin, ..CONFIG };
        assert!((computed(&config) - pull - push).abs() < 1e-4);
    }

    #[test]
    fn geodesic_distances_do_not_care_for_a_quaternions_sign() {
        let half = 0.35f64;
        let q = Tensor::from_slice(&[1.0, 0.0, 0.0, 0.0]).view([1, 4]);
        let r = [half.cos(), 0.0, half.sin(), 0.0];
        let r = Tensor::from_slice(&[r, r.map(|c| -c)].concat()).view([2, 4]);
        let d = geodesic_distances(&q, &r);
        assert!((d.double_value(&[0, 0]) - 0.7).abs() < 1e-6 && (d.double_value(&[0, 1]) - 0.7).abs() < 1e-6);
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
