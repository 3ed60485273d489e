use std::f32::consts::PI;
use std::sync::Arc;

use calibration::kitti::{azimuth_from_alpha, parse_calibration, parse_tracking_labels};
use clap::Parser;

use super::*;
use crate::vehicles::{Part, vehicle};

fn small() -> SceneOptions {
    SceneOptions { width_px: 414, height_px: 125 }
}

/// A scene with one vehicle 10 m ahead at a PASCAL3D+ azimuth.
fn posed(azimuth_deg: f32) -> Scene {
    let mut scene = scene_with(11, &SceneOptions { width_px: 828, height_px: 250 }).unwrap();
    let mut one = scene.vehicles[0].clone();
    one.vehicle = Arc::new(vehicle(5));
    let [x, y, _] = scene.eye.position_m.map(|value| value as f32);
    let yaw = scene.eye.yaw_rad as f32;
    one.position_m = [x + 10.0 * yaw.cos(), y + 10.0 * yaw.sin()];
    one.yaw_rad = yaw + PI - azimuth_deg.to_radians();
    scene.vehicles = vec![one];
    // Nothing may stand in between.
    scene.street = Arc::new(street::Street { geometry: geometry::Geometry::default(), ..(*scene.street).clone() });
    scene
}

/// Mean column of a part's pixels, or `None` where it cannot be seen.
fn mean_column(rendered: &Rendered, wanted: Part) -> Option<f64> {
    let width = rendered.rgb.width() as usize;
    let columns: Vec<usize> = rendered
        .parts
        .iter()
        .enumerate()
        .filter(|(_, part)| **part == wanted as u16)
        .map(|(index, _)| index % width)
        .collect();
    (columns.len() > 4).then(|| columns.iter().sum::<usize>() as f64 / columns.len() as f64)
}

#[test]
fn azimuths_follow_pascal3d() {
    let front = render(&posed(0.0)).unwrap();
    assert!(mean_column(&front, Part::Grille).is_some() && mean_column(&front, Part::HeadLamp).is_some());
    assert!(mean_column(&front, Part::TailLamp).is_none());
    let left = render(&posed(90.0)).unwrap();
    assert!(
        mean_column(&left, Part::HeadLamp).unwrap() < mean_column(&left, Part::TailLamp).unwrap(),
        "the front is at image-left"
    );
    let rear = render(&posed(180.0)).unwrap();
    assert!(mean_column(&rear, Part::TailLamp).is_some() && mean_column(&rear, Part::Grille).is_none());
    for (rendered, expected) in
        [(&front, 0.0f64), (&left, 90.0), (&rear, 180.0), (&render(&posed(300.0)).unwrap(), 300.0)]
    {
        let azimuth = azimuth_from_alpha(rendered.labels[0].object.alpha_rad).to_degrees();
        assert!(((azimuth - expected + 180.0).rem_euclid(360.0) - 180.0).abs() < 0.1, "{azimuth} is not {expected}");
    }
}

