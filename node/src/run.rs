//! The node: newest frame in, one answer out, for ever. The only place that acts.
//!
//! One thread does everything that belongs to a frame: it takes the newest frame, waits a bounded time for its detections, lets the
//! pipeline decide, and sends. Zenoh's own threads only fill mailboxes. For every frame that is accepted exactly one message is
//! published, with the frame's header, also when there is nothing to say; every frame that is not is counted with its reason.

mod camera;
mod detections;
mod frames;
mod network_health;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use models::BackboneError;
use serde_json::Value;
use thiserror::Error;

use crate::detection::Detection;
use crate::frame::Frame;
use crate::launch::Launch;
use crate::limits::Limits;
use crate::mailbox::Bell;
use crate::messages::detection_3d_array;
use crate::messages::header::Header;
use crate::object_pose::ObjectPose;
use crate::pipeline::{Pipeline, Stage};
use crate::status::{Identity, Reporter};
use crate::time::{Clock, Deadline, MonotonicClock};
use crate::trace::{Empty, Event, Timed, Trace};
use crate::transport::{Alive, Answer, Loan, Publisher, Session, TransportError};

use camera::Calibrations;
use detections::Detections;
use frames::{Admitted, Buffers, Frames};
use network_health::{Change, NetworkHealth};

/// Time between two reports.
const REPORT_PERIOD_US: u64 = 1_000_000;
/// Longest wait before the wish to stop is looked at.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// Why a node cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The transport cannot be set up.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

/// The network has failed on every frame for a second: its device is gone, or it will not recover by itself.
#[derive(Debug, Error)]
#[error("the network has failed on every frame for a second: {reason}")]
pub struct NetworkLost {
    /// What it said last.
    reason: String,
}

/// A running node.
pub struct Node {
    clock: MonotonicClock,
    limits: Limits,
    bell: Arc<Bell>,
    frames: Frames,
    buffers: Buffers,
    detections: Detections,
    calibrations: Calibrations,
    pipeline: Pipeline,
    answers: Answers,
    trace: Trace,
    board: Board,
    _alive: Alive,
    session: Session,
}

/// Sends answers.
struct Answers {
    publisher: Publisher,
    network: NetworkHealth,
}

/// Tells the node's state.
struct Board {
    reporter: Reporter,
    publisher: Publisher,
    answer: Answer,
    due_us: u64,
}

impl Node {
    /// Opens the session, allocates everything, and declares itself alive.
    ///
    /// # Errors
    /// [`StartError`], naming the endpoint or key.
    pub fn start(launch: &Launch, pipeline: Pipeline) -> Result<Self, StartError> {
        let (clock, bell, keys) = (MonotonicClock::new(), Bell::new(), &launch.keys);
        let session = Session::open(&launch.transport)?;
        let subscribe = |topic, capacity| session.subscribe(keys, topic, capacity, bell.clone(), clock);
        let frames = Frames::new(subscribe(keys.image_topic(), 1)?, launch);
        let calibrations = Calibrations::new(subscribe(keys.camera_info_topic(), 1)?, &launch.camera);
        let detections = Detections::new(subscribe(keys.detections_topic(), crate::join::LISTS_MAX)?, launch);
        let answers =
            Answers { publisher: session.publish(keys, keys.object_pose_topic())?, network: NetworkHealth::default() };
        let identity = Identity::new(&launch.name, &pipeline, session.copy_reason());
        let mut board = Board {
            reporter: Reporter::new(identity, clock.now_us()),
            publisher: session.publish_text(&keys.status)?,
            answer: session.answer(&keys.status)?,
            due_us: clock.now_us() + REPORT_PERIOD_US,
        };
        let trace = Trace::default();
        board.answer.set(board.reporter.report(&trace, None, clock.now_us()).to_string());
        let subscribed = [keys.image_topic(), keys.camera_info_topic(), keys.detections_topic()];
        let graph = keys.ros_graph(&session.id(), &ros_name(&launch.name), &subscribed, &[keys.object_pose_topic()]);
        let alive = session.declare_alive(graph.into_iter().chain([launch.alive_key()]))?;
        Ok(Self {
            clock,
            limits: launch.limits.clone(),
            bell,
            frames,
            buffers: Buffers::new(launch),
            detections,
            calibrations,
            pipeline,
            answers,
            trace,
            board,
            _alive: alive,
            session,
        })
    }

    /// Works until `stop` is set, or `frames_max` frames were accepted.
    ///
    /// # Errors
    /// [`NetworkLost`]: the caller should end the process, so that its supervisor starts it anew.
    pub fn run(&mut self, stop: &AtomicBool, frames_max: Option<u64>) -> Result<(), NetworkLost> {
        let mut outcome = Ok(());
        while !stop.load(Ordering::Relaxed) {
            self.calibrations.receive(&mut self.trace);
            self.detections.receive(&mut self.trace);
            match self.frames.take(&mut self.trace) {
                Some(arrival) => {
                    outcome = self.answer(&arrival, stop);
                    if outcome.is_err() || frames_max.is_some_and(|most| self.trace.accepted_count >= most) {
                        break;
                    }
                }
                None => {
                    let until_report = self.board.due_us.saturating_sub(self.clock.now_us());
                    self.bell.wait(WAIT_MAX.min(Duration::from_micros(until_report)));
                }
            }
            self.report_if_due();
        }
        self.report();
        outcome
    }

