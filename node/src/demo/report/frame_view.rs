//! One frame of the browser: the picture with its boxes, the scene from above, and the numbers of each object.

use std::fmt::Write as _;

use calibration::PinholeCamera;

use super::birds_eye::{self, Map};
use super::markup::{escape, or_dash};
use super::overlay::overlay;
use crate::demo::matching::azimuth_deg;
use crate::demo::record::{FrameResult, Grade, ObjectResult};

/// What every frame of a page shares.
pub struct Surroundings<'a> {
    /// The camera that took the pictures.
    pub camera: &'a PinholeCamera,
    /// The scale of the view from above.
    pub map: Map,
}

/// Writes the section of one frame; all but the first are hidden until the script shows them.
pub fn frame_view(html: &mut String, frame: &FrameResult, picture: &str, around: &Surroundings<'_>, hidden: bool) {
    let (width, height) = (around.camera.width_px, around.camera.height_px);
    let hidden = if hidden { " hidden" } else { "" };
    let _ = write!(
        html,
        "<section class=\"frame\" data-frame=\"{}\"{hidden}><div class=\"picture\" style=\"aspect-ratio:{width}/{height}\"><img src=\"{}\" alt=\"camera picture of frame {}\" decoding=\"sync\"><svg viewBox=\"0 0 {width} {height}\">{}</svg></div>",
        frame.index,
        escape(picture),
        frame.index,
        overlay(frame, around.camera)
    );
    let [map_width, map_height] = birds_eye::SIZE_PX;
    let _ = write!(
        html,
        "<div class=\"beside\"><figure><figcaption>From above, in metres</figcaption><svg class=\"map\" viewBox=\"0 0 {map_width} {map_height}\">{}</svg></figure><div class=\"objects\"><p class=\"caption\">Frame {} · {}</p>",
        around.map.footprints(frame),
        frame.index,
        answered(frame)
    );
    table(html, frame);
    html.push_str("</div></div></section>");
}

fn answered(frame: &FrameResult) -> String {
    match (frame.received, frame.latency_us) {
        (false, _) => "no answer came back".to_owned(),
        (true, Some(us)) => format!("answered after {:.1} ms", us as f64 / 1000.0),
        (true, None) => "answered".to_owned(),
    }
}

fn table(html: &mut String, frame: &FrameResult) {
    if frame.objects.is_empty() {
        html.push_str("<p class=\"note\">No labelled object of the model's classes in this frame.</p>");
        return;
    }
    html.push_str(
        "<table><thead><tr><th>object</th><th>range</th><th>seen from<br><small>true → said</small></th><th>off by</th><th>range off by</th><th>opposite<br>possible</th></tr></thead><tbody>",
    );
    let mut objects: Vec<_> = frame.objects.iter().collect();
    objects.sort_by(|a, b| a.truth.body.center_m.norm().total_cmp(&b.truth.body.center_m.norm()));
    for object in objects {
        row(html, object);
    }
    html.push_str("</tbody></table>");
}

fn row(html: &mut String, object: &ObjectResult) {
    let estimate = object.estimate.as_ref();
    let range_m = object.truth.body.center_m.norm();
    let occlusion = match object.truth.occluded {
        1 => " <small>partly hidden</small>",
        2 => " <small>largely hidden</small>",
        _ => "",
    };
    let _ = write!(
        html,
        "<tr><th><i class=\"swatch {}\"></i>{} {}{occlusion}</th><td>{range_m:.1} m</td><td>{:.0}° → {}</td><td><b>{}</b></td><td>{}</td><td>{}</td></tr>",
        object.grade().css_class(),
        escape(&object.truth.class),
        escape(&object.truth.track_id),
        object.azimuth_deg,
        or_dash(estimate, |estimate| format!("{:.0}°", azimuth_deg(&estimate.body))),
        or_dash(object.error_deg, |error_deg| match object.grade() {
            Grade::Flip => format!("{error_deg:.1}° flip"),
            _ => format!("{error_deg:.1}°"),
        }),
        or_dash(estimate, |estimate| format!("{:+.1} m", estimate.body.center_m.norm() - range_m)),
        or_dash(estimate, |estimate| format!("{:.0} %", 100.0 * estimate.flip_probability)),
    );
}