#[test]
fn boxes_of_unoccluded_vehicles_are_those_of_their_silhouettes() {
    for seed in 0..8u64 {
        let mut scene = posed(47.0 * seed as f32);
        scene.vehicles[0].vehicle = Arc::new(vehicle(seed));
        scene.vehicles[0].position_m[1] += 0.6 * (seed as f32 - 4.0);
        let rendered = render(&scene).unwrap();
        let width = rendered.rgb.width() as usize;
        let label = &rendered.labels[0];
        assert!(label.visible_share > 0.999 && label.object.truncated == 0.0);
        let mut seen = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        for (index, _) in rendered.ids.iter().enumerate().filter(|(_, id)| **id == 0) {
            let (x, y) = ((index % width) as f64, (index / width) as f64);
            seen = [seen[0].min(x), seen[1].min(y), seen[2].max(x), seen[3].max(y)];
        }
        for (side, (label_px, seen_px)) in label.object.box_px.iter().zip(seen).enumerate() {
            assert!((label_px - seen_px).abs() <= 1.0, "seed {seed}, side {side}: label {label_px}, pixels {seen_px}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_picture() {
    let (a, b) =
        (render(&scene_with(4, &small()).unwrap()).unwrap(), render(&scene_with(4, &small()).unwrap()).unwrap());
    assert_eq!(a.rgb, b.rgb);
    assert_eq!(a.ids, b.ids);
    let objects = |r: &Rendered| r.labels.iter().map(|label| label.object.clone()).collect::<Vec<_>>();
    assert_eq!(objects(&a), objects(&b));
    assert_ne!(a.rgb, render(&scene_with(5, &small()).unwrap()).unwrap().rgb);
}

#[test]
fn still_scenes_show_vehicles_from_every_side() {
    let mut bins = [0usize; 12];
    for seed in 0..60 {
        let scene = scene_with(seed, &small()).unwrap();
        for placed in &scene.vehicles {
            let [x, y] = [
                placed.position_m[0] - scene.eye.position_m[0] as f32,
                placed.position_m[1] - scene.eye.position_m[1] as f32,
            ];
            let azimuth = (PI - placed.yaw_rad + y.atan2(x)).to_degrees().rem_euclid(360.0);
            bins[(azimuth / 30.0) as usize % 12] += 1;
        }
    }
    assert!(bins.iter().all(|count| *count >= 12), "{bins:?}");
}

#[test]
fn a_drive_is_smooth_and_nothing_collides() {
    let drive = Drive::new(2, 40, &small()).unwrap();
    let mut last = drive.scene(0);
    for frame in 1..40 {
        let now = drive.scene(frame);
        assert_eq!(now.vehicles.len(), last.vehicles.len());
        for (a, b) in last.vehicles.iter().zip(&now.vehicles) {
            assert_eq!(a.track_id, b.track_id);
            let step = (a.position_m[0] - b.position_m[0]).hypot(a.position_m[1] - b.position_m[1]);
            assert!(step < 1.2, "track {} jumps {step} m", a.track_id);
            assert!((a.yaw_rad - b.yaw_rad).abs() < 0.2);
        }
        last = now;
    }
    let ids: std::collections::HashSet<i64> = last.vehicles.iter().map(|v| v.track_id).collect();
    assert_eq!(ids.len(), last.vehicles.len());
}

#[test]
fn occluded_vehicles_are_labelled_so() {
    let mut scene = posed(0.0);
    let mut behind = scene.vehicles[0].clone();
    let yaw = scene.eye.yaw_rad as f32;
    behind.position_m = [behind.position_m[0] + 9.0 * yaw.cos(), behind.position_m[1] + 9.0 * yaw.sin() + 1.0];
    behind.track_id = 99;
    scene.vehicles.push(behind);
    let rendered = render(&scene).unwrap();
    assert_eq!(rendered.labels[0].object.occluded, 0);
    assert!(rendered.labels[1].object.occluded > 0, "{}", rendered.labels[1].visible_share);
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: SynthArgs,
}

#[test]
fn written_sequences_parse_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let command =
        Command::parse_from(["synth", "--out", out, "--frames", "2", "--width", "414", "--height", "125", "--moving"]);
    run(&command.args).unwrap();
    let text = std::fs::read_to_string(folder.path().join("label_02/0000.txt")).unwrap();
    let labels = parse_tracking_labels(&text, "0000.txt").unwrap();
    assert!(
        labels.iter().any(|label| label.frame == 1)
            && labels.iter().all(|label| ["Car", "Van"].contains(&label.object.class.as_str()))
    );
    let text = std::fs::read_to_string(folder.path().join("calib/0000.txt")).unwrap();
    let calibration = parse_calibration(&text, "0000.txt", 414, 125).unwrap();
    assert!((calibration.camera.fx_px - 721.5377 / 3.0).abs() < 1e-6);
    let picture = image::open(folder.path().join("image_02/0000/000001.jpg")).unwrap();
    assert_eq!((picture.width(), picture.height()), (414, 125));
}

#[test]
fn a_sequence_name_that_leaves_the_folder_is_refused() {
    let command = Command::parse_from(["synth", "--out", "unused", "--sequence", "../elsewhere"]);
    assert!(run(&command.args).is_err());
}
