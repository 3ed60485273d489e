use kernels::BoxPx;
use proptest::prelude::*;

use super::*;
use crate::messages::MessageFault;
use crate::object_pose::{Alternative, ObjectStatus};
use crate::time::Stamp;

fn header() -> Header {
    Header { stamp: Stamp { sec: 10, nanosec: 20 }, frame_id: "cam".try_into().unwrap() }
}

fn detection() -> Detection {
    let box_px = BoxPx { x1: 0.0, y1: 0.0, x2: 9.0, y2: 9.0 };
    Detection { box_px, class_id: "vehicle".try_into().unwrap(), score: 0.5, id: "42".try_into().unwrap() }
}

fn object() -> ObjectPose {
    let mut object = ObjectPose::without_pose(0, "car".try_into().unwrap(), ObjectStatus::Ok);
    object.has_pose = true;
    object.camera_from_object = [0.8, 0.6, 0.0, 0.0];
    object.translation_m = [1.0, 2.0, 30.0];
    object.covariance[0] = 0.25;
    object.covariance[35] = 4.0;
    object.dimensions_m = [4.0, 1.75, 1.5];
    object.probability = 0.75;
    let flip = Alternative { rotation_wxyz: [0.0, 0.0, 0.6, 0.8], probability: 0.25 };
    object.alternatives.push(flip).unwrap();
    object
}

fn emitted(objects: &[ObjectPose], detections: &[Detection]) -> Vec<u8> {
    let mut out = vec![0; size_bytes(&header(), objects, detections).unwrap()];
    assert_eq!(emit(&header(), objects, detections, &mut out).unwrap(), out.len());
    out
}

fn doubles(bytes: &mut Vec<u8>, values: &[f64]) {
    for value in values {
        bytes.extend(value.to_le_bytes());
    }
}

/// The message for [`object`], laid by hand from the definitions in vision_msgs 4.1.
fn laid_by_hand() -> Vec<u8> {
    let mut covariance = [0.0; 36];
    (covariance[0], covariance[35]) = (0.25, 4.0);
    let header: [u8; 16] = [10, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, b'c', b'a', b'm', 0];
    let mut bytes = vec![0, 1, 0, 0];
    bytes.extend(header); // body bytes 0..16
    bytes.extend([1, 0, 0, 0]); // one detection, 16..20
    bytes.extend(header); // 20..36
    bytes.extend([2, 0, 0, 0]); // two hypotheses, 36..40
    bytes.extend([4, 0, 0, 0]);
    bytes.extend(b"car\0"); // 44..48
    doubles(&mut bytes, &[0.375, 1.0, 2.0, 30.0, 0.6, 0.0, 0.0, 0.8]); // score, position, quaternion x y z w
    doubles(&mut bytes, &covariance); // to 400
    bytes.extend([4, 0, 0, 0]);
    bytes.extend(b"car\0"); // to 408
    doubles(&mut bytes, &[0.125, 1.0, 2.0, 30.0, 0.0, 0.6, 0.8, 0.0]);
    doubles(&mut bytes, &covariance);
    doubles(&mut bytes, &[1.0, 2.0, 30.0, 0.6, 0.0, 0.0, 0.8]); // box centre
    doubles(&mut bytes, &[4.0, 1.75, 1.5]); // box size
    bytes.extend([3, 0, 0, 0]);
    bytes.extend(b"42\0");
    bytes
}

#[test]
fn an_object_is_laid_as_by_hand() {
    assert_eq!(emitted(&[object()], &[detection()]), laid_by_hand());
}

#[test]
fn a_subscriber_reads_what_was_laid_by_hand() {
    let (read_header, objects) = parse(&laid_by_hand()).unwrap();
    assert_eq!(read_header, header());
    let hypotheses =
        vec![("car".to_owned(), 0.375, [0.8, 0.6, 0.0, 0.0]), ("car".to_owned(), 0.125, [0.0, 0.0, 0.6, 0.8])];
    let expected = ReceivedObject {
        hypotheses,
        translation_m: [1.0, 2.0, 30.0],
        dimensions_m: [4.0, 1.75, 1.5],
        id: "42".to_owned(),
    };
    assert_eq!(objects, [expected]);
}

#[test]
fn an_object_without_a_pose_is_left_out_and_the_message_is_still_sent() {
    let unmatched = ObjectPose::without_pose(0, "car".try_into().unwrap(), ObjectStatus::Unavailable);
    let (_, objects) = parse(&emitted(std::slice::from_ref(&unmatched), &[detection()])).unwrap();
    assert_eq!(objects, []);
    let (_, objects) = parse(&emitted(&[unmatched, object()], &[detection()])).unwrap();
    assert_eq!(objects.len(), 1);
    assert_eq!(emitted(&[], &[]).len(), 24, "encapsulation, header, a count of zero");
}

#[test]
fn the_scores_of_an_object_sum_to_the_detectors_score_at_most() {
    let (_, objects) = parse(&emitted(&[object()], &[detection()])).unwrap();
    let sum: f64 = objects[0].hypotheses.iter().map(|(_, score, _)| score).sum();
    assert_eq!(sum, 0.5);
}

#[test]
fn a_detection_index_out_of_range_gives_no_score_and_no_id() {
    let (_, objects) = parse(&emitted(&[object()], &[])).unwrap();
    assert_eq!((objects[0].hypotheses[0].1, objects[0].id.as_str()), (0.0, ""));
}

#[test]
fn a_buffer_one_byte_short_is_reported() {
    let mut out = vec![0; laid_by_hand().len() - 1];
    let error = emit(&header(), &[object()], &[detection()], &mut out).unwrap_err();
    assert_eq!(error.fault, MessageFault::BufferTooSmall);
}

#[test]
fn a_message_cut_at_any_byte_is_refused() {
    let bytes = laid_by_hand();
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length]).is_err(), "{length} bytes");
    }
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(damage in proptest::collection::vec((0usize..1000, any::<u8>()), 1..8)) {
        let mut bytes = laid_by_hand();
        let length = bytes.len();
        for (at, value) in damage {
            bytes[at % length] ^= value;
        }
        let _ = parse(&bytes);
    }
}
