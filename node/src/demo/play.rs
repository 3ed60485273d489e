//! The run itself: publisher, node and subscriber, each with a session of its own, in one process.
//!
//! The node is the one of `azimuth run`, the publisher the one of `azimuth replay`; they meet on a port of the loopback interface
//! that nobody else uses, and frames cross in shared memory. Nothing is wired past the transport.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use models::{Model, Provider};

use super::assemble::assemble;
use super::busiest::Busiest;
use super::explained::explain;
use super::rate::Rate;
use super::record::Playback;
use super::recorder::{Recorder, Recording};
use crate::launch::Launch;
use crate::pipeline::Pipeline;
use crate::replay::{PlayOptions, Played, Player, Sequence};
use crate::run::Node;
use crate::stages::crop::ClassNames;
use crate::transport::TransportConfig;

/// Longest wait for the node's first word; it speaks every second.
const NODE_WAIT_MAX: Duration = Duration::from_secs(15);

/// What a detector finds reliably: KITTI's "moderate" objects, at most partly occluded and at least 25 pixels high.
const OCCLUDED_MAX: i32 = 1;
const HEIGHT_PX_MIN: f64 = 25.0;

/// What is to be played, and with what.
pub struct Request<'a> {
    /// The model's folder.
    pub model: &'a Path,
    /// The sequence.
    pub sequence: &'a Sequence,
    /// Frames a second; measured where `None`.
    pub rate_hz: Option<f64>,
    /// Providers that may run the network, in this order.
    pub providers: &'a [Provider],
    /// Threads of the network.
    pub threads: usize,
}

/// Plays the sequence once through a node that lives as long as this call.
///
/// # Errors
/// A model that does not load, a transport that cannot be set up, or `stop` set before the end.
pub fn play(request: &Request<'_>, stop: &AtomicBool) -> anyhow::Result<Playback> {
    let mut launch = Launch { name: "demo".to_owned(), ..Launch::default() };
    launch.model.providers = request.providers.to_vec();
    launch.model.threads = request.threads;
    // Its sequences are those of a car's camera, as in launch/vehicle.toml.
    launch.camera.level_sigma_deg = 1.5;
    launch.transport = TransportConfig { listen: vec![free_endpoint()?], ..TransportConfig::default() };

    let mut pipeline = open_pipeline(request, &launch)?;
    let sequence = request.sequence;
    let classes = known_classes(sequence, &pipeline);
    let mut options =
        PlayOptions { classes, occluded_max: OCCLUDED_MAX, height_px_min: HEIGHT_PX_MIN, ..PlayOptions::default() };
    if options.classes.is_empty() {
        let manifest = pipeline.manifest();
        bail!("sequence {}: nothing in it is of a class that model {} knows", sequence.name, manifest.name);
    }
    // Measured in any case: it warms the pipeline up as well.
    let busiest = Busiest::of(sequence, &options)?;
    let measured = Rate::measured(&mut pipeline, busiest.as_ref())?;
    let explained = explain(&mut pipeline, busiest.as_ref())?;
    let rate = request.rate_hz.map_or(measured, Rate::ordered);
    options.rate_hz = rate.hz;
    patience(&mut launch, rate.hz);
    tracing::info!("{} frames at {:.1} Hz ({})", sequence.frames.len(), rate.hz, rate.reason);

    let mut node = Node::start(&launch, pipeline)?;
    let outcome = run(&mut node, &launch, sequence, &options, stop);
    let playback = outcome.map(|(played, recording)| Playback {
        explained,
        ..assemble(sequence, &options, &rate, &node, &played, recording)
    });
    node.close();
    if stop.load(Ordering::Relaxed) {
        bail!("stopped before the sequence was played to its end");
    }
    playback
}

