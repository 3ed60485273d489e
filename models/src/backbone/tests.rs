use std::path::Path;

use super::onnx_fixture::{
    FEATURE_SHAPE, crops, embed_by_hand, features_by_hand, network, network_with_failing_features,
};
use super::shape::feature_shape_of;
use super::*;
use crate::manifest::tests::TEXT;

fn manifest() -> Manifest {
    Manifest::parse(TEXT, "m.toml").unwrap()
}

fn config(providers: &[Provider]) -> BackboneConfig {
    BackboneConfig { providers: providers.into(), ..BackboneConfig::default() }
}

fn open(provider: Provider) -> Box<dyn Backbone> {
    open_backbone(&network(None), &manifest(), &config_here(&[provider])).unwrap().backbone
}

/// With the library that the install script puts below the repository, unless the environment names another.
fn config_here(providers: &[Provider]) -> BackboneConfig {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../third_party/onnxruntime");
    let library = std::env::var_os(library::LIBRARY_VARIABLE).is_none().then_some(installed);
    BackboneConfig { library, threads: 1, ..config(providers) }
}

fn reason(onnx: &[u8], manifest: &Manifest, config: &BackboneConfig) -> String {
    open_backbone(onnx, manifest, config).unwrap_err().to_string()
}

fn assert_close(found: &[f32], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((f64::from(*found) - wanted).abs() < 1e-5, "{found} {wanted}");
    }
}

/// The law of every provider.
fn check_provider(provider: Provider) {
    let mut backbone = open(provider);
    assert_eq!(backbone.provider(), provider);
    for batch in [1, 3, 8] {
        let crops = crops(batch);
        let mut embeddings = vec![f32::NAN; batch * 5];
        backbone.embed(&crops, batch, &mut embeddings).unwrap();
        assert_close(&embeddings, &embed_by_hand(&crops));
    }
    backbone.embed(&[], 0, &mut []).unwrap();
    let error = |backbone: &mut Box<dyn Backbone>, crops: &[f32], batch, out: usize| {
        backbone.embed(crops, batch, &mut vec![0.0; out]).unwrap_err().to_string()
    };
    assert!(error(&mut backbone, &crops(9), 9, 45).contains("batch of 9, opened for at most 8"));
    assert!(error(&mut backbone, &crops(2), 1, 5).contains("crops: 576 values, wanted: 288"));
    assert!(error(&mut backbone, &crops(1), 1, 6).contains("embeddings: 6 values, wanted: 5"));
    // Non-finite numbers are the caller's to judge: they pass through.
    let mut embedding = [0.0; 5];
    backbone.embed(&[f32::NAN; 288], 1, &mut embedding).unwrap();
    assert!(embedding.iter().any(|v| v.is_nan()));
}

/// The law of every provider that is asked for features.
fn check_features(provider: Provider) {
    let mut backbone = open(provider);
    assert_eq!(backbone.feature_shape(), Some(FEATURE_SHAPE));
    for batch in [1, 3, 8] {
        let crops = crops(batch);
        let (mut embeddings, mut features) = (vec![f32::NAN; batch * 5], vec![f32::NAN; batch * 384]);
        backbone.embed_with_features(&crops, batch, &mut embeddings, &mut features).unwrap();
        assert_close(&embeddings, &embed_by_hand(&crops));
        assert_close(&features, &features_by_hand(&crops));
        // One without the other, in between.
        embeddings.fill(f32::NAN);
        backbone.embed(&crops, batch, &mut embeddings).unwrap();
        assert_close(&embeddings, &embed_by_hand(&crops));
    }
    backbone.embed_with_features(&[], 0, &mut [], &mut []).unwrap();
    let error = |backbone: &mut Box<dyn Backbone>, batch, out: usize, maps: usize| {
        let (mut out, mut maps) = (vec![0.0; out], vec![0.0; maps]);
        backbone.embed_with_features(&crops(batch), batch, &mut out, &mut maps).unwrap_err().to_string()
    };
    assert!(error(&mut backbone, 9, 45, 9 * 384).contains("batch of 9, opened for at most 8"));
    assert!(error(&mut backbone, 1, 4, 384).contains("embeddings: 4 values, wanted: 5"));
    assert!(error(&mut backbone, 2, 10, 384).contains("features: 384 values, wanted: 768"));

    // Neither named nor wanted is the same: an embedding alone.
    let mut unnamed = manifest();
    unnamed.outputs.features = None;
    let unwanted = BackboneConfig { features: false, ..config_here(&[provider]) };
    for (manifest, config) in [(unnamed, config_here(&[provider])), (manifest(), unwanted)] {
        let mut backbone = open_backbone(&network(None), &manifest, &config).unwrap().backbone;
        assert_eq!(backbone.feature_shape(), None);
        assert!(error(&mut backbone, 1, 5, 384).contains("has no feature map, or was opened without it"));
        let mut embedding = [f32::NAN; 5];
        backbone.embed(&crops(1), 1, &mut embedding).unwrap();
        assert_close(&embedding, &embed_by_hand(&crops(1)));
    }
    let mut absent = manifest();
    absent.outputs.features = Some("absent".into());
    assert!(reason(&network(None), &absent, &config_here(&[provider])).contains("absent"));
}

