//! `azimuth demo` from the outside: a small sequence through the real node and back, by shared memory, into a report.
//!
//! The sequence is drawn so that the right answer is known: each car carries the pattern of the reference view that shows it from its
//! side, so a wrong rotation, a mixed-up camera or answers given to the wrong frame all show as errors of many degrees.
#![expect(clippy::unwrap_used, reason = "this is a test")]

mod small_model;

use std::path::Path;
use std::process::{Command, Output};

use calibration::kitti::{Calibration, ObjectLabel, TrackingLabel, emit_calibration, rotation_y_from_alpha};
use calibration::kitti::{alpha_from_azimuth, camera_from_object};
use calibration::{PinholeCamera, Rotation, Viewpoint};
use kernels::{BoxPx, CropSpec, crop_window};
use nalgebra::Vector3;
use serde_json::Value;

const FRAMES: u32 = 12;
const SIZE_PX: [u32; 2] = [480, 160];

fn camera() -> PinholeCamera {
    PinholeCamera::new(300.0, 300.0, 240.0, 40.0, SIZE_PX[0], SIZE_PX[1]).unwrap()
}

/// A car 5 degrees below the horizon, as the reference views are, seen from the side of view `row`, its box around its 3D corners.
fn label(row: usize, x_m: f64, z_m: f64) -> ObjectLabel {
    let y_m = f64::to_radians(5.0).tan() * x_m.hypot(z_m);
    let alpha_rad = alpha_from_azimuth(f64::to_radians(30.0 * row as f64));
    let mut label = ObjectLabel {
        class: "Car".to_owned(),
        truncated: 0.0,
        occluded: 0,
        alpha_rad,
        box_px: [0.0; 4],
        height_m: 1.5,
        width_m: 1.7,
        length_m: 4.1,
        bottom_center_m: Vector3::new(x_m, y_m + 0.75, z_m),
        rotation_y_rad: rotation_y_from_alpha(alpha_rad, x_m, z_m),
        score: None,
    };
    let camera = camera().with_corner_origin();
    let corners = label.corners_m().map(|corner| camera.project(&corner).unwrap());
    let bound = |axis: usize, pick: fn(f64, f64) -> f64| corners.iter().map(|c| c[axis]).reduce(pick).unwrap();
    label.box_px = [bound(0, f64::min), bound(1, f64::min), bound(0, f64::max), bound(1, f64::max)];
    label
}

/// Writes the sequence `0000`: two cars, moving away, showing another side in every frame.
fn write_sequence(root: &Path) {
    let training = root.join("training");
    for folder in ["image_02/0000", "label_02", "calib"] {
        std::fs::create_dir_all(training.join(folder)).unwrap();
    }
    let calibration = Calibration { camera: camera(), camera2_from_camera0_m: Vector3::zeros() };
    std::fs::write(training.join("calib/0000.txt"), emit_calibration(&calibration)).unwrap();
    let mut lines = String::new();
    for frame in 0..FRAMES {
        let mut picture = image::RgbImage::from_pixel(SIZE_PX[0], SIZE_PX[1], image::Rgb([120, 120, 120]));
        for (track_id, x_m) in [(3_i64, -4.0), (8, 3.0)] {
            let row = (frame as usize + track_id as usize) % small_model::ROWS;
            let object = label(row, x_m, 11.0 + 0.4 * f64::from(frame));
            paint(&mut picture, row, object.box_px);
            lines.push_str(&TrackingLabel { frame, track_id, object }.emit());
            lines.push('\n');
        }
        picture.save(training.join(format!("image_02/0000/{frame:06}.png"))).unwrap();
    }
    std::fs::write(training.join("label_02/0000.txt"), lines).unwrap();
}

/// Paints the pattern of view `row` over all that the crop of the box shows.
fn paint(picture: &mut image::RgbImage, row: usize, box_px: [f64; 4]) {
    let [x1, y1, x2, y2] = box_px.map(|side| side as f32);
    let [width, height] = small_model::CANVAS.map(|side| side as u32);
    let spec = CropSpec { width, height, context_margin: 0.0, fill: [0.5; 3], mean: [0.5; 3], std: [1.0; 3] };
    let window = crop_window(&BoxPx { x1, y1, x2, y2 }, &spec);
    let (pattern, _) = small_model::reference(row);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let across = (x as f32 + 0.5 - window.x1) / (window.x2 - window.x1) * small_model::FIELDS as f32;
        let down = (y as f32 + 0.5 - window.y1) / (window.y2 - window.y1) * small_model::FIELDS as f32;
        let inside = 0.0..small_model::FIELDS as f32;
        if inside.contains(&across) && inside.contains(&down) {
            let field = down as usize * small_model::FIELDS + across as usize;
            pixel.0 = pattern.rgb[field].map(|value| (value * 255.0) as u8);
        }
    }
}

