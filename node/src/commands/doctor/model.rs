//! Whether the model's files are what the manifest says, and which providers can run its network.

use std::path::Path;
use std::time::Instant;

use models::manifest::NEURAL_MESH_FILE;
use models::{BackboneConfig, Manifest, Model, Provider};

use super::check::Check;
use crate::commands::error_chain;
use crate::limits::Limits;
use crate::model_path::find_model;
use crate::pipeline::Pipeline;

const MEND_FILES: &str = "fetch the model folder again; a file changed after the manifest was written";

/// Every provider, with the name of its line.
const PROVIDERS: [(Provider, &str); 4] = [
    (Provider::OnnxRuntimeTensorRt, "network_tensorrt"),
    (Provider::OnnxRuntimeCuda, "network_cuda"),
    (Provider::OnnxRuntimeCpu, "network_onnxruntime"),
    (Provider::Tract, "network_tract"),
];

pub fn check(explicit: Option<&Path>) -> Vec<Check> {
    let name = "model";
    let folder = match find_model(explicit) {
        Ok(folder) => folder,
        Err(none) => {
            let mend = "give --model DIR or set AZIMUTH_MODEL to a folder with manifest.toml";
            return vec![Check::fail(name, none.to_string(), mend)];
        }
    };
    let (manifest, sha256) = match Manifest::load_with_sha256(&folder) {
        Ok(loaded) => loaded,
        Err(error) => return vec![Check::fail(name, error_chain(&error), MEND_FILES)],
    };
    if let Err(error) = manifest.verify(&folder) {
        return vec![Check::fail(name, error_chain(&error), MEND_FILES)];
    }
    let mut checks = vec![Check::ok(
        name,
        format!(
            "{}: {} {}, {} file(s) with the right hash, manifest {}; {}",
            folder.display(),
            manifest.name,
            manifest.version,
            manifest.artifacts.len(),
            sha256.get(..12).unwrap_or(&sha256),
            refinement(&manifest)
        ),
    )];
    checks.extend(networks(&folder));
    checks
}

/// Whether the model refines poses.
fn refinement(manifest: &Manifest) -> String {
    match manifest.artifacts.contains_key(NEURAL_MESH_FILE) {
        true => format!("refines poses, in at most {} steps", manifest.refinement.unwrap_or_default().steps_max),
        false => format!("does not refine poses (no {NEURAL_MESH_FILE})"),
    }
}

/// Opens the whole model with each provider that this build has; at least one must run it.
fn networks(folder: &Path) -> Vec<Check> {
    let mut opened_count = 0;
    let mut checks: Vec<Check> = PROVIDERS
        .into_iter()
        .filter(|&(provider, _)| is_compiled_in(provider))
        .map(|(provider, name)| match open(folder, provider) {
            Ok(detail) => {
                opened_count += 1;
                Check::ok(name, detail)
            }
            Err(why) => Check::warn(name, why, "see the line of the provider above, or allow another one"),
        })
        .collect();
    if opened_count == 0 {
        checks.push(Check::fail("network", "no provider can run the model", "see the lines above"));
    }
    checks
}

fn is_compiled_in(provider: Provider) -> bool {
    match provider {
        Provider::OnnxRuntimeTensorRt => cfg!(feature = "tensorrt"),
        Provider::OnnxRuntimeCuda => cfg!(feature = "cuda"),
        Provider::OnnxRuntimeCpu | Provider::Tract => true,
    }
}

/// Opens the model and times one crop, the second: the first one warms the runtime up.
fn open(folder: &Path, provider: Provider) -> Result<String, String> {
    let config = BackboneConfig { providers: vec![provider], threads: 1, batch_max: 1, ..BackboneConfig::default() };
    let mut model = Model::load(folder, &config).map_err(|error| error_chain(&error))?;
    let input = &model.manifest.input;
    let crops = vec![0.0; 3 * input.width as usize * input.height as usize];
    let mut embedding = vec![0.0; model.manifest.outputs.dim];
    let mut elapsed_ms = 0.0;
    for _ in 0..2 {
        let started = Instant::now();
        model.backbone.embed(&crops, 1, &mut embedding).map_err(|error| error_chain(&error))?;
        elapsed_ms = started.elapsed().as_secs_f64() * 1e3;
    }
    let description = model.backbone.description();
    // The rest of the model must fit too: table, classes, limits.
    let limits = Limits { batch_max: 1, ..Limits::default() };
    Pipeline::new(model, &limits).map_err(|error| error_chain(&error))?;
    Ok(format!("{description}; {elapsed_ms:.1} ms a crop on one thread"))
}
