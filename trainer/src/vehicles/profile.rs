//! Curves over the length of a vehicle: straight pieces with rounded corners.

/// A polyline z(x) over ascending x, whose corners are rounded by averaging over a window of `2 * radius`.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    points: Vec<[f32; 2]>,
    radius: f32,
}

impl Profile {
    /// `points` are (x, z) with x in any order; `radius` in metres along x.
    pub(super) fn new(mut points: Vec<[f32; 2]>, radius: f32) -> Self {
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        Self { points, radius }
    }

    /// Height at `x`; beyond the ends the curve continues level.
    pub(super) fn at(&self, x: f32) -> f32 {
        (self.integral(x + self.radius) - self.integral(x - self.radius)) / (2.0 * self.radius)
    }

    /// Corner positions, for placing stations.
    pub(super) fn corners(&self) -> impl Iterator<Item = f32> + '_ {
        self.points.iter().map(|point| point[0])
    }

    /// Integral of the sharp polyline from its first point to `x`.
    fn integral(&self, x: f32) -> f32 {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return 0.0 };
        if x <= first[0] {
            return (x - first[0]) * first[1];
        }
        let mut sum = 0.0;
        for pair in self.points.windows(2) {
            let ([x0, z0], [x1, z1]) = (pair[0], pair[1]);
            let width = x1 - x0;
            if width <= 0.0 || x <= x0 {
                continue;
            }
            let end = x.min(x1);
            let z_end = z0 + (z1 - z0) * (end - x0) / width;
            sum += (end - x0) * 0.5 * (z0 + z_end);
        }
        sum + (x - last[0]).max(0.0) * last[1]
    }
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_pieces_are_kept_and_corners_are_cut() {
        let profile = Profile::new(vec![[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]], 0.1);
        assert!((profile.at(0.5) - 0.5).abs() < 1e-6);
        assert!((profile.at(1.5) - 1.0).abs() < 1e-6);
        assert!(profile.at(1.0) < 1.0);
        assert!((profile.at(5.0) - 1.0).abs() < 1e-6);
    }
}
