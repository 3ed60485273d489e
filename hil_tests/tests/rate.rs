//! What the node does with frames it can keep up with, and with three times as many.
#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use hil_tests::{Answer, Ended, Listener, Rig, count, work_us};
use serde_json::Value;

const FRAMES: usize = 60;
/// Frames that show what one costs on this board.
const PROBE_FRAMES: usize = 12;
const PROBE_HZ: f64 = 30.0;
/// The node's share of a period at a sustained rate: the player decodes pictures meanwhile, and frames differ in their number of cars.
const SHARE: f64 = 0.4;
/// How often the rate is halved before the board is said to sustain none: others may be at work on the machine.
const ATTEMPTS: usize = 4;

/// Who measures what the board can do has it alone: both tests would see half of it.
fn board() -> MutexGuard<'static, ()> {
    static BOARD: Mutex<()> = Mutex::new(());
    BOARD.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Run {
    played: Value,
    answers: Vec<Answer>,
    ended: Ended,
}

fn play(rig: &Rig, rate_hz: f64, frames: usize) -> Run {
    let node = rig.start_node().unwrap();
    let listener = Listener::connect(&rig.endpoint()).unwrap();
    let played = rig.replay(rate_hz, frames).unwrap();
    let answers = listener.finish().unwrap();
    Run { played, answers, ended: node.terminate().unwrap() }
}

/// Frames a second that would keep the node busy all the time.
fn capacity_hz(rig: &Rig) -> f64 {
    1e6 / work_us(&play(rig, PROBE_HZ, PROBE_FRAMES).ended.status).max(1) as f64
}

/// What holds at every rate: each frame that was sent is accounted for, and each accepted one is answered once.
fn check_books(Run { played, answers, ended }: &Run) {
    let status = &ended.status;
    let published = count(played, "/frames/published");
    let accepted = count(status, "/frames/accepted");
    let dropped: u64 = status["frames"]["dropped"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(count(status, "/frames/received") + count(status, "/frames/lost"), published, "{status}");
    assert_eq!(accepted + dropped, count(status, "/frames/received"), "{status}");
    assert_eq!(count(status, "/frames/lost"), 0, "{status}");
    assert_eq!(count(status, "/frames/published"), accepted);
    assert_eq!(answers.len() as u64, accepted, "one answer for each accepted frame");
    assert!(answers.iter().all(|answer| answer.objects.is_some()), "every answer can be read");
    assert!(answers.windows(2).all(|pair| pair[0].stamp_ns < pair[1].stamp_ns), "in order, none twice");
    assert_eq!(count(status, "/shared_memory/frames_copied_total"), 0);
    assert_eq!(count(status, "/shared_memory/frames_shm_total"), accepted);
}

#[test]
fn at_a_rate_that_the_board_sustains_every_frame_is_answered_from_shared_memory() {
    let _board = board();
    let rig = Rig::new().unwrap();
    let mut rate_hz = SHARE * capacity_hz(&rig);
    for _ in 0..ATTEMPTS {
        let run = play(&rig, rate_hz, FRAMES);
        check_books(&run);
        let answered = run.answers.len();
        println!("{answered} of {FRAMES} frames answered at {rate_hz:.1} Hz\n{}\n{}", run.played, run.ended.status);
        if answered == FRAMES {
            assert!(run.answers.iter().filter_map(|answer| answer.objects).sum::<usize>() > FRAMES);
            return;
        }
        rate_hz /= 2.0;
    }
    unreachable!("the board sustains no rate");
}

#[test]
fn at_three_times_what_the_board_can_do_the_newest_frame_wins_and_latency_stays_flat() {
    let _board = board();
    let rig = Rig::new().unwrap();
    let rate_hz = 3.0 * capacity_hz(&rig);
    let run = play(&rig, rate_hz, FRAMES);
    println!("{rate_hz:.1} Hz\n{}\n{}", run.played, run.ended.status);
    check_books(&run);
    let dropped = &run.ended.status["frames"]["dropped"];
    let displaced = count(dropped, "/displaced");
    assert!(displaced > 0, "{dropped}");
    let total: u64 = dropped.as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(displaced, total, "displaced by a newer frame, and dropped for no other reason: {dropped}");

    // A queue would let the last third wait for all frames before it, many times longer than the first.
    let third = run.answers.len() / 3;
    assert!(third >= 2, "{} answers", run.answers.len());
    let (first, last) = (median(&run.answers[..third]), median(&run.answers[run.answers.len() - third..]));
    assert!(last < 3 * first, "latency grew from {first} to {last} ns");
    // And the last frame that was sent is always answered: nothing newer came to displace it.
    let last_sent_ns =
        stamp_ns(&run.played["first_stamp"]) + (FRAMES as i64 - 1) * run.played["period_ns"].as_i64().unwrap();
    assert_eq!(run.answers.last().unwrap().stamp_ns, last_sent_ns);
}

fn stamp_ns(stamp: &Value) -> i64 {
    stamp["sec"].as_i64().unwrap() * 1_000_000_000 + stamp["nanosec"].as_i64().unwrap()
}

fn median(answers: &[Answer]) -> i64 {
    let mut latencies: Vec<i64> = answers.iter().map(|answer| answer.latency_ns).collect();
    latencies.sort_unstable();
    latencies[latencies.len() / 2]
}
