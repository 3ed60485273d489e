//! What was sent and what came back, put together frame by frame.

use super::headline::percentile;
use super::matching::{match_by_id, truth};
use super::rate::Rate;
use super::record::{FrameResult, Playback, RunFacts, StageRow};
use super::recorder::{Recorded, Recording};
use crate::replay::{PlayOptions, Played, Sequence};
use crate::run::Node;
use crate::time::Stamp;
use crate::trace::{Name, Timed, Trace};

/// Gathers a playback: the sequence's truth, the node's own counts, and the recording of a subscriber.
pub fn assemble(
    sequence: &Sequence,
    options: &PlayOptions,
    rate: &Rate,
    node: &Node,
    played: &Played,
    recording: Recording,
) -> Playback {
    let run = run_facts(rate, node, played, &recording);
    let frames = frames(sequence, options, played, recording.answers);
    Playback {
        sequence: sequence.name.clone(),
        camera: sequence.calibration.camera,
        frames,
        run,
        explained: Vec::new(),
    }
}

/// Every frame of the sequence with its truth; those that were answered with their answer.
fn frames(sequence: &Sequence, options: &PlayOptions, played: &Played, answers: Vec<Recorded>) -> Vec<FrameResult> {
    let mut answer_of: Vec<Option<Recorded>> = vec![None; sequence.frames.len()];
    for answer in answers {
        let slot = place_of(answer.stamp, played.first_stamp, played.period_ns).and_then(|at| answer_of.get_mut(at));
        if let Some(slot) = slot {
            slot.get_or_insert(answer);
        }
    }
    let frames = sequence.frames.iter().zip(answer_of).map(|(frame, answer)| {
        let labels = frame.labels.iter().filter(|label| options.detects(label));
        let truths = labels.map(|label| truth(label, &sequence.calibration)).collect();
        let received = answer.is_some();
        let latency_us = answer.as_ref().map(latency_us);
        let (objects, strays) = match_by_id(truths, answer.map_or_else(Vec::new, |answer| answer.estimates));
        FrameResult { index: frame.index, picture: frame.picture.clone(), received, latency_us, objects, strays }
    });
    frames.collect()
}

/// Which frame of the sequence has this stamp: stamps are multiples of the period after the first.
fn place_of(stamp: Stamp, first: Stamp, period_ns: i64) -> Option<usize> {
    let offset_ns = stamp.since_nanos(first);
    let is_multiple = period_ns > 0 && offset_ns % period_ns == 0;
    is_multiple.then(|| usize::try_from(offset_ns / period_ns).ok()).flatten()
}

/// From the frame's stamp, the moment at which the camera has it, to the answer in the subscriber.
fn latency_us(answer: &Recorded) -> u64 {
    u64::try_from(answer.received_unix_ns.saturating_sub(answer.stamp.to_nanos()) / 1000).unwrap_or(0)
}

fn run_facts(rate: &Rate, node: &Node, played: &Played, recording: &Recording) -> RunFacts {
    let (trace, pipeline) = (node.trace(), node.pipeline());
    let manifest = pipeline.manifest();
    let mut stages = stages(trace);
    stages.extend(way_back(&recording.answers));
    RunFacts {
        model_name: manifest.name.clone(),
        model_version: manifest.version.clone(),
        model_sha256: pipeline.model_sha256().to_owned(),
        provider: pipeline.provider().to_string(),
        provider_description: pipeline.provider_description(),
        rate_hz: rate.hz,
        rate_reason: rate.reason.clone(),
        published_count: played.frames,
        shared_memory_count: trace.frames_shm_total,
        copied_count: trace.frames_copied_total,
        losses: losses(trace, played, recording),
        stages,
    }
}

fn stages(trace: &Trace) -> Vec<StageRow> {
    let row = |part: &Timed| {
        let times = trace.quantiles(*part);
        (times.count > 0).then(|| StageRow {
            name: part.as_str().to_owned(),
            p50_us: times.p50,
            p99_us: times.p99,
            max_us: times.max,
        })
    };
    Timed::ALL.iter().filter_map(row).collect()
}

/// The last part of the way, which the node cannot time: from sending the answer to the subscriber having it.
fn way_back(answers: &[Recorded]) -> Option<StageRow> {
    let mut times: Vec<u64> = answers.iter().filter_map(|answer| answer.return_us).collect();
    times.sort_unstable();
    let at = |share| percentile(&times, share);
    Some(StageRow { name: "return".to_owned(), p50_us: at(0.5)?, p99_us: at(0.99)?, max_us: at(1.0)? })
}

/// Everything that went wrong, by name; what never happened is left out.
fn losses(trace: &Trace, played: &Played, recording: &Recording) -> Vec<(String, u64)> {
    let sent = [
        ("not sent: pool full", played.dropped_pool_full),
        ("not sent: behind schedule", played.dropped_behind),
        ("not sent: unreadable", played.dropped_unreadable),
        ("refused by the transport", played.refused),
        ("lost on the way", trace.lost_count),
        ("answers malformed", recording.malformed_count),
    ];
    let sent = sent.into_iter().map(|(name, count)| (name.to_owned(), count));
    let dropped = trace.dropped.iter().map(|(name, count)| (format!("dropped: {}", name.as_str()), count));
    let empty = trace.empty.iter().map(|(name, count)| (format!("answered empty: {}", name.as_str()), count));
    let objects = trace.objects().into_iter().filter(|(status, _)| *status != "ok");
    let objects = objects.map(|(status, count)| (format!("objects {status}"), count));
    sent.chain(dropped).chain(empty).chain(objects).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_leads_back_to_its_frame_and_a_strange_one_to_none() {
        let first = Stamp { sec: 100, nanosec: 950_000_000 };
        let period_ns = 100_000_000;
        assert_eq!(place_of(first, first, period_ns), Some(0));
        assert_eq!(place_of(Stamp { sec: 101, nanosec: 50_000_000 }, first, period_ns), Some(1));
        assert_eq!(place_of(Stamp { sec: 101, nanosec: 50_000_001 }, first, period_ns), None);
        assert_eq!(place_of(Stamp { sec: 100, nanosec: 850_000_000 }, first, period_ns), None);
        assert_eq!(place_of(first, first, 0), None);
    }

    #[test]
    fn the_way_back_needs_an_answer() {
        assert_eq!(way_back(&[]), None);
        let answer =
            |return_us| Recorded { stamp: Stamp::default(), received_unix_ns: 0, return_us, estimates: Vec::new() };
        let row = way_back(&[answer(Some(300)), answer(None), answer(Some(100)), answer(Some(200))]).unwrap();
        assert_eq!((row.p50_us, row.max_us), (200, 300));
    }
}
