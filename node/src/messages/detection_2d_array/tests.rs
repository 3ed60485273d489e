use proptest::prelude::*;

use super::*;
use crate::messages::MessageFault;
use crate::time::Stamp;

fn header() -> Header {
    Header { stamp: Stamp { sec: 10, nanosec: 20 }, frame_id: "cam".try_into().unwrap() }
}

fn detection(class: &str, score: f32, x1: f32) -> Detection {
    let box_px = BoxPx { x1, y1: 2.0, x2: x1 + 4.0, y2: 8.0 };
    let class_id = class.try_into().unwrap();
    Detection { box_px, class_id, score, id: "7".try_into().unwrap() }
}

fn emitted(detections: &[Detection]) -> Vec<u8> {
    let mut out = vec![0; size_bytes(&header(), detections).unwrap()];
    assert_eq!(emit(&header(), detections, &mut out).unwrap(), out.len());
    out
}

/// One detection laid by hand from the definitions in vision_msgs 4.1, with two hypotheses, a rotated box, and an id.
fn laid_by_hand() -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0];
    let header: [u8; 16] = [10, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, b'c', b'a', b'm', 0];
    bytes.extend(header); // body bytes 0..16
    bytes.extend([1, 0, 0, 0]); // one detection, body bytes 16..20
    bytes.extend(header); // 20..36
    bytes.extend([2, 0, 0, 0]); // two hypotheses, 36..40
    bytes.extend([6, 0, 0, 0]); // 40..44
    bytes.extend(b"truck\0"); // 44..50
    bytes.extend([0; 6]); // padding to 56
    bytes.extend(0.25f64.to_le_bytes());
    bytes.extend([0; 8 * 43]); // pose with covariance, to 408
    bytes.extend([4, 0, 0, 0]); // 408..412
    bytes.extend(b"car\0"); // 412..416
    bytes.extend(0.75f64.to_le_bytes());
    bytes.extend([0; 8 * 43]); // to 768
    for value in [100.0f64, 50.0, 0.5, 20.0, 10.0] {
        bytes.extend(value.to_le_bytes()); // center x, y, theta, size x, y
    }
    bytes.extend([3, 0, 0, 0]);
    bytes.extend(b"42\0");
    bytes
}

#[test]
fn a_detection_reads_what_was_laid_by_hand() {
    let mut detections = Vec::new();
    let summary = parse(&laid_by_hand(), 8, &mut detections).unwrap();
    assert_eq!(summary, Summary { header: header(), detection_count: 1, cut_count: 0, unusable_count: 0 });
    let [only] = &detections[..] else { unreachable!("one detection") };
    assert_eq!((only.class_id.as_str(), only.score, only.id.as_str()), ("car", 0.75, "42"));
    let BoxPx { x1, y1, x2, y2 } = only.box_px;
    assert_eq!([x1, y1, x2, y2], [90.0, 45.0, 110.0, 55.0]);
}

#[test]
fn emitted_detections_read_back() {
    let mut detections = Vec::new();
    let bytes = emitted(&[detection("car", 0.5, 1.0), detection("van", 1.0, -3.5)]);
    parse(&bytes, 8, &mut detections).unwrap();
    assert_eq!(detections.len(), 2);
    assert_eq!(detections[1].class_id, "van");
    assert_eq!(detections[1].box_px.x1, -3.5);
    assert_eq!(detections[1].box_px.x2, 0.5);
}

#[test]
fn of_too_many_detections_the_highest_scores_stay() {
    let scores = [0.1, 0.9, f32::NAN, 0.5, 0.8, 0.2];
    let all: Vec<Detection> = scores.iter().map(|score| detection("car", *score, 0.0)).collect();
    let mut kept = Vec::new();
    let summary = parse(&emitted(&all), 3, &mut kept).unwrap();
    assert_eq!((summary.detection_count, summary.cut_count), (6, 3));
    let mut scores: Vec<f32> = kept.iter().map(|detection| detection.score).collect();
    scores.sort_by(f32::total_cmp);
    assert_eq!(scores, [0.5, 0.8, 0.9]);
}

#[test]
fn a_class_name_that_is_too_long_leaves_only_that_detection_out() {
    let mut bytes = laid_by_hand();
    let long = vec![b'x'; 40];
    bytes.splice(412..416, []); // takes "car\0" out again below
    let mut rebuilt = vec![0, 1, 0, 0];
    rebuilt.extend_from_slice(&bytes[4..44]);
    rebuilt.extend([41, 0, 0, 0]);
    rebuilt.extend(&long);
    rebuilt.push(0);
    while (rebuilt.len() - 4) % 8 != 0 {
        rebuilt.push(0);
    }
    rebuilt.extend(0.25f64.to_le_bytes());
    rebuilt.extend([0; 8 * 43]);
    rebuilt[40..44].copy_from_slice(&1u32.to_le_bytes());
    rebuilt.extend([0; 40]);
    rebuilt.extend([1, 0, 0, 0, 0]);
    let mut detections = Vec::new();
    let summary = parse(&rebuilt, 8, &mut detections).unwrap();
    assert_eq!((summary.unusable_count, detections.len()), (1, 0));
}

#[test]
fn an_id_is_cut_between_characters() {
    assert_eq!(cut_id("0f8fad5b-d9cb-469f-a165-70867728950e"), "0f8fad5b-d9cb-469f-a165-70867728");
    assert_eq!(cut_id(&"é".repeat(17)), "é".repeat(16).as_str());
    assert_eq!(cut_id(&format!("{}é", "x".repeat(31))), "x".repeat(31).as_str());
}

#[test]
fn a_message_cut_at_any_byte_is_refused_and_leaves_nothing() {
    let bytes = emitted(&[detection("car", 0.5, 1.0), detection("van", 1.0, 2.0)]);
    let mut detections = vec![detection("stale", 1.0, 0.0)];
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length], 8, &mut detections).is_err(), "{length} bytes");
        assert!(detections.is_empty());
    }
}

#[test]
fn a_count_beyond_the_message_is_refused_before_any_detection_is_read() {
    let mut bytes = emitted(&[detection("car", 0.5, 1.0)]);
    bytes[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = parse(&bytes, 8, &mut Vec::new()).unwrap_err();
    assert_eq!(error, MessageError { fault: MessageFault::SequenceTooLong, byte: 20 });
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut message = vec![0, 1, 0, 0];
        message.extend(bytes);
        let _ = parse(&message, 4, &mut Vec::new());
    }

    #[test]
    fn no_damage_makes_it_panic_or_exceed_the_bound(
        damage in proptest::collection::vec((0usize..2000, any::<u8>()), 1..8),
        detections_max in 0usize..3,
    ) {
        let mut bytes = emitted(&[detection("car", 0.5, 1.0), detection("van", 1.0, 2.0)]);
        let length = bytes.len();
        for (at, value) in damage {
            bytes[at % length] ^= value;
        }
        let mut detections = Vec::new();
        let _ = parse(&bytes, detections_max, &mut detections);
        prop_assert!(detections.len() <= detections_max);
    }
}
