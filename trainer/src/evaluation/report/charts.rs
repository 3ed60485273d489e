//! Charts as SVG: sizes of errors, and accuracy by viewing side.

use std::fmt::Write as _;

use super::markup::grade;
use crate::evaluation::azimuth::{AzimuthBin, BIN_COUNT, BIN_DEG};
use crate::evaluation::uncertainty::FlipBin;

/// Size of a chart and its margins left, right, top, bottom; pixels of its own.
const SIZE_PX: [f64; 2] = [560.0, 302.0];
const MARGINS_PX: [f64; 4] = [44.0, 12.0, 42.0, 42.0];
/// Bounds of the histogram's bins, degrees. Uneven, because what matters lies at the small end and beyond 150.
const BOUNDS_DEG: [f64; 9] = [0.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 150.0, 180.0];

/// Pixel column of a share (0 to 1) of the plot's width.
fn column(share: f64) -> f64 {
    MARGINS_PX[0] + share * (SIZE_PX[0] - MARGINS_PX[0] - MARGINS_PX[1])
}

/// Pixel row of a share (0 to 1) of the plot's height, upwards.
fn row(share: f64) -> f64 {
    SIZE_PX[1] - MARGINS_PX[3] - share * (SIZE_PX[1] - MARGINS_PX[2] - MARGINS_PX[3])
}

/// Opens a chart with lines at quarters of `top`.
fn open(label: &str, name_x: &str, name_y: &str, top: f64) -> String {
    let [width, height] = SIZE_PX;
    let mut svg = format!("<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">");
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let y = row(share);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/><text class=\"axis end\" x=\"{:.1}\" y=\"{:.1}\">{:.0}</text>",
            column(0.0),
            column(1.0),
            MARGINS_PX[0] - 6.0,
            y + 4.0,
            share * top
        );
    }
    let _ = write!(svg, "<text class=\"axis\" x=\"4\" y=\"14\">{name_y}</text>");
    let (x, y) = (column(0.5), height - 6.0);
    let _ = write!(svg, "<text class=\"axis middle\" x=\"{x:.1}\" y=\"{y:.1}\">{name_x}</text>");
    svg
}

fn bar(svg: &mut String, [from, to]: [f64; 2], height: f64, class: &str, title: &str) {
    let (x1, x2, y) = (column(from), column(to), row(height));
    let _ = write!(
        svg,
        "<rect class=\"bar {class}\" x=\"{x1:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{title}</title></rect>",
        x2 - x1,
        row(0.0) - y
    );
}

