//! Charts as SVG: sizes of errors, errors by viewing side, latency frame by frame.

mod azimuth;
mod histogram;
mod latency;
mod stages;

pub use azimuth::error_by_azimuth;
pub use histogram::error_histogram;
pub use latency::latency_by_frame;
pub use stages::stage_table;

use std::fmt::Write as _;

/// A plot inside its margins: maps values to pixels, with y upwards.
struct Plot {
    size_px: [f64; 2],
    left_px: f64,
    right_px: f64,
    top_px: f64,
    bottom_px: f64,
}

impl Plot {
    const fn new(size_px: [f64; 2]) -> Self {
        Self { size_px, left_px: 44.0, right_px: 12.0, top_px: 30.0, bottom_px: 40.0 }
    }

    /// Pixel column of a share (0 to 1) of the width.
    fn x(&self, share: f64) -> f64 {
        self.left_px + share * (self.size_px[0] - self.left_px - self.right_px)
    }

    /// Pixel row of a share (0 to 1) of the height.
    fn y(&self, share: f64) -> f64 {
        self.size_px[1] - self.bottom_px - share * (self.size_px[1] - self.top_px - self.bottom_px)
    }

    fn open(&self, label: &str) -> String {
        let [width, height] = self.size_px;
        format!("<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">")
    }

    /// A line across the plot with its value at the left.
    fn grid_line(&self, svg: &mut String, share: f64, text: &str, class: &str) {
        let y = self.y(share);
        let _ = write!(
            svg,
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/><text class=\"axis end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            self.x(0.0),
            self.x(1.0),
            self.left_px - 6.0,
            y + 4.0
        );
    }

    /// A text below the plot, centred at a share of the width.
    fn below(&self, svg: &mut String, share: f64, text: &str) {
        let (x, y) = (self.x(share), self.size_px[1] - self.bottom_px + 16.0);
        let _ = write!(svg, "<text class=\"axis middle\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }

    /// The name of the horizontal axis.
    fn name_x(&self, svg: &mut String, text: &str) {
        let (x, y) = (self.x(0.5), self.size_px[1] - 5.0);
        let _ = write!(svg, "<text class=\"axis middle name\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }

    /// The name of the vertical axis.
    fn name_y(&self, svg: &mut String, text: &str) {
        let _ = write!(svg, "<text class=\"axis name\" x=\"4\" y=\"14\">{text}</text>");
    }
}

/// The next larger "round" number: 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|&round| round >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_up_to_one_two_or_five() {
        for (value, round) in [(0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (37.0, 50.0), (51.0, 100.0), (420.0, 500.0)] {
            assert!((round_up(value) - round).abs() < 1e-9, "{value}");
        }
    }
}
