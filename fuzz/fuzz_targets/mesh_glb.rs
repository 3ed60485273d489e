//! Mesh files that end in `.glb`.
#![no_main]

mod mesh;

libfuzzer_sys::fuzz_target!(|file: &[u8]| mesh::load(file, "glb"));
