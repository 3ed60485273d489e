//! What a detector would say about a labelled frame.

use calibration::kitti::TrackingLabel;
use kernels::BoxPx;

use super::PlayOptions;
use crate::detection::Detection;
use crate::replay::SequenceFrame;

/// The wanted labels of a frame as detections: shifted if asked for, clipped to the image, with the track as id.
pub fn detect(frame: &SequenceFrame, options: &PlayOptions, [width_px, height_px]: [u32; 2]) -> Vec<Detection> {
    let mut jitter = options.jitter.map(|jitter| jitter.of_frame(frame.index));
    let wanted = frame.labels.iter().filter(|label| options.detects(label));
    let detect = |label: &TrackingLabel| {
        let [x1, y1, x2, y2] = label.object.box_px.map(|side| side as f32);
        let tight = BoxPx { x1, y1, x2, y2 };
        let shifted = jitter.as_mut().map_or(tight, |jitter| jitter.shift(&tight));
        let (x_max, y_max) = (width_px as f32, height_px as f32);
        // A detector sees no further than the image.
        let box_px = BoxPx {
            x1: shifted.x1.clamp(0.0, x_max),
            y1: shifted.y1.clamp(0.0, y_max),
            x2: shifted.x2.clamp(0.0, x_max),
            y2: shifted.y2.clamp(0.0, y_max),
        };
        let class_id = label.object.class.as_str().try_into().ok()?;
        let id = label.track_id.to_string().as_str().try_into().ok()?;
        Some(Detection { box_px, class_id, score: 1.0, id })
    };
    wanted.filter_map(detect).collect()
}

#[cfg(test)]
mod tests {
    use calibration::kitti::parse_tracking_labels;

    use super::*;

    const LABELS: &str = "\
0 1 Car 0 0 -1.5 10 20 60 40 1.5 1.6 3.9 0.5 1.7 12.0 -1.5
0 2 Van 0 2 -1.5 70 20 99 40 1.5 1.6 3.9 0.5 1.7 12.0 -1.5
0 3 Car 0 3 -1.5 10 20 60 40 1.5 1.6 3.9 0.5 1.7 12.0 -1.5
0 4 Pedestrian 0 0 -1.5 10 20 60 40 1.5 1.6 3.9 0.5 1.7 12.0 -1.5
0 -1 DontCare -1 -1 -10 10 20 60 40 -1000 -1000 -1000 -10 -1 -1 -1
";

    fn frame() -> SequenceFrame {
        let labels = parse_tracking_labels(LABELS, "labels").unwrap();
        SequenceFrame { index: 0, picture: "0.png".into(), labels }
    }

    #[test]
    fn vehicles_that_are_seen_well_enough_are_detected() {
        let ids = |options: &PlayOptions| -> Vec<String> {
            detect(&frame(), options, [100, 50]).iter().map(|detection| detection.id.to_string()).collect()
        };
        assert_eq!(ids(&PlayOptions::default()), ["1", "2"]);
        assert_eq!(ids(&PlayOptions { occluded_max: 0, ..Default::default() }), ["1"]);
        assert_eq!(ids(&PlayOptions { occluded_max: 3, ..Default::default() }), ["1", "2", "3"]);
        assert_eq!(ids(&PlayOptions { height_px_min: 20.0, ..Default::default() }), ["1", "2"]);
        assert_eq!(ids(&PlayOptions { height_px_min: 20.1, ..Default::default() }), [""; 0]);
        assert_eq!(ids(&PlayOptions { classes: vec!["Pedestrian".to_owned()], ..Default::default() }), ["4"]);
    }

    #[test]
    fn without_jitter_boxes_are_as_labelled_and_never_leave_the_image() {
        let found = detect(&frame(), &PlayOptions::default(), [90, 50]);
        assert_eq!(found[0].box_px, BoxPx { x1: 10.0, y1: 20.0, x2: 60.0, y2: 40.0 });
        assert_eq!(found[1].box_px, BoxPx { x1: 70.0, y1: 20.0, x2: 90.0, y2: 40.0 });
        assert_eq!((found[0].class_id.as_str(), found[0].score), ("Car", 1.0));
    }
}
