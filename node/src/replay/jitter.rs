//! Boxes as a detector would give them: labelled ones, shifted at every side.
//!
//! After Kouros et al. (BMVC 2022), equations 4 and 5, on the tight box: every side moves by at most
//! `n = ((h + w) - sqrt((h + w)^2 - 4 h w (1 - iou_min))) / 4`, so that the box shrunk at all sides by `n` has an intersection over
//! union of exactly `iou_min` with the label, and no other box has less. `n` is not rounded: small boxes would not move at all.

use kernels::BoxPx;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How boxes are shifted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter {
    /// Least intersection over union with the label, above 0 and at most 1.
    pub iou_min: f64,
    /// The same seed shifts the same boxes of the same frame in the same way.
    pub seed: u64,
}

impl Jitter {
    /// The source of shifts for one frame, independent of other frames.
    pub fn of_frame(&self, index: u32) -> FrameJitter {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(u64::from(index));
        FrameJitter { iou_min: self.iou_min, random }
    }
}

/// Shifts the boxes of one frame, one after the other.
#[derive(Debug)]
pub struct FrameJitter {
    iou_min: f64,
    random: ChaCha8Rng,
}

impl FrameJitter {
    /// The next box, shifted. A box without area, or not finite, is returned as it is.
    pub fn shift(&mut self, tight: &BoxPx) -> BoxPx {
        let [x1, y1, x2, y2] = [tight.x1, tight.y1, tight.x2, tight.y2].map(f64::from);
        let shift_max = shift_max_px(x2 - x1, y2 - y1, self.iou_min);
        // Four numbers are drawn in any case: what one box is does not change the shifts of the next.
        let [dx1, dy1, dx2, dy2]: [f64; 4] = std::array::from_fn(|_| self.random.random_range(-1.0..=1.0) * shift_max);
        BoxPx { x1: (x1 + dx1) as f32, y1: (y1 + dy1) as f32, x2: (x2 + dx2) as f32, y2: (y2 + dy2) as f32 }
    }
}

/// How far a side may move; 0 where the box has no area or is not finite.
fn shift_max_px(width: f64, height: f64, iou_min: f64) -> f64 {
    let sum = width + height;
    let root = (sum * sum - 4.0 * width * height * (1.0 - iou_min)).sqrt();
    let shift = (sum - root) / 4.0;
    if width > 0.0 && height > 0.0 && shift.is_finite() { shift.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn intersection_over_union(a: &BoxPx, b: &BoxPx) -> f64 {
        let area = |b: &BoxPx| f64::from(b.x2 - b.x1).max(0.0) * f64::from(b.y2 - b.y1).max(0.0);
        let common = BoxPx { x1: a.x1.max(b.x1), y1: a.y1.max(b.y1), x2: a.x2.min(b.x2), y2: a.y2.min(b.y2) };
        area(&common) / (area(a) + area(b) - area(&common))
    }

    fn shrunk(b: &BoxPx, by: f64) -> BoxPx {
        let by = by as f32;
        BoxPx { x1: b.x1 + by, y1: b.y1 + by, x2: b.x2 - by, y2: b.y2 - by }
    }

    #[test]
    fn the_box_shrunk_at_all_sides_has_exactly_the_least_overlap() {
        let tight = BoxPx { x1: 100.0, y1: 50.0, x2: 300.0, y2: 150.0 };
        for iou_min in [0.9, 0.75, 0.5] {
            let overlap = intersection_over_union(&tight, &shrunk(&tight, shift_max_px(200.0, 100.0, iou_min)));
            assert!((overlap - iou_min).abs() < 1e-5, "{overlap} {iou_min}");
        }
    }

    #[test]
    fn the_same_seed_and_frame_give_the_same_boxes_and_others_do_not() {
        let jitter = Jitter { iou_min: 0.75, seed: 7 };
        let tight = BoxPx { x1: 0.0, y1: 0.0, x2: 100.0, y2: 50.0 };
        let first = jitter.of_frame(3).shift(&tight);
        assert_eq!(jitter.of_frame(3).shift(&tight), first);
        assert_ne!(jitter.of_frame(4).shift(&tight), first);
        assert_ne!(Jitter { seed: 8, ..jitter }.of_frame(3).shift(&tight), first);
    }

    #[test]
    fn a_box_without_area_is_left_alone() {
        let jitter = Jitter { iou_min: 0.5, seed: 0 };
        for (x2, y2) in [(0.0, 10.0), (-5.0, 5.0), (f32::INFINITY, 10.0)] {
            let tight = BoxPx { x1: 0.0, y1: 0.0, x2, y2 };
            assert_eq!(jitter.of_frame(0).shift(&tight), tight);
        }
    }

    proptest! {
        #[test]
        fn no_box_overlaps_less_than_promised(
            width in 5.0f32..800.0, height in 5.0f32..300.0, iou_min in 0.3f64..1.0, seed in any::<u64>(),
        ) {
            let tight = BoxPx { x1: 50.0, y1: 40.0, x2: 50.0 + width, y2: 40.0 + height };
            let mut jitter = Jitter { iou_min, seed }.of_frame(0);
            for _ in 0..50 {
                let overlap = intersection_over_union(&tight, &jitter.shift(&tight));
                prop_assert!(overlap > iou_min - 1e-4, "{overlap} {iou_min}");
            }
        }
    }
}
