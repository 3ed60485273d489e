use super::*;
use crate::datasets::npz::fixture::{npy, npz, scalar, vector};
use crate::datasets::pascal3d::fixture::{write, write_jpeg};
use crate::datasets::{FaultKind, OnError};

fn annotation(viewport: i16) -> Vec<u8> {
    let arrays = [
        ("azimuth", scalar(1.5)),
        ("elevation", scalar(0.25)),
        ("theta", scalar(-0.125)),
        ("distance", scalar(5.5)),
        ("viewport", npy("<i2", "()", &viewport.to_le_bytes())),
        ("box_obj", vector(&[4.0, 30.0, 8.0, 52.0, 40.0, 60.0])),
        ("occ_mask", npy("|O", "()", b"\x80\x03N.")),
    ];
    npz(&arrays, false)
}

#[test]
fn angles_are_radians_and_boxes_rows_first() {
    let read = Annotation::parse(&annotation(3000)).unwrap();
    assert_eq!(read.viewpoint, Viewpoint { azimuth_rad: 1.5, elevation_rad: 0.25, in_plane_rad: -0.125 });
    assert_eq!(read.box_px, BoxPx { x1: 8.0, y1: 4.0, x2: 52.0, y2: 30.0 });
    assert_eq!(Annotation::parse(&annotation(-1)).unwrap().viewpoint.elevation_rad, -0.25);
}

#[test]
fn a_cut_annotation_is_an_error_at_every_byte() {
    let bytes = annotation(3000);
    for end in 0..bytes.len() {
        assert!(Annotation::parse(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
    }
}

#[test]
fn an_image_on_two_lists_is_one_object() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for list in ["lists/carFGL3_BGL3/sedan.txt", "lists/carFGL3_BGL3/mesh01.txt"] {
        write(&root.join(list), "n1.JPEG\nn2.JPEG\n");
    }
    write(&root.join("lists/carFGL3_BGL3/mesh02.txt"), "");
    write(&root.join("annotations/carFGL3_BGL3/n1.npz"), annotation(3000));
    write_jpeg(&root.join("images/carFGL3_BGL3/n1.JPEG"));
    assert_eq!(folders(root).unwrap(), ["carFGL3_BGL3"]);
    let faults = Faults::new(OnError::Skip);
    let objects: Vec<_> = load(root, "carFGL3_BGL3", &faults).unwrap().flat_map(|o| o.unwrap()).collect();
    assert_eq!(objects.len(), 1);
    assert_eq!((objects[0].category.as_str(), objects[0].split.as_str()), ("car", "L3"));
    assert_eq!(objects[0].oracle, Some(OracleCrop { center_px: [30.0, 20.0], scale: 1.0 }));
    assert_eq!(faults.list()[0].kind, FaultKind::Missing);
}

#[test]
#[ignore = "needs the folder pascal3d_sample of AZIMUTH_DATA or ../shared/data"]
fn a_real_annotation_is_read() {
    let data = std::env::var_os("AZIMUTH_DATA").map_or_else(|| "../../shared/data".into(), PathBuf::from);
    let file = data.join("pascal3d_sample/car_annotation.npz");
    let read = Annotation::parse(&std::fs::read(&file).unwrap()).unwrap();
    // The picture shows a car that heads right, seen from a little below, with its box at columns 74 to 598.
    assert!((read.viewpoint.azimuth_rad.to_degrees() - 266.5).abs() < 0.1);
    assert!((read.viewpoint.elevation_rad.to_degrees() + 4.7).abs() < 0.1);
    assert_eq!(read.box_px, BoxPx { x1: 74.0, y1: 35.0, x2: 598.0, y2: 222.0 });
    assert_eq!(photo::open(&data.join("pascal3d_sample/car_image.JPEG")).unwrap().dimensions(), (672, 256));
}