/// Nothing that only the features need is computed where they are not wanted.
fn check_unwanted_features_cost_nothing(provider: Provider) {
    let (network, config) = (network_with_failing_features(), config_here(&[provider]));
    assert!(reason(&network, &manifest(), &config).contains(provider.name()));
    let config = BackboneConfig { features: false, ..config };
    let mut backbone = open_backbone(&network, &manifest(), &config).unwrap().backbone;
    let mut embedding = [f32::NAN; 5];
    backbone.embed(&crops(1), 1, &mut embedding).unwrap();
    assert_close(&embedding, &embed_by_hand(&crops(1)));
}

/// What any provider must refuse, and how it says so.
fn check_refusals(provider: Provider) {
    let config = config_here(&[provider]);
    let mut other = manifest();
    other.outputs.dim = 6;
    assert!(reason(&network(None), &other, &config).contains(provider.name()));
    other = manifest();
    other.outputs.embedding = "absent".into();
    assert!(reason(&network(None), &other, &config).contains("absent"));
    other = manifest();
    other.input.width = 16;
    assert!(reason(&network(None), &other, &config).contains(provider.name()));
    let whole = network(None);
    assert!(reason(b"not a network", &manifest(), &config).contains(provider.name()));
    for end in (0..whole.len()).step_by(7) {
        assert!(reason(&whole[..end], &manifest(), &config).contains(provider.name()), "{end}");
    }
}

#[test]
fn providers_go_by_their_names() {
    for provider in Provider::ALL {
        assert_eq!(provider.to_string().parse(), Ok(provider));
        assert_eq!(serde_json::to_string(&provider).unwrap(), format!("\"{provider}\""));
    }
    assert!("gpu".parse::<Provider>().unwrap_err().contains("`gpu`"));
}

#[test]
fn a_feature_map_has_four_sides_within_bounds() {
    assert_eq!(feature_shape_of(&[1, 64, 16, 28]), Ok([64, 16, 28]));
    for shape in [&[1, 5][..], &[2, 64, 16, 28], &[1, 0, 16, 28], &[1, 4097, 16, 28], &[1, 64, 4097, 1], &[1, 64, 1, 0]]
    {
        assert!(feature_shape_of(shape).unwrap_err().contains(&format!("has shape {shape:?}, wanted: [1, ")));
    }
}

#[test]
fn a_configuration_without_sense_is_an_error() {
    assert!(reason(&network(None), &manifest(), &config(&[])).contains("no provider is configured"));
    for batch_max in [0, BATCH_MAX + 1] {
        let config = BackboneConfig { batch_max, ..config(&[Provider::Tract]) };
        assert!(reason(&network(None), &manifest(), &config).contains("batch_max"));
    }
}

#[test]
#[cfg(feature = "tract")]
fn tract_agrees_with_the_computation_by_hand() {
    check_provider(Provider::Tract);
}

#[test]
#[cfg(feature = "tract")]
fn tract_refuses_what_is_not_the_manifests_network() {
    check_refusals(Provider::Tract);
}

#[test]
#[cfg(feature = "tract")]
fn tract_gives_features_where_they_are_wanted() {
    check_features(Provider::Tract);
    check_unwanted_features_cost_nothing(Provider::Tract);
}

#[test]
#[cfg(feature = "tract")]
fn a_network_with_a_fixed_batch_of_one_is_enough_for_tract() {
    let opened = open_backbone(&network(Some(1)), &manifest(), &config(&[Provider::Tract])).unwrap();
    assert_eq!(opened.refused, []);
}

