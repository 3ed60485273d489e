//! KITTI label files, one object a line, and the result files that share their form (a score at the end).

use std::fmt::Write as _;

use nalgebra::Vector3;

use super::{Fields, KittiError, camera_from_object, lines};
use crate::{Rotation, ray};

/// One object of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectLabel {
    /// One word: `Car`, `Van`, `Pedestrian`, …, or `DontCare` for a region nobody labelled.
    pub class: String,
    /// Object files: 0 (inside) to 1 (outside of the image). Tracking files: a level, 0, 1 or 2. -1: unknown.
    pub truncated: f64,
    /// 0 fully visible, 1 partly, 2 largely occluded, 3 or -1 unknown.
    pub occluded: i32,
    /// Direction the object is seen from, [-pi, pi]. As labelled it fits an observer at the laser scanner, 0.27 m behind
    /// the camera: up to 0.1 rad off beside near objects. For what the camera sees use [`super::alpha_from_rotation_y`].
    pub alpha_rad: f64,
    /// 2D box in the image of camera 2: left, top, right, bottom, pixels.
    pub box_px: [f64; 4],
    /// Height of the 3D box, metres.
    pub height_m: f64,
    /// Width of the 3D box, metres.
    pub width_m: f64,
    /// Length of the 3D box, metres.
    pub length_m: f64,
    /// Centre of the bottom face of the 3D box in rectified camera 0, metres.
    pub bottom_center_m: Vector3<f64>,
    /// Heading about the camera's y axis, [-pi, pi].
    pub rotation_y_rad: f64,
    /// Confidence, in result files.
    pub score: Option<f64>,
}

/// One object of one image of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackingLabel {
    /// Number of the image in its sequence, from 0.
    pub frame: u32,
    /// The same object keeps its number; -1 for `DontCare`.
    pub track_id: i64,
    /// The object.
    pub object: ObjectLabel,
}

impl ObjectLabel {
    /// A region nobody labelled: it has a 2D box and nothing else.
    pub fn is_dont_care(&self) -> bool {
        self.class == "DontCare"
    }

    /// Centre of the 3D box in rectified camera 0, metres: half a height above the bottom (y points down).
    pub fn center_m(&self) -> Vector3<f64> {
        self.bottom_center_m - Vector3::new(0.0, 0.5 * self.height_m, 0.0)
    }

    /// Corners of the 3D box in rectified camera 0, metres: the bottom face, then the top face, each front-left,
    /// front-right, rear-right, rear-left as the object itself has it.
    pub fn corners_m(&self) -> [Vector3<f64>; 8] {
        let (length, width, height) = (self.length_m, self.width_m, self.height_m);
        let (rotation, center) = (camera_from_object(self.rotation_y_rad), self.center_m());
        let corner = |forward: f64, left: f64, up: f64| {
            let in_body = Vector3::new(forward * length, left * width, up * height) * 0.5;
            center + rotation * in_body
        };
        [
            corner(1.0, 1.0, -1.0),
            corner(1.0, -1.0, -1.0),
            corner(-1.0, -1.0, -1.0),
            corner(-1.0, 1.0, -1.0),
            corner(1.0, 1.0, 1.0),
            corner(1.0, -1.0, 1.0),
            corner(-1.0, -1.0, 1.0),
            corner(-1.0, 1.0, 1.0),
        ]
    }

    /// Rotation relative to the ray to `center_in_camera`, the 3D centre in the camera that took the image (camera 2).
    ///
    /// `None` for `DontCare`, and where the centre is zero or not finite.
    pub fn allocentric(&self, center_in_camera: &Vector3<f64>) -> Option<Rotation> {
        if self.is_dont_care() {
            return None;
        }
        let egocentric = camera_from_object(self.rotation_y_rad);
        ray::allocentric_from_egocentric(center_in_camera, &egocentric)
    }

    /// The line of a label file, without its end. Parsing it gives exactly this label; `class` must be one word.
    pub fn emit(&self) -> String {
        let [x1, y1, x2, y2] = self.box_px;
        let bottom = &self.bottom_center_m;
        let mut line = format!("{} {} {}", self.class, self.truncated, self.occluded);
        let numbers = [
            self.alpha_rad,
            x1,
            y1,
            x2,
            y2,
            self.height_m,
            self.width_m,
            self.length_m,
            bottom.x,
            bottom.y,
            bottom.z,
            self.rotation_y_rad,
        ];
        for number in numbers.into_iter().chain(self.score) {
            // Writing to a String cannot fail.
            let _ = write!(line, " {number}");
        }
        line
    }

