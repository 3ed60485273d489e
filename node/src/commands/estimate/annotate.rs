//! Drawing the answer into the image: 2D boxes, 3D boxes, and which way each object faces.

use calibration::PinholeCamera;
use image::{Rgb, RgbImage};
use nalgebra::{Quaternion, UnitQuaternion, Vector3};

use crate::detection::Detection;
use crate::object_pose::ObjectPose;

const DETECTION: Rgb<u8> = Rgb([150, 150, 150]);
const BODY: Rgb<u8> = Rgb([40, 220, 90]);
const HEADING: Rgb<u8> = Rgb([255, 80, 60]);

/// Draws each detection in grey and, where there is a pose, its 3D box in green with the front face in red.
pub fn draw(image: &mut RgbImage, detections: &[Detection], poses: &[ObjectPose], camera: &PinholeCamera) {
    for pose in poses {
        if let Some(detection) = detections.get(pose.detection_index) {
            let b = &detection.box_px;
            let [x1, y1, x2, y2] = [b.x1, b.y1, b.x2, b.y2].map(f64::from);
            for (from, to) in [([x1, y1], [x2, y1]), ([x2, y1], [x2, y2]), ([x2, y2], [x1, y2]), ([x1, y2], [x1, y1])] {
                line(image, from, to, DETECTION);
            }
        }
        if pose.has_pose {
            draw_body(image, pose, &camera.with_corner_origin());
        }
    }
}

fn draw_body(image: &mut RgbImage, pose: &ObjectPose, camera: &PinholeCamera) {
    let [w, x, y, z] = pose.camera_from_object;
    let rotation = UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z));
    let [length, width, height] = pose.dimensions_m;
    let pixel = |forward: f64, left: f64, up: f64| {
        let corner = Vector3::new(forward * length, left * width, up * height) * 0.5;
        camera.project(&(Vector3::from(pose.translation_m) + rotation * corner))
    };
    let mut edge = |from: Option<[f64; 2]>, to: Option<[f64; 2]>, colour| {
        if let (Some(from), Some(to)) = (from, to) {
            line(image, from, to, colour);
        }
    };
    const RING: [(f64, f64); 4] = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
    for (i, &(left, up)) in RING.iter().enumerate() {
        let (next_left, next_up) = RING[(i + 1) % RING.len()];
        edge(pixel(-1.0, left, up), pixel(-1.0, next_left, next_up), BODY);
        edge(pixel(-1.0, left, up), pixel(1.0, left, up), BODY);
        edge(pixel(1.0, left, up), pixel(1.0, next_left, next_up), HEADING);
    }
    edge(pixel(0.0, 0.0, -1.0), pixel(1.0, 0.0, -1.0), HEADING);
}

/// A line between two points in continuous image coordinates; what lies outside is not drawn.
fn line(image: &mut RgbImage, from: [f64; 2], to: [f64; 2], colour: Rgb<u8>) {
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let Some((from, to)) = clip(from, to, [width, height]) else { return };
    let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0);
    for step in 0..=steps as u32 {
        let t = f64::from(step) / steps;
        let x = (from[0] + t * (to[0] - from[0])).clamp(0.0, width - 1.0);
        let y = (from[1] + t * (to[1] - from[1])).clamp(0.0, height - 1.0);
        image.put_pixel(x as u32, y as u32, colour);
    }
}

/// The part of a line inside the image (Liang and Barsky, 1984), so that far ends cost nothing.
fn clip(from: [f64; 2], to: [f64; 2], size: [f64; 2]) -> Option<([f64; 2], [f64; 2])> {
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let way = to[axis] - from[axis];
        for (toward, room) in [(-way, from[axis]), (way, size[axis] - from[axis])] {
            if !toward.is_finite() || !room.is_finite() {
                return None;
            }
            if toward == 0.0 && room < 0.0 {
                return None;
            } else if toward < 0.0 {
                enter = enter.max(room / toward);
            } else if toward > 0.0 {
                leave = leave.min(room / toward);
            }
        }
    }
    let at = |t: f64| [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
    (enter <= leave).then(|| (at(enter), at(leave)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_image() {
        let size = [10.0, 8.0];
        assert_eq!(clip([1.0, 1.0], [5.0, 5.0], size), Some(([1.0, 1.0], [5.0, 5.0])));
        assert_eq!(clip([-5.0, 4.0], [15.0, 4.0], size), Some(([0.0, 4.0], [10.0, 4.0])));
        assert_eq!(clip([-5.0, -1.0], [15.0, -1.0], size), None);
        assert_eq!(clip([f64::NAN, 1.0], [2.0, 2.0], size), None);
        assert_eq!(clip([f64::INFINITY, 1.0], [2.0, 2.0], size), None);
    }

    #[test]
    fn far_away_ends_neither_panic_nor_take_long() {
        let mut image = RgbImage::new(10, 8);
        line(&mut image, [-1e30, -1e30], [1e30, 1e30], BODY);
        line(&mut image, [3.0, 2.0], [3.0, 2.0], HEADING);
        assert_eq!(*image.get_pixel(3, 2), HEADING);
    }
}