#[test]
#[cfg(feature = "tract")]
fn damaged_networks_are_refused_or_run_and_never_panic() {
    let whole = network(None);
    let config = config(&[Provider::Tract]);
    for bit in (0..whole.len() * 8).step_by(13) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let _ = open_backbone(&damaged, &manifest(), &config);
    }
}

#[test]
#[cfg(all(feature = "tract", feature = "ort"))]
fn a_refused_provider_is_reported_with_its_mend() {
    let missing = BackboneConfig {
        library: Some("absent/libonnxruntime.so".into()),
        ..config(&[Provider::OnnxRuntimeCpu, Provider::Tract])
    };
    let opened = open_backbone(&network(None), &manifest(), &missing).unwrap();
    assert_eq!(opened.backbone.provider(), Provider::Tract);
    let [(provider, why)] = opened.refused.as_slice() else { panic!("{opened:?}") };
    assert_eq!(*provider, Provider::OnnxRuntimeCpu);
    assert!(why.contains("absent/libonnxruntime.so") && why.contains("scripts/install_onnxruntime.sh"), "{why}");
    let alone = BackboneConfig { providers: vec![Provider::OnnxRuntimeCpu], ..missing };
    assert!(
        reason(&network(None), &manifest(), &alone)
            .contains("\n  onnxruntime: there is no ONNX Runtime library at absent")
    );
}

#[test]
#[cfg(all(feature = "ort", not(feature = "cuda")))]
fn a_provider_that_was_not_built_in_says_how_to_get_it() {
    let config = config(&[Provider::OnnxRuntimeTensorRt, Provider::OnnxRuntimeCuda]);
    let reason = reason(&network(None), &manifest(), &config);
    assert!(reason.contains("--features tensorrt") && reason.contains("--features cuda"), "{reason}");
}

#[test]
#[cfg(feature = "ort")]
#[ignore = "needs libonnxruntime (scripts/install_onnxruntime.sh)"]
fn onnx_runtime_agrees_with_the_computation_by_hand() {
    check_provider(Provider::OnnxRuntimeCpu);
    assert!(open(Provider::OnnxRuntimeCpu).description().starts_with("ONNX Runtime "));
}

#[test]
#[cfg(all(feature = "tract", feature = "ort"))]
#[ignore = "needs libonnxruntime (scripts/install_onnxruntime.sh)"]
fn onnx_runtime_and_tract_agree() {
    let crops = crops(8);
    let mut embeddings = [Provider::OnnxRuntimeCpu, Provider::Tract].map(|provider| {
        let mut embeddings = vec![0.0; 40];
        open(provider).embed(&crops, 8, &mut embeddings).unwrap();
        embeddings
    });
    let [ort, tract] = &mut embeddings;
    assert!(ort.iter().zip(tract).all(|(a, b)| (*a - *b).abs() < 1e-6));
}

#[test]
#[cfg(feature = "ort")]
#[ignore = "needs libonnxruntime (scripts/install_onnxruntime.sh)"]
fn onnx_runtime_refuses_what_is_not_the_manifests_network() {
    check_refusals(Provider::OnnxRuntimeCpu);
    let config = config_here(&[Provider::OnnxRuntimeCpu]);
    assert!(reason(&network(Some(1)), &manifest(), &config).contains("input `crops` has shape [1, 3, 8, 12]"));
}

#[test]
#[cfg(feature = "ort")]
#[ignore = "needs libonnxruntime (scripts/install_onnxruntime.sh)"]
fn onnx_runtime_gives_features_where_they_are_wanted() {
    check_features(Provider::OnnxRuntimeCpu);
    check_unwanted_features_cost_nothing(Provider::OnnxRuntimeCpu);
}

#[test]
#[cfg(feature = "ort")]
#[ignore = "needs libonnxruntime (scripts/install_onnxruntime.sh)"]
fn a_second_library_in_one_process_is_an_error() {
    open(Provider::OnnxRuntimeCpu);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so");
    std::fs::write(&path, "no library").unwrap();
    let config = BackboneConfig { library: Some(path), ..config(&[Provider::OnnxRuntimeCpu]) };
    let reason = reason(&network(None), &manifest(), &config);
    assert!(reason.contains("has loaded") && reason.contains("cannot be loaded: restart with one library"), "{reason}");
}
