//! Mesh files that end in `.off`.
#![no_main]

mod mesh;

libfuzzer_sys::fuzz_target!(|file: &[u8]| mesh::load(file, "off"));
