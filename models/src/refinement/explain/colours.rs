//! Features as colours: their first three principal components.

use nalgebra::{DMatrix, DVector};

/// Standard deviations to either side that the range of a channel spans.
const SPAN: f32 = 2.0;

/// How features are coloured.
pub(super) struct Palette {
    mean: Vec<f32>,
    /// Each divided by its standard deviation.
    axes: [Vec<f32>; 3],
}

impl Palette {
    /// Of features `[V, dim]`; without any, everything is grey.
    pub fn of(features: &[f32], dim: usize) -> Self {
        let rows = features.chunks_exact(dim.max(1));
        let count = rows.len().max(1) as f32;
        let mut mean = vec![0.0; dim];
        rows.clone().for_each(|row| mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / count));
        let mut spread = DMatrix::<f32>::zeros(dim, dim);
        for row in rows {
            let away = DVector::from_iterator(dim, row.iter().zip(&mean).map(|(value, mean)| value - mean));
            spread.ger(1.0 / count, &away, &away, 1.0);
        }
        let eigen = spread.symmetric_eigen();
        let mut order: Vec<usize> = (0..dim).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let axes = [0, 1, 2].map(|rank| {
            // No axis, or none along which features differ.
            let axis = order.get(rank).copied().filter(|&axis| eigen.eigenvalues[axis] > 1e-12);
            let Some(axis) = axis else { return vec![0.0; dim] };
            let vector = eigen.eigenvectors.column(axis);
            // The sign of an eigenvector is nobody's choice: let its largest element be positive.
            let largest = vector.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(1.0);
            let scale = largest.signum() / eigen.eigenvalues[axis].sqrt();
            vector.iter().map(|value| value * scale).collect()
        });
        Self { mean, axes }
    }

    /// Red, green and blue of a feature.
    pub fn colour(&self, feature: &[f32]) -> [u8; 3] {
        [0, 1, 2].map(|channel| {
            let away: f32 = self.axes[channel]
                .iter()
                .zip(feature.iter().zip(&self.mean))
                .map(|(axis, (a, mean))| axis * (a - mean))
                .sum();
            (127.5 * (1.0 + (away / SPAN).clamp(-1.0, 1.0))) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_direction_is_red_and_the_middle_is_grey() {
        // Along (3, 4)/5 with twice the spread of the direction across.
        let point = |along: f32, across: f32| [0.6 * along - 0.8 * across, 0.8 * along + 0.6 * across];
        let features: Vec<f32> =
            [(-2.0, 0.0), (2.0, 0.0), (0.0, -1.0), (0.0, 1.0)].iter().flat_map(|&(a, b)| point(a, b)).collect();
        let palette = Palette::of(&features, 2);
        assert_eq!(palette.colour(&[0.0, 0.0]), [127; 3]);
        let [red, green, blue] = palette.colour(&point(2.0, 0.0));
        assert!(red > 200 && green.abs_diff(127) <= 1 && blue == 127, "{red} {green} {blue}");
        let [red, green, _] = palette.colour(&point(0.0, 1.0));
        assert!(red.abs_diff(127) <= 1 && green.abs_diff(127) > 70, "{red} {green}");
    }

    #[test]
    fn without_features_everything_is_grey() {
        assert_eq!(Palette::of(&[], 3).colour(&[1.0, 0.0, 0.0]), [127; 3]);
    }
}
