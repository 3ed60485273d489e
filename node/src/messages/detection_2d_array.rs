//! `vision_msgs/Detection2DArray` (4.1): what a detector saw in one image.

use kernels::BoxPx;

use super::MessageError;
use super::cdr::{Reader, Writer};
use super::header::Header;
use crate::detection::{ClassName, Detection, DetectionId};

/// Doubles of a `PoseWithCovariance`: position 3, orientation 4, covariance 36.
const POSE_DOUBLES: usize = 43;
/// Fewest bytes a `Detection2D` can take: header 12, empty results 4, box 40, id 4.
const DETECTION_BYTES_MIN: usize = 60;
/// Fewest bytes an `ObjectHypothesisWithPose` can take: class id 4, score 8, pose.
const HYPOTHESIS_BYTES_MIN: usize = 12 + 8 * POSE_DOUBLES;
/// Longest class or id that is read at all before it is judged too long.
const TEXT_BYTES_MAX: usize = 256;

/// What was read beside the detections themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Stamp of the image the detections belong to, and the camera's optical coordinate system.
    pub header: Header,
    /// Detections in the message.
    pub detection_count: usize,
    /// Left out because more than the bound came: those with the lowest scores.
    pub cut_count: usize,
    /// Left out because the class name is longer than any class name can be.
    pub unusable_count: usize,
}

/// Reads the message into `detections`, which is cleared first and never grows beyond `detections_max`.
///
/// - A detection's class and score are those of its hypothesis with the highest score; without hypotheses the class is empty.
/// - The box is `center -+ size / 2`; `theta` is passed over. Coordinates are not judged here: the pipeline rejects box by box.
/// - Of more than `detections_max` detections those with the highest scores are kept; NaN counts as lowest. Kept ones stay in order
///   of arrival, except that a later one takes the place of the one it displaces.
/// - An id longer than a [`DetectionId`] is cut at a character; a class longer than a [`ClassName`] leaves the detection out.
///
/// # Errors
/// Every fault carries the offset of its field; `detections` is then empty.
pub fn parse(bytes: &[u8], detections_max: usize, detections: &mut Vec<Detection>) -> Result<Summary, MessageError> {
    detections.clear();
    let parsed = parse_into(bytes, detections_max, detections);
    if parsed.is_err() {
        detections.clear();
    }
    parsed
}

fn parse_into(bytes: &[u8], detections_max: usize, detections: &mut Vec<Detection>) -> Result<Summary, MessageError> {
    let mut reader = Reader::new(bytes)?;
    let header = Header::parse(&mut reader)?;
    let detection_count = reader.sequence_length(DETECTION_BYTES_MIN)?;
    let mut summary = Summary { header, detection_count, cut_count: 0, unusable_count: 0 };
    let mut lowest = None;
    for _ in 0..detection_count {
        let Some(detection) = parse_detection(&mut reader)? else {
            summary.unusable_count += 1;
            continue;
        };
        if detections.len() < detections_max {
            detections.push(detection);
            continue;
        }
        summary.cut_count += 1;
        let at = *lowest.get_or_insert_with(|| lowest_score(detections));
        if let Some(kept) = detections.get_mut(at)
            && rank(detection.score) > rank(kept.score)
        {
            *kept = detection;
            lowest = None;
        }
    }
    reader.finish()?;
    Ok(summary)
}

/// Orders scores with NaN below everything.
fn rank(score: f32) -> f32 {
    if score.is_nan() { f32::NEG_INFINITY } else { score }
}

fn lowest_score(detections: &[Detection]) -> usize {
    let ranked = detections.iter().enumerate().map(|(at, detection)| (at, rank(detection.score)));
    ranked.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(usize::MAX, |(at, _)| at)
}

/// One `Detection2D`; `None` where its class name is too long to be one.
fn parse_detection(reader: &mut Reader<'_>) -> Result<Option<Detection>, MessageError> {
    // The detection's own header repeats the array's in practice and is not used.
    reader.i32()?;
    reader.u32()?;
    reader.skip_string()?;
    let (class_id, score) = parse_best_hypothesis(reader)?;
    let [x, y, _theta, width, height] = reader.f64_array()?;
    let box_px = BoxPx {
        x1: (x - width / 2.0) as f32,
        y1: (y - height / 2.0) as f32,
        x2: (x + width / 2.0) as f32,
        y2: (y + height / 2.0) as f32,
    };
    let id = cut_id(&reader.string::<TEXT_BYTES_MAX>()?);
    Ok(class_id.map(|class_id| Detection { box_px, class_id, score, id }))
}

/// Class (`None` where its name is too long) and score of the hypothesis with the highest score.
fn parse_best_hypothesis(reader: &mut Reader<'_>) -> Result<(Option<ClassName>, f32), MessageError> {
    let mut best: Option<(Option<ClassName>, f32)> = None;
    for _ in 0..reader.sequence_length(HYPOTHESIS_BYTES_MIN)? {
        let class_id = reader.string::<TEXT_BYTES_MAX>()?;
        let score = reader.f64()? as f32;
        reader.skip_f64(POSE_DOUBLES)?;
        if best.as_ref().is_none_or(|(_, best_score)| rank(score) > rank(*best_score)) {
            best = Some((ClassName::try_from(class_id.as_str()).ok(), score));
        }
    }
    Ok(best.unwrap_or((Some(ClassName::new()), 0.0)))
}

/// The longest start of `text` that fits, cut between characters.
fn cut_id(text: &str) -> DetectionId {
    let mut id = DetectionId::new();
    for character in text.chars() {
        if id.push(character).is_err() {
            break;
        }
    }
    id
}

/// Size of the message in bytes.
///
/// # Errors
/// [`super::MessageFault::SequenceTooLong`] where a length does not fit in 32 bits.
pub fn size_bytes(header: &Header, detections: &[Detection]) -> Result<usize, MessageError> {
    let mut writer = Writer::counting();
    emit_fields(header, detections, &mut writer)?;
    Ok(writer.size_bytes())
}

/// Writes the message as a detector would, one hypothesis each; returns its size in bytes.
///
/// # Errors
/// [`super::MessageFault::BufferTooSmall`].
pub fn emit(header: &Header, detections: &[Detection], out: &mut [u8]) -> Result<usize, MessageError> {
    let mut writer = Writer::new(out)?;
    emit_fields(header, detections, &mut writer)?;
    Ok(writer.size_bytes())
}

fn emit_fields(header: &Header, detections: &[Detection], writer: &mut Writer<'_>) -> Result<(), MessageError> {
    header.emit(writer)?;
    writer.length(detections.len())?;
    for detection in detections {
        header.emit(writer)?;
        writer.length(1)?;
        writer.string(&detection.class_id)?;
        writer.f64(f64::from(detection.score))?;
        writer.f64_array(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0])?; // no pose: identity
        writer.f64_array(&[0.0; 36])?;
        let BoxPx { x1, y1, x2, y2 } = detection.box_px;
        let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(f64::from);
        writer.f64_array(&[(x1 + x2) / 2.0, (y1 + y2) / 2.0, 0.0, x2 - x1, y2 - y1])?;
        writer.string(&detection.id)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
