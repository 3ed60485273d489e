use std::fs;

use super::*;
use crate::backbone::onnx_fixture::network;
use crate::digest::sha256_hex;
use crate::manifest::Artifact;
use crate::manifest::tests::TEXT;
use crate::reference_table::tests::table;

/// A complete model directory.
fn directory() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let onnx = network(None);
    fs::write(folder.path().join(BACKBONE_FILE), &onnx).unwrap();
    save(folder.path(), &table(&sha256_hex(&onnx)), |_| {});
    folder
}

/// Writes the table, and a manifest that knows the hashes of what is there.
fn save(folder: &Path, table: &ReferenceTable, change: impl FnOnce(&mut Manifest)) {
    table.save(&folder.join(REFERENCE_TABLE_FILE)).unwrap();
    let mut manifest = Manifest::parse(TEXT, "m.toml").unwrap();
    for name in [BACKBONE_FILE, REFERENCE_TABLE_FILE] {
        manifest.artifacts.insert(name.into(), Artifact::of(&fs::read(folder.join(name)).unwrap()));
    }
    change(&mut manifest);
    manifest.save(folder).unwrap();
}

fn load(folder: &Path) -> Result<Model, ModelError> {
    Model::load(folder, &BackboneConfig { providers: vec![Provider::Tract], ..BackboneConfig::default() })
}

fn reason(folder: &Path) -> String {
    load(folder).unwrap_err().to_string()
}

#[test]
#[cfg(feature = "tract")]
fn a_complete_directory_loads_and_is_named_by_its_manifests_hash() {
    let folder = directory();
    let mut model = load(folder.path()).unwrap();
    assert_eq!(model.sha256, sha256_hex(&fs::read(folder.path().join(MANIFEST_FILE)).unwrap()));
    assert_eq!((model.table.row_count(), model.manifest.outputs.dim), (6, 5));
    model.backbone.embed(&[0.5; 288], 1, &mut [0.0; 5]).unwrap();
}

#[test]
fn every_region_of_an_artifact_is_covered_by_its_hash() {
    let folder = directory();
    for name in [BACKBONE_FILE, REFERENCE_TABLE_FILE] {
        let path = folder.path().join(name);
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 8) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert!(reason(folder.path()).contains("SHA-256"), "{name} {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(reason(folder.path()).contains(&format!("has {at} bytes")), "{name} {at}");
        }
        fs::remove_file(&path).unwrap();
        assert!(reason(folder.path()).contains(name));
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let folder = directory();
    let onnx = sha256_hex(&network(None));
    save(folder.path(), &table(&onnx), |m| m.outputs.dim = 6);
    assert!(reason(folder.path()).contains("rows of 5, the manifest says outputs.dim = 6"));
    save(folder.path(), &table(&onnx), |m| m.classes.swap(0, 1));
    assert!(reason(folder.path()).contains(r#"classes ["car", "van"], the manifest ["van", "car"]"#));
    save(folder.path(), &table(&sha256_hex(b"other")), |_| {});
    assert!(reason(folder.path()).contains("build the table again"));
    save(folder.path(), &table(&onnx), |m| drop(m.artifacts.remove(REFERENCE_TABLE_FILE)));
    assert!(reason(folder.path()).contains("artifacts.\"reference_table.safetensors\": is missing"));
}

#[test]
fn a_network_that_cannot_run_names_its_file_and_provider() {
    let folder = directory();
    fs::write(folder.path().join(BACKBONE_FILE), b"no network").unwrap();
    save(folder.path(), &table(&sha256_hex(b"no network")), |_| {});
    let reason = reason(folder.path());
    assert!(reason.contains("backbone.onnx: ") && reason.contains("\n  tract: "), "{reason}");
}
