//! What happened, as numbers: every frame and every detection that came is accounted for under one name.
//!
//! Counting allocates nothing. The names are stable: scripts read them in `azimuth/status` and in the summary.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use models::refinement::Status;

use crate::object_pose::ObjectPose;
use crate::pipeline::{Stage, StageTimes};

/// Longest time that a histogram tells apart, microseconds: one minute. Longer ones count as this.
const TIME_US_MAX: u64 = 60_000_000;
/// Statuses of objects that are told apart; more than [`crate::object_pose::ObjectStatus`] has.
const STATUS_COUNT_MAX: usize = 32;

/// Declares a closed list of names, each with its stable spelling.
macro_rules! names {
    ($(#[$meta:meta])* $list:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $list { $($(#[$doc])* $name,)+ }

        impl Name for $list {
            const ALL: &'static [Self] = &[$(Self::$name,)+];
            fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

/// A closed list of names.
pub trait Name: Copy + 'static {
    /// Every name, in the order of declaration.
    const ALL: &'static [Self];
    /// The stable spelling used in JSON.
    fn as_str(self) -> &'static str;
    /// Position in [`Name::ALL`].
    fn index(self) -> usize;
}

names! {
    /// Why a frame that arrived was not accepted: nothing is published for it.
    Dropped {
        /// A newer frame took its place before it was looked at.
        Displaced = "displaced",
        /// The message could not be read.
        Malformed = "malformed",
        /// The payload is beyond `frame_bytes_max`.
        TooLarge = "too_large",
        /// The stamp is zero: nothing could be matched with it.
        NoStamp = "no_stamp",
        /// Older than `frame_age_us_max`.
        Stale = "stale",
        /// From further in the future than `frame_age_us_max`: the clocks disagree.
        FromFuture = "from_future",
        /// Not newer than the last accepted frame.
        OutOfOrder = "out_of_order",
        /// The shared memory was taken back before the frame was read.
        Invalidated = "invalidated",
    }
}

names! {
    /// Why an accepted frame was answered with an empty message.
    Empty {
        /// No usable camera calibration has come yet.
        NoCalibration = "no_calibration",
        /// The last calibration is for another image size.
        CalibrationSize = "calibration_size",
        /// No detections came within `join_wait_us`.
        NoDetections = "no_detections",
        /// The pipeline refused the frame as a whole.
        Refused = "refused",
        /// The shared memory was taken back while the frame was worked on.
        Invalidated = "invalidated",
    }
}

names! {
    /// What happened to messages other than frames, and to single detections.
    Event {
        /// Lists of detections that arrived.
        DetectionLists = "detection_lists",
        /// Lists of detections pushed out by newer ones before they were read.
        DetectionListsDisplaced = "detection_lists_displaced",
        /// Lists of detections that could not be read.
        DetectionListsMalformed = "detection_lists_malformed",
        /// Lists whose frame had been answered already.
        DetectionListsLate = "detection_lists_late",
        /// Lists whose frame never came, or was dropped.
        DetectionListsWithoutFrame = "detection_lists_without_frame",
        /// Detections beyond `detections_max`.
        DetectionsCut = "detections_cut",
        /// Detections whose class name is too long to be one.
        DetectionsUnusable = "detections_unusable",
        /// Calibrations that arrived.
        Calibrations = "calibrations",
        /// Calibrations that could not be read or are not a pinhole camera's.
        CalibrationsRefused = "calibrations_refused",
        /// Answers that shared memory had no room for and that were copied instead.
        AnswersCopied = "answers_copied",
        /// Answers that the transport refused.
        AnswersFailed = "answers_failed",
    }
}

names! {
    /// A part of a frame's way through the node, timed.
    Timed {
        /// From the publisher's clock to our arrival; only where both clocks agree.
        Transport = "transport",
        /// Reading, checking, and decoding where compressed.
        Receive = "receive",
        /// Waiting for the frame's detections.
        Join = "join",
        /// Selecting detections and cutting them out.
        Crop = "crop",
        /// The network.
        Embed = "embed",
        /// Nearest references and their modes.
        Retrieve = "retrieve",
        /// Poses against the network's feature map; only where the model refines.
        Refine = "refine",
        /// Position and covariance.
        Locate = "locate",
        /// Writing and sending the answer.
        Publish = "publish",
        /// From the frame's arrival to its answer being sent.
        Total = "total",
    }
}

names! {
    /// How the refinement of a pose ended.
    Refinement {
        /// Nothing near is better.
        Converged = "converged",
        /// It had all the steps it may have.
        StepLimit = "step_limit",
        /// Time was up: the best until then.
        DeadlineReached = "deadline_reached",
        /// Nothing could be compared any more: the best until then.
        Diverged = "diverged",
    }
}

impl From<Status> for Refinement {
    fn from(status: Status) -> Self {
        match status {
            Status::Converged => Self::Converged,
            Status::StepLimit => Self::StepLimit,
            // Whatever still runs is stopped before it is published.
            Status::Running | Status::DeadlineReached => Self::DeadlineReached,
            Status::Diverged => Self::Diverged,
        }
    }
}

impl From<Stage> for Timed {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Crop => Self::Crop,
            Stage::Embed => Self::Embed,
            Stage::Retrieve => Self::Retrieve,
            Stage::Refine => Self::Refine,
            Stage::Locate => Self::Locate,
        }
    }
}

/// One count for each name of a list.
#[derive(Clone, Debug)]
pub struct Tally<N> {
    counts: Vec<u64>,
    names: std::marker::PhantomData<N>,
}

impl<N: Name> Default for Tally<N> {
    fn default() -> Self {
        Self { counts: vec![0; N::ALL.len()], names: std::marker::PhantomData }
    }
}

impl<N: Name> Tally<N> {
    /// Adds to one name.
    pub fn add(&mut self, name: N, count: u64) {
        if let Some(total) = self.counts.get_mut(name.index()) {
            *total = total.saturating_add(count);
        }
    }

    /// The count of one name.
    pub fn get(&self, name: N) -> u64 {
        self.counts.get(name.index()).copied().unwrap_or(0)
    }

    /// All counts together.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Every name with its count, in the order of declaration.
    pub fn iter(&self) -> impl Iterator<Item = (N, u64)> {
        N::ALL.iter().map(|name| (*name, self.get(*name)))
    }

    /// As JSON wants it: all names, also those that never happened.
    pub fn to_map(&self) -> BTreeMap<&'static str, u64> {
        self.iter().map(|(name, count)| (name.as_str(), count)).collect()
    }
}

