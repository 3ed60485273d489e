use super::*;
use crate::datasets::npz::fixture::{mask, npy, npz};
use crate::datasets::pascal3d::fixture::{POSED, object, write, write_imagenet, write_jpeg};
use crate::datasets::{FaultKind, OnError};

fn masks() -> Vec<u8> {
    let object: Vec<u8> = (0..60 * 40).map(|i| if i % 60 < 20 { 255 } else { 3 }).collect();
    let arrays =
        [("mask", npy("|u1", "(40, 60)", &object)), ("occluder_mask", mask(60, 40, |x, _| (15..50).contains(&x)))];
    npz(&arrays, false)
}

#[test]
fn the_covered_share_of_the_object_comes_from_its_masks() {
    assert_eq!(occluded_share(&masks()), Ok(0.25));
    let sizes = npz(&[("mask", mask(4, 3, |_, _| true)), ("occluder_mask", mask(3, 4, |_, _| true))], false);
    assert!(occluded_share(&sizes).unwrap_err().to_string().contains("[3, 4], but occluder_mask has [4, 3]"));
}

#[test]
fn poses_are_those_of_pascal3d() {
    let folder = tempfile::tempdir().unwrap();
    let (root, pascal3d) = (folder.path().join("occluded"), folder.path().join("pascal3d"));
    write_imagenet(&pascal3d, "car", "n1", &[object("car", [5.0, 5.0, 50.0, 30.0], Some(&POSED))]);
    write(&root.join("lists/carFGL2_BGL2.txt"), "n1.JPEG\nn2.JPEG\n");
    write_jpeg(&root.join("images/carFGL2_BGL2/n1.JPEG"));
    write(&root.join("annotations/carFGL2_BGL2/n1.npz"), masks());
    let selection = OccludedSelection { levels: vec![2], categories: vec!["car".into()], masks: true };
    let faults = Faults::new(OnError::Skip);
    let objects: Vec<_> = load(&root, &pascal3d, &selection, &faults).unwrap().flat_map(|o| o.unwrap()).collect();
    assert_eq!(objects.len(), 1);
    assert_eq!((objects[0].split.as_str(), objects[0].sample.occlusion), ("L2", 2));
    assert_eq!(objects[0].sample.viewpoint.to_degrees()[0].round(), 267.0);
    let missing = faults.list();
    assert_eq!((missing.len(), missing[0].kind), (1, FaultKind::Missing));
    assert!(missing[0].file.ends_with("annotations/carFGL2_BGL2/n2.npz"));
}
