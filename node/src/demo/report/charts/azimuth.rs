//! From which side the objects were seen, and how far off the answers were there.

use std::fmt::Write as _;

use super::Plot;
use crate::demo::headline::percentile;
use crate::demo::record::{ObjectResult, Playback};
use crate::demo::report::markup::escape;

/// The four sides, centred at azimuth 0, 90, 180 and 270 degrees.
const SIDES: [&str; 4] = ["front", "its left side", "rear", "its right side"];
/// The drawing starts half a side before the front, so that no side is torn apart.
const START_DEG: f64 = -45.0;
/// Errors from 1 to 180 degrees, on a logarithmic axis; smaller ones are drawn at its foot.
const ERROR_DEG: [f64; 2] = [1.0, 180.0];

/// One dot for each answered object: side on the horizontal axis, error on the vertical one.
pub fn error_by_azimuth(playback: &Playback) -> String {
    // Room for the medians between the axis' name and the plot.
    let plot = Plot { top_px: 40.0, ..Plot::new([560.0, 310.0]) };
    let mut svg = plot.open("Rotation error by viewing side");
    plot.name_y(&mut svg, "error, degrees (log)");
    for (value, class) in
        [(1.0, "grid"), (3.0, "grid"), (10.0, "bound"), (30.0, "bound"), (90.0, "grid"), (180.0, "grid")]
    {
        plot.grid_line(&mut svg, height(value), &format!("{value:.0}"), class);
    }
    for (side, name) in SIDES.iter().enumerate() {
        let left = side as f64 / 4.0;
        if side > 0 {
            let x = plot.x(left);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\"/>",
                plot.y(0.0),
                plot.y(1.0)
            );
        }
        let mut errors: Vec<f64> = playback
            .objects()
            .filter(|(_, object)| side_of(object.azimuth_deg) == side)
            .filter_map(|(_, object)| object.error_deg)
            .collect();
        errors.sort_by(f64::total_cmp);
        plot.below(&mut svg, left + 0.125, &format!("{name} ({})", errors.len()));
        if let Some(median) = percentile(&errors, 0.5) {
            let _ = write!(
                svg,
                "<text class=\"axis middle\" x=\"{:.1}\" y=\"{:.1}\">median {median:.1}°</text>",
                plot.x(left + 0.125),
                plot.top_px - 8.0
            );
        }
    }
    for (frame, object) in playback.objects() {
        if let Some(error_deg) = object.error_deg {
            dot(&mut svg, &plot, frame.index, object, error_deg);
        }
    }
    plot.name_x(&mut svg, "what the camera sees of the object");
    svg.push_str("</svg>");
    svg
}

fn dot(svg: &mut String, plot: &Plot, frame: u32, object: &ObjectResult, error_deg: f64) {
    let _ = write!(
        svg,
        "<circle class=\"dot {}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" data-go=\"{frame}\"><title>frame {frame}, object {}: {error_deg:.1} degrees off</title></circle>",
        object.grade().css_class(),
        plot.x(turned(object.azimuth_deg) / 360.0),
        plot.y(height(error_deg)),
        escape(&object.truth.track_id)
    );
}

/// Degrees from the left end of the drawing, [0, 360).
fn turned(azimuth_deg: f64) -> f64 {
    (azimuth_deg - START_DEG).rem_euclid(360.0)
}

/// Which of [`SIDES`] is seen.
fn side_of(azimuth_deg: f64) -> usize {
    ((turned(azimuth_deg) / 90.0) as usize).min(SIDES.len() - 1)
}

/// Share of the height at which an error is drawn.
fn height(error_deg: f64) -> f64 {
    let [low, high] = ERROR_DEG.map(f64::ln);
    (error_deg.clamp(ERROR_DEG[0], ERROR_DEG[1]).ln() - low) / (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sides_are_named_as_the_angles_say() {
        for (azimuth, side) in
            [(0.0, 0), (359.0, 0), (44.0, 0), (46.0, 1), (90.0, 1), (180.0, 2), (270.0, 3), (314.0, 3)]
        {
            assert_eq!(side_of(azimuth), side, "{azimuth}");
        }
    }

    #[test]
    fn the_axis_holds_every_error() {
        assert_eq!((height(0.0), height(1.0), height(180.0), height(181.0)), (0.0, 0.0, 1.0, 1.0));
        assert!(height(10.0) < height(30.0));
    }
}
