//! How long each frame took, from its stamp to its answer in the subscriber.

use std::fmt::Write as _;

use super::{Plot, round_up};
use crate::demo::headline::{Headline, percentile};
use crate::demo::record::Playback;

/// One bar for each frame; a frame without an answer is marked at the foot.
pub fn latency_by_frame(playback: &Playback, headline: &Headline) -> String {
    let plot = Plot::new([1140.0, 240.0]);
    let mut sorted: Vec<u64> = playback.frames.iter().filter_map(|frame| frame.latency_us).collect();
    sorted.sort_unstable();
    let top_ms = round_up(percentile(&sorted, 1.0).unwrap_or(1000) as f64 / 1000.0);
    let mut svg = plot.open("Latency of each frame");
    plot.name_y(&mut svg, "milliseconds");
    for line in 0..=4 {
        let share = f64::from(line) / 4.0;
        plot.grid_line(&mut svg, share, &trimmed(share * top_ms), "grid");
    }
    let width = 1.0 / playback.frames.len().max(1) as f64;
    for (at, frame) in playback.frames.iter().enumerate() {
        let (x1, x2) = (plot.x((at as f64 + 0.15) * width), plot.x((at as f64 + 0.85) * width));
        let (share, class, title) = match frame.latency_us {
            Some(us) => {
                let ms = us as f64 / 1000.0;
                (ms / top_ms, "bar time", format!("frame {}: {ms:.1} ms", frame.index))
            }
            None => (0.03, "bar lost", format!("frame {}: no answer", frame.index)),
        };
        let y = plot.y(share);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" data-go=\"{}\" x=\"{x1:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{title}</title></rect>",
            frame.index,
            x2 - x1,
            plot.y(0.0) - y
        );
    }
    if let Some([p50, p99, _]) = headline.latency_ms {
        for (name, ms) in [("p50", p50), ("p99", p99)] {
            let y = plot.y(ms / top_ms);
            let _ = write!(
                svg,
                "<line class=\"bound\" x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/><text class=\"axis end halo-text\" x=\"{:.1}\" y=\"{:.1}\">{name} {ms:.1} ms</text>",
                plot.x(0.0),
                plot.x(1.0),
                plot.x(1.0) - 4.0,
                y - 4.0
            );
        }
    }
    if let Some((first, last)) = playback.frames.first().zip(playback.frames.last()) {
        plot.below(&mut svg, 0.5 * width, &first.index.to_string());
        plot.below(&mut svg, 1.0 - 0.5 * width, &last.index.to_string());
    }
    plot.name_x(&mut svg, "frame");
    svg.push_str("</svg>");
    svg
}

fn trimmed(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::report::fixture::playback;

    #[test]
    fn every_frame_has_a_bar_and_a_lost_one_says_so() {
        let mut playback = playback(7);
        playback.frames[3].latency_us = None;
        let svg = latency_by_frame(&playback, &Headline::new(&playback));
        assert_eq!(svg.matches("class=\"bar time\"").count(), 6);
        assert_eq!(svg.matches("class=\"bar lost\"").count(), 1);
        assert!(svg.contains("frame 3: no answer"));
    }

    #[test]
    fn a_run_without_frames_draws_axes_without_nan() {
        let mut playback = playback(1);
        playback.frames.clear();
        assert!(!latency_by_frame(&playback, &Headline::new(&playback)).contains("NaN"));
    }
}
