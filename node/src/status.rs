//! What the node says about itself: JSON every second and on request, and a table at the end.
//!
//! Scripts may rely on the fields below; fields may be added, none renamed.
//!
//! ```json
//! {"name", "uptime_s", "health": {"level": "ok" | "warn" | "error", "reasons": [..]},
//!  "provider", "provider_description", "refused_providers": [{"provider", "reason"}], "model": {"name", "version", "sha256"},
//!  "camera": {..} | null,
//!  "rates_hz": {"received", "published"},
//!  "frames": {"received", "accepted", "published", "lost", "dropped": {reason: count}, "empty": {reason: count}},
//!  "objects": {"published", "by_status": {status: count}}, "events": {name: count},
//!  "refinement": {"enabled", "refined", "by_status": {status: count}},
//!  "stage_us": {stage: {"count", "p50", "p99", "max"}},
//!  "shared_memory": {"frames_shm_total", "frames_copied_total", "sending": "shared" | reason}}
//! ```

use std::fmt::Write as _;

use calibration::PinholeCamera;
use serde_json::{Map, Value, json};

use crate::object_pose::ObjectStatus;
use crate::pipeline::Pipeline;
use crate::trace::{Dropped, Empty, Event, Name, Timed, Trace};

/// What does not change while the node runs.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The node's name.
    pub name: String,
    /// What runs the network.
    pub provider: String,
    /// Its library and version.
    pub provider_description: String,
    /// Providers that were allowed and refused, with the reason.
    pub refused_providers: Vec<(String, String)>,
    /// The model's name.
    pub model_name: String,
    /// The model's version.
    pub model_version: String,
    /// SHA-256 of the model's manifest, hexadecimal.
    pub model_sha256: String,
    /// Whether the model's poses are refined.
    pub refines: bool,
    /// Why what the node sends is copied, if it is.
    pub copy_reason: Option<String>,
}

impl Identity {
    /// The identity of a node named `name` that runs `pipeline`.
    pub fn new(name: &str, pipeline: &Pipeline, copy_reason: Option<&str>) -> Self {
        let manifest = pipeline.manifest();
        Self {
            name: name.to_owned(),
            provider: pipeline.provider().to_string(),
            provider_description: pipeline.provider_description(),
            refused_providers: pipeline.refused().iter().map(|(p, why)| (p.to_string(), why.clone())).collect(),
            model_name: manifest.name.clone(),
            model_version: manifest.version.clone(),
            model_sha256: pipeline.model_sha256().to_owned(),
            refines: pipeline.refines(),
            copy_reason: copy_reason.map(str::to_owned),
        }
    }
}

/// The calibration in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CameraState {
    /// The camera.
    pub camera: PinholeCamera,
    /// The frames are raw and the lens has distortion, which is left in.
    pub distortion_is_ignored: bool,
}

/// The counts of the last report, so that the next one can tell what happened since.
#[derive(Clone, Copy, Debug, Default)]
struct Since {
    at_us: u64,
    received: u64,
    published: u64,
    lost: u64,
    copied: u64,
    /// Objects looked at that got no pose: the network failed, its answer was of no use, or time was up.
    without_pose: u64,
    poses: u64,
    answers_failed: u64,
    lists_unread: u64,
    calibrations_refused: u64,
    dropped: u64,
    displaced: u64,
    empty: [u64; Empty::ALL.len()],
}

/// Writes one report after the other.
#[derive(Debug)]
pub struct Reporter {
    identity: Identity,
    started_us: u64,
    since: Since,
}

impl Reporter {
    /// A reporter that starts now.
    pub fn new(identity: Identity, now_us: u64) -> Self {
        Self { identity, started_us: now_us, since: Since { at_us: now_us, ..Since::default() } }
    }