/// How long one part took, over all frames, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Quantiles {
    /// Times recorded.
    pub count: u64,
    /// Half of them were at most this.
    pub p50: u64,
    /// 99 in 100 were at most this.
    pub p99: u64,
    /// The longest.
    pub max: u64,
}

impl Quantiles {
    /// Of the values of a histogram; all zero where it is empty.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        Self {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            max: histogram.max(),
        }
    }
}

/// All counters and times of one node since its start.
#[derive(Debug)]
pub struct Trace {
    /// Frames that arrived, dropped ones included.
    pub received_count: u64,
    /// Frames that were accepted.
    pub accepted_count: u64,
    /// Answers that were sent: one for every accepted frame, unless the transport refused it.
    pub published_count: u64,
    /// Objects with a pose in those answers.
    pub poses_count: u64,
    /// Of the frames read, those whose bytes lay in shared memory.
    pub frames_shm_total: u64,
    /// Of the frames read, those that had crossed a network or were otherwise copied.
    pub frames_copied_total: u64,
    /// Frames that the publisher counted and that never arrived.
    pub lost_count: u64,
    /// Frames that were not accepted, by reason.
    pub dropped: Tally<Dropped>,
    /// Accepted frames whose answer is empty, by reason.
    pub empty: Tally<Empty>,
    /// Refined poses, by how their refinement ended.
    pub refined: Tally<Refinement>,
    /// Everything else.
    pub events: Tally<Event>,
    objects: heapless::Vec<(&'static str, u64), STATUS_COUNT_MAX>,
    times: Vec<Histogram<u64>>,
}

impl Default for Trace {
    fn default() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, TIME_US_MAX, 3).expect("1 us to 1 min in 3 digits are valid bounds");
        Self {
            received_count: 0,
            accepted_count: 0,
            published_count: 0,
            poses_count: 0,
            frames_shm_total: 0,
            frames_copied_total: 0,
            lost_count: 0,
            dropped: Tally::default(),
            empty: Tally::default(),
            refined: Tally::default(),
            events: Tally::default(),
            objects: heapless::Vec::new(),
            times: Timed::ALL.iter().map(|_| histogram()).collect(),
        }
    }
}

impl Trace {
    /// Books a time in microseconds.
    pub fn record(&mut self, part: Timed, us: u64) {
        if let Some(histogram) = self.times.get_mut(part.index()) {
            histogram.saturating_record(us.clamp(1, TIME_US_MAX));
        }
    }

    /// Books the pipeline's own times; refinement only where there was any.
    pub fn record_stages(&mut self, times: &StageTimes) {
        for (stage, us) in times.iter().filter(|&(stage, us)| stage != Stage::Refine || us > 0) {
            self.record(stage.into(), us);
        }
    }

    /// Books what became of every detection of a frame.
    pub fn record_objects(&mut self, objects: &[ObjectPose]) {
        for object in objects {
            let status = object.status.as_str();
            match self.objects.iter_mut().find(|(name, _)| *name == status) {
                Some((_, count)) => *count += 1,
                // The list holds more names than there are statuses.
                None => self.objects.push((status, 1)).unwrap_or_default(),
            }
            self.poses_count += u64::from(object.has_pose);
            if let (true, Some(status)) = (object.has_pose, object.refinement) {
                self.refined.add(status.into(), 1);
            }
        }
    }

    /// Objects by status, only those that happened.
    pub fn objects(&self) -> BTreeMap<&'static str, u64> {
        self.objects.iter().copied().collect()
    }

    /// What one part took.
    pub fn quantiles(&self, part: Timed) -> Quantiles {
        self.times.get(part.index()).map_or_else(Quantiles::default, Quantiles::of)
    }
}

#[cfg(test)]
mod tests;
