//! KITTI calibration files.
#![no_main]

use calibration::kitti::parse_calibration;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_calibration(text, "fuzz", 1242, 375);
});
