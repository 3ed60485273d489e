//! A model folder is made beside the old one and moved into its place when it is whole: a model that works is never half replaced.

use std::path::Path;

use anyhow::{Context, Result};
use models::manifest::MANIFEST_FILE;
use models::{Artifact, BackboneConfig, Manifest, Model};

use crate::encoder::available_providers;

/// Lets `write` fill an empty folder with the artifacts of these names and say what their manifest is (its list of artifacts is
/// made here), loads the result as the node would, and moves it to `out`.
///
/// # Errors
/// Those of `write`, a model that does not load, or a file that cannot be written.
pub fn replace(out: &Path, names: &[&str], write: impl FnOnce(&Path) -> Result<Manifest>) -> Result<()> {
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let made = tempfile::tempdir_in(parent).with_context(|| parent.display().to_string())?;
    let mut manifest = write(made.path())?;
    for name in names {
        let path = made.path().join(name);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        manifest.artifacts.insert((*name).to_owned(), Artifact::of(&bytes));
    }
    manifest.save(made.path())?;
    let providers = available_providers();
    Model::load(made.path(), &BackboneConfig { providers, threads: 2, batch_max: 1, ..BackboneConfig::default() })?;
    std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    for name in names.iter().chain(&[MANIFEST_FILE]) {
        let path = out.join(name);
        std::fs::rename(made.path().join(name), &path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
