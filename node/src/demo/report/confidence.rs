//! Did the node know when it was wrong? Flips and doubtful headings, in words and in a short table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::markup::escape;
use crate::demo::record::{Grade, Playback};

/// From this share for the opposite heading on, an answer counts as doubtful.
pub const DOUBT_MIN: f64 = 0.2;
/// Tracks that the table names at most.
const ROWS_MAX: usize = 8;

#[derive(Default)]
struct Track {
    class: String,
    answered_count: usize,
    flip_count: usize,
    doubtful_count: usize,
    doubt_max: f64,
    first_frame: u32,
}

/// The paragraph and, where there is something to name, the table.
pub fn note(playback: &Playback) -> String {
    let tracks = tracks(playback);
    let sum = |of: fn(&Track) -> usize| tracks.values().map(of).sum::<usize>();
    let (answered, flips, doubtful) =
        (sum(|track| track.answered_count), sum(|track| track.flip_count), sum(|track| track.doubtful_count));
    let known = playback
        .objects()
        .filter(|(_, object)| object.grade() == Grade::Flip)
        .filter(|(_, object)| object.estimate.as_ref().is_some_and(|e| e.flip_probability >= DOUBT_MIN))
        .count();
    let mut html = String::from("<p>");
    let _ = match flips {
        0 => write!(html, "No heading was reversed in {answered} answers. "),
        1 => write!(html, "1 of {answered} answers has front and rear exchanged (a flip). "),
        _ => write!(html, "{flips} of {answered} answers have front and rear exchanged (flips). "),
    };
    let percent = 100.0 * DOUBT_MIN;
    let _ = write!(
        html,
        "With every answer the node publishes the opposite heading and how much speaks for it. {doubtful} answers gave it {percent:.0} % or more"
    );
    if flips > 0 {
        let _ = write!(html, "; among them {known} of the {flips} flips, so that much of the trouble was announced");
    }
    html.push_str(".</p>");
    table(&mut html, tracks);
    html
}

fn tracks(playback: &Playback) -> BTreeMap<String, Track> {
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    for (frame, object) in playback.objects() {
        let Some(estimate) = &object.estimate else { continue };
        let track = tracks.entry(object.truth.track_id.clone()).or_default();
        let (is_flip, is_doubtful) = (object.grade() == Grade::Flip, estimate.flip_probability >= DOUBT_MIN);
        if track.flip_count + track.doubtful_count == 0 {
            track.first_frame = frame.index;
        }
        track.class.clone_from(&object.truth.class);
        track.answered_count += 1;
        track.flip_count += usize::from(is_flip);
        track.doubtful_count += usize::from(is_doubtful);
        track.doubt_max = track.doubt_max.max(estimate.flip_probability);
    }
    tracks
}

fn table(html: &mut String, tracks: BTreeMap<String, Track>) {
    let mut named: Vec<_> =
        tracks.into_iter().filter(|(_, track)| track.flip_count + track.doubtful_count > 0).collect();
    named.sort_by_key(|(_, track)| std::cmp::Reverse((track.flip_count, track.doubtful_count)));
    if named.is_empty() {
        return;
    }
    html.push_str(
        "<table><thead><tr><th>object</th><th>answers</th><th>flips</th><th>doubtful</th><th>most doubt</th><th>first at</th></tr></thead><tbody>",
    );
    for (id, track) in named.iter().take(ROWS_MAX) {
        let _ = write!(
            html,
            "<tr><th>{} {}</th><td>{}</td><td>{}</td><td>{}</td><td>{:.0} %</td><td><button class=\"link\" data-go=\"{}\">frame {}</button></td></tr>",
            escape(&track.class),
            escape(id),
            track.answered_count,
            track.flip_count,
            track.doubtful_count,
            100.0 * track.doubt_max,
            track.first_frame,
            track.first_frame
        );
    }
    html.push_str("</tbody></table>");
    if named.len() > ROWS_MAX {
        let _ = write!(html, "<p class=\"note\">… and {} more objects.</p>", named.len() - ROWS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::report::fixture::playback;

    #[test]
    fn flips_that_were_announced_are_told_from_those_that_were_not() {
        let mut playback = playback(3);
        for (frame, (error, doubt)) in playback.frames.iter_mut().zip([(179.0, 0.4), (179.0, 0.0), (1.0, 0.3)]) {
            frame.objects.truncate(1);
            frame.objects[0].error_deg = Some(error);
            frame.objects[0].estimate.as_mut().unwrap().flip_probability = doubt;
        }
        let html = note(&playback);
        assert!(html.contains("2 of 3 answers have front and rear exchanged"), "{html}");
        assert!(html.contains("2 answers gave it 20 % or more; among them 1 of the 2 flips"), "{html}");
    }

    #[test]
    fn a_run_without_doubt_has_no_table() {
        let mut playback = playback(2);
        for frame in &mut playback.frames {
            for object in &mut frame.objects {
                object.error_deg = Some(1.0);
                if let Some(estimate) = &mut object.estimate {
                    estimate.flip_probability = 0.0;
                }
            }
        }
        let html = note(&playback);
        assert!(html.contains("No heading was reversed") && !html.contains("<table"), "{html}");
    }
}
