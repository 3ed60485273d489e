//! A frame's whole way, over real Zenoh and real shared memory: camera and detector -> node -> `object_pose`.
//!
//! Frames are sent in step: the next one leaves when the last one was answered, so no test depends on how fast the machine is.
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod small_model;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use calibration::PinholeCamera;
use kernels::{BoxPx, PixelFormat};
use node::detection::Detection;
use node::launch::Launch;
use node::mailbox::Bell;
use node::messages::camera_info::CameraInfo;
use node::messages::detection_3d_array::ReceivedObject;
use node::messages::header::Header;
use node::messages::image::ImageLayout;
use node::messages::{compressed_image, detection_2d_array, detection_3d_array};
use node::pipeline::Pipeline;
use node::run::Node;
use node::time::{MonotonicClock, Stamp};
use node::trace::{Dropped, Empty, Event};
use node::transport::{Loan, Publisher, Session, SharedMemoryUse, Subscriber};
use serde_json::Value;
use small_model::Pattern;

/// Nothing takes this long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);
const BOX: [usize; 4] = [16, 8, 48, 24];

/// A node on its own thread, and a camera, a detector and a subscriber in another session.
struct Rig {
    stop: Arc<AtomicBool>,
    node: std::thread::JoinHandle<Node>,
    session: Session,
    bell: Arc<Bell>,
    images: Publisher,
    calibrations: Publisher,
    detections: Publisher,
    answers: Subscriber,
    size_px: [u32; 2],
    sent: i64,
    _folder: tempfile::TempDir,
}

/// Bounds that no machine is too slow for.
fn launch(folder: &Path) -> Launch {
    let mut launch = Launch::default();
    launch.transport.listen = vec![format!("unixsock-stream/{}", folder.join("node.sock").display())];
    launch.transport.shared_memory = SharedMemoryUse::Required;
    launch.limits.deadline_us = 60_000_000;
    launch.limits.join_wait_us = 60_000_000;
    launch.limits.frame_age_us_max = 3_600_000_000;
    launch.limits.image_side_px_max = 1024;
    launch
}

