//! Manifests of models.
#![no_main]

use libfuzzer_sys::fuzz_target;
use models::Manifest;

fuzz_target!(|text: &str| {
    let _ = Manifest::parse(text, "fuzz");
});
