//! NumPy archives, as NeMo's scripts and OccludedPASCAL3D+ write them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trainer::datasets::{nemo::Annotation, occluded_pascal3d::occluded_share};

fuzz_target!(|file: &[u8]| {
    let _ = Annotation::parse(file);
    let _ = occluded_share(file);
});
