//! A playback made up for tests: three cars on a street, with errors of every grade.

use calibration::kitti::{ObjectLabel, camera_from_object};
use calibration::{PinholeCamera, so3};
use nalgebra::Vector3;

use crate::demo::matching::azimuth_deg;
use crate::demo::record::{Body, Estimate, FrameResult, ObjectResult, Playback, RunFacts, StageRow, Truth};

/// An object with the body of a label, answered `error_deg` off about its upright axis.
pub fn object(track_id: &str, label: &ObjectLabel, error_deg: f64) -> ObjectResult {
    let body = Body {
        rotation: camera_from_object(label.rotation_y_rad),
        center_m: label.center_m(),
        dimensions_m: [label.length_m, label.width_m, label.height_m],
    };
    let turned = Body {
        rotation: body.rotation * so3::exp(&(Vector3::z() * error_deg.to_radians())),
        center_m: body.center_m * 1.04,
        ..body.clone()
    };
    ObjectResult {
        azimuth_deg: azimuth_deg(&body),
        truth: Truth { track_id: track_id.to_owned(), class: label.class.clone(), body, occluded: label.occluded },
        estimate: Some(Estimate {
            track_id: track_id.to_owned(),
            class: "car".to_owned(),
            body: turned,
            flip_probability: if error_deg > 90.0 { 0.35 } else { 0.05 },
        }),
        error_deg: Some(error_deg),
    }
}

/// `frame_count` frames; no pictures.
pub fn playback(frame_count: u32) -> Playback {
    let frames = (0..frame_count).map(frame).collect();
    Playback {
        sequence: "0000".to_owned(),
        camera: PinholeCamera::new(721.5, 721.5, 609.6, 172.9, 1242, 375).unwrap(),
        frames,
        run: RunFacts {
            model_name: "car".to_owned(),
            model_version: "0.1.0".to_owned(),
            provider: "tract".to_owned(),
            rate_hz: 10.0,
            published_count: u64::from(frame_count),
            shared_memory_count: u64::from(frame_count),
            stages: ["crop", "embed"]
                .map(|name| StageRow { name: name.to_owned(), p50_us: 900, p99_us: 2100, max_us: 2500 })
                .to_vec(),
            ..RunFacts::default()
        },
        explained: vec!["<svg><image href=\"data:image/jpeg;base64,AA\"/></svg>".to_owned()],
    }
}

fn frame(index: u32) -> FrameResult {
    let errors = [3.0, 17.0, 175.0];
    let objects = (0..3_u32).map(|car| {
        let label = ObjectLabel {
            class: "Car".to_owned(),
            truncated: 0.0,
            occluded: 0,
            alpha_rad: 0.0,
            box_px: [0.0, 0.0, 50.0, 50.0],
            height_m: 1.5,
            width_m: 1.7,
            length_m: 4.2,
            bottom_center_m: Vector3::new(
                -6.0 + 5.0 * f64::from(car),
                1.7,
                12.0 + 9.0 * f64::from(car) + 0.3 * f64::from(index),
            ),
            rotation_y_rad: -1.5 + 0.9 * f64::from(car),
            score: None,
        };
        object(&car.to_string(), &label, errors[((car + index) % 3) as usize])
    });
    FrameResult {
        index,
        received: true,
        latency_us: Some(21_000 + 500 * u64::from(index % 5)),
        objects: objects.collect(),
        ..FrameResult::default()
    }
}
