//! Meshes are loaded from paths only, so every input goes through a file.

use std::sync::LazyLock;

use models::Mesh;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

/// Loads `file` as if its name had the extension; what loads must hold together.
pub fn load(file: &[u8], extension: &str) {
    let path = FOLDER.path().join("mesh").with_extension(extension);
    std::fs::write(&path, file).expect("a temporary folder can be written");
    if let Ok(mesh) = Mesh::load(&path) {
        let (low, high) = mesh.bounds();
        assert!(low.iter().chain(&high).all(|value| value.is_finite()));
    }
}
