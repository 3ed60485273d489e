//! `azimuth estimate` and `azimuth doctor` from outside: the binary, files in, JSON out.
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod small_model;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use calibration::so3::{from_wxyz, geodesic_angle};
use calibration::{PinholeCamera, Viewpoint, ray};
use nalgebra::Vector3;
use serde_json::Value;

const WIDTH: usize = 320;
const HEIGHT: usize = 120;

/// Model, image and boxes in one folder: pattern 4 in box 0, pattern 9 in box 1.
fn scene() -> tempfile::TempDir {
    scene_with(small_model::write)
}

fn scene_with(write_model: fn(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path());
    let mut pixels = vec![128; WIDTH * HEIGHT * 3];
    small_model::reference(4).0.paint(&mut pixels, WIDTH, [20, 40, 84, 72]);
    small_model::reference(9).0.paint(&mut pixels, WIDTH, [200, 30, 264, 62]);
    let image = image::RgbImage::from_raw(WIDTH as u32, HEIGHT as u32, pixels).unwrap();
    image.save(folder.path().join("scene.png")).unwrap();
    std::fs::write(
        folder.path().join("boxes.json"),
        r#"[{"box": [20, 40, 84, 72], "class": "car", "score": 0.9},
            {"box": [200, 30, 264, 62], "class": "VEHICLE", "score": 0.8, "id": "b"},
            {"box": [9, 9, 4, 4], "class": "car"}]"#,
    )
    .unwrap();
    std::fs::write(folder.path().join("calib.txt"), "P2: 200 0 159.5 0 0 200 59.5 0 0 0 1 0\n").unwrap();
    folder
}

fn azimuth(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_azimuth"));
    command.args(arguments).current_dir(folder).env("AZIMUTH_MODEL", folder).env_remove("AZIMUTH_LOG");
    command
}

const ESTIMATE: [&str; 7] = ["estimate", "--image", "scene.png", "--boxes", "boxes.json", "--provider", "tract"];

