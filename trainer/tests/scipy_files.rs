//! Reads what SciPy and NumPy write: implementations of the two formats that are not ours.

use std::path::Path;
use std::process::Command;

use trainer::datasets::mat::{self, Value};
use trainer::datasets::nemo::Annotation;
use trainer::datasets::occluded_pascal3d::occluded_share;
use trainer::datasets::pascal3d::Record;

/// The folder that the script has filled.
fn written() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let python = std::env::var_os("AZIMUTH_SCIPY_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/write_with_scipy.py");
    let status = Command::new(python).arg(script).arg(folder.path()).status().expect("Python starts");
    assert!(status.success(), "the script failed: are numpy and scipy installed?");
    folder
}

#[test]
#[ignore = "needs python3 (AZIMUTH_SCIPY_PYTHON) with the packages numpy and scipy"]
fn annotations_written_by_scipy_are_read() {
    let folder = written();
    for (file, count) in [("one_plain", 1), ("one_compressed", 1), ("two_plain", 2), ("two_compressed", 2)] {
        let bytes = std::fs::read(folder.path().join(format!("{file}.mat"))).unwrap();
        let record = Record::parse(&bytes).unwrap();
        assert_eq!(record.filename.as_deref(), Some("n02958343_2202.JPEG"));
        assert_eq!((record.size_px, record.objects.len()), (Some([500.0, 334.0]), count));
        let car = &record.objects[0];
        assert_eq!((car.class.as_str(), car.box_px), ("car", Some([45.5, 86.75, 490.0, 245.5])));
        assert_eq!((car.truncated, car.occluded, car.difficult, car.cad_index), (false, true, false, Some(9)));
        let view = car.view.unwrap();
        let expected = [266.5, -4.75, -0.5];
        assert!(view.viewpoint.to_degrees().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{view:?}");
        assert_eq!((view.coarse, view.distance, view.focal, view.viewport_px), (false, 5.875, 1.0, 3000.0));
        assert_eq!(view.principal_px, Some([256.5, 165.25]));
        assert!(record.objects.iter().skip(1).all(|object| object.view.is_none()));
    }
}

#[test]
#[ignore = "needs python3 (AZIMUTH_SCIPY_PYTHON) with the packages numpy and scipy"]
fn every_class_of_array_written_by_scipy_is_read_or_skipped() {
    let folder = written();
    let variables = mat::parse(&std::fs::read(folder.path().join("numeric.mat")).unwrap()).unwrap();
    let numbers: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with("x_")).collect();
    assert_eq!(numbers.len(), 10);
    for (name, value) in numbers {
        // Columns come first.
        let expected = Value::Numbers { shape: vec![2, 2], values: vec![1.0, 3.0, 2.0, 100.0] };
        assert_eq!(*value, expected, "{name}");
    }
    let of = |wanted: &str| &variables.iter().find(|(name, _)| name == wanted).unwrap().1;
    assert_eq!(*of("z"), Value::Unread("a complex array"));
    assert_eq!(*of("s"), Value::Unread("a sparse array"));
    assert_eq!(of("t").text(), Some("ab\ncd"));
    assert_eq!(of("none").numbers(), Some(&[][..]));
}

#[test]
#[ignore = "needs python3 (AZIMUTH_SCIPY_PYTHON) with the packages numpy and scipy"]
fn archives_written_by_numpy_are_read() {
    let folder = written();
    for file in ["stored.npz", "deflated.npz"] {
        let read = Annotation::parse(&std::fs::read(folder.path().join(file)).unwrap()).unwrap();
        let angles = read.viewpoint;
        assert_eq!([angles.azimuth_rad, angles.elevation_rad, angles.in_plane_rad], [4.5, -0.0625, 0.25]);
        assert_eq!((read.box_px.x1, read.box_px.y2, read.distance), (74.0, 222.0, 5.875));
    }
    assert_eq!(occluded_share(&std::fs::read(folder.path().join("masks.npz")).unwrap()), Ok(0.25));
}
