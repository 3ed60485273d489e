//! The page: numbers first, then the frames, then what is behind the numbers.

use std::fmt::Write as _;

use super::birds_eye::Map;
use super::charts::{error_by_azimuth, error_histogram, latency_by_frame, stage_table};
use super::confidence;
use super::frame_view::{Surroundings, frame_view};
use super::markup::{escape, or_dash};
use super::picture::DataUri;
use crate::demo::headline::Headline;
use crate::demo::record::Playback;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The whole page. `shown` gives the frames of the browser: place in `playback.frames`, picture.
pub fn page(playback: &Playback, headline: &Headline, shown: &[(usize, DataUri)]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>Azimuth demo: sequence {}</title><style>{STYLE}</style></head><body><main>",
        escape(&playback.sequence)
    );
    introduction(&mut html, playback, headline);
    cards(&mut html, headline);
    browser(&mut html, playback, shown);
    html.push_str("<h2>How far off</h2><div class=\"pair\"><figure>");
    html.push_str(&error_histogram(playback));
    html.push_str("</figure><figure>");
    html.push_str(&error_by_azimuth(playback));
    html.push_str("</figure></div><h2>Does it know when it is unsure?</h2>");
    html.push_str(&confidence::note(playback));
    how_poses_were_found(&mut html, playback);
    html.push_str("<h2>How fast</h2><figure>");
    html.push_str(&latency_by_frame(playback, headline));
    html.push_str("</figure>");
    html.push_str(&stage_table(playback, headline));
    path_of_a_frame(&mut html, playback, headline);
    how_to_read(&mut html);
    let _ = write!(html, "</main><script>{SCRIPT}</script></body></html>");
    html
}

fn introduction(html: &mut String, playback: &Playback, headline: &Headline) {
    let _ = write!(
        html,
        "<header><h1>Azimuth <small>demo, sequence {}</small></h1><p class=\"lead\">{} of {} frames came back with {} oriented objects; {} of them within 30° of the truth, half of them within {}.</p></header>",
        escape(&playback.sequence),
        headline.received_count,
        headline.published_count,
        headline.answered_count,
        or_dash(headline.acc30, |share| format!("{share:.0} %")),
        or_dash(headline.median_deg, |deg| format!("{deg:.1}°")),
    );
}

fn cards(html: &mut String, headline: &Headline) {
    html.push_str("<div class=\"cards\">");
    let mut card = |name: &str, value: String, small: String| {
        let _ = write!(
            html,
            "<div class=\"card\"><span>{name}</span><b>{}</b><small>{}</small></div>",
            escape(&value),
            escape(&small)
        );
    };
    let percent = |share: Option<f64>| or_dash(share, |share| format!("{share:.1} %"));
    card("objects", headline.object_count.to_string(), format!("{} answered", headline.answered_count));
    card("ACC30", percent(headline.acc30), "off by less than 30°".to_owned());
    card("ACC10", percent(headline.acc10), "off by less than 10°".to_owned());
    card("median error", or_dash(headline.median_deg, |deg| format!("{deg:.1}°")), "of the answered".to_owned());
    card("flips", headline.flip_count.to_string(), "front taken for rear".to_owned());
    card(
        "frames",
        format!("{} / {}", headline.received_count, headline.published_count),
        format!("answered / published, {} dropped", headline.dropped_count()),
    );
    card("zero copy", percent(headline.zero_copy_share), "frames read in place".to_owned());
    card(
        "end to end",
        or_dash(headline.latency_ms, |[p50, _, _]| format!("{p50:.1} ms")),
        or_dash(headline.latency_ms, |[_, p99, max]| format!("p99 {p99:.1}, max {max:.1} ms")),
    );
    html.push_str("</div>");
    let _ = write!(
        html,
        "<p class=\"facts\">model <b>{}</b> · network run by <b>{}</b> · {:.1} frames a second</p>",
        escape(&headline.model),
        escape(&headline.provider),
        headline.rate_hz
    );
}

