//! When a network that fails is a network that is lost: a supervisor restarts what ends, not what goes on answering nothing.

/// Frames in a row that must have failed, and for how long, before the network counts as lost. One bad frame is not enough.
const FRAMES_MIN: u32 = 3;
const LOST_AFTER_US: u64 = 1_000_000;

/// What became of the network on the last frames.
#[derive(Debug, Default)]
pub struct NetworkHealth {
    failing: Option<Failing>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    since_us: u64,
    frames: u32,
}

/// What a frame changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It begins to fail.
    Failed,
    /// It works again.
    Recovered,
    /// It has failed on every frame for too long.
    Lost,
}

impl NetworkHealth {
    /// Notes whether the network failed on a frame that was worked on at `now_us`.
    pub fn note(&mut self, failed: bool, now_us: u64) -> Change {
        match (failed, &mut self.failing) {
            (false, None) => Change::None,
            (false, Some(_)) => {
                self.failing = None;
                Change::Recovered
            }
            (true, None) => {
                self.failing = Some(Failing { since_us: now_us, frames: 1 });
                Change::Failed
            }
            (true, Some(failing)) => {
                failing.frames = failing.frames.saturating_add(1);
                let lost = failing.frames >= FRAMES_MIN && now_us.saturating_sub(failing.since_us) >= LOST_AFTER_US;
                if lost { Change::Lost } else { Change::None }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_fails_for_a_second_is_lost() {
        let mut health = NetworkHealth::default();
        assert_eq!(health.note(false, 0), Change::None);
        assert_eq!(health.note(true, 100_000), Change::Failed);
        for frame in 2..=10 {
            assert_eq!(health.note(true, frame * 100_000), Change::None, "{frame}");
        }
        assert_eq!(health.note(true, 1_100_000), Change::Lost);
    }

    #[test]
    fn one_good_frame_begins_the_count_anew_and_two_bad_ones_are_never_enough() {
        let mut health = NetworkHealth::default();
        health.note(true, 0);
        assert_eq!(health.note(true, 5_000_000), Change::None, "two frames, however far apart");
        assert_eq!(health.note(false, 5_100_000), Change::Recovered);
        assert_eq!(health.note(true, 9_000_000), Change::Failed);
    }
}
