//! How large the rotation errors are.

use std::fmt::Write as _;

use super::{Plot, round_up};
use crate::demo::headline::percent;
use crate::demo::record::{Grade, Playback};

/// Bounds of the bins, degrees. Uneven, because what matters lies at the small end and beyond 150.
const BOUNDS_DEG: [f64; 9] = [0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 150.0, 180.0];

/// Share of the answered objects in each bin of error.
pub fn error_histogram(playback: &Playback) -> String {
    let plot = Plot::new([560.0, 300.0]);
    let errors: Vec<f64> = playback.objects().filter_map(|(_, object)| object.error_deg).collect();
    let counts = counts(&errors);
    let shares = counts.map(|count| percent(count, errors.len()).unwrap_or(0.0));
    let top = round_up(shares.iter().copied().fold(10.0, f64::max));

    let mut svg = plot.open("Histogram of rotation errors");
    plot.name_y(&mut svg, "% of objects");
    for line in 0..=4 {
        let share = f64::from(line) / 4.0;
        plot.grid_line(&mut svg, share, &format!("{:.0}", share * top), "grid");
    }
    let width = 1.0 / counts.len() as f64;
    for (bin, (&count, share)) in counts.iter().zip(shares).enumerate() {
        let (low, high) = (BOUNDS_DEG[bin], BOUNDS_DEG[bin + 1]);
        let grade = Grade::from_error_deg(0.5 * (low + high)).css_class();
        let left = bin as f64 * width;
        let (x1, x2, y) = (plot.x(left + 0.12 * width), plot.x(left + 0.88 * width), plot.y(share / top));
        let _ = write!(
            svg,
            "<rect class=\"bar {grade}\" x=\"{x1:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{count} objects off by {low:.0} to {high:.0} degrees</title></rect>",
            x2 - x1,
            plot.y(0.0) - y
        );
        if count > 0 {
            let _ = write!(
                svg,
                "<text class=\"axis middle\" x=\"{:.1}\" y=\"{:.1}\">{count}</text>",
                0.5 * (x1 + x2),
                y - 5.0
            );
        }
        plot.below(&mut svg, left + 0.5 * width, &format!("{low:.0}–{high:.0}°"));
    }
    plot.name_x(&mut svg, "angle between estimated and true orientation");
    svg.push_str("</svg>");
    svg
}

fn counts(errors_deg: &[f64]) -> [usize; BOUNDS_DEG.len() - 1] {
    let mut counts = [0; BOUNDS_DEG.len() - 1];
    for &error in errors_deg {
        // The last bin keeps its upper bound, so that nothing falls off the end.
        let bin = BOUNDS_DEG[1..].iter().position(|&high| error < high).unwrap_or(counts.len() - 1);
        counts[bin] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_falls_into_one_bin_and_bounds_belong_to_the_upper_one() {
        let errors = [0.0, 1.9, 2.0, 9.99, 10.0, 30.0, 149.0, 150.0, 180.0, 180.001];
        assert_eq!(counts(&errors), [2, 1, 1, 1, 0, 1, 1, 3]);
        assert_eq!(counts(&errors).iter().sum::<usize>(), errors.len());
    }

    #[test]
    fn the_bins_change_colour_where_the_grades_do() {
        for window in BOUNDS_DEG.windows(2) {
            let just_inside = Grade::from_error_deg(window[1] - 1e-6);
            assert_eq!(Grade::from_error_deg(0.5 * (window[0] + window[1])), just_inside);
        }
    }
}
