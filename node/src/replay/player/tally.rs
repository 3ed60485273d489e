//! What was played, and what came back.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::schedule::Schedule;
use crate::messages::detection_3d_array;
use crate::time::Stamp;
use crate::trace::Quantiles;
use crate::transport::Arrival;

/// What was played, and what came back.
#[derive(Clone, Debug)]
pub struct Played {
    /// Frames sent.
    pub frames: u64,
    /// Frames not sent because subscribers held all of the pool.
    pub dropped_pool_full: u64,
    /// Frames not sent because they were decoded more than a period too late.
    pub dropped_behind: u64,
    /// Frames not sent because their picture cannot be read.
    pub dropped_unreadable: u64,
    /// Messages that the transport refused.
    pub refused: u64,
    /// Detections sent.
    pub detections: u64,
    /// Frames whose bytes went by shared memory as far as the sender can tell.
    pub frames_loaned_shared: u64,
    /// Answers that came back.
    pub answers: u64,
    /// Objects in them.
    pub objects: u64,
    /// From a frame's stamp to its answer being here, microseconds.
    pub latency_us: Quantiles,
    /// The first frame's stamp; frame i is stamped i periods later.
    pub first_stamp: Stamp,
    /// Between two stamps.
    pub period_ns: i64,
    /// Number of the first frame in the sequence.
    pub first_frame: u32,
}

impl Played {
    /// As JSON that scripts may rely on.
    pub fn json(&self) -> Value {
        json!({
            "frames": {
                "published": self.frames,
                "shared": self.frames_loaned_shared,
                "dropped": {
                    "pool_full": self.dropped_pool_full,
                    "behind_schedule": self.dropped_behind,
                    "unreadable": self.dropped_unreadable,
                    "refused": self.refused,
                },
            },
            "detections": self.detections,
            "answers": {"received": self.answers, "objects": self.objects, "latency_us": self.latency_us},
            "first_stamp": {"sec": self.first_stamp.sec, "nanosec": self.first_stamp.nanosec},
            "period_ns": self.period_ns,
            "first_frame": self.first_frame,
        })
    }
}

/// Counts while playing.
#[derive(Debug)]
pub struct Tally {
    pub played: Played,
    latency_us: Histogram<u64>,
    staging: Vec<u8>,
    /// Pictures given up that the decoder will still deliver.
    pub overdue: u64,
}

impl Tally {
    /// Nothing yet.
    pub fn new(schedule: &Schedule, first_frame: u32) -> Self {
        let played = Played {
            frames: 0,
            dropped_pool_full: 0,
            dropped_behind: 0,
            dropped_unreadable: 0,
            refused: 0,
            detections: 0,
            frames_loaned_shared: 0,
            answers: 0,
            objects: 0,
            latency_us: Quantiles::default(),
            first_stamp: schedule.stamp(0),
            period_ns: schedule.period_ns,
            first_frame,
        };
        let latency_us =
            Histogram::new_with_bounds(1, 60_000_000, 3).expect("1 us to 1 min in 3 digits are valid bounds");
        Self { played, latency_us, staging: Vec::with_capacity(1 << 20), overdue: 0 }
    }

    /// Counts an answer and its objects.
    pub fn count_answer(&mut self, arrival: &Arrival, displaced_count: u64) {
        self.played.answers += 1 + displaced_count;
        let Ok(bytes) = arrival.bytes(usize::MAX, &mut self.staging) else { return };
        let Ok((header, objects)) = detection_3d_array::parse(bytes) else { return };
        self.played.objects += objects.len() as u64;
        let latency_ns = arrival.received_unix_ns.saturating_sub(header.stamp.to_nanos());
        self.latency_us.saturating_record(u64::try_from(latency_ns / 1000).unwrap_or(0).max(1));
    }

    /// The end of the play.
    pub fn finish(mut self) -> Played {
        self.played.latency_us = Quantiles::of(&self.latency_us);
        self.played
    }
}
