//! Answers beside the truth: which belongs to which, and how far they are apart.

use std::collections::HashMap;

use calibration::kitti::{Calibration, TrackingLabel, camera_from_object};
use calibration::{Rotation, Viewpoint, ray, so3};
use nalgebra::{Quaternion, UnitQuaternion, Vector3};

use super::record::{Body, Estimate, Grade, ObjectResult, Truth};
use crate::messages::detection_3d_array::ReceivedObject;

/// How far from unit a received quaternion may be.
const NORM_DEVIATION_MAX: f64 = 1e-3;

/// The truth of one label, in the camera that took the pictures (camera 2).
pub fn truth(label: &TrackingLabel, calibration: &Calibration) -> Truth {
    let object = &label.object;
    Truth {
        track_id: label.track_id.to_string(),
        class: object.class.clone(),
        body: Body {
            rotation: camera_from_object(object.rotation_y_rad),
            center_m: calibration.in_camera2_m(&object.center_m()),
            dimensions_m: [object.length_m, object.width_m, object.height_m],
        },
        occluded: object.occluded,
    }
}

/// A received object as the report needs it; `None` where it holds no usable rotation, position or size.
///
/// The node publishes the opposite heading among the other hypotheses; its share is taken of all that were sent.
pub fn estimate(received: &ReceivedObject) -> Option<Estimate> {
    let (class, _, wxyz) = received.hypotheses.first()?;
    let rotation = unit(*wxyz)?;
    let [x, y, z] = received.translation_m;
    let finite = received.translation_m.iter().chain(&received.dimensions_m).all(|value| value.is_finite());
    if !finite || received.dimensions_m.iter().any(|&side| side <= 0.0) {
        return None;
    }
    let is_flip = |wxyz: &[f64; 4]| {
        unit(*wxyz).is_some_and(|other| so3::geodesic_angle(&rotation, &other).to_degrees() > Grade::FLIP_DEG_MIN)
    };
    let scores = || received.hypotheses.iter().map(|(_, score, wxyz)| (score.max(0.0), wxyz));
    let all: f64 = scores().map(|(score, _)| score).sum();
    let flipped: f64 = scores().skip(1).filter(|(_, wxyz)| is_flip(wxyz)).fold(0.0, |sum, (score, _)| sum + score);
    Some(Estimate {
        track_id: received.id.clone(),
        class: class.clone(),
        body: Body { rotation, center_m: Vector3::new(x, y, z), dimensions_m: received.dimensions_m },
        flip_probability: if all > 0.0 { flipped / all } else { 0.0 },
    })
}

fn unit([w, x, y, z]: [f64; 4]) -> Option<Rotation> {
    let quaternion = Quaternion::new(w, x, y, z);
    // False for NaN.
    ((quaternion.norm() - 1.0).abs() <= NORM_DEVIATION_MAX).then(|| UnitQuaternion::from_quaternion(quaternion))
}

/// Gives every truth the estimate with its id (the first, where there are several); the rest are strays.
pub fn match_by_id(truths: Vec<Truth>, estimates: Vec<Estimate>) -> (Vec<ObjectResult>, Vec<Estimate>) {
    let mut strays = Vec::new();
    let mut by_id: HashMap<String, Estimate> = HashMap::new();
    for estimate in estimates {
        let known = truths.iter().any(|truth| truth.track_id == estimate.track_id);
        if known && !by_id.contains_key(&estimate.track_id) {
            by_id.insert(estimate.track_id.clone(), estimate);
        } else {
            strays.push(estimate);
        }
    }
    let results = truths.into_iter().map(|truth| {
        let estimate = by_id.remove(&truth.track_id);
        result(truth, estimate)
    });
    (results.collect(), strays)
}

fn result(truth: Truth, estimate: Option<Estimate>) -> ObjectResult {
    let error_deg = estimate
        .as_ref()
        .map(|estimate| so3::geodesic_angle(&estimate.body.rotation, &truth.body.rotation).to_degrees());
    ObjectResult { azimuth_deg: azimuth_deg(&truth.body), truth, estimate, error_deg }
}

