//! The commands `azimuth run` and `azimuth replay` as a user starts them: two processes, one launch file.
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod small_model;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const FRAMES: usize = 6;
const SIZE: [usize; 2] = [96, 48];

/// Folder with a model, a launch file and a drive of [`FRAMES`] pictures, one car in each.
fn prepare(folder: &Path) -> PathBuf {
    small_model::write(folder);
    let drive = folder.join("kitti/image_02/0000");
    std::fs::create_dir_all(&drive).unwrap();
    let mut labels = String::new();
    for at in 0..FRAMES {
        let mut pixels = vec![128; SIZE[0] * SIZE[1] * 3];
        small_model::reference(at).0.paint(&mut pixels, SIZE[0], [32, 16, 64, 32]);
        let picture = image::RgbImage::from_raw(SIZE[0] as u32, SIZE[1] as u32, pixels).unwrap();
        picture.save(drive.join(format!("{at:06}.png"))).unwrap();
        labels += &format!("{at} 9 Car 0 0 -1.5 32 16 64 32 1.5 1.6 3.9 0.5 1.7 12.0 -1.5\n");
        labels += &format!("{at} -1 DontCare -1 -1 -10 1 1 9 9 -1000 -1000 -1000 -10 -1 -1 -1\n");
    }
    for (kind, text) in [("label_02", labels.as_str()), ("calib", "P2: 100 0 48 0 0 100 24 0 0 0 1 0\n")] {
        std::fs::create_dir_all(folder.join("kitti").join(kind)).unwrap();
        std::fs::write(folder.join("kitti").join(kind).join("0000.txt"), text).unwrap();
    }
    let launch = folder.join("launch.toml");
    let socket = folder.join("node.sock");
    let text = format!(
        "[transport]\nlisten = [\"unixsock-stream/{}\"]\n\
         [limits]\ndeadline_us = 60000000\njoin_wait_us = 59000000\nframe_age_us_max = 60000000\n",
        socket.display()
    );
    std::fs::write(&launch, text).unwrap();
    launch
}

fn azimuth(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azimuth"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(folder: &Path, launch: &Path) -> Child {
    let (launch, model) = (launch.to_str().unwrap(), folder.to_str().unwrap());
    azimuth(&["run", "--config", launch, "--model", model, "--provider", "tract", "--json"]).spawn().unwrap()
}

fn replay(kitti: &Path, sequence: &str, launch: &Path, more: &[&str]) -> Output {
    let (kitti, launch) = (kitti.to_str().unwrap(), launch.to_str().unwrap());
    let base = ["replay", "--kitti", kitti, "--sequence", sequence, "--config", launch, "--json"];
    azimuth(&[&base, more].concat()).output().unwrap()
}

fn terminate(mut node: Child, signal: &str) -> Output {
    assert_eq!(node.try_wait().unwrap(), None, "the node ended by itself");
    assert!(Command::new("kill").args([signal, &node.id().to_string()]).status().unwrap().success());
    node.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| unreachable!("{pointer} in {value}"))
}

#[test]
fn a_replayed_drive_is_answered_and_both_sides_count_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let launch = prepare(folder.path());
    let node = run(folder.path(), &launch);
    let arguments = ["--rate", "4", "--wait", "60", "--jitter-iou", "0.9", "--seed", "3"];
    let played = json(&replay(&folder.path().join("kitti"), "0000", &launch, &arguments));
    let status = json(&terminate(node, "-TERM"));

    let published = count(&played, "/frames/published");
    assert_eq!(published + count(&played, "/frames/dropped/behind_schedule"), FRAMES as u64, "{played}");
    assert_eq!(count(&played, "/detections"), published, "one car a frame, regions nobody labelled are no cars");
    assert_eq!(count(&played, "/frames/shared"), published);
    assert_eq!(count(&played, "/period_ns"), 250_000_000);
    let accepted = count(&status, "/frames/accepted");
    assert!(accepted >= 1 && accepted <= published);
    assert_eq!(count(&status, "/frames/published"), accepted);
    assert_eq!(count(&status, "/frames/received"), accepted + count(&status, "/frames/dropped/displaced"));
    assert_eq!(count(&played, "/answers/received"), accepted);
    assert_eq!(count(&played, "/answers/objects"), count(&status, "/objects/published"));
    assert_eq!(count(&status, "/shared_memory/frames_copied_total"), 0);
}

#[test]
fn a_node_without_frames_ends_well_on_sigint() {
    let folder = tempfile::tempdir().unwrap();
    let launch = prepare(folder.path());
    let node = run(folder.path(), &launch);
    let socket = folder.path().join("node.sock");
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let status = json(&terminate(node, "-INT"));
    assert_eq!(count(&status, "/frames/received"), 0);
}

#[test]
fn a_replay_that_nobody_hears_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let launch = prepare(folder.path());
    let output = replay(&folder.path().join("kitti"), "0000", &launch, &["--wait", "0"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("camera/front/image") && told.contains("node.sock"), "{told}");
}

#[test]
fn a_launch_file_with_a_mistake_refuses_the_start_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let launch = folder.path().join("car.toml");
    std::fs::write(&launch, "name = \"front\"\nlimit = 3\n").unwrap();
    let output = azimuth(&["run", "--config", launch.to_str().unwrap()]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("car.toml:2:1") && told.contains("limit"), "{told}");
}

#[test]
#[ignore = "needs real data (AZIMUTH_DATA)"]
fn kitti_is_played_at_ten_hertz_without_a_lost_frame() {
    let data = std::env::var("AZIMUTH_DATA").unwrap_or_else(|_| "../../shared/data".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let launch = prepare(folder.path());
    let node = run(folder.path(), &launch);
    let kitti = Path::new(&data).join("kitti/tracking");
    let played = json(&replay(&kitti, "0001", &launch, &["--limit", "100", "--jitter-iou", "0.75"]));
    let status = json(&terminate(node, "-TERM"));
    println!("{played}\n{status}");
    assert_eq!(count(&played, "/frames/dropped/unreadable"), 0);
    assert_eq!(count(&status, "/frames/lost"), 0);
    assert_eq!(count(&played, "/answers/received"), count(&status, "/frames/published"));
}