    /// The state of the node; rates and health are of the time since the last report.
    pub fn report(&mut self, trace: &Trace, camera: Option<&CameraState>, now_us: u64) -> Value {
        let now = counts(trace, now_us);
        let seconds = now_us.saturating_sub(self.since.at_us).max(1) as f64 / 1e6;
        let rate = |now: u64, before: u64| (now.saturating_sub(before) as f64 / seconds * 10.0).round() / 10.0;
        let rates = json!({
            "received": rate(now.received, self.since.received),
            "published": rate(now.published, self.since.published),
        });
        let (level, reasons) = health(&self.since, &now);
        self.since = now;
        let Identity { name, provider, provider_description, .. } = &self.identity;
        let refused: Vec<Value> = self.identity.refused_providers.iter().map(refused_provider).collect();
        json!({
            "name": name,
            "uptime_s": now_us.saturating_sub(self.started_us) / 1_000_000,
            "health": {"level": level, "reasons": reasons},
            "provider": provider,
            "provider_description": provider_description,
            "refused_providers": refused,
            "model": {
                "name": self.identity.model_name,
                "version": self.identity.model_version,
                "sha256": self.identity.model_sha256,
            },
            "camera": camera.map(camera_json),
            "rates_hz": rates,
            "frames": {
                "received": trace.received_count,
                "accepted": trace.accepted_count,
                "published": trace.published_count,
                "lost": trace.lost_count,
                "dropped": trace.dropped.to_map(),
                "empty": trace.empty.to_map(),
            },
            "objects": {"published": trace.poses_count, "by_status": trace.objects()},
            "refinement": {
                "enabled": self.identity.refines,
                "refined": trace.refined.total(),
                "by_status": trace.refined.to_map(),
            },
            "events": trace.events.to_map(),
            "stage_us": stages(trace),
            "shared_memory": {
                "frames_shm_total": trace.frames_shm_total,
                "frames_copied_total": trace.frames_copied_total,
                "sending": self.identity.copy_reason.as_deref().unwrap_or("shared"),
            },
        })
    }
}

fn refused_provider((provider, reason): &(String, String)) -> Value {
    json!({"provider": provider, "reason": reason})
}

fn camera_json(state: &CameraState) -> Value {
    let camera = state.camera;
    json!({
        "fx_px": camera.fx_px, "fy_px": camera.fy_px, "cx_px": camera.cx_px, "cy_px": camera.cy_px,
        "width_px": camera.width_px, "height_px": camera.height_px,
        "distortion_is_ignored": state.distortion_is_ignored,
    })
}

fn stages(trace: &Trace) -> Map<String, Value> {
    Timed::ALL.iter().map(|part| (part.as_str().to_owned(), json!(trace.quantiles(*part)))).collect()
}

fn counts(trace: &Trace, at_us: u64) -> Since {
    Since {
        at_us,
        received: trace.received_count,
        published: trace.published_count,
        lost: trace.lost_count,
        copied: trace.frames_copied_total,
        without_pose: trace.objects().iter().filter(|(status, _)| is_lost(status)).map(|(_, count)| count).sum(),
        poses: trace.poses_count,
        answers_failed: trace.events.get(Event::AnswersFailed),
        lists_unread: trace.events.get(Event::DetectionListsMalformed) + trace.events.get(Event::DetectionListsLate),
        calibrations_refused: trace.events.get(Event::CalibrationsRefused),
        dropped: trace.dropped.total(),
        displaced: trace.dropped.get(Dropped::Displaced),
        empty: std::array::from_fn(|at| Empty::ALL.get(at).map_or(0, |reason| trace.empty.get(*reason))),
    }
}

/// Whether objects of this status were worth an answer and got none. A rejected detection is its detector's fault, not ours.
fn is_lost(status: &str) -> bool {
    [ObjectStatus::Unavailable, ObjectStatus::DeadlineReached].iter().any(|lost| lost.as_str() == status)
        || status.starts_with("unmatched")
}

