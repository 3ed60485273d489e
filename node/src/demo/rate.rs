//! How fast the sequence can be played so that this machine keeps up: measured, not assumed.

use std::time::Instant;

use super::busiest::Busiest;
use crate::pipeline::Pipeline;

/// The rate of KITTI's camera: faster only if ordered.
const RATE_HZ_MAX: f64 = 10.0;
/// Slower than this nobody waits for.
const RATE_HZ_MIN: f64 = 0.5;
/// Share of the time that the pipeline may take: the publisher decodes pictures, the subscriber reads answers, and no machine
/// is as quiet during a run as in a measurement.
const PIPELINE_SHARE: f64 = 0.5;
/// Passes that are timed, after one that is not: the first one allocates.
const PASSES: usize = 4;

/// A rate and why it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// Frames a second.
    pub hz: f64,
    /// For the reader of the report.
    pub reason: String,
}

impl Rate {
    /// The rate the user asked for.
    pub fn ordered(hz: f64) -> Self {
        Self { hz, reason: "as ordered".to_owned() }
    }

    /// Works a few times on the busiest frame, and gives the rate of which that is a modest share.
    ///
    /// # Errors
    /// The pipeline refuses the picture.
    pub fn measured(pipeline: &mut Pipeline, busiest: Option<&Busiest>) -> anyhow::Result<Self> {
        let Some(busiest) = busiest else { return Ok(Self::of_pipeline_ms(0.0, 0)) };
        let mut slowest_ms = 0.0_f64;
        for pass in 0..=PASSES {
            let started = Instant::now();
            busiest.process(pipeline)?;
            if pass > 0 {
                slowest_ms = slowest_ms.max(started.elapsed().as_secs_f64() * 1000.0);
            }
        }
        Ok(Self::of_pipeline_ms(slowest_ms, busiest.detections().len()))
    }

    fn of_pipeline_ms(pipeline_ms: f64, object_count: usize) -> Self {
        let sustainable = PIPELINE_SHARE * 1000.0 / pipeline_ms.max(1e-3);
        let hz = sustainable.clamp(RATE_HZ_MIN, RATE_HZ_MAX);
        // To a tenth, downwards: a rate that people can read.
        let hz = (hz * 10.0).floor() / 10.0;
        let consequence =
            if hz < RATE_HZ_MAX { "; faster could lose frames" } else { ", so the camera's own rate holds" };
        let reason = format!(
            "the busiest frame ({object_count} objects) takes the pipeline {pipeline_ms:.0} ms on this machine{consequence}"
        );
        Self { hz, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_machine_plays_at_the_camera_rate_and_a_slow_one_at_half_its_speed() {
        assert_eq!(Rate::of_pipeline_ms(5.0, 3).hz, 10.0);
        assert_eq!(Rate::of_pipeline_ms(50.0, 3).hz, 10.0);
        let slow = Rate::of_pipeline_ms(230.0, 7);
        assert_eq!(slow.hz, 2.1);
        assert!(slow.reason.contains("7 objects") && slow.reason.contains("lose frames"), "{}", slow.reason);
        assert_eq!(Rate::of_pipeline_ms(60_000.0, 1).hz, 0.5);
        assert!(Rate::of_pipeline_ms(0.0, 1).hz.is_finite());
    }
}
