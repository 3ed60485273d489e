//! Detector-like noise on a tight box, with a floor on the intersection over union (Kouros et al. 2022, Eq. 4-5).

use kernels::BoxPx;
use rand::Rng;

/// Largest shift of each side for which the intersection over union with the `width` x `height` box stays at or above
/// `iou_min`, whatever the directions.
pub fn shift_max(width: f32, height: f32, iou_min: f32) -> f32 {
    let beta = (1.0 - iou_min).clamp(0.0, 1.0);
    let sum = width + height;
    let root = (sum * sum - 4.0 * width * height * beta).max(0.0).sqrt();
    (sum - root) / 4.0
}

/// Moves the four sides independently and uniformly within [`shift_max`].
pub fn jitter(tight: &BoxPx, iou_min: f32, rng: &mut impl Rng) -> BoxPx {
    let limit = shift_max(tight.x2 - tight.x1, tight.y2 - tight.y1, iou_min);
    let mut shift = || if limit > 0.0 { rng.random_range(-limit..=limit) } else { 0.0 };
    BoxPx { x1: tight.x1 + shift(), y1: tight.y1 + shift(), x2: tight.x2 + shift(), y2: tight.y2 + shift() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn iou(a: &BoxPx, b: &BoxPx) -> f32 {
        let w = (a.x2.min(b.x2) - a.x1.max(b.x1)).max(0.0);
        let h = (a.y2.min(b.y2) - a.y1.max(b.y1)).max(0.0);
        let area = |r: &BoxPx| (r.x2 - r.x1) * (r.y2 - r.y1);
        w * h / (area(a) + area(b) - w * h)
    }

    #[test]
    fn the_intersection_over_union_never_falls_below_the_floor() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let tight = BoxPx { x1: 10.0, y1: 20.0, x2: 130.0, y2: 71.0 };
        for floor in [0.5, 0.75, 0.9] {
            for _ in 0..5000 {
                assert!(iou(&tight, &jitter(&tight, floor, &mut rng)) >= floor - 1e-4);
            }
        }
    }

    #[test]
    fn shrinking_every_side_fully_meets_the_floor_exactly() {
        let (w, h) = (120.0, 51.0);
        let n = shift_max(w, h, 0.75);
        assert!(((w - 2.0 * n) * (h - 2.0 * n) / (w * h) - 0.75).abs() < 1e-4);
    }
}