/// The worst of what happened since the last report, and all of it in words.
fn health(before: &Since, now: &Since) -> (&'static str, Vec<String>) {
    let mut reasons = Vec::new();
    let mut told = |count: u64, what: &str| {
        if count > 0 {
            reasons.push(format!("{what}: {count}"));
        }
    };
    let without_pose = now.without_pose.saturating_sub(before.without_pose);
    told(without_pose, "objects out of time, unmatched or without a network (objects.by_status)");
    told(now.answers_failed.saturating_sub(before.answers_failed), "answers that could not be sent");
    told(now.lists_unread.saturating_sub(before.lists_unread), "lists of detections malformed or late");
    told(now.calibrations_refused.saturating_sub(before.calibrations_refused), "calibrations refused");
    for (at, reason) in Empty::ALL.iter().enumerate() {
        let grown = now.empty.get(at).zip(before.empty.get(at)).map_or(0, |(now, before)| now - before);
        told(grown, &format!("frames answered empty ({})", reason.as_str()));
    }
    let displaced = now.displaced.saturating_sub(before.displaced);
    told(displaced, "frames displaced by newer ones");
    told(now.dropped.saturating_sub(before.dropped).saturating_sub(displaced), "frames dropped");
    told(now.lost.saturating_sub(before.lost), "frames lost on the way");
    told(now.copied.saturating_sub(before.copied), "frames that did not come by shared memory");
    if now.received == before.received {
        reasons.push("no frames".to_owned());
    }
    // Some objects late is a warning; all of them is a node that answers nothing, however lively it looks.
    let is_useless = without_pose > 0 && now.poses == before.poses;
    let level = match (is_useless, reasons.is_empty()) {
        (true, _) => "error",
        (false, false) => "warn",
        (false, true) => "ok",
    };
    (level, reasons)
}

