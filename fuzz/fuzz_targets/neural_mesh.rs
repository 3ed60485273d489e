//! Neural meshes; what parses must be written back and read as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use models::NeuralMesh;

fuzz_target!(|file: &[u8]| {
    if let Ok(mesh) = NeuralMesh::parse(file, "fuzz") {
        let bytes = mesh.to_bytes("emitted").expect("a mesh that parses can be written");
        assert_eq!(NeuralMesh::parse(&bytes, "emitted").expect("what was written can be read"), mesh);
    }
});
