//! What an independent subscriber sees: another language, another Zenoh binding, another CDR reader.

use hil_tests::{PythonPeer, Rig, count};

const FRAMES: usize = 16;
/// Slow enough for the slowest board.
const RATE_HZ: f64 = 0.4;

#[test]
#[ignore = "needs a python with hil_tests/peer/requirements.txt (AZIMUTH_PEER_PYTHON)"]
fn a_python_peer_reads_every_answer() {
    let rig = Rig::new().unwrap();
    let node = rig.start_node().unwrap();
    let peer = PythonPeer::connect(&rig.endpoint()).unwrap();
    let played = rig.replay(RATE_HZ, FRAMES).unwrap();
    let heard = peer.finish().unwrap();
    let status = node.terminate().unwrap().status;
    println!("{heard}\n{played}\n{status}");

    let frames = FRAMES as u64;
    assert_eq!(count(&played, "/frames/published"), frames);
    assert_eq!(count(&status, "/frames/published"), frames);
    assert_eq!((count(&heard, "/messages"), count(&heard, "/distinct_stamps")), (frames, frames));
    assert_eq!(heard["undecodable"].as_array().map(Vec::len), Some(0), "{heard}");
    assert_eq!(heard["stamps_rise"], true);
    assert_eq!(heard["missing_sequence_numbers"], 0);
    assert_eq!(count(&heard, "/objects"), count(&status, "/objects/published"));
    assert!(count(&heard, "/objects") > frames);
    assert!(heard["quaternion_error_max"].as_f64().unwrap() < 1e-9, "unit quaternions");
    assert!(heard["covariance_asymmetry_max"].as_f64().unwrap() < 1e-12);
    assert!(heard["covariance_eigenvalue_min"].as_f64().unwrap() > 0.0, "positive definite covariances");
    let ours = node::transport::MessageKind::Detection3DArray.type_hash();
    assert_eq!(heard["type_hash"], ours, "the ROS type hash as rosbags computes it");
}
