//! Time as an argument: stamps of the data, deadlines of the work, and the clock between them.
//!
//! A [`Stamp`] is the sensor's wall time and is only ever compared with other stamps. A [`Deadline`]
//! is monotonic and is only ever compared with a [`Clock`]. The two never meet, so a step of the wall
//! clock cannot move a deadline.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// The time a frame was taken, as on the wire: `builtin_interfaces/Time`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Whole seconds since the epoch of the sender's clock.
    pub sec: i32,
    /// Nanoseconds within the second, 0 to 999 999 999.
    pub nanosec: u32,
}

impl Stamp {
    /// The stamp that many nanoseconds after the epoch; saturates at the ends of the 32-bit second.
    pub fn from_nanos(nanos: i64) -> Self {
        let sec = nanos.div_euclid(NANOS_PER_SEC);
        let nanosec = nanos.rem_euclid(NANOS_PER_SEC) as u32;
        match i32::try_from(sec) {
            Ok(sec) => Self { sec, nanosec },
            Err(_) if sec < 0 => Self { sec: i32::MIN, nanosec: 0 },
            Err(_) => Self { sec: i32::MAX, nanosec: (NANOS_PER_SEC - 1) as u32 },
        }
    }

    /// Nanoseconds since the epoch. Cannot overflow, whatever arrived on the wire.
    pub fn to_nanos(self) -> i64 {
        i64::from(self.sec) * NANOS_PER_SEC + i64::from(self.nanosec)
    }

    /// How long after `earlier` this stamp is, in nanoseconds; negative when it is before.
    pub fn since_nanos(self, earlier: Self) -> i64 {
        self.to_nanos() - earlier.to_nanos()
    }
}

/// The moment by which an answer is wanted, in the microseconds of a [`Clock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// Microseconds of the monotonic clock.
    pub at_us: u64,
}

impl Deadline {
    /// No deadline: offline work.
    pub const NEVER: Self = Self { at_us: u64::MAX };

    /// `budget_us` microseconds after `now_us`.
    pub fn after(now_us: u64, budget_us: u64) -> Self {
        Self { at_us: now_us.saturating_add(budget_us) }
    }

    /// True from the very microsecond of the deadline on.
    pub fn is_reached(self, now_us: u64) -> bool {
        now_us >= self.at_us
    }
}

/// A monotonic clock. Passed in, never looked up, so a test or a replay can be the clock.
pub trait Clock {
    /// Microseconds since an arbitrary origin; never goes back.
    fn now_us(&self) -> u64;
}

/// The machine's monotonic clock, counted from the creation of the value.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicClock {
    origin: Instant,
}

impl MonotonicClock {
    /// A clock whose origin is now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// A clock moved by hand: for tests and for replay in simulated time.
///
/// Each reading advances it by a fixed step (zero unless asked), so that work "takes time".
#[derive(Debug, Default)]
pub struct ManualClock {
    now_us: AtomicU64,
    step_us: u64,
}

impl ManualClock {
    /// A clock standing at `now_us`.
    pub fn at(now_us: u64) -> Self {
        Self { now_us: AtomicU64::new(now_us), step_us: 0 }
    }

    /// A clock that starts at zero and moves `step_us` forward after every reading.
    pub fn stepping(step_us: u64) -> Self {
        Self { now_us: AtomicU64::new(0), step_us }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by_us: u64) {
        self.now_us.fetch_add(by_us, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> u64 {
        self.now_us.fetch_add(self.step_us, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stamp_on_the_wire_survives_the_round_trip_of_valid_ones() {
        for stamp in [
            Stamp { sec: 0, nanosec: 0 },
            Stamp { sec: -1, nanosec: 999_999_999 },
            Stamp { sec: i32::MIN, nanosec: 0 },
            Stamp { sec: i32::MAX, nanosec: 999_999_999 },
        ] {
            assert_eq!(Stamp::from_nanos(stamp.to_nanos()), stamp);
        }
    }

    #[test]
    fn out_of_range_times_saturate() {
        assert_eq!(Stamp::from_nanos(i64::MIN).sec, i32::MIN);
        assert_eq!(Stamp::from_nanos(i64::MAX).sec, i32::MAX);
        // The wire may carry a nanosecond field past one second: still no overflow.
        let odd = Stamp { sec: i32::MAX, nanosec: u32::MAX };
        assert!(odd.since_nanos(Stamp { sec: i32::MIN, nanosec: 0 }) > 0);
    }

    #[test]
    fn a_deadline_is_reached_at_its_own_microsecond() {
        let deadline = Deadline::after(100, 50);
        assert!(!deadline.is_reached(149));
        assert!(deadline.is_reached(150));
        assert!(!Deadline::after(u64::MAX - 1, 50).is_reached(u64::MAX - 1));
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand_or_by_its_step() {
        let clock = ManualClock::at(7);
        assert_eq!((clock.now_us(), clock.now_us()), (7, 7));
        clock.advance(3);
        assert_eq!(clock.now_us(), 10);
        let clock = ManualClock::stepping(5);
        assert_eq!((clock.now_us(), clock.now_us()), (0, 5));
    }
}