fn text(svg: &mut String, x: f64, y: f64, text: &str) {
    let _ = write!(svg, "<text class=\"axis middle\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
}

/// How many objects are off by how much.
pub fn error_histogram(errors_deg: &[f64]) -> String {
    let counts = counts(errors_deg);
    let share = |count: usize| 100.0 * count as f64 / errors_deg.len().max(1) as f64;
    let most = counts.iter().map(|&count| share(count)).fold(0.0, f64::max);
    let top = [20.0, 40.0, 60.0, 80.0].into_iter().find(|top| most <= *top).unwrap_or(100.0);
    let mut svg =
        open("Histogram of rotation errors", "angle between estimated and true orientation", "% of objects", top);
    let width = 1.0 / counts.len() as f64;
    for (bin, &count) in counts.iter().enumerate() {
        let (low, high) = (BOUNDS_DEG[bin], BOUNDS_DEG[bin + 1]);
        let (left, height) = (bin as f64 * width, share(count) / top);
        let title = format!("{count} objects off by {low:.0} to {high:.0} degrees");
        bar(&mut svg, [left + 0.12 * width, left + 0.88 * width], height, grade(0.5 * (low + high)), &title);
        let middle = column(left + 0.5 * width);
        if count > 0 {
            text(&mut svg, middle, row(height) - 5.0, &count.to_string());
        }
        text(&mut svg, middle, row(0.0) + 16.0, &format!("{low:.0}–{high:.0}°"));
    }
    svg + "</svg>"
}

fn counts(errors_deg: &[f64]) -> [usize; BOUNDS_DEG.len() - 1] {
    let mut counts = [0; BOUNDS_DEG.len() - 1];
    for &error in errors_deg {
        // The last bin keeps its upper bound, so that nothing falls off the end; what is not a number is there, too.
        let bin = BOUNDS_DEG[1..].iter().position(|&high| error < high).unwrap_or(counts.len() - 1);
        counts[bin] += 1;
    }
    counts
}

/// ACC30 (pale), ACC10 (full) and flips (a bar of their own) of each twelfth of the circle, with the number of objects.
pub fn accuracy_by_azimuth(bins: &[AzimuthBin]) -> String {
    let mut svg = open(
        "Accuracy by azimuth",
        "azimuth: 0° shows the front, 90° the left side, 180° the rear",
        "% of objects: ACC30 pale, ACC10 full, flips violet; count above",
        100.0,
    );
    let width = 1.0 / BIN_COUNT as f64;
    for (index, bin) in bins.iter().enumerate() {
        let left = index as f64 * width;
        let middle = column(left + 0.5 * width);
        text(&mut svg, column(left), row(0.0) + 16.0, &format!("{:.0}°", index as f64 * BIN_DEG));
        text(&mut svg, middle, row(1.0) - 5.0, &bin.count.to_string());
        let (Some(acc30), Some(acc10), Some(flip_rate)) = (bin.acc30, bin.acc10, bin.flip_rate) else { continue };
        let wide = [left + 0.1 * width, left + 0.68 * width];
        bar(&mut svg, wide, acc30 / 100.0, "good pale", &format!("ACC30 {acc30:.1} %"));
        bar(&mut svg, wide, acc10 / 100.0, "good", &format!("ACC10 {acc10:.1} %"));
        let narrow = [left + 0.74 * width, left + 0.9 * width];
        bar(&mut svg, narrow, flip_rate / 100.0, "flip", &format!("flips {flip_rate:.1} %"));
    }
    text(&mut svg, column(1.0) - 4.0, row(0.0) + 16.0, "360°");
    svg + "</svg>"
}

/// Predicted against observed flips, a dot for each bin with objects, its area by their number; honest probabilities lie on the diagonal.
pub fn flip_reliability(bins: &[FlipBin]) -> String {
    let mut svg = open(
        "Reliability of the flip probability",
        "mean flip probability of a group, %",
        "% of the group that are flips; count beside",
        100.0,
    );
    let (foot, top) = ([column(0.0), row(0.0)], [column(1.0), row(1.0)]);
    let _ = write!(
        svg,
        "<line class=\"grid\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
        foot[0], foot[1], top[0], top[1]
    );
    for bin in bins {
        let (Some(predicted), Some(observed)) = (bin.predicted, bin.observed) else { continue };
        let [x, y] = [column(predicted), row(observed)];
        let radius = 3.0 + (bin.count as f64).sqrt().min(12.0);
        let title =
            format!("{} objects: {:.1} % predicted, {:.1} % flips", bin.count, 100.0 * predicted, 100.0 * observed);
        let _ = write!(
            svg,
            "<circle class=\"bar flip\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>{title}</title></circle>"
        );
        text(&mut svg, x + radius + 14.0, y - 4.0, &bin.count.to_string());
    }
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        text(&mut svg, column(share), row(0.0) + 16.0, &format!("{:.0}", 100.0 * share));
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_falls_into_one_bin_and_bounds_belong_to_the_upper_one() {
        let errors = [0.0, 1.9, 2.0, 9.99, 10.0, 30.0, 149.0, 150.0, 180.0, f64::NAN];
        assert_eq!(counts(&errors), [2, 1, 1, 1, 0, 1, 1, 3]);
    }

    #[test]
    fn an_honest_group_lies_on_the_diagonal_and_an_empty_one_nowhere() {
        let bin = |from: f64, count, predicted: Option<f64>| FlipBin {
            from,
            to: from + 0.2,
            count,
            predicted,
            observed: predicted,
        };
        let svg = flip_reliability(&[bin(0.0, 9, Some(0.1)), bin(0.2, 0, None), bin(0.4, 4, Some(0.5))]);
        assert_eq!(svg.matches("<circle").count(), 2);
        let at = format!("cx=\"{:.1}\" cy=\"{:.1}\" r=\"5.0\"", column(0.5), row(0.5));
        assert!(svg.contains(&at), "{svg}");
    }

    #[test]
    fn a_full_bar_reaches_from_the_foot_to_the_top_of_the_plot() {
        let mut svg = String::new();
        bar(&mut svg, [0.0, 1.0], 1.0, "good", "");
        assert!(svg.contains("x=\"44.0\" y=\"42.0\" width=\"504.0\" height=\"218.0\""), "{svg}");
    }
}
