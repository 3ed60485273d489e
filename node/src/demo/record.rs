//! What a playback leaves behind: plain values, one entry for each frame of the sequence.

use std::path::PathBuf;

use calibration::{PinholeCamera, Rotation};
use nalgebra::Vector3;

/// An oriented 3D box in the camera's optical axes (x right, y down, z forward).
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// `camera_from_object`, egocentric; body axes x forward, y left, z up.
    pub rotation: Rotation,
    /// Centre of the box, metres.
    pub center_m: Vector3<f64>,
    /// Length, width, height along body x, y, z, metres.
    pub dimensions_m: [f64; 3],
}

impl Body {
    /// The point that lies `forward`, `left` and `up` half dimensions from the centre: (1, 1, -1) is the lower front left corner.
    pub fn point_m(&self, forward: f64, left: f64, up: f64) -> Vector3<f64> {
        let [length, width, height] = self.dimensions_m;
        self.offset_m(Vector3::new(forward * length, left * width, up * height) * 0.5)
    }

    /// The point at `in_body_m` (metres along body x, y, z from the centre), in the camera.
    pub fn offset_m(&self, in_body_m: Vector3<f64>) -> Vector3<f64> {
        self.center_m + self.rotation * in_body_m
    }
}

/// A labelled object of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The track it belongs to, the same in every frame; also the id of its detection.
    pub track_id: String,
    /// The label's class.
    pub class: String,
    /// Where it really is.
    pub body: Body,
    /// KITTI's occlusion level: 0 fully visible, 1 partly, 2 largely occluded, 3 unknown.
    pub occluded: i32,
}

/// A published object of one frame, as the subscriber read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The id of the detection it answers.
    pub track_id: String,
    /// The model's class.
    pub class: String,
    /// Where the node says it is.
    pub body: Body,
    /// How much the node itself believes in the opposite heading, 0 to 1.
    pub flip_probability: f64,
}

/// One labelled object with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectResult {
    /// What is there.
    pub truth: Truth,
    /// What the node said; `None` where it gave no pose.
    pub estimate: Option<Estimate>,
    /// Angle between the two rotations, degrees; with an estimate only.
    pub error_deg: Option<f64>,
    /// From which side the object is really seen, degrees in [0, 360): 0 front, 90 its left side, 180 rear.
    pub azimuth_deg: f64,
}

impl ObjectResult {
    /// The grade of the answer.
    pub fn grade(&self) -> Grade {
        self.error_deg.map_or(Grade::NoAnswer, Grade::from_error_deg)
    }
}

/// How good an answer is. The bounds are those of ACC10 and ACC30 and of the trainer's flip rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Below 10 degrees.
    Good,
    /// Below 30 degrees.
    Fair,
    /// 30 to 150 degrees.
    Poor,
    /// Above 150 degrees: front taken for rear.
    Flip,
    /// Nothing to compare.
    NoAnswer,
}

impl Grade {
    /// Errors above this are flips, degrees.
    pub const FLIP_DEG_MIN: f64 = 150.0;

    /// The grade of a rotation error.
    pub fn from_error_deg(error_deg: f64) -> Self {
        match error_deg {
            error if error < 10.0 => Self::Good,
            error if error < 30.0 => Self::Fair,
            error if error > Self::FLIP_DEG_MIN => Self::Flip,
            _ => Self::Poor,
        }
    }

    /// The name of its colour in the report's style sheet.
    pub const fn css_class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Flip => "flip",
            Self::NoAnswer => "none",
        }
    }
}

/// One frame of the sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameResult {
    /// Number of the frame in its sequence, from 0.
    pub index: u32,
    /// The picture's file.
    pub picture: PathBuf,
    /// An answer came back.
    pub received: bool,
    /// From the frame's stamp, the moment at which the camera has it, to the subscriber holding the answer, microseconds.
    pub latency_us: Option<u64>,
    /// Every labelled object of the classes that the model knows.
    pub objects: Vec<ObjectResult>,
    /// Answers that belong to no label.
    pub strays: Vec<Estimate>,
}

/// How long one stage of the node took over the whole run, microseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageRow {
    /// The stage's stable name.
    pub name: String,
    /// Half of the frames took at most this.
    pub p50_us: u64,
    /// 99 in 100 frames took at most this.
    pub p99_us: u64,
    /// The slowest frame.
    pub max_us: u64,
}

/// What is known about the run as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunFacts {
    /// The model's name.
    pub model_name: String,
    /// The model's version.
    pub model_version: String,
    /// SHA-256 of the model's manifest, hexadecimal.
    pub model_sha256: String,
    /// What ran the network: the provider's stable name.
    pub provider: String,
    /// The provider's library and version.
    pub provider_description: String,
    /// Frames a second that were published.
    pub rate_hz: f64,
    /// Why this rate.
    pub rate_reason: String,
    /// Frames that the publisher sent.
    pub published_count: u64,
    /// Of the frames the node received, those read in place from shared memory ...
    pub shared_memory_count: u64,
    /// ... and those that had to be copied.
    pub copied_count: u64,
    /// Why frames or objects got no answer, by the node's own names, with their counts.
    pub losses: Vec<(String, u64)>,
    /// Times of the stages, in the order of the work.
    pub stages: Vec<StageRow>,
}

/// Everything the report is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Playback {
    /// The sequence's name.
    pub sequence: String,
    /// The camera that took the pictures.
    pub camera: PinholeCamera,
    /// Frames in order.
    pub frames: Vec<FrameResult>,
    /// The run as a whole.
    pub run: RunFacts,
    /// How some poses were refined, each an SVG picture; none where the model does not refine.
    pub explained: Vec<String>,
}

impl Playback {
    /// Every object of every frame, with its frame.
    pub fn objects(&self) -> impl Iterator<Item = (&FrameResult, &ObjectResult)> {
        self.frames.iter().flat_map(|frame| frame.objects.iter().map(move |object| (frame, object)))
    }
}
