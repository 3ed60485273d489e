//! KITTI label files of both layouts; what parses must survive being written and read again.
#![no_main]

use calibration::kitti::{parse_object_labels, parse_tracking_labels};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_tracking_labels(text, "fuzz");
    if let Ok(labels) = parse_object_labels(text, "fuzz") {
        let written: String = labels.iter().map(|label| label.emit() + "\n").collect();
        let again = parse_object_labels(&written, "emitted").expect("emitted labels parse");
        assert_eq!(again.len(), labels.len());
    }
});
