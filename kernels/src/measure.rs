//! How fast a search is, and how fast the machine lets it be: for the benches and for
//! `azimuth bench`.
//!
//! Machines are shared and clocks move: what is compared is measured in turn, in one process, and a
//! search is judged by the fraction of the bandwidth that a bare read of as many bytes reaches.

mod bandwidth;
mod feature_scene;
mod pose_table;
mod top_k;

use std::time::Instant;

pub use bandwidth::ReadLoop;
pub use feature_scene::FeatureScene;
pub use pose_table::PoseTable;
pub use top_k::{TopKBench, TopKTimes};

/// How long repeated runs of one thing took, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Spread {
    /// The fastest.
    pub min_ms: f64,
    /// The median.
    pub p50_ms: f64,
    /// Ninety-nine of a hundred are not slower.
    pub p99_ms: f64,
}

impl Spread {
    /// Of durations in seconds, in any order; all zero without any.
    #[must_use]
    pub fn of(seconds: &mut [f64]) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at =
            |percent: usize| seconds.get((seconds.len().saturating_sub(1) * percent) / 100).map_or(0.0, |s| s * 1e3);
        Self { min_ms: at(0), p50_ms: at(50), p99_ms: at(99) }
    }
}

/// What this machine calls itself: processor, cores, architecture.
#[must_use]
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = model.map_or("unnamed processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{processor}, {cores} cores ({})", std::env::consts::ARCH)
}

/// Seconds that one run takes.
pub fn seconds_of(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_in_milliseconds_and_in_order() {
        let mut seconds: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(Spread::of(&mut seconds), Spread { min_ms: 0.0, p50_ms: 50e3, p99_ms: 99e3 });
        assert_eq!(Spread::of(&mut []), Spread::default());
    }
}