    fn parse(fields: &mut Fields<'_>) -> Result<Self, KittiError> {
        Ok(Self {
            class: fields.word("type")?.to_owned(),
            truncated: fields.number("truncated")?,
            occluded: fields.integer("occluded")?,
            alpha_rad: fields.number("alpha")?,
            box_px: [fields.number("left")?, fields.number("top")?, fields.number("right")?, fields.number("bottom")?],
            height_m: fields.number("height")?,
            width_m: fields.number("width")?,
            length_m: fields.number("length")?,
            bottom_center_m: Vector3::new(fields.number("x")?, fields.number("y")?, fields.number("z")?),
            rotation_y_rad: fields.number("rotation_y")?,
            score: match fields.left_count() {
                0 => None,
                _ => Some(fields.number("score")?),
            },
        })
    }
}

impl TrackingLabel {
    /// The line of a label file, without its end. Parsing it gives exactly this label; the class must be one word.
    pub fn emit(&self) -> String {
        format!("{} {} {}", self.frame, self.track_id, self.object.emit())
    }
}

/// Labels of one image, in the order of the file. `place` is the name of the file, for errors.
///
/// Lines hold 15 fields, or 16 with a score; empty lines are skipped. Numbers must be finite.
pub fn parse_object_labels(text: &str, place: &str) -> Result<Vec<ObjectLabel>, KittiError> {
    let label = |(line, text)| {
        let mut fields = Fields::new(place, line, text);
        match fields.left_count() {
            15 | 16 => ObjectLabel::parse(&mut fields),
            _ => Err(fields.refuse_count("15, or 16 with a score,")),
        }
    };
    lines(text).map(label).collect()
}

