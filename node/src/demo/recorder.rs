//! The subscriber at the far end: reads every answer and notes when it came.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::matching::estimate;
use super::record::Estimate;
use crate::mailbox::Bell;
use crate::messages::detection_3d_array;
use crate::time::{MonotonicClock, Stamp};
use crate::transport::{
    Arrival, KeyMode, Keys, MessageKind, Session, Subscriber, Topic, TransportConfig, TransportError,
};

/// Answers that may wait to be read; they are read as they come.
const WAITING_MAX: usize = 256;
/// Shared memory of a session that sends nothing, bytes.
const POOL_BYTES: usize = 64 << 10;
/// Longest wait before the wish to stop is looked at.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// One answer as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The stamp of the frame that it answers.
    pub stamp: Stamp,
    /// When it arrived, nanoseconds since the UNIX epoch.
    pub received_unix_ns: i64,
    /// From being sent to being here, microseconds; `None` without an attachment.
    pub return_us: Option<u64>,
    /// The objects in it.
    pub estimates: Vec<Estimate>,
}

/// What a recording amounts to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// Answers in order of arrival.
    pub answers: Vec<Recorded>,
    /// Answers that could not be read.
    pub malformed_count: u64,
}

/// A session of its own, subscribed to the answers.
pub struct Recorder {
    session: Session,
    answers: Subscriber,
    status: Subscriber,
    bell: Arc<Bell>,
}

impl Recorder {
    /// Opens a session that reaches a node configured like `node`.
    ///
    /// # Errors
    /// A session that cannot be opened, or a key that is refused.
    pub fn open(node: &TransportConfig, keys: &Keys) -> Result<Self, TransportError> {
        let (bell, clock) = (Bell::new(), MonotonicClock::new());
        let session = Session::open(&node.counterpart(POOL_BYTES))?;
        let answers = session.subscribe(keys, keys.object_pose_topic(), WAITING_MAX, bell.clone(), clock)?;
        // The status is plain text under its plain name, whatever the mode of the other keys.
        let plain = Keys { mode: KeyMode::Native, ..keys.clone() };
        let status = Topic { kind: MessageKind::Image, name: &keys.status };
        let status = session.subscribe(&plain, status, 1, bell.clone(), clock)?;
        Ok(Self { session, answers, status, bell })
    }

    /// Waits for the node's first word about itself: from then on no answer can be missed. False where it did not come.
    pub fn wait_for_node(&self, at_most: Duration, stop: &AtomicBool) -> bool {
        let until = Instant::now() + at_most;
        while Instant::now() < until && !stop.load(Ordering::Relaxed) {
            self.bell.wait(WAIT_MAX);
            if self.status.take().is_some() {
                return true;
            }
        }
        false
    }

    /// Reads answers until `stop` is set and none is left, then closes the session.
    pub fn record(self, stop: &AtomicBool) -> Recording {
        let mut recording = Recording::default();
        let mut staging = Vec::with_capacity(1 << 20);
        loop {
            // Asked before the mailbox is emptied, so that nothing that came before the wish to stop is left in it.
            let is_last = stop.load(Ordering::Relaxed);
            while let Some(taken) = self.answers.take() {
                match read(&taken.value, &mut staging) {
                    Some(recorded) => recording.answers.push(recorded),
                    None => recording.malformed_count += 1,
                }
            }
            drop(self.status.take());
            if is_last {
                break;
            }
            self.bell.wait(WAIT_MAX);
        }
        let Self { session, answers, status, .. } = self;
        drop((answers, status));
        session.close();
        recording
    }
}

fn read(arrival: &Arrival, staging: &mut Vec<u8>) -> Option<Recorded> {
    let bytes = arrival.bytes(usize::MAX, staging).ok()?;
    let (header, objects) = detection_3d_array::parse(bytes).ok()?;
    let sent_ns = arrival.attachment().map(|attachment| attachment.source_time_ns);
    let since = |sent_ns: i64| u64::try_from(arrival.received_unix_ns.saturating_sub(sent_ns) / 1000).unwrap_or(0);
    Some(Recorded {
        stamp: header.stamp,
        received_unix_ns: arrival.received_unix_ns,
        return_us: sent_ns.map(since),
        estimates: objects.iter().filter_map(estimate).collect(),
    })
}
