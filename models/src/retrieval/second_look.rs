//! A second look at an object that the first one left in doubt: crops of slightly different boxes, embedded as well.
//!
//! Neighbouring crops of one object share their content and differ in their noise (where the box cuts, where pixels fall), so
//! the mean of their embeddings is nearer to what the network makes of the object itself. It costs one network pass for each
//! crop, which is why only objects in doubt get it.

use kernels::BoxPx;

use super::Retrieval;

/// Most jittered crops an object is given.
pub const CROPS_MAX: usize = OFFSETS.len();

/// Shift right and down (parts of the box's sides) and scale. Every one of them keeps at least 0.8 of intersection over
/// union with the box, and the first two, four and eight are balanced around it.
const OFFSETS: [[f32; 3]; 8] = [
    [-0.05, -0.05, 1.0],
    [0.05, 0.05, 1.0],
    [0.05, -0.05, 0.98],
    [-0.05, 0.05, 1.02],
    [0.0, 0.0, 0.92],
    [0.0, 0.0, 1.08],
    [-0.09, 0.0, 1.0],
    [0.09, 0.0, 1.0],
];

/// Who gets a second look, and how many crops it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SecondLook {
    /// Jittered crops beside the detector's, at most [`CROPS_MAX`]; 0: nobody gets one.
    pub crops: usize,
    /// Flip probability from which on an object is in doubt, 0 to 1.
    pub flip_probability_min: f64,
    /// Standard deviation of the rotation (root of the covariance's trace) from which on it is, radians.
    pub spread_rad_min: f64,
}

impl SecondLook {
    /// Nobody gets one.
    pub const OFF: Self = Self { crops: 0, flip_probability_min: 1.0, spread_rad_min: f64::INFINITY };

    /// True where the first answer is in doubt.
    pub fn is_due(&self, first: &Retrieval) -> bool {
        let is_in_doubt = first.flip_probability >= self.flip_probability_min
            || first.covariance.trace() >= self.spread_rad_min * self.spread_rad_min;
        self.crops > 0 && is_in_doubt
    }
}

/// Box number `index` (below [`CROPS_MAX`], then again from the first) near `box_px`, cut at the image's border.
///
/// The same for the same box, always. Intersection over union with a `box_px` inside the image: at least 0.8.
pub fn jittered(box_px: &BoxPx, index: usize, width_px: u32, height_px: u32) -> BoxPx {
    let [right, down, scale] = OFFSETS[index % OFFSETS.len()];
    let [u, v] = box_px.center();
    let (width, height) = (box_px.width(), box_px.height());
    let (u, v) = (u + right * width, v + down * height);
    let (half_width, half_height) = (0.5 * scale * width, 0.5 * scale * height);
    BoxPx {
        x1: (u - half_width).max(0.0),
        y1: (v - half_height).max(0.0),
        x2: (u + half_width).min(width_px as f32),
        y2: (v + half_height).min(height_px as f32),
    }
}

/// Adds a unit `embedding` to the `sum` of others.
pub fn add(sum: &mut [f32], embedding: &[f32]) {
    for (total, value) in sum.iter_mut().zip(embedding) {
        *total += value;
    }
}

/// Scales the `sum` of unit embeddings to their mean direction. False where it has none: the sum is then as it was.
pub fn normalize(sum: &mut [f32]) -> bool {
    let norm = sum.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let has_direction = norm.is_finite() && norm > 1e-6;
    if has_direction {
        for value in sum {
            *value = (f64::from(*value) / norm) as f32;
        }
    }
    has_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(a: &BoxPx, b: &BoxPx) -> f32 {
        let side = |a1: f32, a2: f32, b1: f32, b2: f32| (a2.min(b2) - a1.max(b1)).max(0.0);
        let common = side(a.x1, a.x2, b.x1, b.x2) * side(a.y1, a.y2, b.y1, b.y2);
        common / (a.width() * a.height() + b.width() * b.height() - common)
    }

    #[test]
    fn every_jittered_box_keeps_the_overlap_and_stays_in_the_image() {
        let inside = BoxPx { x1: 300.0, y1: 100.0, x2: 420.0, y2: 160.0 };
        let corner = BoxPx { x1: 0.0, y1: 0.0, x2: 90.0, y2: 70.0 };
        let whole = BoxPx { x1: 0.0, y1: 0.0, x2: 600.0, y2: 200.0 };
        for box_px in [inside, corner, whole] {
            for index in 0..CROPS_MAX {
                let near = jittered(&box_px, index, 600, 200);
                assert!(overlap(&box_px, &near) >= 0.8, "{index}: {near:?}");
                assert!(near.x1 >= 0.0 && near.y1 >= 0.0 && near.x2 <= 600.0 && near.y2 <= 200.0);
            }
            assert_eq!(jittered(&box_px, CROPS_MAX, 600, 200), jittered(&box_px, 0, 600, 200));
        }
    }

    #[test]
    fn the_offsets_are_balanced() {
        for count in [2, 4, 6, 8] {
            for axis in 0..2 {
                assert!(OFFSETS[..count].iter().map(|offset| offset[axis]).sum::<f32>().abs() < 1e-6);
            }
            let scale = OFFSETS[..count].iter().map(|offset| offset[2]).sum::<f32>() / count as f32;
            assert!((scale - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn the_mean_of_two_directions_lies_between_them() {
        let mut sum = [1.0, 0.0];
        add(&mut sum, &[0.0, 1.0]);
        assert!(normalize(&mut sum));
        assert!(sum.iter().all(|x| (x - 0.5f32.sqrt()).abs() < 1e-6));
        let mut nothing = [1.0, -1.0];
        add(&mut nothing, &[-1.0, 1.0]);
        assert!(!normalize(&mut nothing));
    }
}