impl Rig {
    fn start(change: impl FnOnce(&mut Launch), camera_memory: SharedMemoryUse, size_px: [u32; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut launch = launch(folder.path());
        change(&mut launch);
        small_model::write(folder.path());
        let pipeline =
            Pipeline::new(small_model::load(folder.path(), launch.limits.batch_max), &launch.limits).unwrap();
        let mut node = Node::start(&launch, pipeline).unwrap();
        let (keys, bell) = (&launch.keys, Bell::new());
        let mut config = launch.transport.counterpart(8 << 20);
        config.shared_memory = camera_memory;
        let session = Session::open(&config).unwrap();
        let answers =
            session.subscribe(keys, keys.object_pose_topic(), 64, bell.clone(), MonotonicClock::new()).unwrap();
        let images = session.publish(keys, keys.image_topic()).unwrap();
        let calibrations = session.publish(keys, keys.camera_info_topic()).unwrap();
        let detections = session.publish(keys, keys.detections_topic()).unwrap();
        until("both sides know each other", || {
            node.has_listener() && [&images, &calibrations, &detections].iter().all(|publisher| publisher.is_matched())
        });
        let stop = Arc::new(AtomicBool::new(false));
        let wish = stop.clone();
        let node = std::thread::spawn(move || {
            node.run(&wish, None).unwrap();
            node
        });
        Self { images, calibrations, detections, stop, node, session, bell, answers, size_px, sent: 0, _folder: folder }
    }

    /// The next frame's header: stamps are the wall clock's, a millisecond apart at least.
    fn header(&mut self) -> Header {
        self.sent += 1;
        let now_ns = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i64;
        let stamp = Stamp::from_nanos(now_ns + self.sent * 1_000_000);
        Header { stamp, frame_id: "camera_front_optical".try_into().unwrap() }
    }

    fn pixels(&self, row: usize) -> Vec<u8> {
        let [width, height] = self.size_px.map(|side| side as usize);
        let mut pixels = vec![128; width * height * 3];
        let (pattern, _): (Pattern, _) = small_model::reference(row);
        pattern.paint(&mut pixels, width, BOX);
        pixels
    }

    fn send_image(&mut self, header: &Header, row: usize) {
        let [width_px, height_px] = self.size_px;
        let layout = ImageLayout { header: header.clone(), width_px, height_px, format: PixelFormat::Rgb8 };
        let mut loan = self.images.loan(layout.size_bytes().unwrap()).unwrap();
        layout.emit(&mut loan).unwrap().copy_from_slice(&self.pixels(row));
        self.images.send(loan).unwrap();
    }

    fn send_calibration(&mut self, size_px: [u32; 2]) {
        let header = self.header();
        let [width_px, height_px] = size_px;
        let camera = PinholeCamera::new(200.0, 200.0, 31.5, 23.5, width_px, height_px).unwrap();
        let info = CameraInfo::rectified(header, &camera);
        let mut loan = Loan::heap(info.size_bytes().unwrap());
        info.emit(&mut loan).unwrap();
        self.calibrations.send(loan).unwrap();
    }

    fn send_detections(&mut self, header: &Header, boxes: &[[usize; 4]]) {
        let detect = |(at, corners): (usize, &[usize; 4])| {
            let [x1, y1, x2, y2] = corners.map(|side| side as f32);
            let id = format!("track-{at}").as_str().try_into().unwrap();
            Detection { box_px: BoxPx { x1, y1, x2, y2 }, class_id: "Car".try_into().unwrap(), score: 0.5, id }
        };
        let detections: Vec<Detection> = boxes.iter().enumerate().map(detect).collect();
        let mut loan = Loan::heap(detection_2d_array::size_bytes(header, &detections).unwrap());
        detection_2d_array::emit(header, &detections, &mut loan).unwrap();
        self.detections.send(loan).unwrap();
    }

    /// The next answer, whose header must be `header`.
    fn answer_to(&self, header: &Header) -> Vec<ReceivedObject> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(taken) = self.answers.take() {
                let mut staging = Vec::with_capacity(1 << 20);
                let bytes = taken.value.bytes(1 << 20, &mut staging).unwrap();
                let (answered, objects) = detection_3d_array::parse(bytes).unwrap();
                assert_eq!(&answered, header, "answers come in order, one for each accepted frame");
                return objects;
            }
            assert!(Instant::now() < deadline, "no answer");
            self.bell.wait(Duration::from_millis(100));
        }
    }

    /// A whole frame in step.
    fn frame(&mut self, row: usize) -> Vec<ReceivedObject> {
        let header = self.header();
        self.send_image(&header, row);
        self.send_detections(&header, &[BOX]);
        self.answer_to(&header)
    }

    fn finish(self) -> Node {
        assert!(self.answers.take().is_none(), "an answer that nobody asked for");
        self.stop.store(true, Ordering::Relaxed);
        let node = self.node.join().unwrap();
        self.session.close();
        node
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_frame_is_answered_once_with_its_header_from_shared_memory() {
    const FRAMES: u64 = 24;
    let mut rig = Rig::start(|_| {}, SharedMemoryUse::Required, [64, 48]);
    rig.send_calibration([64, 48]);
    for at in 0..FRAMES {
        let row = at as usize % small_model::ROWS;
        let objects = rig.frame(row);
        assert_eq!(objects.len(), 1);
        let (class, score, rotation) = &objects[0].hypotheses[0];
        assert_eq!((class.as_str(), objects[0].id.as_str()), ("car", "track-0"));
        assert!(*score > 0.4 && *score <= 0.5, "{score}");
        assert_eq!(objects[0].dimensions_m, [4.1, 1.7, 1.5]);
        // The box is in the middle of the image, so what the camera sees is what the crop shows.
        let (_, expected) = small_model::reference(row);
        let found = calibration::so3::from_wxyz(rotation.map(|x| x as f32)).unwrap();
        let error_deg = calibration::so3::geodesic_angle(&found, &expected).to_degrees();
        assert!(error_deg < 3.0, "row {row}: {error_deg} degrees");
    }
    let mut node = rig.finish();
    let trace = node.trace();
    assert_eq!((trace.received_count, trace.accepted_count, trace.published_count), (FRAMES, FRAMES, FRAMES));
    assert_eq!((trace.frames_shm_total, trace.frames_copied_total, trace.lost_count), (FRAMES, 0, 0));
    assert_eq!((trace.dropped.total(), trace.empty.total(), trace.poses_count), (0, 0, FRAMES));
    assert_eq!(trace.events.get(Event::DetectionLists), FRAMES);
    let status: Value = node.status();
    assert_eq!(status["frames"]["published"], FRAMES);
    assert_eq!(status["model"]["name"], "colour-fields");
    assert_eq!(status["stage_us"]["embed"]["count"], FRAMES);
    assert_eq!(status["camera"]["fx_px"], 200.0);
    node.close();
}

#[test]
fn frames_that_cannot_be_shared_are_copied_once_and_counted() {
    // Larger than what Zenoh sends in one piece.
    let size_px = [320, 240];
    let mut rig = Rig::start(|_| {}, SharedMemoryUse::Off, size_px);
    rig.send_calibration(size_px);
    for row in 0..4 {
        assert_eq!(rig.frame(row).len(), 1);
    }
    let node = rig.finish();
    assert_eq!((node.trace().frames_shm_total, node.trace().frames_copied_total), (0, 4));
}

#[test]
fn compressed_frames_are_decoded_and_answered() {
    let mut rig = Rig::start(|launch| launch.keys.image_is_compressed = true, SharedMemoryUse::Required, [64, 48]);
    rig.send_calibration([64, 48]);
    let header = rig.header();
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    image::ImageEncoder::write_image(encoder, &rig.pixels(3), 64, 48, image::ExtendedColorType::Rgb8).unwrap();
    let mut message = vec![0; png.len() + 256];
    let size_bytes = compressed_image::emit(&header, "png", &png, &mut message).unwrap();
    let mut loan = rig.images.loan(size_bytes).unwrap();
    loan.copy_from_slice(&message[..size_bytes]);
    rig.images.send(loan).unwrap();
    rig.send_detections(&header, &[BOX]);
    assert_eq!(rig.answer_to(&header).len(), 1);
    let node = rig.finish();
    assert_eq!((node.trace().accepted_count, node.trace().frames_shm_total), (1, 1));
}

#[test]
fn a_frame_without_calibration_or_detections_is_answered_empty_with_its_reason() {
    let mut rig = Rig::start(|launch| launch.limits.join_wait_us = 1000, SharedMemoryUse::Required, [64, 48]);
    let uncalibrated = rig.header();
    rig.send_image(&uncalibrated, 0);
    assert_eq!(rig.answer_to(&uncalibrated), []);

    rig.send_calibration([32, 32]);
    let other_size = rig.header();
    // The calibration is taken over with the first frame after it; which one that is, the order of two topics does not say.
    rig.send_image(&other_size, 0);
    assert_eq!(rig.answer_to(&other_size), []);

    rig.send_calibration([64, 48]);
    let mut lonely = rig.header();
    rig.send_image(&lonely, 0);
    assert_eq!(rig.answer_to(&lonely), []);
    for _ in 0..20 {
        lonely = rig.header();
        rig.send_image(&lonely, 0);
        assert_eq!(rig.answer_to(&lonely), []);
    }
    rig.send_detections(&lonely, &[BOX]);
    // Detections first: they wait for their frame.
    let header = rig.header();
    rig.send_detections(&header, &[BOX]);
    std::thread::sleep(Duration::from_millis(50));
    rig.send_image(&header, 5);
    rig.answer_to(&header);

    let node = rig.finish();
    let (trace, empty) = (node.trace(), &node.trace().empty);
    assert_eq!(trace.accepted_count, trace.published_count);
    assert!(empty.get(Empty::NoCalibration) >= 1);
    assert!(empty.get(Empty::NoDetections) >= 20, "{:?}", empty.to_map());
    assert_eq!(trace.events.get(Event::DetectionListsLate), 1);
}

#[test]
fn what_cannot_be_read_is_dropped_with_its_reason_and_the_next_frame_is_answered() {
    let bound = 64 * 48 * 3;
    let mut rig = Rig::start(|launch| launch.limits.frame_bytes_max = bound, SharedMemoryUse::Required, [64, 48]);
    rig.send_calibration([64, 48]);
    assert_eq!(rig.frame(1).len(), 1);

    // Broken lists of detections and calibrations: the good ones hold.
    for publisher in [&mut rig.detections, &mut rig.calibrations] {
        publisher.send(Loan::heap(7)).unwrap();
    }
    // A frame of noise, one with an unset stamp, one beyond the bound, one that was sent before. Each must be looked at before
    // the next is sent, or it would only be displaced: the good frame behind it tells.
    let mut noise = rig.images.loan(5000).unwrap();
    noise.fill(0xA5);
    rig.images.send(noise).unwrap();
    assert_eq!(rig.frame(2).len(), 1);
    let unset = Header { stamp: Stamp::default(), ..rig.header() };
    rig.send_image(&unset, 0);
    assert_eq!(rig.frame(3).len(), 1);
    rig.images.send(Loan::heap(bound + 5000)).unwrap();
    let old = rig.header();
    assert_eq!(rig.frame(4).len(), 1);
    rig.send_image(&old, 0);
    assert_eq!(rig.frame(5).len(), 1);

    let node = rig.finish();
    let trace = node.trace();
    assert_eq!((trace.received_count, trace.accepted_count, trace.published_count), (9, 5, 5));
    // A frame that was displaced before it was looked at is counted as that.
    let looked_at = [Dropped::Malformed, Dropped::NoStamp, Dropped::TooLarge, Dropped::OutOfOrder];
    let counted: u64 = looked_at.iter().map(|reason| trace.dropped.get(*reason)).sum();
    assert_eq!(counted + trace.dropped.get(Dropped::Displaced), 4, "{:?}", trace.dropped.to_map());
    assert!(looked_at.iter().all(|reason| trace.dropped.get(*reason) <= 1));
    assert_eq!(trace.events.get(Event::DetectionListsMalformed), 1);
    assert_eq!(trace.events.get(Event::CalibrationsRefused), 1);
}

#[test]
fn one_bad_box_costs_one_object_and_nothing_else() {
    let mut rig = Rig::start(|_| {}, SharedMemoryUse::Required, [64, 48]);
    rig.send_calibration([64, 48]);
    let header = rig.header();
    rig.send_image(&header, 2);
    rig.send_detections(&header, &[[40, 40, 20, 20], BOX, [500, 500, 600, 600]]);
    let objects = rig.answer_to(&header);
    assert_eq!(objects.iter().map(|object| object.id.as_str()).collect::<Vec<_>>(), ["track-1"]);
    let node = rig.finish();
    let by_status = node.trace().objects();
    assert_eq!(by_status.get("ok"), Some(&1));
    assert_eq!(by_status.values().sum::<u64>(), 3, "{by_status:?}");
}