fn demo(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_azimuth")).arg("demo").args(arguments).output().unwrap()
}

#[test]
fn the_labels_of_the_drawn_sequence_show_what_the_references_show() {
    for row in 0..small_model::ROWS {
        let label = label(row, -4.0, 11.0);
        let center = label.center_m();
        let shown = calibration::ray::allocentric_from_egocentric(&center, &camera_from_object(label.rotation_y_rad));
        let reference: Rotation = Viewpoint::from_degrees(30.0 * row as f64, 5.0, 0.0).to_rotation();
        assert!(calibration::so3::geodesic_angle(&shown.unwrap(), &reference) < 1e-9);
    }
}

#[test]
fn every_frame_comes_back_by_shared_memory_with_the_right_orientations() {
    let root = tempfile::tempdir().unwrap();
    let [model, data, out] = ["model", "data", "out"].map(|name| root.path().join(name));
    std::fs::create_dir(&model).unwrap();
    small_model::write(&model);
    write_sequence(&data);
    let [model, data, out] = [&model, &data, &out].map(|path| path.to_str().unwrap());
    let output = demo(&["--model", model, "--sequence-dir", data, "--out", out, "--provider", "tract", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["frames"]["published"], FRAMES, "{told:#}");
    assert_eq!(told["frames"]["received"], FRAMES, "{told:#}");
    assert_eq!((&told["objects"], &told["answered"]), (&Value::from(2 * FRAMES), &Value::from(2 * FRAMES)), "{told:#}");
    assert_eq!((&told["acc10"], &told["flips"]), (&Value::from(100.0), &Value::from(0)), "{told:#}");
    assert_eq!(told["zero_copy_percent"], 100.0, "{told:#}");
    assert_eq!((&told["provider"], &told["losses"]), (&Value::from("tract"), &serde_json::json!({})), "{told:#}");
    assert!(told["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert!(told["stages_us"]["embed"]["p50"].as_u64().is_some() && told["stages_us"]["return"].is_object());

    let page = std::fs::read_to_string(told["report"].as_str().unwrap()).unwrap();
    for frame in 0..FRAMES {
        assert_eq!(page.matches(&format!("data-frame=\"{frame}\"")).count(), 1);
    }
    assert_eq!(page.matches("data:image/jpeg;base64,").count(), FRAMES as usize);
    // Answer and truth of two cars in every frame.
    assert_eq!(page.matches("<path class=\"edges\"").count(), 2 * FRAMES as usize);
    assert_eq!(page.matches("<path class=\"truth\"").count(), 2 * FRAMES as usize);
    assert!(!page.contains("http"));
}

#[test]
fn what_is_missing_is_named_with_its_mend() {
    let root = tempfile::tempdir().unwrap();
    let empty = root.path().to_str().unwrap();
    let output = demo(&["--model", empty, "--out", empty]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("manifest.toml") && told.contains("--model"), "{told}");

    small_model::write(root.path());
    let output = demo(&["--model", empty, "--sequence-dir", empty, "--out", empty]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("image_02") && told.contains("--sequence-dir"), "{told}");
    assert!(!root.path().join("report.html").exists());
}

#[test]
fn a_sequence_without_known_objects_is_refused_before_anything_runs() {
    let root = tempfile::tempdir().unwrap();
    small_model::write(root.path());
    write_sequence(root.path());
    let labels = root.path().join("training/label_02/0000.txt");
    let text = std::fs::read_to_string(&labels).unwrap().replace(" Car ", " Tram ");
    std::fs::write(&labels, text).unwrap();
    let folder = root.path().to_str().unwrap();
    let output = demo(&["--model", folder, "--sequence-dir", folder, "--out", folder, "--provider", "tract"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("colour-fields") && told.contains("0000"), "{told}");
}
