//! Sends a sequence at an even rate, like a camera and a detector, and counts what comes back.

mod detector;
mod schedule;
mod tally;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use calibration::kitti::TrackingLabel;
use thiserror::Error;

pub use tally::Played;

use super::decode_ahead::{DecodeAhead, Decoded, Skipped};
use super::jitter::Jitter;
use super::{Sequence, SequenceFrame};
use crate::mailbox::Bell;
use crate::messages::camera_info::CameraInfo;
use crate::messages::header::Header;
use crate::messages::{MessageError, detection_2d_array};
use crate::time::{MonotonicClock, Stamp};
use crate::transport::{Keys, Loan, Publisher, Session, Subscriber, TransportConfig, TransportError};
use schedule::Schedule;
use tally::Tally;

/// Pictures decoded before their time.
const AHEAD: usize = 4;
/// Frames that fit into the pool: those decoded ahead, the one being decoded, and those that subscribers hold.
const POOL_FRAMES: usize = AHEAD + 1 + 5;
/// Room for calibrations and detections beside the frames.
const POOL_EXTRA_BYTES: usize = 1 << 20;
/// Answers that wait to be counted.
const ANSWERS_WAITING: usize = 64;
/// How often a subscriber is looked for, and the wish to stop is looked at.
const POLL: Duration = Duration::from_millis(20);
/// The optical coordinate system that frames are published in.
const FRAME_ID: &str = "camera_front_optical";

/// How a sequence is played.
#[derive(Clone, Debug)]
pub struct PlayOptions {
    /// Frames a second.
    pub rate_hz: f64,
    /// Plays this many frames, from the first.
    pub limit: Option<usize>,
    /// Shifts the labelled boxes; none sends them as labelled.
    pub jitter: Option<Jitter>,
    /// Labels up to this level of occlusion are detected: 0 fully visible, 1 partly, 2 largely occluded, 3 unknown.
    pub occluded_max: i32,
    /// Labels at least this high are detected, pixels.
    pub height_px_min: f64,
    /// Labels of these classes are detected.
    pub classes: Vec<String>,
    /// Longest wait for a subscriber of frames and detections.
    pub wait: Duration,
    /// Longest wait for answers after the last frame.
    pub linger: Duration,
}

impl Default for PlayOptions {
    fn default() -> Self {
        Self {
            rate_hz: 10.0,
            limit: None,
            jitter: None,
            occluded_max: 2,
            height_px_min: 0.0,
            classes: ["Car", "Van", "Truck"].map(str::to_owned).to_vec(),
            wait: Duration::from_secs(10),
            linger: Duration::from_secs(2),
        }
    }
}

impl PlayOptions {
    /// Whether a detection is sent for this label.
    pub fn detects(&self, label: &TrackingLabel) -> bool {
        let object = &label.object;
        let [_, y1, _, y2] = object.box_px;
        self.classes.contains(&object.class)
            && (0..=self.occluded_max).contains(&object.occluded)
            && y2 - y1 >= self.height_px_min
    }
}

/// Why a sequence could not be played to its end.
#[derive(Debug, Error)]
pub enum PlayError {
    /// The transport cannot be set up.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The node wants pictures as they are on disk, and this player sends them decoded.
    #[error("keys.image_is_compressed = true: replay sends decoded frames, set it to false here and for the node")]
    Compressed,
    /// Nobody came.
    #[error("nobody listens on {key} after {} s (start the node first: azimuth run; it must be reachable at {connect:?})", .wait.as_secs())]
    NobodyListens {
        /// The key.
        key: String,
        /// Where a node was looked for.
        connect: Vec<String>,
        /// How long.
        wait: Duration,
    },
    /// The decoding thread cannot be started.
    #[error("decoding thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A message cannot be written: a picture too large for one.
    #[error("message of the sequence: {0}")]
    Message(#[from] MessageError),
}

/// A camera and a detector made of a recording.
pub struct Player {
    session: Session,
    images: Publisher,
    calibrations: Publisher,
    detections: Publisher,
    answers: Subscriber,
    image_key: String,
    connect: Vec<String>,
}

impl Player {
    /// Opens a session that reaches a node configured like `node`, with a pool for pictures of the sequence's size.
    ///
    /// # Errors
    /// [`PlayError::Transport`] or a picture size that makes no message.
    pub fn open(node: &TransportConfig, keys: &Keys, sequence: &Sequence) -> Result<Self, PlayError> {
        let camera = sequence.calibration.camera;
        let frame_bytes = camera.width_px as usize * camera.height_px as usize * 3;
        let config = node.counterpart(POOL_FRAMES.saturating_mul(frame_bytes).saturating_add(POOL_EXTRA_BYTES));
        if keys.image_is_compressed {
            return Err(PlayError::Compressed);
        }
        let session = Session::open(&config)?;
        let answers =
            session.subscribe(keys, keys.object_pose_topic(), ANSWERS_WAITING, Bell::new(), MonotonicClock::new())?;
        Ok(Self {
            images: session.publish(keys, keys.image_topic())?,
            calibrations: session.publish(keys, keys.camera_info_topic())?,
            detections: session.publish(keys, keys.detections_topic())?,
            answers,
            image_key: keys.publish_key(keys.image_topic()),
            connect: config.connect.clone(),
            session,
        })
    }

    /// Why frames are copied on their way, if they are.
    pub fn copy_reason(&self) -> Option<&str> {
        self.session.copy_reason()
    }

