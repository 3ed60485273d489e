use super::*;

/// A manifest with every key, for tests of this crate: 6 x 4 pixels would be too small, so the canvas is 12 x 8.
pub(crate) const TEXT: &str = r#"
name = "test-car"
version = "0.1.0"
licence = "MIT OR Apache-2.0"
provenance = "made by a test"

[[classes]]
name = "car"
aliases = ["Car", "vehicle"]
length_m = 4.2
width_m = 1.8
height_m = 1.5

[[classes]]
name = "van"
length_m = 5.0
width_m = 2.0
height_m = 2.2

[input]
width = 12
height = 8
context_margin = 0.1
fill = [0.5, 0.5, 0.5]
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]

[outputs]
embedding = "embedding"
dim = 5
features = "features"

[retrieval]
neighbors = 4
temperature = 0.05
mode_radius_deg = 20.0
covariance_scale = 1.5
"#;

fn manifest() -> Manifest {
    Manifest::parse(TEXT, "m.toml").unwrap()
}

fn reason(text: &str) -> String {
    Manifest::parse(text, "m.toml").unwrap_err().to_string()
}

#[test]
fn a_saved_manifest_loads_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    manifest.artifacts.insert("backbone.onnx".into(), Artifact::of(b"network"));
    manifest.save(folder.path()).unwrap();
    let (loaded, sha256) = Manifest::load_with_sha256(folder.path()).unwrap();
    assert_eq!(loaded, manifest);
    assert_eq!(sha256, sha256_hex(&std::fs::read(folder.path().join(MANIFEST_FILE)).unwrap()));
}

#[test]
fn an_alias_finds_its_class() {
    assert_eq!(["car", "vehicle", "van", "bus"].map(|n| manifest().class_id(n)), [Some(0), Some(0), Some(1), None]);
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    for (from, to) in [
        ("version =", "colour = 1\nversion ="),
        ("length_m = 4.2", "length_m = 4.2\ncolour = 1"),
        ("dim = 5", "dim = 5\ncolour = 1"),
    ] {
        let text = TEXT.replacen(from, to, 1);
        assert!(reason(&text).contains("m.toml: ") && reason(&text).contains("colour"), "{}", reason(&text));
    }
    assert!(reason(&TEXT.replace("dim = 5\n", "")).contains("dim"));
    assert!(reason("name = ").contains("m.toml: "));
}

#[test]
fn every_value_has_a_range_and_its_error_names_the_key() {
    for (from, to, key) in [
        ("\"test-car\"", "\"Test Car\"", "name"),
        ("\"0.1.0\"", "\"\"", "version"),
        ("\"MIT OR Apache-2.0\"", "\" \"", "licence"),
        ("\"made by a test\"", "\"\"", "provenance"),
        ("name = \"van\"", "name = \"Car\"", "classes[1].name"),
        ("[\"Car\", \"vehicle\"]", "[\"Car\", \"\"]", "classes[0].aliases"),
        ("length_m = 4.2", "length_m = nan", "classes[0].length_m"),
        ("width_m = 2.0", "width_m = 0.0", "classes[1].width_m"),
        ("height_m = 2.2", "height_m = inf", "classes[1].height_m"),
        ("width = 12", "width = 0", "input.width"),
        ("height = 8", "height = 100000", "input.height"),
        ("context_margin = 0.1", "context_margin = -0.1", "input.context_margin"),
        ("[0.5, 0.5, 0.5]", "[0.5, 0.5, 1.5]", "input.fill"),
        ("[0.485, 0.456, 0.406]", "[nan, 0.456, 0.406]", "input.mean"),
        ("[0.229, 0.224, 0.225]", "[0.229, 0.0, 0.225]", "input.std"),
        ("embedding = \"embedding\"", "embedding = \"\"", "outputs.embedding"),
        ("dim = 5", "dim = 0", "outputs.dim"),
        ("features = \"features\"", "features = \"embedding\"", "outputs.features"),
        ("neighbors = 4", "neighbors = 0", "retrieval.neighbors"),
        ("temperature = 0.05", "temperature = 0.0", "retrieval.temperature"),
        ("mode_radius_deg = 20.0", "mode_radius_deg = 181.0", "retrieval.mode_radius_deg"),
        ("covariance_scale = 1.5", "covariance_scale = -1.0", "retrieval.covariance_scale"),
    ] {
        assert!(TEXT.contains(from), "{from}");
        let reason = reason(&TEXT.replacen(from, to, 1));
        assert!(reason.starts_with(&format!("m.toml: {key}: wanted")), "{key}: {reason}");
    }
}

