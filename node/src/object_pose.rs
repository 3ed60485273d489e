//! The answer for one detection: where it is, which way it faces, how sure we are, or why not.

use std::fmt;

use kernels::BoxFault;
use models::refinement::Status;
use models::retrieval::ALTERNATIVES_MAX;

use crate::detection::ClassName;

/// Why a detection was turned away before any work was done on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// A corner of the box is NaN or infinite.
    BoxNotFinite,
    /// The box has x2 <= x1 or y2 <= y1.
    BoxInverted,
    /// A side, after clipping to the image, is below `box_side_px_min`.
    BoxTooSmall,
    /// No part of the box lies in the image.
    BoxOutsideImage,
    /// The score is NaN or infinite.
    ScoreNotFinite,
    /// The model does not know the class; it is not replaced by the nearest one.
    UnknownClass,
}

impl From<BoxFault> for Rejection {
    fn from(fault: BoxFault) -> Self {
        match fault {
            BoxFault::NotFinite => Self::BoxNotFinite,
            BoxFault::Inverted => Self::BoxInverted,
            BoxFault::TooSmall => Self::BoxTooSmall,
            BoxFault::OutsideImage => Self::BoxOutsideImage,
        }
    }
}

/// Why an object that was looked at has no match in the reference table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// The network answered NaN or infinity.
    EmbeddingNotFinite,
    /// The network answered a vector without direction.
    EmbeddingZero,
    /// No row of the class could be compared.
    NoNeighbor,
    /// No finite position explains the box.
    NotPlaced,
}

/// What became of one detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectStatus {
    /// A pose was found in time.
    Ok,
    /// The object was looked at, and nothing in the table can be said to resemble it.
    Unmatched(Mismatch),
    /// The detection was turned away.
    Rejected(Rejection),
    /// The deadline passed. Where [`ObjectPose::has_pose`] holds, the best answer so far is given.
    DeadlineReached,
    /// The network could not run.
    Unavailable,
}

impl ObjectStatus {
    /// The stable spelling used in JSON, in messages and as a counter name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unmatched(Mismatch::EmbeddingNotFinite) => "unmatched:embedding_not_finite",
            Self::Unmatched(Mismatch::EmbeddingZero) => "unmatched:embedding_zero",
            Self::Unmatched(Mismatch::NoNeighbor) => "unmatched:no_neighbor",
            Self::Unmatched(Mismatch::NotPlaced) => "unmatched:not_placed",
            Self::Rejected(Rejection::BoxNotFinite) => "rejected:box_not_finite",
            Self::Rejected(Rejection::BoxInverted) => "rejected:box_inverted",
            Self::Rejected(Rejection::BoxTooSmall) => "rejected:box_too_small",
            Self::Rejected(Rejection::BoxOutsideImage) => "rejected:box_outside_image",
            Self::Rejected(Rejection::ScoreNotFinite) => "rejected:score_not_finite",
            Self::Rejected(Rejection::UnknownClass) => "rejected:unknown_class",
            Self::DeadlineReached => "deadline_reached",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for ObjectStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Another orientation the same picture allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// `camera_from_object`, egocentric, (w, x, y, z).
    pub rotation_wxyz: [f64; 4],
    /// How likely it is, 0 to 1; all of a pose and the pose's own sum to one at most.
    pub probability: f32,
}

/// The answer for one detection.
///
/// Axes: camera optical (x right, y down, z forward); body REP-103 (x forward, y left, z up) with the
/// origin in the centre of the 3D box. The numeric fields mean something only where `has_pose` holds.
#[derive(Clone, Debug)]
pub struct ObjectPose {
    /// Index into the detections that were passed in.
    pub detection_index: usize,
    /// The model's name of the class, or the detector's where the model does not know it.
    pub class: ClassName,
    /// What became of the detection.
    pub status: ObjectStatus,
    /// How its refinement ended; none where none was begun, `Diverged` where nothing came of it: then the answer is the retrieved one.
    /// Cut off by its share of the time, a pose can still be `Ok`.
    pub refinement: Option<Status>,
    /// True when the fields below hold an answer (always with `Ok`, sometimes with `DeadlineReached`).
    pub has_pose: bool,
    /// `camera_from_object` in the real camera, (w, x, y, z), unit.
    pub camera_from_object: [f64; 4],
    /// The same rotation relative to the viewing ray of the object's centre: what the crop shows.
    pub allocentric: [f64; 4],
    /// Centre of the 3D box in the camera, metres.
    pub translation_m: [f64; 3],
    /// Row-major 6x6 in ROS order (x, y, z, about x, about y, about z), fixed camera axes; m^2 and rad^2.
    pub covariance: [f64; 36],
    /// Mean dimensions of the class: length, width, height.
    pub dimensions_m: [f64; 3],
    /// Cosine between the crop and the nearest reference, -1 to 1.
    pub similarity: f32,
    /// How likely the published mode is: its share of the votes, less the flip's probability. 0 to 1.
    pub probability: f32,
    /// How likely the object faces the other way, 0 to 0.5: from the reference views of both directions.
    pub flip_probability: f32,
    /// The flip first, then the other modes by falling probability.
    pub alternatives: heapless::Vec<Alternative, ALTERNATIVES_MAX>,
}

impl ObjectPose {
    /// An answer without a pose: the class as the detector named it, and what became of it.
    pub fn without_pose(detection_index: usize, class: ClassName, status: ObjectStatus) -> Self {
        Self {
            detection_index,
            class,
            status,
            refinement: None,
            has_pose: false,
            camera_from_object: [1.0, 0.0, 0.0, 0.0],
            allocentric: [1.0, 0.0, 0.0, 0.0],
            translation_m: [0.0; 3],
            covariance: [0.0; 36],
            dimensions_m: [0.0; 3],
            similarity: 0.0,
            probability: 0.0,
            flip_probability: 0.0,
            alternatives: heapless::Vec::new(),
        }
    }
}
