use std::path::Path;

use clap::Parser;

use super::*;
use crate::datasets::FaultKind;
use crate::datasets::npz::fixture::{npz, scalar, vector};
use crate::datasets::pascal3d::fixture::{POSED, object, write, write_imagenet, write_jpeg};

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    data: DataArgs,
}

/// Runs `trainer data check` with arguments.
fn check_set(set: &str, root: &Path, more: &[&str]) -> Result<Report> {
    let root = root.to_str().unwrap();
    let cli = Cli::parse_from([&["data", "check", set, "--root", root], more].concat());
    let DataCommand::Check(CheckArgs { set }) = &cli.data.command;
    check(set, &Faults::new(set.folder().on_error))
}

fn printed(report: &Report, as_json: bool) -> String {
    let mut out = Vec::new();
    report.print(&mut out, as_json).unwrap();
    String::from_utf8(out).unwrap()
}

/// PASCAL3D+ with a car for training and two for validation, the second without its picture.
fn write_pascal3d(root: &Path) {
    for category in crate::datasets::pascal3d::CATEGORIES {
        for (set, name) in [("train", "t"), ("val", "v")] {
            let name = format!("{name}_{category}");
            write_imagenet(root, category, &name, &[object(category, [5.0, 5.0, 50.0, 30.0], Some(&POSED))]);
            write(&root.join(format!("Image_sets/{category}_imagenet_{set}.txt")), name + "\n");
        }
    }
    std::fs::remove_file(root.join("Images/car_imagenet/v_car.JPEG")).unwrap();
}

#[test]
fn counts_stand_beside_the_published_ones_and_bad_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write_pascal3d(folder.path());
    let report = check_set("pascal3d", folder.path(), &[]).unwrap();
    let car = report.lines.iter().find(|l| (l.split.as_str(), l.category.as_str()) == ("L0", "car")).unwrap();
    assert_eq!((car.count, car.published), (0, Some(2712)));
    let all = report.lines.iter().find(|l| (l.split.as_str(), l.category.as_str()) == ("L0", "all")).unwrap();
    assert_eq!((all.count, all.published), (11, Some(10_812)));
    let text = printed(&report, false);
    assert!(text.contains("missing: ") && text.contains("v_car.JPEG: "), "{text}");
    assert!(text.ends_with("pascal3d: 1 missing, 0 corrupt, 0 without a pose\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&printed(&report, true)).unwrap();
    assert_eq!((json["missing"].as_u64(), json["faults"][0]["kind"].as_str()), (Some(1), Some("missing")));
    let error = check_set("pascal3d", folder.path(), &["--on-error", "fail"]).unwrap_err();
    assert!(error.to_string().contains("v_car.JPEG"), "{error}");
}

#[test]
fn kitti_frames_are_counted_by_split_and_level() {
    let folder = tempfile::tempdir().unwrap();
    let training = folder.path().join("training");
    let car = "Car 0.30 1 0.0 5.0 -2.0 55.0 39.0 1.5 1.6 4.0 1.0 1.75 10.0 0.5\n";
    for name in ["000001", "000002"] {
        write(&training.join(format!("label_2/{name}.txt")), car);
        write(&training.join(format!("calib/{name}.txt")), "P2: 100 0 30 0 0 100 20 0 0 0 1 0\n");
        write_jpeg(&training.join(format!("image_2/{name}.jpg")));
    }
    write(&training.join("calib/000002.txt"), "P2: 1\n");
    write(&folder.path().join("ImageSets/val.txt"), "000001\n000002\n");
    let report = check_set("kitti", folder.path(), &[]).unwrap();
    let partly = report.lines.iter().find(|l| l.category == "partly_occluded").unwrap();
    assert_eq!((partly.split.as_str(), partly.count, partly.published), ("val", 1, Some(1950)));
    assert!(report.notes.iter().any(|note| note.ends_with("0/0/0")), "{:?}", report.notes);
    assert_eq!(report.faults.len(), 1);
    assert!(report.faults[0].file.ends_with("calib/000002.txt"));
}

#[test]
fn sequences_are_checked_frame_by_frame() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let car = |frame: u32| format!("{frame} 0 Car 0 0 0.0 5.0 -2.0 55.0 39.0 1.5 1.6 4.0 1.0 1.75 10.0 0.5\n");
    write(&root.join("label_02/0000.txt"), car(0) + &car(2));
    write(&root.join("calib/0000.txt"), "P2: 100 0 30 0 0 100 20 0 0 0 1 0\n");
    write_jpeg(&root.join("image_02/0000/000000.jpg"));
    write_jpeg(&root.join("image_02/0000/000001.jpg"));
    write(&root.join("label_02/0001.txt"), "nonsense\n");
    let report = check_set("synth", root, &[]).unwrap();
    assert_eq!(report.lines[0].count, 2);
    assert_eq!(report.notes, ["2 sequences, 2 frames decoded"]);
    let kinds: Vec<FaultKind> = report.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::Missing, FaultKind::Corrupt]);
    assert!(check_set("kitti-tracking", root, &["--on-error", "fail"]).is_err());
}

#[test]
fn nemo_folders_are_counted_by_level() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let box_obj = vector(&[4.0, 30.0, 8.0, 52.0, 40.0, 60.0]);
    let numbers = ["azimuth", "elevation", "theta", "distance", "viewport"].map(|name| (name, scalar(1.0)));
    let annotation = npz(&[&numbers[..], &[("box_obj", box_obj)]].concat(), false);
    for of in ["car", "carFGL2_BGL2"] {
        write(&root.join(format!("annotations/{of}/a.npz")), &annotation);
        write_jpeg(&root.join(format!("images/{of}/a.JPEG")));
    }
    write(&root.join("annotations/car/b.npz"), &annotation[..annotation.len() - 1]);
    let report = check_set("nemo", root, &[]).unwrap();
    let found: Vec<_> = report.lines.iter().map(|l| (l.split.as_str(), l.category.as_str(), l.count)).collect();
    assert_eq!(found, [("L0", "car", 1), ("L2", "car", 1)]);
    assert_eq!(report.faults.iter().map(|f| f.kind).collect::<Vec<_>>(), [FaultKind::Corrupt]);
}