/// The table printed when a node ends.
pub fn summary(trace: &Trace) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: u64| {
        let _ = writeln!(text, "  {name:<34} {value:>10}"); // writing to a string cannot fail
    };
    row("frames received", trace.received_count);
    row("frames accepted", trace.accepted_count);
    row("answers published", trace.published_count);
    row("objects with a pose", trace.poses_count);
    if trace.refined.total() > 0 {
        row("poses refined", trace.refined.total());
    }
    row("frames by shared memory", trace.frames_shm_total);
    row("frames copied", trace.frames_copied_total);
    row("frames lost on the way", trace.lost_count);
    let dropped = trace.dropped.iter().map(|(reason, count)| (format!("dropped: {}", reason.as_str()), count));
    let empty = trace.empty.iter().map(|(reason, count)| (format!("empty: {}", reason.as_str()), count));
    let objects = trace.objects().into_iter().map(|(status, count)| (format!("object {status}"), count));
    let refined = trace.refined.iter().map(|(status, count)| (format!("refinement: {}", status.as_str()), count));
    let events = Event::ALL.iter().map(|event| (event.as_str().to_owned(), trace.events.get(*event)));
    for (name, count) in
        dropped.chain(empty).chain(objects).chain(refined).chain(events).filter(|(_, count)| *count > 0)
    {
        row(&name, count);
    }
    let _ = writeln!(text, "  {:<12} {:>8} {:>10} {:>10} {:>10}", "microseconds", "count", "p50", "p99", "max");
    for part in Timed::ALL {
        let q = trace.quantiles(*part);
        if q.count > 0 {
            let _ = writeln!(text, "  {:<12} {:>8} {:>10} {:>10} {:>10}", part.as_str(), q.count, q.p50, q.p99, q.max);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_pose::{Mismatch, ObjectPose, Rejection};
    use crate::trace::Refinement;

    fn reporter() -> Reporter {
        let identity = Identity {
            name: "front".to_owned(),
            provider: "tract".to_owned(),
            provider_description: "tract 0".to_owned(),
            refused_providers: vec![("onnxruntime".to_owned(), "not found".to_owned())],
            model_name: "car".to_owned(),
            model_version: "1".to_owned(),
            model_sha256: "00".to_owned(),
            refines: true,
            copy_reason: None,
        };
        Reporter::new(identity, 0)
    }

    #[test]
    fn rates_and_health_are_of_the_time_since_the_last_report() {
        let mut reporter = reporter();
        let mut trace = Trace::default();
        (trace.received_count, trace.published_count) = (30, 20);
        trace.empty.add(Empty::NoDetections, 5);
        let first = reporter.report(&trace, None, 2_000_000);
        assert_eq!(first["rates_hz"], json!({"received": 15.0, "published": 10.0}));
        assert_eq!(first["health"]["level"], "warn");
        assert!(first["health"]["reasons"][0].as_str().unwrap().contains("no_detections): 5"));
        trace.received_count += 10;
        let second = reporter.report(&trace, None, 3_000_000);
        assert_eq!(second["health"], json!({"level": "ok", "reasons": []}));
        assert_eq!(second["frames"]["empty"]["no_detections"], 5, "counts are since the start");
        let third = reporter.report(&trace, None, 4_000_000);
        assert_eq!(third["health"], json!({"level": "warn", "reasons": ["no frames"]}));
    }

    #[test]
    fn a_node_that_answers_no_object_is_an_error_and_one_that_answers_some_a_warning() {
        let without = |status| ObjectPose::without_pose(0, Default::default(), status);
        for status in [
            ObjectStatus::Unavailable,
            ObjectStatus::DeadlineReached,
            ObjectStatus::Unmatched(Mismatch::EmbeddingNotFinite),
        ] {
            let mut trace = Trace::default();
            trace.received_count = 1;
            trace.record_objects(&[without(status)]);
            assert_eq!(reporter().report(&trace, None, 1)["health"]["level"], "error", "{status}");
            trace.record_objects(&[ObjectPose { has_pose: true, ..without(ObjectStatus::Ok) }]);
            assert_eq!(reporter().report(&trace, None, 1)["health"]["level"], "warn", "{status}");
        }
        let mut trace = Trace::default();
        trace.received_count = 1;
        trace.record_objects(&[without(ObjectStatus::Rejected(Rejection::BoxInverted))]);
        assert_eq!(reporter().report(&trace, None, 1)["health"]["level"], "ok");
    }

    #[test]
    fn every_promised_field_is_there() {
        let report = reporter().report(&Trace::default(), None, 1_000_000);
        for pointer in [
            "/name",
            "/uptime_s",
            "/health/level",
            "/provider",
            "/refused_providers/0/reason",
            "/model/sha256",
            "/camera",
            "/rates_hz/received",
            "/frames/dropped/stale",
            "/frames/empty/no_calibration",
            "/objects/by_status",
            "/events/detections_cut",
            "/refinement/enabled",
            "/refinement/refined",
            "/refinement/by_status/converged",
            "/refinement/by_status/step_limit",
            "/refinement/by_status/deadline_reached",
            "/refinement/by_status/diverged",
            "/stage_us/embed/p99",
            "/stage_us/refine/p99",
            "/shared_memory/frames_shm_total",
        ] {
            assert!(report.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn the_summary_names_what_happened_and_leaves_out_what_did_not() {
        let mut trace = Trace::default();
        trace.received_count = 7;
        trace.dropped.add(Dropped::Stale, 3);
        trace.record(Timed::Embed, 1234);
        trace.refined.add(Refinement::StepLimit, 5);
        let text = summary(&trace);
        let line = |name: &str| {
            text.lines().find(|line| line.contains(name)).map(|line| line.split_whitespace().last().unwrap())
        };
        assert_eq!(line("frames received"), Some("7"));
        assert_eq!(line("dropped: stale"), Some("3"));
        assert_eq!(line("dropped: malformed"), None);
        assert_eq!((line("poses refined"), line("refinement: step_limit")), (Some("5"), Some("5")));
        assert_eq!(line("refinement: converged"), None);
        assert!(line("embed").is_some() && line("crop").is_none(), "{text}");
    }
}
