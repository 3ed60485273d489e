use std::fs;

use super::*;
use crate::backbone::onnx_fixture::network;
use crate::digest::sha256_hex;
use crate::manifest::Artifact;
use crate::manifest::tests::TEXT;
use crate::neural_mesh::tests::mesh;
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
    assert!(reason(folder.path()).contains("build the reference table again"));
    save(folder.path(), &table(&onnx), |m| drop(m.artifacts.remove(REFERENCE_TABLE_FILE)));
    assert!(reason(folder.path()).contains("artifacts.\"reference_table.safetensors\": is missing"));
}

/// A complete model directory that can refine; its manifest is changed before it is written.
fn refining(mesh: &NeuralMesh, change: impl FnOnce(&mut Manifest)) -> tempfile::TempDir {
    let folder = directory();
    mesh.save(&folder.path().join(NEURAL_MESH_FILE)).unwrap();
    let artifact = Artifact::of(&fs::read(folder.path().join(NEURAL_MESH_FILE)).unwrap());
    save(folder.path(), &table(&sha256_hex(&network(None))), |manifest| {
        manifest.artifacts.insert(NEURAL_MESH_FILE.into(), artifact);
        change(manifest);
    });
    folder
}

#[test]
#[cfg(feature = "tract")]
fn a_neural_mesh_is_loaded_with_the_feature_map_it_was_made_for() {
    let mesh = mesh(&sha256_hex(&network(None)));
    let mut model = load(refining(&mesh, |m| m.refinement = Some(Default::default())).path()).unwrap();
    assert_eq!(model.neural_mesh.as_ref(), Some(&mesh));
    assert_eq!(model.backbone.feature_shape(), Some([4, 8, 12]));
    model.backbone.embed_with_features(&[0.5; 288], 1, &mut [0.0; 5], &mut [0.0; 384]).unwrap();
    assert_eq!(load(directory().path()).unwrap().neural_mesh, None);
}

#[test]
fn a_neural_mesh_that_does_not_belong_to_the_model_is_refused() {
    let mesh = || mesh(&sha256_hex(&network(None)));
    let refused = |mesh: NeuralMesh, change: fn(&mut Manifest)| reason(refining(&mesh, change).path());
    let without_map = refused(mesh(), |m| m.outputs.features = None);
    assert!(without_map.contains("outputs.features: is missing: artifacts.\"neural_mesh.safetensors\" is of no use"));
    let folder = directory();
    save(folder.path(), &table(&sha256_hex(&network(None))), |m| m.refinement = Some(Default::default()));
    assert!(
        reason(folder.path()).contains("artifacts.\"neural_mesh.safetensors\": is missing: [refinement] is of no use")
    );
    let other = NeuralMesh { encoder_sha256: sha256_hex(b"other"), ..mesh() };
    assert!(refused(other, |_| {}).contains("build the neural mesh again"));
    let mut other = mesh();
    other.class_names.push("bus".into());
    assert!(refused(other, |_| {}).contains(r#"the neural mesh has classes ["car", "van", "bus"], the manifest"#));
    let folder = refining(&mesh(), |_| {});
    fs::write(folder.path().join(NEURAL_MESH_FILE), b"no mesh").unwrap();
    assert!(reason(folder.path()).contains("neural_mesh.safetensors"));
}

#[test]
#[cfg(feature = "tract")]
fn a_neural_mesh_for_another_feature_map_is_refused() {
    let encoder = sha256_hex(&network(None));
    let refused = |mesh: NeuralMesh| reason(refining(&mesh, |_| {}).path());
    let coarse = NeuralMesh { stride: 8, ..mesh(&encoder) };
    assert!(refused(coarse).contains(
        "has a stride of 8, so that a canvas of 12 x 8 is 2 x 1 cells, but the network's feature map has 12 x 8"
    ));
    let mut wide = mesh(&encoder);
    wide.clutter = vec![0.0; 6];
    let surface = crate::neural_mesh::tests::tetrahedron(1.0);
    let features = crate::neural_mesh::tests::features(4, 6, 0);
    wide.sub_types = vec![crate::SubType::new("car", 0, surface, &features, &wide.clutter).unwrap()];
    assert!(refused(wide).contains("the neural mesh has features of 6, the network's have 4"));
}

#[test]
fn a_network_that_cannot_run_names_its_file_and_provider() {
    let folder = directory();
    fs::write(folder.path().join(BACKBONE_FILE), b"no network").unwrap();
    save(folder.path(), &table(&sha256_hex(b"no network")), |_| {});
    let reason = reason(folder.path());
    assert!(reason.contains("backbone.onnx: ") && reason.contains("\n  tract: "), "{reason}");
}