fn browser(html: &mut String, playback: &Playback, shown: &[(usize, DataUri)]) {
    let map = Map::new(playback);
    let _ = write!(
        html,
        "<svg class=\"defs\" aria-hidden=\"true\">{}</svg><div class=\"browser\" data-rate=\"{:.2}\"><div class=\"legend\"><span><i class=\"swatch good\"></i>off by less than 10°</span><span><i class=\"swatch fair\"></i>10–30°</span><span><i class=\"swatch poor\"></i>30–150°</span><span><i class=\"swatch flip\"></i>flip</span><span><i class=\"line\"></i>truth</span><span>▸ arrow on the ground: where it heads</span></div>",
        map.ground(&playback.camera),
        shown_rate_hz(playback, shown)
    );
    let around = Surroundings { camera: &playback.camera, map };
    for (place, (at, picture)) in shown.iter().enumerate() {
        if let Some(frame) = playback.frames.get(*at) {
            frame_view(html, frame, picture, &around, place > 0);
        }
    }
    let last = shown.len().saturating_sub(1);
    let _ = write!(
        html,
        "<div class=\"controls\"><button class=\"play\" type=\"button\" aria-label=\"play or pause\">▶</button><input class=\"slider\" type=\"range\" min=\"0\" max=\"{last}\" value=\"0\" aria-label=\"frame\"><output class=\"where\"></output></div></div>"
    );
}

/// Pictures a second that show the sequence at the speed it was played at.
fn shown_rate_hz(playback: &Playback, shown: &[(usize, DataUri)]) -> f64 {
    let share = shown.len() as f64 / playback.frames.len().max(1) as f64;
    (playback.run.rate_hz * share).clamp(1.0, 30.0)
}

fn how_poses_were_found(html: &mut String, playback: &Playback) {
    if playback.explained.is_empty() {
        return;
    }
    html.push_str(
        "<h2>How poses are found</h2><p class=\"note\">The largest objects of the busiest frame. The retrieved pose puts a mesh on the car; refinement moves it until the features of its vertices agree with those that the network sees, and tells what is hidden from what is seen. Equal colours are equal features. A curve shows how badly the mesh would agree if one angle alone were different.</p><div class=\"explained\">",
    );
    for picture in &playback.explained {
        let _ = write!(html, "<figure>{picture}</figure>");
    }
    html.push_str("</div>");
}

