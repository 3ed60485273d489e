//! The scene from above: answers and truth as footprints on the ground, in metres, seen from over the camera.
//!
//! Camera x runs to the right, camera z (forward) upwards. All frames share one scale, so that playing them does not jump.

use std::fmt::Write as _;

use calibration::PinholeCamera;
use nalgebra::Vector3;

use super::markup::points;
use crate::demo::record::{Body, Estimate, FrameResult, Grade, Playback};

/// Size of the drawing, pixels of its own.
pub const SIZE_PX: [f64; 2] = [560.0, 460.0];
/// Id of the part that every frame shares.
pub const GROUND_ID: &str = "ground";
/// Room below the camera, pixels.
const BELOW_PX: f64 = 22.0;
/// Nearest and farthest range that the drawing reaches, metres.
const RANGE_M: [f64; 2] = [20.0, 90.0];
/// Distance of the rings, metres.
const RING_M: f64 = 10.0;

/// Metres to pixels of the drawing.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    px_per_m: f64,
    range_m: f64,
}

impl Map {
    /// The scale that shows every object of the playback, within [`RANGE_M`].
    pub fn new(playback: &Playback) -> Self {
        let bodies = playback.objects().flat_map(|(_, object)| {
            [Some(&object.truth.body), object.estimate.as_ref().map(|estimate| &estimate.body)].into_iter().flatten()
        });
        let [width, height] = SIZE_PX;
        let height = height - BELOW_PX;
        // How deep the drawing must reach for each body to fit upwards and sideways.
        let wanted_m = bodies
            .map(|body| {
                let sideways_m = (body.center_m.x.abs() + 3.0) * 2.0 * height / width;
                (body.center_m.z + 3.0).max(sideways_m)
            })
            .fold(0.0_f64, f64::max);
        let range_m = ((wanted_m / RING_M).ceil() * RING_M).clamp(RANGE_M[0], RANGE_M[1]);
        Self { px_per_m: height / range_m, range_m }
    }

    fn px(&self, x_m: f64, z_m: f64) -> [f64; 2] {
        [0.5 * SIZE_PX[0] + x_m * self.px_per_m, SIZE_PX[1] - BELOW_PX - z_m * self.px_per_m]
    }

    fn of(&self, point_m: &Vector3<f64>) -> [f64; 2] {
        self.px(point_m.x, point_m.z)
    }

    /// What every frame shares: the camera, what it sees, and rings of equal range.
    pub fn ground(&self, camera: &PinholeCamera) -> String {
        let mut svg = format!("<symbol id=\"{GROUND_ID}\" overflow=\"visible\">");
        let far_m = self.range_m * 1.6;
        let edge = |u: f64| {
            let [slope, _] = camera.normalized(u, 0.0);
            self.px(slope * far_m, far_m)
        };
        let eye = self.px(0.0, 0.0);
        let view = [eye, edge(-0.5), edge(f64::from(camera.width_px) - 0.5)];
        let _ = write!(svg, "<polygon class=\"view\" points=\"{}\"/>", points(&view));
        let [x, y] = eye;
        for ring in 1..=(self.range_m / RING_M * 1.5) as usize {
            let range_m = ring as f64 * RING_M;
            let radius = range_m * self.px_per_m;
            let _ = write!(svg, "<circle class=\"ring\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>");
            if range_m < self.range_m {
                let _ = write!(
                    svg,
                    "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\">{range_m:.0} m</text>",
                    x + 4.0,
                    y - radius - 3.0
                );
            }
        }
        let _ = write!(
            svg,
            "<path class=\"eye\" d=\"M{x:.1} {y:.1}l-7 12h14z\"/><text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\">camera</text></symbol>",
            x + 12.0,
            y + 14.0
        );
        svg
    }

