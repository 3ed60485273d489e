use super::*;
use crate::datasets::pascal3d::fixture::{write, write_jpeg};
use crate::datasets::{FaultKind, OnError};

const CALIBRATION: &str = "P2: 100 0 30 0 0 100 20 0 0 0 1 0\n";

fn car(occluded: i32, x2: f64) -> String {
    format!("Car 0.00 {occluded} 0.0 5.0 -2.0 {x2} 39.0 1.5 1.6 4.0 1.0 1.75 10.0 0.5\n")
}

fn frame(root: &Path, name: &str, labels: &str) {
    write(&root.join(format!("label_2/{name}.txt")), labels);
    write(&root.join(format!("calib/{name}.txt")), CALIBRATION);
    write_jpeg(&root.join(format!("image_2/{name}.jpg")));
}

fn collect(objects: BenchmarkObjects) -> Vec<BenchmarkObject> {
    objects.flat_map(|some| some.unwrap()).collect()
}

#[test]
fn cars_of_the_protocol_are_split_by_occlusion() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let van = car(0, 55.0).replace("Car", "Van");
    frame(root, "000001", &(car(0, 55.0) + &car(2, 55.0) + &car(3, 55.0) + &car(0, 45.0) + &van));
    let objects = collect(load(root, &KittiFrames::default(), &Faults::new(OnError::Fail)).unwrap());
    let found: Vec<_> = objects.iter().map(|o| (o.split.as_str(), o.name.as_str())).collect();
    assert_eq!(found, [("fully_visible", "000001#0"), ("largely_occluded", "000001#1")]);
    // The centre is half a height above the label's point: (1, 1, 10) m. The distance is to the point itself.
    let oracle = objects[0].oracle.unwrap();
    assert_eq!(oracle.center_px, [40.0, 30.0]);
    let distance_m = (1.0f64 + 1.75 * 1.75 + 100.0).sqrt();
    assert!((f64::from(oracle.scale) - distance_m * 0.15625).abs() < 1e-6);
}

#[test]
fn the_3dop_split_is_found_inside_and_beside() {
    let folder = tempfile::tempdir().unwrap();
    let training = folder.path().join("training");
    frame(&training, "000001", &car(0, 55.0));
    frame(&training, "000002", &car(1, 55.0));
    write(&folder.path().join("ImageSets/val.txt"), "000002\n000003\n");
    assert_eq!(training_folder(folder.path()), training);
    for root in [folder.path(), &training] {
        let frames = KittiFrames { list: split_list(root, "val"), every_picture: false };
        let faults = Faults::new(OnError::Skip);
        let objects = collect(load(&training, &frames, &faults).unwrap());
        assert_eq!(objects.iter().map(|o| o.split.as_str()).collect::<Vec<_>>(), ["partly_occluded"]);
        assert_eq!(faults.list().len(), 1);
    }
    assert_eq!(split_list(folder.path(), "train"), None);
}

#[test]
fn a_frame_without_cars_is_decoded_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    frame(root, "000001", "");
    std::fs::remove_file(root.join("image_2/000001.jpg")).unwrap();
    for (every_picture, expected) in [(false, 0), (true, 1)] {
        let faults = Faults::new(OnError::Skip);
        let frames = KittiFrames { list: None, every_picture };
        assert!(collect(load(root, &frames, &faults).unwrap()).is_empty());
        assert_eq!(faults.list().len(), expected);
        assert!(faults.list().iter().all(|f| f.kind == FaultKind::Missing));
    }
}
