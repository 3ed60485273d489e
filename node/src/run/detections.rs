//! Lists of detections: received, and waited for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::WAIT_MAX;
use crate::detection::Detection;
use crate::join::{Join, LISTS_MAX, Offered};
use crate::launch::Launch;
use crate::mailbox::Bell;
use crate::time::{Clock, Stamp};
use crate::trace::{Event, Trace};
use crate::transport::{Arrival, Subscriber};

/// The detections' door.
pub struct Detections {
    subscriber: Subscriber,
    join: Join,
    staging: Vec<u8>,
    bytes_max: usize,
}

impl Detections {
    pub fn new(subscriber: Subscriber, launch: &Launch) -> Self {
        let limits = &launch.limits;
        Self {
            subscriber,
            join: Join::new(limits.detections_max, launch.join.stamp_tolerance_us),
            staging: Vec::with_capacity(limits.detections_bytes_max),
            bytes_max: limits.detections_bytes_max,
        }
    }

    /// Reads the lists that have come: as many as may wait, so that a detector gone wild cannot keep frames from being answered.
    pub fn receive(&mut self, trace: &mut Trace) {
        for _ in 0..LISTS_MAX {
            let Some(taken) = self.subscriber.take() else { return };
            trace.events.add(Event::DetectionLists, 1 + taken.displaced_count);
            trace.events.add(Event::DetectionListsDisplaced, taken.displaced_count);
            self.read(&taken.value, trace);
        }
    }

    fn read(&mut self, arrival: &Arrival, trace: &mut Trace) {
        let Ok(bytes) = arrival.bytes(self.bytes_max, &mut self.staging) else {
            trace.events.add(Event::DetectionListsMalformed, 1);
            return;
        };
        let offered = self.join.offer(bytes);
        // Asked after the last look at the bytes: what was taken back meanwhile may be of another list.
        if !arrival.is_valid() {
            if let Ok((_, summary)) = offered {
                self.join.withdraw(summary.header.stamp);
            }
            trace.events.add(Event::DetectionListsMalformed, 1);
            return;
        }
        match offered {
            Ok((offered, summary)) => {
                trace.events.add(Event::DetectionsCut, summary.cut_count as u64);
                trace.events.add(Event::DetectionsUnusable, summary.unusable_count as u64);
                match offered {
                    Offered::Late => trace.events.add(Event::DetectionListsLate, 1),
                    Offered::Waiting { gave_up } => {
                        trace.events.add(Event::DetectionListsWithoutFrame, u64::from(gave_up));
                    }
                }
            }
            Err(error) => {
                tracing::debug!("detections refused: {error}");
                trace.events.add(Event::DetectionListsMalformed, 1);
            }
        }
    }

    /// Waits for the list of the frame stamped `stamp`, at most until `until_us` or the wish to stop.
    pub fn wait(
        &mut self,
        stamp: Stamp,
        until_us: u64,
        bell: &Bell,
        clock: &dyn Clock,
        stop: &AtomicBool,
        trace: &mut Trace,
    ) -> Option<usize> {
        loop {
            self.receive(trace);
            let found = self.join.find(stamp);
            let left_us = until_us.saturating_sub(clock.now_us());
            if found.is_some() || left_us == 0 || stop.load(Ordering::Relaxed) {
                return found;
            }
            // A frame that comes meanwhile rings too: it waits in its mailbox, where the newest wins.
            bell.wait(WAIT_MAX.min(Duration::from_micros(left_us)));
        }
    }

    /// The detections that [`Detections::wait`] found.
    pub fn list(&self, found: Option<usize>) -> &[Detection] {
        self.join.detections(found)
    }

    /// The frame is answered: its list is used up, older ones are given up.
    pub fn close(&mut self, stamp: Stamp, found: Option<usize>, trace: &mut Trace) {
        let given_up = self.join.close(stamp, found);
        trace.events.add(Event::DetectionListsWithoutFrame, given_up);
    }

    /// Stamps begin anew at `stamp`.
    pub fn restart(&mut self, stamp: Stamp, trace: &mut Trace) {
        trace.events.add(Event::DetectionListsWithoutFrame, self.join.restart(stamp));
    }
}