fn path_of_a_frame(html: &mut String, playback: &Playback, headline: &Headline) {
    let run = &playback.run;
    let _ = write!(
        html,
        "<h2>What was measured</h2><p>A publisher wrote each picture with its camera model and its 2D boxes into shared memory and announced it over Zenoh; the node, the same code as <code>azimuth run</code>, answered on <code>object_pose</code>; a third session read the answers. Nothing was simulated between them. {} frames were read in place, {} were copied. The boxes are those of the labels, so this shows orientation, not detection.</p><table class=\"plain\"><tbody>",
        run.shared_memory_count, run.copied_count
    );
    let mut row = |name: &str, value: &str| {
        let _ = write!(html, "<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(value));
    };
    row("model", &headline.model);
    row("model's SHA-256", &run.model_sha256);
    row("network run by", &run.provider_description);
    row("rate", &format!("{:.1} Hz: {}", run.rate_hz, run.rate_reason));
    for (name, count) in &run.losses {
        row(&format!("node: {name}"), &count.to_string());
    }
    html.push_str("</tbody></table>");
}

fn how_to_read(html: &mut String) {
    html.push_str(
        "<h2>How to read this</h2><ul><li>The coloured box is the node's answer, with the mean size of its class. Its front face is filled, and the arrow on the ground points to where the object heads. The thin dashed box is the truth.</li><li>The error is the angle of the one rotation that turns the answer into the truth: 0° is perfect, 180° is the exact opposite. ACC30 and ACC10 count the answers below 30° and 10°.</li><li>“Seen from” is the side the camera sees: 0° the front, 90° its left side, 180° the rear, 270° its right side.</li><li>A flip takes the front for the rear. Cars look alike from both ends, so the node tells how much speaks for the opposite heading.</li><li>Range follows from the size of the 2D box and the mean size of the class: a large car is taken for a near one.</li><li>End to end is the time from a frame's stamp, the moment at which the camera has it, to its answer in another session on the same machine. It holds the publisher's work, the node and both ways.</li><li>Space plays and pauses, the arrow keys step; a click on a dot or a bar jumps to its frame.</li></ul>",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::report::fixture::playback;
    use std::collections::HashSet;

    fn sample(frame_count: u32) -> (Playback, String) {
        let mut playback = playback(frame_count);
        playback.frames[0].objects[0].truth.track_id = "<b>&\"7\"".to_owned();
        playback.run.model_name = "<script>car</script>".to_owned();
        let shown: Vec<_> =
            (0..playback.frames.len()).map(|at| (at, format!("data:image/jpeg;base64,AA{at}A"))).collect();
        let page = page(&playback, &Headline::new(&playback), &shown);
        (playback, page)
    }

    fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
        page.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn every_frame_is_there_once_and_only_the_first_is_visible() {
        let (playback, page) = sample(5);
        for frame in &playback.frames {
            assert_eq!(page.matches(&format!("data-frame=\"{}\"", frame.index)).count(), 1);
        }
        assert_eq!(page.matches("<section class=\"frame\"").count(), 5);
        assert_eq!(page.matches("\" hidden><div class=\"picture\"").count(), 4);
        assert!(page.contains("max=\"4\""));
    }

    #[test]
    fn the_page_refers_to_nothing_outside_of_itself() {
        let (_, page) = sample(3);
        assert!(
            !page.contains("http:") && !page.contains("https:") && !page.contains("@import") && !page.contains("url(")
        );
        assert!(attributes(&page, "src").iter().all(|src| src.starts_with("data:image/jpeg;base64,")));
        let ids: HashSet<&str> = attributes(&page, "id").into_iter().collect();
        let references = attributes(&page, "href");
        assert!(!references.is_empty());
        for reference in references.into_iter().filter(|reference| !reference.starts_with("data:image/jpeg;base64,")) {
            assert!(ids.contains(reference.strip_prefix('#').unwrap()), "{reference}");
        }
        let frames: HashSet<&str> = attributes(&page, "data-frame").into_iter().collect();
        assert!(attributes(&page, "data-go").iter().all(|frame| frames.contains(frame)));
    }

    #[test]
    fn names_from_files_cannot_become_markup() {
        let (_, page) = sample(2);
        assert!(!page.contains("<b>&\"7\"") && page.contains("&lt;b&gt;&amp;&quot;7&quot;"));
        assert!(!page.contains("<script>car") && page.contains("&lt;script&gt;car"));
    }

    #[test]
    fn every_element_that_is_opened_is_closed() {
        let (_, page) = sample(2);
        for name in ["main", "section", "figure", "svg", "table", "tbody", "tr", "div", "g", "ul", "li", "p", "symbol"]
        {
            let opened = page.matches(&format!("<{name}>")).count() + page.matches(&format!("<{name} ")).count();
            assert_eq!(opened, page.matches(&format!("</{name}>")).count(), "{name}");
        }
    }

    #[test]
    fn a_playback_without_any_answer_still_gives_a_page() {
        let mut playback = playback(2);
        for frame in &mut playback.frames {
            frame.objects.clear();
            (frame.received, frame.latency_us) = (false, None);
        }
        playback.run = Default::default();
        let page = page(&playback, &Headline::new(&playback), &[]);
        assert!(!page.contains("NaN") && !page.contains("inf\""), "{page}");
    }
}