    /// The footprints of one frame.
    pub fn footprints(&self, frame: &FrameResult) -> String {
        let mut svg = format!("<use href=\"#{GROUND_ID}\"/>");
        for object in &frame.objects {
            if let Some(estimate) = &object.estimate {
                let ([x1, y1], [x2, y2]) = (self.of(&object.truth.body.center_m), self.of(&estimate.body.center_m));
                let _ =
                    write!(svg, "<line class=\"shift\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
                self.estimate(&mut svg, estimate, object.grade());
            }
            self.truth(&mut svg, &object.truth.body);
        }
        for stray in &frame.strays {
            self.estimate(&mut svg, stray, Grade::NoAnswer);
        }
        svg
    }

    fn footprint(&self, body: &Body) -> [[f64; 2]; 4] {
        [(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0)]
            .map(|(forward, left)| self.of(&body.point_m(forward, left, -1.0)))
    }

    fn estimate(&self, svg: &mut String, estimate: &Estimate, grade: Grade) {
        let body = &estimate.body;
        let _ = write!(
            svg,
            "<g class=\"body {}\"><polygon class=\"foot\" points=\"{}\"/>",
            grade.css_class(),
            points(&self.footprint(body))
        );
        // A head of a size that is seen at any scale.
        let nose = self.of(&body.point_m(1.0, 0.0, -1.0));
        let middle = self.of(&body.point_m(0.0, 0.0, -1.0));
        let way = nalgebra::Vector2::new(nose[0] - middle[0], nose[1] - middle[1]);
        if let Some(way) = way.try_normalize(1e-9) {
            let tip = [nose[0] + 11.0 * way.x, nose[1] + 11.0 * way.y];
            let side = |sign: f64| [nose[0] - sign * 5.0 * way.y, nose[1] + sign * 5.0 * way.x];
            let _ = write!(
                svg,
                "<line class=\"shaft\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/><polygon class=\"arrow\" points=\"{}\"/>",
                middle[0],
                middle[1],
                nose[0],
                nose[1],
                points(&[side(1.0), tip, side(-1.0)])
            );
        }
        svg.push_str("</g>");
    }

    /// The outline, with a line from the centre through the front: heading without an arrow.
    fn truth(&self, svg: &mut String, body: &Body) {
        let [x1, y1] = self.of(&body.point_m(0.0, 0.0, -1.0));
        let [x2, y2] = self.of(&body.point_m(1.5, 0.0, -1.0));
        let _ = write!(
            svg,
            "<polygon class=\"truth\" points=\"{}\"/><line class=\"truth\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>",
            points(&self.footprint(body))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::report::fixture::playback;

    #[test]
    fn forward_is_up_right_is_right_and_a_metre_is_a_metre_both_ways() {
        let map = Map { px_per_m: 5.0, range_m: 80.0 };
        let [x, y] = map.px(0.0, 0.0);
        assert_eq!(map.px(3.0, 0.0), [x + 15.0, y]);
        assert_eq!(map.px(0.0, 4.0), [x, y - 20.0]);
    }

    #[test]
    fn a_footprint_has_the_area_of_the_body() {
        let playback = playback(1);
        let map = Map::new(&playback);
        let body = &playback.frames[0].objects[0].truth.body;
        let corners = map.footprint(body);
        let shoelace: f64 = (0..4)
            .map(|i| {
                let ([x1, y1], [x2, y2]) = (corners[i], corners[(i + 1) % 4]);
                x1 * y2 - x2 * y1
            })
            .sum();
        let [length, width, _] = body.dimensions_m;
        assert!((0.5 * shoelace.abs() / map.px_per_m.powi(2) - length * width).abs() < 1e-6);
    }

    #[test]
    fn every_object_of_the_playback_is_inside() {
        let playback = playback(6);
        let map = Map::new(&playback);
        for (_, object) in playback.objects() {
            for [x, y] in map.footprint(&object.truth.body) {
                assert!((0.0..=SIZE_PX[0]).contains(&x) && (0.0..=SIZE_PX[1]).contains(&y), "{x} {y}");
            }
        }
    }
}
