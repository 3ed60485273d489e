//! `vision_msgs/Detection3DArray` (4.1): the oriented objects of one image.
//!
//! How an [`ObjectPose`] is laid:
//!
//! | field | content |
//! |---|---|
//! | `header` (of the array and of every detection) | copied from the image: its stamp, the camera's optical coordinate system |
//! | `results[0]` | the published pose, with its covariance (x, y, z, about x, about y, about z; fixed camera axes) |
//! | `results[1..]` | the other orientations the picture allows, the 180-degree flip first: same class, same position, same covariance |
//! | `results[i].hypothesis.class_id` | the model's name of the class |
//! | `results[i].hypothesis.score` | detection score times the probability of this orientation: the scores of one object never sum to more than the detector's own |
//! | `bbox` | centre = `results[0]` pose; size = length, width, height along the body's x, y, z |
//! | `id` | the detection's id |
//!
//! An object without a pose (rejected, unmatched, out of time, network unavailable) is left out, because any pose written for it
//! would be read as one; its reason is counted in the node's status. The array itself is sent for every accepted frame, empty or not.

use super::MessageError;
use super::cdr::{Reader, Writer};
use super::header::Header;
use crate::detection::Detection;
use crate::object_pose::ObjectPose;

/// Doubles of a `Pose` and of a `PoseWithCovariance`.
const POSE_DOUBLES: usize = 7;
const COVARIANCE_DOUBLES: usize = 36;
/// Fewest bytes a `Detection3D` can take: header 12, empty results 4, box 80, id 4.
const DETECTION_BYTES_MIN: usize = 100;
/// Fewest bytes an `ObjectHypothesisWithPose` can take.
const HYPOTHESIS_BYTES_MIN: usize = 12 + 8 * (POSE_DOUBLES + COVARIANCE_DOUBLES);

/// The objects that have a pose: how many entries the message holds.
pub fn published_count(objects: &[ObjectPose]) -> usize {
    objects.iter().filter(|object| object.has_pose).count()
}

/// Size of the message in bytes.
///
/// # Errors
/// A length that does not fit in 32 bits.
pub fn size_bytes(header: &Header, objects: &[ObjectPose], detections: &[Detection]) -> Result<usize, MessageError> {
    let mut writer = Writer::counting();
    emit_fields(header, objects, detections, &mut writer)?;
    Ok(writer.size_bytes())
}

/// Writes the message into `out`; returns its size in bytes. Allocates nothing.
///
/// `detections` are those the objects' `detection_index` points into.
///
/// # Errors
/// [`super::MessageFault::BufferTooSmall`] where `out` is shorter than [`size_bytes`].
pub fn emit(
    header: &Header,
    objects: &[ObjectPose],
    detections: &[Detection],
    out: &mut [u8],
) -> Result<usize, MessageError> {
    let mut writer = Writer::new(out)?;
    emit_fields(header, objects, detections, &mut writer)?;
    Ok(writer.size_bytes())
}

fn emit_fields(
    header: &Header,
    objects: &[ObjectPose],
    detections: &[Detection],
    writer: &mut Writer<'_>,
) -> Result<(), MessageError> {
    header.emit(writer)?;
    writer.length(published_count(objects))?;
    for object in objects.iter().filter(|object| object.has_pose) {
        let detection = detections.get(object.detection_index);
        let score = detection.map_or(0.0, |detection| f64::from(detection.score));
        header.emit(writer)?;
        writer.length(1 + object.alternatives.len())?;
        let main = (object.camera_from_object, object.probability);
        let others = object.alternatives.iter().map(|other| (other.rotation_wxyz, other.probability));
        for (rotation_wxyz, probability) in std::iter::once(main).chain(others) {
            writer.string(&object.class)?;
            writer.f64(score * f64::from(probability))?;
            emit_pose(object.translation_m, rotation_wxyz, writer)?;
            writer.f64_array(&object.covariance)?;
        }
        emit_pose(object.translation_m, object.camera_from_object, writer)?;
        writer.f64_array(&object.dimensions_m)?;
        writer.string(detection.map_or("", |detection| &detection.id))?;
    }
    Ok(())
}

/// `geometry_msgs/Pose`: position, then the quaternion with its scalar last.
fn emit_pose(position_m: [f64; 3], [w, x, y, z]: [f64; 4], writer: &mut Writer<'_>) -> Result<(), MessageError> {
    writer.f64_array(&position_m)?;
    writer.f64_array(&[x, y, z, w])
}

/// One object as a subscriber reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedObject {
    /// Hypotheses in the order of the message: class, score, `camera_from_object` (w, x, y, z).
    pub hypotheses: Vec<(String, f64, [f64; 4])>,
    /// Centre of the object in the camera, metres.
    pub translation_m: [f64; 3],
    /// Length, width, height in metres.
    pub dimensions_m: [f64; 3],
    /// The detection's id.
    pub id: String,
}

/// Reads the message: the subscriber's side, which may allocate. For recorders and tests.
///
/// # Errors
/// Every fault carries the offset of its field.
pub fn parse(bytes: &[u8]) -> Result<(Header, Vec<ReceivedObject>), MessageError> {
    let mut reader = Reader::new(bytes)?;
    let header = Header::parse(&mut reader)?;
    let mut objects = Vec::new();
    for _ in 0..reader.sequence_length(DETECTION_BYTES_MIN)? {
        objects.push(parse_object(&mut reader)?);
    }
    reader.finish()?;
    Ok((header, objects))
}

fn parse_object(reader: &mut Reader<'_>) -> Result<ReceivedObject, MessageError> {
    Header::parse(reader)?;
    let mut hypotheses = Vec::new();
    for _ in 0..reader.sequence_length(HYPOTHESIS_BYTES_MIN)? {
        let class = reader.string::<256>()?;
        let score = reader.f64()?;
        let [_, _, _, x, y, z, w] = reader.f64_array::<POSE_DOUBLES>()?;
        reader.skip_f64(COVARIANCE_DOUBLES)?;
        hypotheses.push((class.as_str().to_owned(), score, [w, x, y, z]));
    }
    let [px, py, pz, _, _, _, _] = reader.f64_array::<POSE_DOUBLES>()?;
    let dimensions_m = reader.f64_array()?;
    let id = reader.string::<256>()?.as_str().to_owned();
    Ok(ReceivedObject { hypotheses, translation_m: [px, py, pz], dimensions_m, id })
}

#[cfg(test)]
mod tests;