    /// Plays the sequence until its end, its limit, or the wish to stop.
    ///
    /// # Errors
    /// Nobody listens, or the decoding thread cannot be started. Single frames never end the play: they are counted.
    pub fn play(&mut self, sequence: &Sequence, options: &PlayOptions, stop: &AtomicBool) -> Result<Played, PlayError> {
        self.wait_for_subscribers(options, stop)?;
        let frames: Vec<&SequenceFrame> = sequence.frames.iter().take(options.limit.unwrap_or(usize::MAX)).collect();
        let camera = sequence.calibration.camera;
        let header =
            Header { stamp: Stamp::default(), frame_id: heapless::String::try_from(FRAME_ID).unwrap_or_default() };
        let pictures = frames.iter().map(|frame| frame.picture.clone()).collect();
        let size_px = [camera.width_px, camera.height_px];
        let decoded = DecodeAhead::start(pictures, header.clone(), size_px, self.session.pool(), AHEAD)?;
        let mut info = CameraInfo::rectified(header, &camera);
        let schedule = Schedule::new(options.rate_hz);
        let mut tally = Tally::new(&schedule, frames.first().map_or(0, |frame| frame.index));
        for (at, frame) in frames.into_iter().enumerate() {
            if !self.wait_until(schedule.due(at), &mut tally, stop) {
                break;
            }
            info.header.stamp = schedule.stamp(at);
            self.play_one(frame, &mut info, &decoded, schedule.due(at + 1), options, &mut tally)?;
        }
        let until = Instant::now() + options.linger;
        while tally.played.answers < tally.played.frames && Instant::now() < until && !stop.load(Ordering::Relaxed) {
            self.count_answers(&mut tally);
            std::thread::sleep(POLL);
        }
        self.count_answers(&mut tally);
        Ok(tally.finish())
    }

    /// One frame: calibration, picture, then what a detector says about it.
    fn play_one(
        &mut self,
        frame: &SequenceFrame,
        info: &mut CameraInfo,
        decoded: &DecodeAhead,
        next_due: Instant,
        options: &PlayOptions,
        tally: &mut Tally,
    ) -> Result<(), PlayError> {
        let played = &mut tally.played;
        let Some(Decoded { mut layout, mut loan }) = receive(decoded, next_due, &mut tally.overdue, played) else {
            self.images.skip();
            return Ok(());
        };
        let size_bytes = info.size_bytes()?;
        send(&mut self.calibrations, size_bytes, |out| info.emit(out), played)?;
        layout.header = info.header.clone();
        layout.emit(&mut loan)?;
        played.frames_loaned_shared += u64::from(loan.is_shared());
        match self.images.send(loan) {
            Ok(()) => played.frames += 1,
            Err(_) => played.refused += 1,
        }
        let detections = detector::detect(frame, options, [layout.width_px, layout.height_px]);
        played.detections += detections.len() as u64;
        let size_bytes = detection_2d_array::size_bytes(&info.header, &detections)?;
        send(&mut self.detections, size_bytes, |out| detection_2d_array::emit(&info.header, &detections, out), played)
    }

    fn wait_for_subscribers(&self, options: &PlayOptions, stop: &AtomicBool) -> Result<(), PlayError> {
        let until = Instant::now() + options.wait;
        let publishers = [&self.images, &self.calibrations, &self.detections];
        while !publishers.iter().all(|publisher| publisher.is_matched()) {
            if Instant::now() >= until || stop.load(Ordering::Relaxed) {
                let (key, connect) = (self.image_key.clone(), self.connect.clone());
                return Err(PlayError::NobodyListens { key, connect, wait: options.wait });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Sleeps until `due`, counting answers; false where the wish to stop came first.
    fn wait_until(&self, due: Instant, tally: &mut Tally, stop: &AtomicBool) -> bool {
        loop {
            self.count_answers(tally);
            let left = due.saturating_duration_since(Instant::now());
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(POLL));
        }
    }

    fn count_answers(&self, tally: &mut Tally) {
        while let Some(taken) = self.answers.take() {
            tally.count_answer(&taken.value, taken.displaced_count);
        }
    }

    /// Withdraws everything and closes the session.
    pub fn close(self) {
        let Self { session, images, calibrations, detections, answers, .. } = self;
        drop((images, calibrations, detections, answers));
        session.close();
    }
}

/// The next decoded picture, if it comes before the next frame is due.
fn receive(decoded: &DecodeAhead, next_due: Instant, overdue: &mut u64, played: &mut Played) -> Option<Decoded> {
    // Pictures of frames that were given up come first; they are too late.
    while *overdue > 0 {
        match decoded.take(next_due.saturating_duration_since(Instant::now())) {
            Ok(_) => *overdue -= 1,
            Err(_) => break,
        }
    }
    match decoded.take(next_due.saturating_duration_since(Instant::now())) {
        Ok(Ok(decoded)) => return Some(decoded),
        Ok(Err(Skipped::PoolFull)) => played.dropped_pool_full += 1,
        Ok(Err(Skipped::Picture(why))) => {
            tracing::warn!("{why}");
            played.dropped_unreadable += 1;
        }
        Err(RecvTimeoutError::Timeout) => {
            *overdue += 1;
            played.dropped_behind += 1;
        }
        Err(RecvTimeoutError::Disconnected) => played.dropped_unreadable += 1,
    }
    None
}

/// A small message: from the pool, or from ordinary memory where the pool is full.
fn send(
    publisher: &mut Publisher,
    size_bytes: usize,
    emit: impl FnOnce(&mut [u8]) -> Result<usize, MessageError>,
    played: &mut Played,
) -> Result<(), PlayError> {
    let mut loan = publisher.loan(size_bytes).unwrap_or_else(|_| Loan::heap(size_bytes));
    emit(&mut loan)?;
    if publisher.send(loan).is_err() {
        played.refused += 1;
    }
    Ok(())
}
