//! When each frame is due.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Stamp;

/// Between opening the drive and its first frame: decoding gets a lead.
const LEAD: Duration = Duration::from_millis(300);

/// When each frame is due, on the monotonic clock and as a stamp. Absolute: a late frame does not delay those after it.
pub struct Schedule {
    start: Instant,
    first_ns: i64,
    pub period_ns: i64,
}

impl Schedule {
    /// A schedule that starts in a moment, `rate_hz` frames a second.
    pub fn new(rate_hz: f64) -> Self {
        let period_ns = (1e9 / rate_hz.max(1e-3)) as i64;
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + LEAD;
        let first_ns = i64::try_from(since_epoch.as_nanos()).unwrap_or(0);
        Self { start: Instant::now() + LEAD, first_ns, period_ns }
    }

    fn offset_ns(&self, at: usize) -> i64 {
        self.period_ns.saturating_mul(i64::try_from(at).unwrap_or(i64::MAX))
    }

    /// The moment of frame `at`.
    pub fn due(&self, at: usize) -> Instant {
        self.start + Duration::from_nanos(self.offset_ns(at).unsigned_abs())
    }

    /// The same moment on the wall clock.
    pub fn stamp(&self, at: usize) -> Stamp {
        Stamp::from_nanos(self.first_ns.saturating_add(self.offset_ns(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_due_at_multiples_of_the_period_from_the_start() {
        let schedule = Schedule::new(8.0);
        assert_eq!(schedule.period_ns, 125_000_000);
        for at in [0, 1, 8, 100_000] {
            let since = Duration::from_millis(125 * at as u64);
            assert_eq!(schedule.due(at) - schedule.due(0), since);
            assert_eq!(schedule.stamp(at).since_nanos(schedule.stamp(0)) as u128, since.as_nanos());
        }
    }
}