fn answer(folder: &Path, more: &[&str]) -> Value {
    let output = azimuth(folder, &[&ESTIMATE, more, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn numbers<const N: usize>(value: &Value) -> [f64; N] {
    let list: Vec<f64> = value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    list.try_into().unwrap()
}

#[test]
fn the_answer_is_the_reference_that_was_painted() {
    let folder = scene();
    let answer = answer(folder.path(), &["--calib", "calib.txt"]);
    let camera = PinholeCamera::new(200.0, 200.0, 159.5, 59.5, WIDTH as u32, HEIGHT as u32).unwrap();
    // Centres of the boxes, from corner-origin to centre-origin pixels.
    for (index, row, center) in [(0, 4, [52.0 - 0.5, 56.0 - 0.5]), (1, 9, [232.0 - 0.5, 46.0 - 0.5])] {
        let object = &answer["objects"][index];
        assert_eq!((&object["status"], &object["class"]), (&Value::from("ok"), &Value::from("car")));
        let azimuth = object["viewpoint_deg"]["azimuth"].as_f64().unwrap();
        assert!((azimuth - 30.0 * row as f64).abs() < 0.5, "object {index}: azimuth {azimuth}");

        let expected = Viewpoint::from_degrees(30.0 * row as f64, 5.0, 0.0).to_rotation();
        let viewing_ray = camera.ray(center[0], center[1]);
        let egocentric = ray::egocentric_from_allocentric(&viewing_ray, &expected).unwrap();
        let found = from_wxyz(numbers::<4>(&object["rotation_wxyz"]).map(|x| x as f32)).unwrap();
        assert!(geodesic_angle(&found, &egocentric).to_degrees() < 0.5);
        assert!(object["similarity"].as_f64().unwrap() > 0.99);
        // In front of the camera, near the ray of the box.
        let place = Vector3::from(numbers::<3>(&object["translation_m"]));
        assert!(place.z > 1.0 && place.angle(&viewing_ray).to_degrees() < 8.0, "{place:?}");
        let covariance = numbers::<36>(&object["covariance"]);
        for row in 0..6 {
            assert!(covariance[7 * row] > 0.0);
            for column in 0..6 {
                assert!((covariance[6 * row + column] - covariance[6 * column + row]).abs() < 1e-12);
            }
        }
        // The flip comes first among the alternatives.
        let flip = numbers::<4>(&object["alternatives"][0]["rotation_wxyz"]).map(|x| x as f32);
        assert!((geodesic_angle(&found, &from_wxyz(flip).unwrap()).to_degrees() - 180.0).abs() < 0.1);
    }
    assert_eq!(answer["objects"][2]["status"], "rejected:box_inverted");
    assert!(answer["objects"][2]["rotation_wxyz"].is_null());
}

#[test]
fn the_promised_fields_are_there() {
    let answer = answer(scene().path(), &[]);
    for field in ["objects", "timing_us", "provider", "model"] {
        assert!(!answer[field].is_null(), "{field}");
    }
    for field in ["box", "class", "status", "rotation_wxyz", "viewpoint_deg", "translation_m", "covariance"] {
        assert!(!answer["objects"][0][field].is_null(), "{field}");
    }
    for field in ["similarity", "alternatives"] {
        assert!(!answer["objects"][0][field].is_null(), "{field}");
    }
    for field in ["azimuth", "elevation", "in_plane"] {
        assert!(answer["objects"][0]["viewpoint_deg"][field].is_f64(), "{field}");
    }
    for stage in ["crop", "embed", "retrieve", "refine", "locate", "total"] {
        assert!(answer["timing_us"][stage].is_u64(), "{stage}");
    }
    assert_eq!(answer["provider"], "tract");
    assert_eq!(answer["model"]["name"], "colour-fields");
    assert_eq!(answer["model"]["sha256"].as_str().unwrap().len(), 64);
    // Without a calibration the guess is said.
    assert_eq!(answer["camera"]["fx_px"].as_f64().unwrap(), 0.58 * WIDTH as f64);
    assert!(answer["notes"][0].as_str().unwrap().contains("--calib"));
}

#[test]
fn a_model_with_a_mesh_refines_and_everything_says_so() {
    let detail = |folder: &Path| {
        let doctor: Value = serde_json::from_slice(&azimuth(folder, &["doctor", "--json"]).stdout).unwrap();
        let checks = doctor["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "model").unwrap()["detail"].as_str().unwrap().to_owned()
    };
    let (plain, refining) = (scene(), scene_with(small_model::write_refining));
    let [without, with] = [&plain, &refining].map(|folder| answer(folder.path(), &["--calib", "calib.txt"]));
    assert_eq!(without["timing_us"]["refine"], 0);
    assert!(with["timing_us"]["refine"].as_u64().unwrap() > 0);
    for (object, ends) in without["objects"].as_array().unwrap().iter().zip(with["objects"].as_array().unwrap()) {
        assert!(object["refinement"].is_null());
        assert_eq!(ends["refinement"].is_null(), ends["status"] != "ok", "{ends}");
    }
    assert!(detail(plain.path()).contains("does not refine"), "{}", detail(plain.path()));
    assert!(detail(refining.path()).contains("refines poses, in at most 10 steps"), "{}", detail(refining.path()));
}

#[test]
fn the_table_and_the_picture_are_for_people() {
    let folder = scene();
    let output = azimuth(folder.path(), &[&ESTIMATE[..], &["--out", "drawn.png"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("120.0") && text.contains("270.0") && text.contains("rejected:box_inverted"), "{text}");
    let [before, after] = ["scene.png", "drawn.png"].map(|name| image::open(folder.path().join(name)).unwrap());
    assert_ne!(before, after);
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_printed() {
    let folder = scene();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("bad.json", r#"[{"box": [1, 2, 3, 4], "class": "car"}, {"box": [1, 2, "x", 4], "class": "car"}]"#);
    write("bad.png", "not a picture");
    write("bad.txt", "P2: 1 2 3\n");
    let with = |image: &str, boxes: &str, calib: &str| {
        let output = azimuth(
            folder.path(),
            &["estimate", "--image", image, "--boxes", boxes, "--calib", calib, "--provider", "tract"],
        );
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    for (error, needles) in [
        (with("scene.png", "bad.json", "calib.txt"), vec!["bad.json", "element 1", "`box`", "x2"]),
        (with("scene.png", "gone.json", "calib.txt"), vec!["gone.json"]),
        (with("bad.png", "boxes.json", "calib.txt"), vec!["bad.png"]),
        (with("scene.png", "boxes.json", "bad.txt"), vec!["bad.txt:1", "12 numbers"]),
        (with("scene.png", "boxes.json", "gone.txt"), vec!["gone.txt"]),
    ] {
        for needle in needles {
            assert!(error.contains(needle), "{error}");
        }
    }
}

#[test]
fn a_model_that_was_changed_is_refused_before_it_is_parsed() {
    let folder = scene();
    let network = folder.path().join("backbone.onnx");
    let mut bytes = std::fs::read(&network).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&network, bytes).unwrap();
    let output = azimuth(folder.path(), &ESTIMATE);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("backbone.onnx"));

    let output = azimuth(folder.path(), &["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["ok"], false);
    let model = answer["checks"].as_array().unwrap().iter().find(|check| check["name"] == "model").unwrap();
    assert_eq!(model["state"], "fail");
    assert!(model["detail"].as_str().unwrap().contains("backbone.onnx"));
}

#[test]
fn the_doctor_finds_a_good_model_and_gives_a_mend_for_everything_else() {
    let folder = scene();
    let output = azimuth(folder.path(), &["doctor", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{answer:#}");
    let checks = answer["checks"].as_array().unwrap();
    for name in
        ["processor", "real_time", "shared_memory", "locked_memory", "onnxruntime", "tract", "model", "network_tract"]
    {
        assert!(checks.iter().any(|check| check["name"] == name), "{name}");
    }
    for check in checks {
        assert_eq!(check["mend"].is_null(), check["state"] == "ok", "{check}");
    }
    let readable = azimuth(folder.path(), &["doctor"]);
    assert!(String::from_utf8_lossy(&readable.stdout).contains("ok    network_tract"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = scene();
    for arguments in [&["doctor"][..], &ESTIMATE] {
        let mut command = command(folder.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn help_teaches_by_example_and_wrong_arguments_are_code_two() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["--help"][..], &["estimate", "--help"], &["doctor", "--help"]] {
        let output = azimuth(folder.path(), arguments);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("Examples:"), "{arguments:?}");
    }
    assert_eq!(azimuth(folder.path(), &["estimate", "--imaeg", "x"]).status.code(), Some(2));
    let refused = azimuth(folder.path(), &["estimate", "--image", "x", "--boxes", "y", "--provider", "abacus"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("tract"));
}