/// Lets the three threads work until the last frame was answered or given up.
fn run(
    node: &mut Node,
    launch: &Launch,
    sequence: &Sequence,
    options: &PlayOptions,
    stop: &AtomicBool,
) -> anyhow::Result<(Played, Recording)> {
    let recorder = Recorder::open(&launch.transport, &launch.keys)?;
    let (node_done, recorder_done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        // Set however this closure ends: the scope waits for its threads.
        let _stop_all = [SetOnDrop(&node_done), SetOnDrop(&recorder_done)];
        let node_name = std::thread::Builder::new().name("node".to_owned());
        let working = node_name.spawn_scoped(scope, || node.run(&node_done, None)).context("the node's thread")?;
        if !recorder.wait_for_node(NODE_WAIT_MAX, stop) {
            bail!("no word from the node at {:?} after {} s", launch.transport.listen, NODE_WAIT_MAX.as_secs());
        }
        let recorder_name = std::thread::Builder::new().name("subscriber".to_owned());
        let recording =
            recorder_name.spawn_scoped(scope, || recorder.record(&recorder_done)).context("the subscriber's thread")?;
        let mut player = Player::open(&launch.transport, &launch.keys, sequence)?;
        let played = player.play(sequence, options, stop);
        player.close();
        recorder_done.store(true, Ordering::Relaxed);
        let recording = recording.join().map_err(|_| anyhow::anyhow!("the subscriber's thread died"))?;
        node_done.store(true, Ordering::Relaxed);
        working.join().map_err(|_| anyhow::anyhow!("the node's thread died"))??;
        Ok((played?, recording))
    })
}

/// Sets a flag when it goes.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn open_pipeline(request: &Request<'_>, launch: &Launch) -> anyhow::Result<Pipeline> {
    let model = Model::load(request.model, &launch.backbone())?;
    let pipeline = Pipeline::new(model, &launch.limits)?
        .with_level(launch.camera.level()?)
        .with_second_look(launch.retrieval.second_look());
    for (provider, reason) in pipeline.refused() {
        tracing::warn!("{provider} refused: {reason}");
    }
    Ok(pipeline)
}

/// Classes of the sequence's labels that the model knows by name or alias.
fn known_classes(sequence: &Sequence, pipeline: &Pipeline) -> Vec<String> {
    let names = ClassNames::new(pipeline.manifest());
    let labels = sequence.frames.iter().flat_map(|frame| &frame.labels);
    let classes: BTreeSet<&str> = labels.map(|label| label.object.class.as_str()).collect();
    classes.into_iter().filter(|class| names.find(class).is_some()).map(str::to_owned).collect()
}

/// A slow machine plays slowly; the waits grow with the period, so that slowness shows as latency and not as loss.
fn patience(launch: &mut Launch, rate_hz: f64) {
    let period_us = (1e6 / rate_hz.max(1e-3)) as u64;
    let limits = &mut launch.limits;
    limits.deadline_us = limits.deadline_us.max(period_us);
    limits.frame_age_us_max = limits.frame_age_us_max.max(2 * period_us);
    limits.join_wait_us = limits.join_wait_us.max(period_us / 2);
}

/// An endpoint on the loopback interface whose port is free at this moment.
fn free_endpoint() -> anyhow::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("a free port on 127.0.0.1")?;
    Ok(format!("tcp/{}", listener.local_addr().context("a free port on 127.0.0.1")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_the_period_and_stay_within_the_limits() {
        for rate_hz in [0.01, 0.5, 3.0, 10.0, 1000.0] {
            let mut launch = Launch::default();
            patience(&mut launch, rate_hz);
            assert_eq!(launch.limits.validate(), Ok(()), "{rate_hz}");
            assert!(launch.limits.deadline_us as f64 >= 1e6 / rate_hz - 1.0);
        }
    }

    #[test]
    fn two_endpoints_differ_and_are_of_this_machine_only() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let taken = format!("tcp/{}", listener.local_addr().unwrap());
        let free = free_endpoint().unwrap();
        assert!(free.starts_with("tcp/127.0.0.1:") && free != taken);
    }
}