#[test]
fn refinement_is_optional_and_so_is_each_of_its_keys() {
    assert_eq!(manifest().refinement, None);
    let parse = |text: &str| Manifest::parse(&format!("{TEXT}[refinement]\n{text}"), "m.toml");
    assert_eq!(parse("").unwrap().refinement, Some(RefinementSpec::default()));
    let all = "steps_max = 6\ntemperature = 0.2\nsimilarity_floor = -0.5\nrotation_prior_scale = 0.0\nbox_sigma = 0.03\n\
        covariance_scale = 2.5\nflip_weight = 12.0\nfeature_weight = 3.0";
    let spec = parse(all).unwrap().refinement.unwrap();
    assert_eq!((spec.steps_max, spec.similarity_floor, spec.feature_weight), (6, -0.5, 3.0));
    let written = toml::to_string(&parse(all).unwrap()).unwrap();
    assert_eq!(Manifest::parse(&written, "m.toml").unwrap().refinement, Some(spec));
    for (key, bad) in [
        ("steps_max", "101"),
        ("temperature", "0.0"),
        ("similarity_floor", "1.5"),
        ("rotation_prior_scale", "-1.0"),
        ("box_sigma", "nan"),
        ("covariance_scale", "0.0"),
        ("flip_weight", "inf"),
        ("feature_weight", "-1.0"),
    ] {
        let reason = parse(&format!("{key} = {bad}")).unwrap_err().to_string();
        assert!(reason.starts_with(&format!("m.toml: refinement.{key}: wanted: ")), "{reason}");
    }
    assert!(parse("steps = 3").unwrap_err().to_string().contains("steps"));
    assert!(parse("steps_max = -1").unwrap_err().to_string().contains("steps_max"));
}

#[test]
fn an_artifact_may_not_leave_the_directory() {
    for name in ["../a", "/a", "a/../../b", "./a", "", "a\\\\b"] {
        let text = format!("{TEXT}[artifacts.\"{name}\"]\nsha256 = \"{}\"\nbytes = 1\n", sha256_hex(b"a"));
        assert!(reason(&text).contains("inside the model directory"), "{name}: {}", reason(&text));
    }
    let text = format!("{TEXT}[artifacts.\"notes/card.md\"]\nsha256 = \"{}\"\nbytes = 1\n", sha256_hex(b"a"));
    assert!(Manifest::parse(&text, "m.toml").is_ok());
    assert!(reason(&text.replace("bytes = 1", "bytes = 0")).contains("artifacts.\"notes/card.md\".bytes"));
    assert!(reason(&text.replace("sha256 = \"", "sha256 = \"z")).contains(".sha256"));
    // Also where the name never went through `check`.
    let mut manifest = manifest();
    manifest.artifacts.insert("../a".into(), Artifact::of(b"a"));
    assert!(
        manifest.read_artifact(Path::new("."), "../a").unwrap_err().to_string().contains("leaves the model directory")
    );
}

#[test]
fn bytes_are_handed_over_only_when_they_are_the_released_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backbone.onnx");
    let mut manifest = manifest();
    manifest.artifacts.insert("backbone.onnx".into(), Artifact::of(b"network"));
    let reason = |manifest: &Manifest| {
        let read = manifest.read_artifact(folder.path(), "backbone.onnx").unwrap_err().to_string();
        assert_eq!(manifest.verify(folder.path()).unwrap_err().to_string(), read);
        read
    };
    assert!(reason(&manifest).contains("backbone.onnx: "));
    for (bytes, wanted) in [
        (&b"networK"[..], "SHA-256"),
        (b"networ", "has 6 bytes"),
        (b"network+", "more than 7 bytes"),
        (b"", "has 0 bytes"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        assert!(reason(&manifest).contains(wanted), "{}", reason(&manifest));
    }
    std::fs::write(&path, b"network").unwrap();
    manifest.verify(folder.path()).unwrap();
    assert_eq!(manifest.read_artifact(folder.path(), "backbone.onnx").unwrap(), b"network");
    assert!(manifest.read_artifact(folder.path(), "other").unwrap_err().to_string().contains("lists no such artifact"));
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    for end in 0..TEXT.len() {
        let _ = Manifest::parse(&TEXT[..end], "m.toml");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(MANIFEST_FILE), [0xff, 0xfe, 0x00]).unwrap();
    assert!(Manifest::load(folder.path()).unwrap_err().to_string().contains(MANIFEST_FILE));
    assert!(Manifest::load(&folder.path().join("absent")).unwrap_err().to_string().contains("absent"));
}
