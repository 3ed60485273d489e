//! How fast a node at work comes to its end.

use std::time::Duration;

use hil_tests::{Rig, count};

/// What the launch scripts of a car wait for before they kill.
const SHUTDOWN_MAX: Duration = Duration::from_millis(500);

#[test]
#[ignore = "judges wall-clock time: run it on a quiet board"]
fn a_node_at_work_ends_within_half_a_second_of_the_signal() {
    let rig = Rig::new().unwrap();
    let node = rig.start_node().unwrap();
    let ended = std::thread::scope(|scope| {
        let player = scope.spawn(|| rig.replay(20.0, 60));
        std::thread::sleep(Duration::from_millis(1500));
        let ended = node.terminate().unwrap();
        player.join().unwrap().unwrap();
        ended
    });
    println!("ended after {:?}", ended.took);
    assert!(count(&ended.status, "/frames/accepted") > 0, "it was at work");
    assert!(ended.took < SHUTDOWN_MAX, "{:?}", ended.took);
}
