//! MAT-files, down to the record of PASCAL3D+.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trainer::datasets::{mat, pascal3d::Record};

fuzz_target!(|file: &[u8]| {
    let _ = mat::parse(file);
    let _ = Record::parse(file);
});
