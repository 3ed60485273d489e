//! Oriented 3D boxes over the picture: the answer coloured by its error, the truth thin and dashed beside it.
//!
//! Everything is clipped at a near plane before it is projected, so a car that reaches behind the camera is drawn as far as it can
//! be seen. Coordinates are those of the full picture, counted from its corner.

use std::fmt::Write as _;

use calibration::PinholeCamera;
use nalgebra::Vector3;

use super::markup::{escape, points};
use crate::demo::record::{Body, Estimate, FrameResult, Grade};

/// Nothing nearer than this is drawn, metres.
const NEAR_M: f64 = 0.3;
/// How far the heading arrow reaches beyond the front of the body, metres.
const ARROW_BEYOND_M: f64 = 1.4;
/// Length and half width of the arrow's head, metres.
const ARROW_HEAD_M: [f64; 2] = [1.1, 0.55];
/// Room a tag needs above its box, pixels.
const TAG_HEIGHT_PX: f64 = 18.0;
/// Corners of a face across the body's length: (left, up), all the way round.
const RING: [(f64, f64); 4] = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];

/// Everything that is drawn over one frame, the far objects first.
pub fn overlay(frame: &FrameResult, camera: &PinholeCamera) -> String {
    let camera = camera.with_corner_origin();
    let mut svg = String::new();
    let mut objects: Vec<_> = frame.objects.iter().collect();
    objects.sort_by(|a, b| b.truth.body.center_m.z.total_cmp(&a.truth.body.center_m.z));
    for object in &objects {
        edges(&mut svg, &object.truth.body, &camera, "truth");
    }
    for object in &objects {
        if let Some(estimate) = &object.estimate {
            let text = object.error_deg.map(|error_deg| format!("{error_deg:.0}°"));
            draw_estimate(&mut svg, estimate, object.grade(), text.as_deref(), &camera);
        }
    }
    for stray in &frame.strays {
        draw_estimate(&mut svg, stray, Grade::NoAnswer, None, &camera);
    }
    svg
}

fn draw_estimate(svg: &mut String, estimate: &Estimate, grade: Grade, text: Option<&str>, camera: &PinholeCamera) {
    let body = &estimate.body;
    let _ = write!(svg, "<g class=\"body {}\">", grade.css_class());
    polygon(svg, &RING.map(|(left, up)| body.point_m(1.0, left, up)), camera, "front");
    edges(svg, body, camera, "edges");
    for part in arrow(body) {
        polygon(svg, &part, camera, "arrow");
    }
    if let (Some(text), Some([x, y])) = (text, top(body, camera)) {
        let y = y.max(TAG_HEIGHT_PX);
        let _ = write!(svg, "<text class=\"tag\" x=\"{x:.0}\" y=\"{:.0}\">{}</text>", y - 5.0, escape(text));
    }
    svg.push_str("</g>");
}

/// The twelve edges of a body as one path.
fn edges(svg: &mut String, body: &Body, camera: &PinholeCamera, class: &str) {
    let mut path = String::new();
    let mut edge = |from: Vector3<f64>, to: Vector3<f64>| {
        if let Some([[x1, y1], [x2, y2]]) = segment(&from, &to, camera) {
            let _ = write!(path, "M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}");
        }
    };
    for (corner, &(left, up)) in RING.iter().enumerate() {
        let (next_left, next_up) = RING[(corner + 1) % RING.len()];
        for forward in [-1.0, 1.0] {
            edge(body.point_m(forward, left, up), body.point_m(forward, next_left, next_up));
        }
        edge(body.point_m(-1.0, left, up), body.point_m(1.0, left, up));
    }
    if !path.is_empty() {
        // A dark line below makes the bright one visible on any picture.
        let _ = write!(svg, "<path class=\"halo\" d=\"{path}\"/><path class=\"{class}\" d=\"{path}\"/>");
    }
}

/// Shaft and head of the arrow on the ground, from the middle of the body to beyond its front.
fn arrow(body: &Body) -> [Vec<Vector3<f64>>; 2] {
    let [length, _, height] = body.dimensions_m;
    let tip = 0.5 * length + ARROW_BEYOND_M;
    let [head, half_width] = ARROW_HEAD_M;
    let on_ground = |forward: f64, left: f64| body.offset_m(Vector3::new(forward, left, -0.5 * height));
    let neck = tip - head;
    let half_shaft = 0.2 * half_width;
    [
        vec![
            on_ground(0.0, half_shaft),
            on_ground(neck, half_shaft),
            on_ground(neck, -half_shaft),
            on_ground(0.0, -half_shaft),
        ],
        vec![on_ground(neck, half_width), on_ground(tip, 0.0), on_ground(neck, -half_width)],
    ]
}

fn polygon(svg: &mut String, corners: &[Vector3<f64>], camera: &PinholeCamera, class: &str) {
    let visible: Vec<_> = in_front(corners).iter().filter_map(|corner| camera.project(corner)).collect();
    if visible.len() >= 3 {
        let _ = write!(svg, "<polygon class=\"{class}\" points=\"{}\"/>", points(&visible));
    }
}

/// The highest point of a body in the picture, if any of it is in front of the camera.
fn top(body: &Body, camera: &PinholeCamera) -> Option<[f64; 2]> {
    let corners = [-1.0, 1.0].into_iter().flat_map(|forward| RING.map(|(left, up)| body.point_m(forward, left, up)));
    let pixels: Vec<_> =
        corners.filter(|corner| corner.z >= NEAR_M).filter_map(|corner| camera.project(&corner)).collect();
    let y = pixels.iter().map(|pixel| pixel[1]).min_by(f64::total_cmp)?;
    let x = pixels.iter().map(|pixel| pixel[0]).sum::<f64>() / pixels.len() as f64;
    Some([x.clamp(0.0, f64::from(camera.width_px)), y])
}

