use super::fixture::{POSED, Posed, object, record, write, write_imagenet, write_jpeg};
use super::*;
use crate::datasets::benchmark::BenchmarkObject;
use crate::datasets::mat::fixture::{compressed_file, file};
use crate::datasets::{FaultKind, OnError};

const BOX: [f64; 4] = [5.5, 6.0, 50.25, 33.0];

fn selection(categories: &[&str]) -> Pascal3dSelection {
    Pascal3dSelection { categories: categories.iter().map(|&c| c.to_owned()).collect(), ..Pascal3dSelection::nemo() }
}

fn collect(objects: BenchmarkObjects) -> Vec<BenchmarkObject> {
    objects.flat_map(|some| some.unwrap()).collect()
}

#[test]
fn a_record_says_what_was_annotated() {
    let bytes = compressed_file(&[record("a.JPEG", &[object("car", BOX, Some(&POSED)), object("person", BOX, None)])]);
    let record = Record::parse(&bytes).unwrap();
    assert_eq!((record.filename.as_deref(), record.size_px), (Some("a.JPEG"), Some([60.0, 40.0])));
    let car = &record.objects[0];
    assert_eq!((car.class.as_str(), car.box_px, car.cad_index), ("car", Some(BOX), Some(9)));
    assert_eq!((car.truncated, car.occluded, car.difficult), (false, true, false));
    let view = car.view.unwrap();
    let [azimuth, elevation, theta] = view.viewpoint.to_degrees();
    assert!((azimuth - 266.5).abs() + (elevation + 4.7).abs() + (theta + 0.02).abs() < 1e-9);
    assert_eq!((view.coarse, view.distance, view.viewport_px), (false, 5.9, 3000.0));
    assert_eq!(record.objects[1].view, None);
}

/// The camera of the PASCAL3D+ toolbox, written out: the angles must give its rotation.
#[test]
fn angles_mean_what_the_toolbox_projects() {
    let bytes = file(&[record("a.JPEG", &[object("car", BOX, Some(&POSED))])]);
    let view = Record::parse(&bytes).unwrap().objects[0].view.unwrap();
    let [a, e, t] = POSED.angles_deg.map(f64::to_radians);
    // A point half a unit in front of (-y), and 0.2 left of (+x) the object's centre, 0.1 up.
    let (x, y, z) = (0.2, -0.5, 0.1);
    let right = x * a.cos() + y * a.sin();
    let ahead = -x * a.sin() + y * a.cos();
    let up = ahead * e.sin() + z * e.cos();
    let image = [right * t.cos() - up * t.sin(), right * t.sin() + up * t.cos()];
    // Body axes: x forward, y left. Optical axes: y down.
    let seen = view.viewpoint.to_rotation() * nalgebra::Vector3::new(-y, x, z);
    assert!((seen.x - image[0]).abs() < 1e-12 && (seen.y + image[1]).abs() < 1e-12, "{seen} {image:?}");
}

#[test]
fn a_cut_record_is_an_error_at_every_byte() {
    for bytes in [file, compressed_file].map(|f| f(&[record("a.JPEG", &[object("car", BOX, Some(&POSED))])])) {
        for end in 0..bytes.len() {
            assert!(Record::parse(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
        }
    }
}

#[test]
fn wrong_fields_are_named() {
    let no_box = file(&[record("a.JPEG", &[object("car", [5.0, 5.0, 5.0, 9.0], None)])]);
    let error = Record::parse(&no_box).unwrap_err().to_string();
    assert_eq!(error, "record.objects[0].bbox: [5.0, 5.0, 5.0, 9.0] is no box");
    let nan = Posed { distance: f64::NAN, ..POSED };
    let error = Record::parse(&file(&[record("a.JPEG", &[object("car", BOX, Some(&nan))])])).unwrap_err();
    assert_eq!(error.to_string(), "record.objects[0].viewpoint.distance: NaN is no number");
}

#[test]
fn the_nemo_protocol_takes_the_first_object_of_the_listed_images() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let car = object("car", BOX, Some(&POSED));
    write_imagenet(root, "car", "n1", &[car.clone(), object("car", [1.0, 1.0, 9.0, 9.0], Some(&POSED))]);
    write_imagenet(root, "car", "n2", &[car]);
    write(&root.join("Image_sets/car_imagenet_val.txt"), "n1\n");
    let objects = collect(load(root, &selection(&["car"]), &Faults::new(OnError::Fail)).unwrap());
    assert_eq!(objects.len(), 1);
    let object = &objects[0];
    assert_eq!((object.category.as_str(), object.split.as_str()), ("car", "L0"));
    assert_eq!(object.sample.box_px, kernels::BoxPx { x1: 5.5, y1: 6.0, x2: 50.25, y2: 33.0 });
    let oracle = object.oracle.unwrap();
    assert_eq!(oracle.center_px, [28.5, 18.25]);
    assert!((oracle.scale - 5.9 / 5.0).abs() < 1e-6);
    assert_eq!(object.sample.picture.decode().unwrap().dimensions(), (60, 40));
}

#[test]
fn what_is_missing_cut_or_unposed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let car = || [object("car", BOX, Some(&POSED))];
    for name in ["cut", "good", "no_picture"] {
        write_imagenet(root, "car", name, &car());
    }
    write_imagenet(root, "car", "unposed", &[object("car", BOX, None)]);
    let cut = root.join("Annotations/car_imagenet/cut.mat");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 9]).unwrap();
    std::fs::remove_file(root.join("Images/car_imagenet/no_picture.JPEG")).unwrap();
    write(&root.join("Image_sets/car_imagenet_val.txt"), "absent\ncut\ngood\nno_picture\nunposed\n");
    let faults = Faults::new(OnError::Skip);
    let objects = collect(load(root, &selection(&["car"]), &faults).unwrap());
    assert_eq!(objects.len(), 1);
    let kinds: Vec<_> = faults.list().iter().map(|f| (f.kind, f.file.file_name().unwrap().to_owned())).collect();
    let expected = [
        (FaultKind::Missing, "absent.mat"),
        (FaultKind::Corrupt, "cut.mat"),
        (FaultKind::Unposed, "unposed.mat"),
        (FaultKind::Missing, "no_picture.JPEG"),
    ];
    assert_eq!(kinds, expected.map(|(kind, name)| (kind, name.into())));
    let mut failing = load(root, &selection(&["car"]), &Faults::new(OnError::Fail)).unwrap();
    assert!(failing.next().unwrap().is_err());
}

#[test]
fn the_voc_subset_takes_every_object_of_its_category() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let objects = [object("person", BOX, None), object("car", BOX, Some(&POSED)), object("car", BOX, None)];
    write(&root.join("Annotations/car_pascal/2008_1.mat"), file(&[record("2008_1.jpg", &objects)]));
    write_jpeg(&root.join("Images/car_pascal/2008_1.jpg"));
    write(&root.join("PASCAL/VOCdevkit/VOC2012/ImageSets/Main/car_val.txt"), "2008_1  1\n2008_2 -1\n");
    let selection = Pascal3dSelection { subset: Subset::Pascal, every_object: true, ..selection(&["car"]) };
    let faults = Faults::new(OnError::Fail);
    let found = collect(load(root, &selection, &faults).unwrap());
    assert_eq!((found.len(), found[0].split.as_str(), faults.list().len()), (1, "pascal_val", 1));
}

#[test]
fn a_set_without_its_list_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(folder.path(), &selection(&["car"]), &Faults::default()).err().unwrap();
    assert!(format!("{error:#}").contains("car_imagenet_val.txt"));
}