/// From which side a body is seen, degrees in [0, 360); of a body in the camera's own centre, as if straight ahead.
pub fn azimuth_deg(body: &Body) -> f64 {
    let allocentric = ray::allocentric_from_egocentric(&body.center_m, &body.rotation).unwrap_or(body.rotation);
    Viewpoint::from_rotation(&allocentric).azimuth_rad.to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use calibration::kitti::{parse_calibration, parse_tracking_labels};

    const LABEL: &str = "4 7 Car 0 1 -1.57 100 150 220 210 1.5 1.6 4.0 -6.0 1.75 20.0 -1.57";
    const CALIBRATION: &str = "P2: 700 0 600 42 0 700 180 0 0 0 1 0\n";

    fn one_truth() -> Truth {
        let labels = parse_tracking_labels(LABEL, "label").unwrap();
        truth(&labels[0], &parse_calibration(CALIBRATION, "calib", 1242, 375).unwrap())
    }

    fn received(hypotheses: Vec<(f64, Rotation)>) -> ReceivedObject {
        let hypotheses = hypotheses
            .into_iter()
            .map(|(score, rotation)| ("car".to_owned(), score, so3::to_wxyz(&rotation)))
            .collect();
        ReceivedObject {
            hypotheses,
            translation_m: [-5.9, 1.0, 20.5],
            dimensions_m: [4.2, 1.8, 1.5],
            id: "7".to_owned(),
        }
    }

    #[test]
    fn the_truth_stands_in_the_camera_that_took_the_picture() {
        let truth = one_truth();
        // P2's fourth column 42 = fx * 0.06 m; the centre lies half a height above the label's point.
        assert!((truth.body.center_m - Vector3::new(-5.94, 1.0, 20.0)).norm() < 1e-12);
        assert_eq!((truth.track_id.as_str(), truth.body.dimensions_m), ("7", [4.0, 1.6, 1.5]));
        // It drives away (rotation_y = -pi/2): its nose is farther from the camera than its tail.
        assert!(truth.body.point_m(1.0, 0.0, 0.0).z - truth.body.point_m(-1.0, 0.0, 0.0).z > 3.99);
    }

    #[test]
    fn a_turn_of_five_degrees_is_an_error_of_five_degrees() {
        let truth = one_truth();
        for (turn_deg, grade) in
            [(0.0, Grade::Good), (5.0, Grade::Good), (-20.0, Grade::Fair), (90.0, Grade::Poor), (178.0, Grade::Flip)]
        {
            let turned = truth.body.rotation * so3::exp(&(Vector3::z() * f64::to_radians(turn_deg)));
            let estimates = vec![estimate(&received(vec![(0.9, turned)])).unwrap()];
            let (results, strays) = match_by_id(vec![truth.clone()], estimates);
            assert!((results[0].error_deg.unwrap() - turn_deg.abs()).abs() < 1e-6);
            assert_eq!((results[0].grade(), strays.len()), (grade, 0));
        }
    }

    #[test]
    fn the_flip_share_counts_the_opposite_heading_only() {
        let main = one_truth().body.rotation;
        let about_up = |deg: f64| main * so3::exp(&(Vector3::z() * deg.to_radians()));
        let received = received(vec![(0.6, main), (0.2, about_up(180.0)), (0.2, about_up(40.0))]);
        assert!((estimate(&received).unwrap().flip_probability - 0.2).abs() < 1e-12);
    }

    #[test]
    fn an_unanswered_truth_and_a_stray_answer_both_stay_visible() {
        let mut stray = estimate(&received(vec![(0.9, Rotation::identity())])).unwrap();
        stray.track_id = "8".to_owned();
        let (results, strays) = match_by_id(vec![one_truth()], vec![stray]);
        assert_eq!((results[0].error_deg, results[0].grade()), (None, Grade::NoAnswer));
        assert_eq!(strays.len(), 1);
        // Nobody answers one object twice: the second answer is a stray.
        let twice = estimate(&received(vec![(0.9, Rotation::identity())])).unwrap();
        let (results, strays) = match_by_id(vec![one_truth()], vec![twice.clone(), twice]);
        assert_eq!((results[0].error_deg.is_some(), strays.len()), (true, 1));
    }

    #[test]
    fn a_received_object_without_a_rotation_or_size_is_no_estimate() {
        let good = received(vec![(0.9, Rotation::identity())]);
        assert!(estimate(&ReceivedObject { hypotheses: vec![], ..good.clone() }).is_none());
        assert!(estimate(&ReceivedObject { dimensions_m: [4.0, 0.0, 1.0], ..good.clone() }).is_none());
        assert!(estimate(&ReceivedObject { translation_m: [f64::NAN; 3], ..good.clone() }).is_none());
        let mut bad = good;
        bad.hypotheses[0].2 = [0.0; 4];
        assert!(estimate(&bad).is_none());
    }

    #[test]
    fn an_oncoming_car_is_seen_from_the_front() {
        // rotation_y = +pi/2 drives towards the camera.
        let body = Body {
            rotation: camera_from_object(std::f64::consts::FRAC_PI_2),
            center_m: Vector3::new(0.0, 0.0, 20.0),
            dimensions_m: [4.0, 1.6, 1.5],
        };
        let azimuth = azimuth_deg(&body);
        assert!(!(1e-6..=360.0 - 1e-6).contains(&azimuth), "{azimuth}");
    }
}