/// Both ends of a line in the picture, after the part nearer than [`NEAR_M`] was cut away.
pub fn segment(from: &Vector3<f64>, to: &Vector3<f64>, camera: &PinholeCamera) -> Option<[[f64; 2]; 2]> {
    let (from, to) = match (from.z >= NEAR_M, to.z >= NEAR_M) {
        (true, true) => (*from, *to),
        (true, false) => (*from, at_near(from, to)),
        (false, true) => (at_near(from, to), *to),
        (false, false) => return None,
    };
    Some([camera.project(&from)?, camera.project(&to)?])
}

/// Where the line between two points on different sides of the near plane meets it.
fn at_near(from: &Vector3<f64>, to: &Vector3<f64>) -> Vector3<f64> {
    from + (to - from) * ((NEAR_M - from.z) / (to.z - from.z))
}

/// The part of a polygon that is not nearer than [`NEAR_M`]: Sutherland and Hodgman (1974), for one plane.
fn in_front(corners: &[Vector3<f64>]) -> Vec<Vector3<f64>> {
    let mut kept = Vec::with_capacity(corners.len() + 2);
    let Some(mut previous) = corners.last() else { return kept };
    for corner in corners {
        if (previous.z < NEAR_M) != (corner.z < NEAR_M) {
            kept.push(at_near(previous, corner));
        }
        if corner.z >= NEAR_M {
            kept.push(*corner);
        }
        previous = corner;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::report::fixture;
    use calibration::kitti::parse_tracking_labels;

    fn camera() -> PinholeCamera {
        PinholeCamera::new(700.0, 700.0, 600.0, 180.0, 1242, 375).unwrap()
    }

    /// Every `M x y L x y` of the first path with this class.
    fn ends(svg: &str, class: &str) -> Vec<[f64; 2]> {
        let start = svg.split(&format!("<path class=\"{class}\" d=\"")).nth(1).unwrap();
        let path = start.split('"').next().unwrap();
        let numbers: Vec<f64> =
            path.split(['M', 'L', ' ']).filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect();
        numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
    }

    #[test]
    fn the_corners_are_those_of_the_label_in_the_camera_of_the_calibration() {
        let label = "0 1 Car 0 0 0 0 0 9 9 1.5 1.7 4.2 -4.0 1.7 12.0 -1.2";
        let label = parse_tracking_labels(label, "label").unwrap().remove(0);
        let object = fixture::object("1", &label.object, 0.0);
        let mut svg = String::new();
        edges(&mut svg, &object.truth.body, &camera().with_corner_origin(), "truth");
        let drawn = ends(&svg, "truth");
        assert_eq!(drawn.len(), 24);
        for corner in label.object.corners_m() {
            let [u, v] = camera().project(&corner).unwrap();
            // Calibrations count from the centre of the first pixel, SVG from its corner; drawn to a tenth.
            let hits = drawn.iter().filter(|[x, y]| (x - u - 0.5).abs() < 0.06 && (y - v - 0.5).abs() < 0.06).count();
            assert_eq!(hits, 3, "each corner ends three edges");
        }
    }

    #[test]
    fn a_line_through_the_camera_is_cut_in_front_of_it() {
        let camera = camera();
        let [from, to] = segment(&Vector3::new(0.0, 1.0, 4.0), &Vector3::new(0.0, 1.0, -4.0), &camera).unwrap();
        let cut = camera.project(&Vector3::new(0.0, 1.0, NEAR_M)).unwrap();
        let far = camera.project(&Vector3::new(0.0, 1.0, 4.0)).unwrap();
        let mut ends = [from, to];
        ends.sort_by(|a, b| a[1].total_cmp(&b[1]));
        assert!((ends[0][1] - far[1]).abs() < 1e-9 && (ends[1][1] - cut[1]).abs() < 1e-9);
        assert!(segment(&Vector3::new(0.0, 0.0, -1.0), &Vector3::new(1.0, 0.0, -2.0), &camera).is_none());
    }

    #[test]
    fn a_body_around_the_camera_is_drawn_without_infinities() {
        let label = "0 1 Car 0 0 0 0 0 9 9 1.5 1.7 4.2 0.0 0.7 0.1 -1.57";
        let label = parse_tracking_labels(label, "label").unwrap().remove(0);
        let frame = FrameResult { objects: vec![fixture::object("1", &label.object, 3.0)], ..FrameResult::default() };
        let svg = overlay(&frame, &camera());
        assert!(!svg.contains("inf") && !svg.contains("NaN") && svg.contains("class=\"edges\""), "{svg}");
    }

    #[test]
    fn the_arrow_points_to_where_the_body_heads() {
        let label = "0 1 Car 0 0 0 0 0 9 9 1.5 1.7 4.2 0.0 1.7 20.0 0.0";
        let label = parse_tracking_labels(label, "label").unwrap().remove(0);
        let body = fixture::object("1", &label.object, 0.0).truth.body;
        // rotation_y = 0 heads image-right, on the ground 1.7 m below the camera.
        let [_, head] = arrow(&body);
        let tip = head.iter().max_by(|a, b| a.x.total_cmp(&b.x)).unwrap();
        assert!((tip - Vector3::new(2.1 + ARROW_BEYOND_M, 1.7, 20.0)).norm() < 1e-9);
    }
}
