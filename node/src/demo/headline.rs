//! The few numbers of a playback that everyone asks for first.

use serde_json::{Value, json};

use super::record::{Grade, Playback, StageRow};

/// The numbers. Angles in degrees, shares in percent, times in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    /// Labelled objects, in frames that were answered, of classes that the model knows.
    pub object_count: usize,
    /// Of these, the ones with a pose.
    pub answered_count: usize,
    /// Of the answered, those off by less than 30 degrees.
    pub acc30: Option<f64>,
    /// Of the answered, those off by less than 10 degrees.
    pub acc10: Option<f64>,
    /// Median rotation error of the answered.
    pub median_deg: Option<f64>,
    /// Answered with front and rear exchanged: off by more than 150 degrees.
    pub flip_count: usize,
    /// Frames that the publisher sent.
    pub published_count: u64,
    /// Frames whose answer came back.
    pub received_count: u64,
    /// Frames that the node read in place, of those it received.
    pub zero_copy_share: Option<f64>,
    /// From the frame's stamp to its answer in the subscriber: p50, p99, max.
    pub latency_ms: Option<[f64; 3]>,
    /// Frames a second.
    pub rate_hz: f64,
    /// What ran the network.
    pub provider: String,
    /// Name and version of the model.
    pub model: String,
    model_sha256: String,
    losses: Vec<(String, u64)>,
    stages: Vec<StageRow>,
}

impl Headline {
    /// Sums a playback up.
    pub fn new(playback: &Playback) -> Self {
        let run = &playback.run;
        let objects = || playback.objects().filter(|(frame, _)| frame.received).map(|(_, object)| object);
        let mut errors: Vec<f64> = objects().filter_map(|object| object.error_deg).collect();
        errors.sort_by(f64::total_cmp);
        let below = |bound: f64| percent(errors.iter().filter(|&&error| error < bound).count(), errors.len());
        let mut latencies: Vec<u64> = playback.frames.iter().filter_map(|frame| frame.latency_us).collect();
        latencies.sort_unstable();
        let latency_ms = |share: f64| percentile(&latencies, share).map(|us| us as f64 / 1000.0);
        Self {
            object_count: objects().count(),
            answered_count: errors.len(),
            acc30: below(30.0),
            acc10: below(10.0),
            median_deg: percentile(&errors, 0.5),
            flip_count: objects().filter(|object| object.grade() == Grade::Flip).count(),
            published_count: run.published_count,
            received_count: playback.frames.iter().filter(|frame| frame.received).count() as u64,
            zero_copy_share: percent(
                run.shared_memory_count as usize,
                (run.shared_memory_count + run.copied_count) as usize,
            ),
            latency_ms: latency_ms(0.5).zip(latency_ms(0.99)).zip(latency_ms(1.0)).map(|((a, b), c)| [a, b, c]),
            rate_hz: run.rate_hz,
            provider: run.provider.clone(),
            model: format!("{} {}", run.model_name, run.model_version),
            model_sha256: run.model_sha256.clone(),
            losses: run.losses.clone(),
            stages: run.stages.clone(),
        }
    }

    /// Frames that were sent and never answered.
    pub fn dropped_count(&self) -> u64 {
        self.published_count.saturating_sub(self.received_count)
    }

    /// For scripts. Fields may be added, none renamed.
    pub fn json(&self) -> Value {
        let stages = self.stages.iter().map(|stage| {
            let times = json!({ "p50": stage.p50_us, "p99": stage.p99_us, "max": stage.max_us });
            (stage.name.clone(), times)
        });
        let losses = self.losses.iter().map(|(name, count)| (name.clone(), Value::from(*count)));
        json!({
            "objects": self.object_count,
            "answered": self.answered_count,
            "acc30": self.acc30,
            "acc10": self.acc10,
            "median_deg": self.median_deg,
            "flips": self.flip_count,
            "frames": {
                "published": self.published_count,
                "received": self.received_count,
                "dropped": self.dropped_count(),
            },
            "zero_copy_percent": self.zero_copy_share,
            "latency_ms": self.latency_ms.map(|[p50, p99, max]| json!({ "p50": p50, "p99": p99, "max": max })),
            "rate_hz": self.rate_hz,
            "provider": self.provider,
            "model": { "name": self.model, "sha256": self.model_sha256 },
            "stages_us": Value::Object(stages.collect()),
            "losses": Value::Object(losses.collect()),
        })
    }

    /// Name and value of every number, for a terminal.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1} %"));
        let latency = self.latency_ms.map_or_else(
            || "-".to_owned(),
            |[p50, p99, max]| format!("p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms"),
        );
        vec![
            ("objects", format!("{} ({} answered)", self.object_count, self.answered_count)),
            ("within 30 degrees (ACC30)", percent(self.acc30)),
            ("within 10 degrees (ACC10)", percent(self.acc10)),
            ("median error", self.median_deg.map_or_else(|| "-".to_owned(), |deg| format!("{deg:.1} degrees"))),
            ("flips (front for rear)", self.flip_count.to_string()),
            (
                "frames",
                format!(
                    "{} published, {} answered, {} dropped",
                    self.published_count,
                    self.received_count,
                    self.dropped_count()
                ),
            ),
            ("read in place (zero copy)", percent(self.zero_copy_share)),
            ("end to end", latency),
            ("rate", format!("{:.1} Hz", self.rate_hz)),
            ("network run by", self.provider.clone()),
            ("model", self.model.clone()),
        ]
    }
}

/// `part` of `all` in percent; `None` of nothing.
pub fn percent(part: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| 100.0 * part as f64 / all as f64)
}

/// The smallest value of which at least `share` of the sorted values are no greater (nearest rank).
pub fn percentile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::report::fixture::playback;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&values, 0.5), Some(50));
        assert_eq!(percentile(&values, 0.99), Some(99));
        assert_eq!(percentile(&values, 1.0), Some(100));
        assert_eq!(percentile(&[7], 0.5), Some(7));
        assert_eq!(percentile::<u32>(&[], 0.5), None);
    }

    #[test]
    fn only_answered_frames_count_and_each_number_is_of_its_own_kind() {
        let mut playback = playback(4);
        playback.run.published_count = 4;
        for (frame, error) in playback.frames.iter_mut().zip([2.0, 20.0, 178.0, 1.0]) {
            frame.objects.truncate(1);
            frame.objects[0].error_deg = Some(error);
            frame.received = true;
        }
        playback.frames[3].received = false;
        let headline = Headline::new(&playback);
        assert_eq!((headline.object_count, headline.answered_count, headline.flip_count), (3, 3, 1));
        assert!((headline.acc30.unwrap() - 66.67).abs() < 0.01 && (headline.acc10.unwrap() - 33.33).abs() < 0.01);
        assert_eq!((headline.median_deg, headline.dropped_count()), (Some(20.0), 1));
        let json = headline.json();
        assert_eq!(json["frames"]["dropped"], 1);
        assert_eq!(json["flips"], 1);
    }

    #[test]
    fn a_run_without_answers_has_no_numbers_and_no_nan() {
        let mut playback = playback(1);
        playback.frames.clear();
        playback.run = Default::default();
        let json = Headline::new(&playback).json();
        for key in ["acc30", "acc10", "median_deg", "zero_copy_percent", "latency_ms"] {
            assert!(json[key].is_null(), "{key}");
        }
    }
}