    /// One frame's way: admitted, joined, estimated, answered.
    fn answer(&mut self, arrival: &crate::transport::Arrival, stop: &AtomicBool) -> Result<(), NetworkLost> {
        let started_us = self.clock.now_us();
        let Some(Admitted { header, image, clock_was_set_back }) =
            self.frames.admit(arrival, &mut self.buffers, &mut self.trace)
        else {
            return Ok(());
        };
        self.trace.accepted_count += 1;
        if clock_was_set_back {
            self.detections.restart(header.stamp, &mut self.trace);
        }
        let admitted_us = self.clock.now_us();
        self.trace.record(Timed::Receive, admitted_us.saturating_sub(started_us));

        let frame = Frame { stamp: header.stamp, image };
        let wait_until_us = arrival.received_us.saturating_add(self.limits.join_wait_us);
        let calibrations = &mut self.calibrations;
        let trace = &mut self.trace;
        // The calibration first: without it there is no point in waiting.
        calibrations.receive(trace);
        let size_px = [frame.image.width(), frame.image.height()];
        let camera = calibrations.camera_for(size_px);
        let found = match camera {
            Ok(_) => self.detections.wait(header.stamp, wait_until_us, &self.bell, &self.clock, stop, trace),
            Err(_) => None,
        };
        let joined_us = self.clock.now_us();
        trace.record(Timed::Join, joined_us.saturating_sub(admitted_us));

        let detections = self.detections.list(found);
        let deadline = Deadline::after(arrival.received_us, self.limits.deadline_us);
        let estimated = match (camera, found) {
            (Err(reason), _) => Err(reason),
            (Ok(_), None) => Err(Empty::NoDetections),
            (Ok(camera), Some(_)) => {
                let objects = self.pipeline.process(&frame, &camera, detections, deadline, &self.clock);
                // Asked after the last look at the pixels: an answer about another picture is none.
                if arrival.is_valid() { objects.map_err(|_| Empty::Refused) } else { Err(Empty::Invalidated) }
            }
        };
        let sending_us = self.clock.now_us();
        self.answers.send(&header, estimated, detections, trace);
        let sent_us = self.clock.now_us();
        trace.record(Timed::Publish, sent_us.saturating_sub(sending_us));
        trace.record(Timed::Total, sent_us.saturating_sub(arrival.received_us));
        let was_worked_on = camera.is_ok() && found.is_some();
        if was_worked_on {
            trace.record_stages(&self.pipeline.stage_us());
            trace.events.add(Event::DetectionsCut, self.pipeline.cut_count() as u64);
        }
        self.detections.close(header.stamp, found, trace);
        // A frame without objects says nothing about the network.
        let network_ran = was_worked_on && self.pipeline.stage_us().get(Stage::Embed) > 0;
        if network_ran { self.answers.tell_failure(&self.pipeline, sent_us) } else { Ok(()) }
    }

    fn report_if_due(&mut self) {
        if self.clock.now_us() >= self.board.due_us {
            self.report();
        }
    }

    /// Publishes the state and keeps it for those who ask.
    fn report(&mut self) {
        let now_us = self.clock.now_us();
        self.board.due_us = now_us.saturating_add(REPORT_PERIOD_US);
        let text = self.board.reporter.report(&self.trace, self.calibrations.state(), now_us).to_string();
        let mut loan = Loan::heap(text.len());
        loan.copy_from_slice(text.as_bytes());
        if self.board.publisher.send(loan).is_err() {
            self.trace.events.add(Event::AnswersFailed, 1);
        }
        self.board.answer.set(text);
    }

    /// Whether anybody listens to the answers at this moment.
    pub fn has_listener(&self) -> bool {
        self.answers.publisher.is_matched()
    }

    /// Counters and times since the start.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The pipeline, for its model and provider.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The state as it is sent, with rates since the last report.
    pub fn status(&mut self) -> Value {
        self.board.reporter.report(&self.trace, self.calibrations.state(), self.clock.now_us())
    }

    /// Withdraws everything that was declared and closes the session.
    pub fn close(self) {
        let Self { session, frames, detections, calibrations, answers, board, _alive, .. } = self;
        drop((_alive, frames, detections, calibrations, answers, board));
        session.close();
    }
}

impl Answers {
    /// Sends the one message of an accepted frame.
    fn send(
        &mut self,
        header: &Header,
        estimated: Result<&[ObjectPose], Empty>,
        detections: &[Detection],
        trace: &mut Trace,
    ) {
        let objects = estimated.unwrap_or_else(|reason| {
            trace.empty.add(reason, 1);
            &[]
        });
        trace.record_objects(objects);
        let sent = detection_3d_array::size_bytes(header, objects, detections).is_ok_and(|size_bytes| {
            let mut loan = self.publisher.loan(size_bytes).unwrap_or_else(|_| {
                trace.events.add(Event::AnswersCopied, 1);
                Loan::heap(size_bytes)
            });
            detection_3d_array::emit(header, objects, detections, &mut loan).is_ok()
                && self.publisher.send(loan).is_ok()
        });
        if sent {
            trace.published_count += 1;
        } else {
            trace.events.add(Event::AnswersFailed, 1);
        }
    }

    /// Tells when the network begins to fail, when it works again, and when it is lost.
    fn tell_failure(&mut self, pipeline: &Pipeline, now_us: u64) -> Result<(), NetworkLost> {
        let failure = pipeline.backbone_failure();
        match self.network.note(failure.is_some(), now_us) {
            Change::None => {}
            Change::Failed => tracing::error!("the network failed: {}", told(failure)),
            Change::Recovered => tracing::info!("the network works again"),
            Change::Lost => return Err(NetworkLost { reason: told(failure) }),
        }
        Ok(())
    }
}

fn told(failure: Option<&BackboneError>) -> String {
    failure.map(BackboneError::to_string).unwrap_or_default()
}

/// A node's name as ROS allows it: letters, digits and underscores.
fn ros_name(name: &str) -> String {
    format!("azimuth_{}", name.replace('-', "_"))
}
