//! Where the node's time goes: a table with bars.

use std::fmt::Write as _;

use crate::demo::headline::Headline;
use crate::demo::record::Playback;
use crate::demo::report::markup::escape;

/// The stages in the order of the work, with p50 as a solid and p99 as a pale bar, and what is left of the end-to-end time.
pub fn stage_table(playback: &Playback, headline: &Headline) -> String {
    let stages = &playback.run.stages;
    if stages.is_empty() {
        return "<p class=\"note\">The node gave no times of its stages.</p>".to_owned();
    }
    let end_to_end_ms = headline.latency_ms;
    let longest_us = stages.iter().map(|stage| stage.p99_us).chain(end_to_end_ms.map(|ms| (ms[1] * 1000.0) as u64));
    let longest_us = longest_us.max().unwrap_or(1).max(1) as f64;
    let mut html = String::from(
        "<table class=\"stages\"><thead><tr><th>stage</th><th>what it does</th><th>p50</th><th>p99</th><th>max</th><th>p50 solid, p99 pale</th></tr></thead><tbody>",
    );
    let mut row = |name: &str, what: &str, [p50, p99, max]: [f64; 3], class: &str| {
        let _ = write!(
            html,
            "<tr class=\"{class}\"><th>{}</th><td>{what}</td><td>{}</td><td>{}</td><td>{}</td><td><svg class=\"spark\" viewBox=\"0 0 300 14\" preserveAspectRatio=\"none\"><rect class=\"pale\" width=\"{:.1}\" height=\"14\"/><rect class=\"solid\" width=\"{:.1}\" height=\"14\"/></svg></td></tr>",
            escape(name),
            milliseconds(p50),
            milliseconds(p99),
            milliseconds(max),
            300.0 * (p99 / longest_us).min(1.0),
            300.0 * (p50 / longest_us).min(1.0),
        );
    };
    for stage in stages {
        let times = [stage.p50_us, stage.p99_us, stage.max_us].map(|us| us as f64);
        row(&stage.name, purpose(&stage.name), times, "");
    }
    if let Some(ms) = end_to_end_ms {
        row(
            "end to end",
            "the moment the camera has the frame to its answer in the subscriber",
            ms.map(|ms| ms * 1000.0),
            "sum",
        );
    }
    html.push_str("</tbody></table>");
    html
}

fn milliseconds(us: f64) -> String {
    format!("{:.2} ms", us / 1000.0)
}

/// A stage in a few words.
fn purpose(stage: &str) -> &'static str {
    match stage {
        "transport" => "from the camera's publication to the node's arrival",
        "receive" => "reading and checking the frame where it lies",
        "join" => "waiting for the frame's detections",
        "crop" => "cutting the objects out of the picture",
        "embed" => "the network: a picture of an object to a vector",
        "retrieve" => "nearest reference views and their vote on the orientation",
        "refine" => "the pose brought into agreement with the network's feature map",
        "locate" => "position and covariance from the box and the camera",
        "publish" => "writing and sending the answer",
        "return" => "from the node's sending to the subscriber",
        "total" => "the whole node: from the frame's arrival to its answer being sent",
        _ => "",
    }
}