/// Labels of one sequence, in the order of the file. `place` is the name of the file, for errors.
///
/// Lines hold 17 fields, or 18 with a score; empty lines are skipped. Numbers must be finite.
pub fn parse_tracking_labels(text: &str, place: &str) -> Result<Vec<TrackingLabel>, KittiError> {
    let label = |(line, text)| {
        let mut fields = Fields::new(place, line, text);
        match fields.left_count() {
            17 | 18 => Ok(TrackingLabel {
                frame: fields.integer("frame")?,
                track_id: fields.integer("track_id")?,
                object: ObjectLabel::parse(&mut fields)?,
            }),
            _ => Err(fields.refuse_count("17, or 18 with a score,")),
        }
    };
    lines(text).map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Made up: the form is KITTI's, the numbers are not.
    const CAR: &str = "Car 0.10 1 -1.50 100.25 150.00 220.50 210.75 1.50 1.60 4.00 -6.00 1.75 20.00 -1.79";
    const REGION: &str = "DontCare -1 -1 -10 5.00 6.00 7.00 8.00 -1 -1 -1 -1000 -1000 -1000 -10";

    fn car() -> ObjectLabel {
        parse_object_labels(CAR, "000001.txt").unwrap().remove(0)
    }

    fn refuse(text: &str) -> String {
        parse_object_labels(text, "000001.txt").unwrap_err().to_string()
    }

    #[test]
    fn every_field_lands_in_its_place() {
        let label = car();
        assert_eq!(label.class, "Car");
        assert_eq!((label.truncated, label.occluded), (0.1, 1));
        assert_eq!(label.alpha_rad, -1.5);
        assert_eq!(label.box_px, [100.25, 150.0, 220.5, 210.75]);
        let size = (label.height_m, label.width_m, label.length_m);
        assert_eq!(size, (1.5, 1.6, 4.0));
        assert_eq!(label.bottom_center_m, Vector3::new(-6.0, 1.75, 20.0));
        assert_eq!((label.rotation_y_rad, label.score), (-1.79, None));
        assert_eq!(label.center_m(), Vector3::new(-6.0, 1.0, 20.0));
    }

    #[test]
    fn tracking_lines_start_with_frame_and_track() {
        let text = format!("17 3 {CAR} 0.875\r\n\r\n18 -1 {REGION}\n");
        let labels = parse_tracking_labels(&text, "0000.txt").unwrap();
        assert_eq!((labels[0].frame, labels[0].track_id), (17, 3));
        assert_eq!(labels[0].object.score, Some(0.875));
        assert_eq!((labels[1].frame, labels[1].track_id), (18, -1));
        assert!(labels[1].object.is_dont_care());
    }

    #[test]
    fn regions_nobody_labelled_have_no_rotation() {
        let region = parse_object_labels(REGION, "x").unwrap().remove(0);
        assert!(region.allocentric(&Vector3::z()).is_none());
        assert!(car().allocentric(&Vector3::z()).is_some());
        assert!(car().allocentric(&Vector3::zeros()).is_none());
    }

    /// The development kit's `computeBox3D`, with its own order of corners.
    #[test]
    fn the_corners_are_those_of_the_development_kit() {
        let label = car();
        let (l, w, h) = (label.length_m, label.width_m, label.height_m);
        let (s, c) = label.rotation_y_rad.sin_cos();
        let signs = [(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0)];
        for (index, corner) in label.corners_m().iter().enumerate() {
            let (along, across) = signs[index % 4];
            let (x, z) = (along * l / 2.0, across * w / 2.0);
            let y = if index < 4 { 0.0 } else { -h };
            let expected = Vector3::new(c * x + s * z, y, -s * x + c * z) + label.bottom_center_m;
            assert!((corner - expected).norm() < 1e-12, "{index}");
        }
    }

    #[test]
    fn errors_name_the_file_the_line_and_the_field() {
        let message = refuse(&format!("{CAR}\n\n{}\n", CAR.replace("-6.00", "left")));
        assert_eq!(message, "000001.txt:3: field `x`: \"left\" is not a finite number");
        assert!(refuse(&CAR.replace("0.10 1", "0.10 1.5")).contains("`occluded`"));
        assert!(refuse(&CAR.replace("-1.79", "nan")).contains("`rotation_y`"));
        assert!(refuse(&format!("{CAR} inf")).contains("`score`"));
        let cut = CAR.rsplit_once(' ').unwrap().0;
        assert!(refuse(cut).starts_with("000001.txt:1: 14 fields"));
        assert!(refuse(&format!("{CAR} 1 2")).starts_with("000001.txt:1: 17 fields"));
        let track = parse_tracking_labels(&format!("-1 0 {CAR}"), "0000.txt");
        assert!(track.unwrap_err().to_string().starts_with("0000.txt:1: field `frame`"));
    }

    #[test]
    fn long_rubbish_is_quoted_in_short() {
        let message = refuse(&CAR.replace("-6.00", &"9x".repeat(5000)));
        assert!(message.len() < 120);
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_class() {
        let labels = parse_object_labels(&format!("\u{feff}{CAR}"), "x").unwrap();
        assert_eq!(labels[0], car());
    }

    #[test]
    fn an_empty_file_is_an_image_without_objects() {
        assert_eq!(parse_object_labels(" \n\r\n", "x"), Ok(vec![]));
    }

    fn any_label() -> impl Strategy<Value = ObjectLabel> {
        let number = || any::<f64>().prop_filter("finite", |value| value.is_finite());
        let score = prop::option::of(number());
        (prop::array::uniform13(number()), any::<i32>(), score).prop_map(|(n, occluded, score)| ObjectLabel {
            class: "Person_sitting".to_owned(),
            truncated: n[0],
            occluded,
            alpha_rad: n[1],
            box_px: [n[2], n[3], n[4], n[5]],
            height_m: n[6],
            width_m: n[7],
            length_m: n[8],
            bottom_center_m: Vector3::new(n[9], n[10], n[11]),
            rotation_y_rad: n[12],
            score,
        })
    }

    proptest! {
        #[test]
        fn every_label_goes_there_and_back(label in any_label(), frame in any::<u32>(), track_id in any::<i64>()) {
            let back = parse_object_labels(&label.emit(), "x").unwrap();
            prop_assert_eq!(&back, &vec![label.clone()]);
            let track = TrackingLabel { frame, track_id, object: label };
            prop_assert_eq!(parse_tracking_labels(&track.emit(), "x").unwrap(), vec![track]);
        }
    }
}
