//! `manifest.toml`: what a model directory holds, what it was made from, and how its files are to be used.
//!
//! Unknown keys are errors, every value is checked, and an artifact is handed to a parser only after its size and SHA-256 were
//! verified over the very bytes that are handed over.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use kernels::CropSpec;
use serde::{Deserialize, Serialize};

use crate::digest::{sha256_hex, sha256_of_reader, write_whole};

mod check;
mod refinement;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use check::DIM_MAX;
pub use refinement::RefinementSpec;

/// Name of the manifest in a model directory.
pub const MANIFEST_FILE: &str = "manifest.toml";
/// Name of the network in a model directory.
pub const BACKBONE_FILE: &str = "backbone.onnx";
/// Name of the reference table in a model directory.
pub const REFERENCE_TABLE_FILE: &str = "reference_table.safetensors";
/// Name of the neural mesh in a model directory, of models that can refine.
pub const NEURAL_MESH_FILE: &str = "neural_mesh.safetensors";
/// Largest manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// Why a manifest or an artifact was refused. `place` is the file's path.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file could not be read or written.
    #[error("{place}: {source}")]
    Io {
        /// The file.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not TOML, or a key is missing, unknown or of the wrong type.
    #[error("{place}: {reason}")]
    Format {
        /// The manifest.
        place: String,
        /// Line, column and key.
        reason: String,
    },
    /// A value is out of range.
    #[error("{place}: {key}: {reason}")]
    Value {
        /// The manifest.
        place: String,
        /// The key, for instance `classes[0].length_m`.
        key: String,
        /// What is wrong, and what is wanted.
        reason: String,
    },
    /// An artifact is not the file that the manifest names.
    #[error("{place}: {reason}")]
    Artifact {
        /// The artifact.
        place: String,
        /// Size or hash, found and wanted.
        reason: String,
    },
}

/// A model directory's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model: lowercase letters, digits, `.`, `_`, `-`; at most 64.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// Licence under which the model may be used.
    pub licence: String,
    /// What it was trained on and how.
    pub provenance: String,
    /// Classes, in the order of the reference table's class ids.
    pub classes: Vec<ClassSpec>,
    /// What the network is shown.
    pub input: InputSpec,
    /// What the network answers with.
    pub outputs: OutputSpec,
    /// How neighbours become poses.
    pub retrieval: RetrievalSpec,
    /// How poses are refined, where that was fitted; a model with a neural mesh but without this refines by the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refinement: Option<RefinementSpec>,
    /// Files of the model by name (relative to the directory, `/` between folders).
    #[serde(default)]
    pub artifacts: BTreeMap<String, Artifact>,
}

/// One class of objects with its typical size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    /// Name under which poses are published; at most 32 bytes.
    pub name: String,
    /// Further names that detectors use for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Typical length (body x), metres.
    pub length_m: f64,
    /// Typical width (body y), metres.
    pub width_m: f64,
    /// Typical height (body z), metres.
    pub height_m: f64,
}

/// The canvas that the network sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Canvas width, pixels.
    pub width: u32,
    /// Canvas height, pixels.
    pub height: u32,
    /// Context around a box: fraction of its size added on each side.
    pub context_margin: f32,
    /// Colour outside the image, RGB, 0 to 1.
    pub fill: [f32; 3],
    /// Mean that is subtracted, RGB, of values 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation that is divided by, RGB, of values 0 to 1.
    pub std: [f32; 3],
}

impl From<&InputSpec> for CropSpec {
    fn from(input: &InputSpec) -> Self {
        let &InputSpec { width, height, context_margin, fill, mean, std } = input;
        Self { width, height, context_margin, fill, mean, std }
    }
}

impl From<CropSpec> for InputSpec {
    fn from(CropSpec { width, height, context_margin, fill, mean, std }: CropSpec) -> Self {
        Self { width, height, context_margin, fill, mean, std }
    }
}

/// Outputs of the ONNX graph by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// The output with one unit row a crop, `[B, dim]`.
    pub embedding: String,
    /// Length of an embedding.
    pub dim: usize,
    /// The output with a feature map, where the model can refine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
}

/// How neighbours become poses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrievalSpec {
    /// Rows of the reference table that vote.
    pub neighbors: usize,
    /// A neighbour's weight is the softmax of `-squared_distance / temperature`.
    pub temperature: f64,
    /// Neighbours closer than this belong to one hypothesis, degrees.
    pub mode_radius_deg: f64,
    /// Factor on the spread of the neighbours that makes the covariance honest.
    pub covariance_scale: f64,
    /// The flip's probability is `1 / (1 + exp(d / flip_temperature))`, at most one half, of the difference `d` between the squared distances to the
    /// nearest reference view of the flip and of the answer.
    #[serde(default = "flip_temperature")]
    pub flip_temperature: f64,
}

/// What was fitted for `models/zoo/car`.
fn flip_temperature() -> f64 {
    0.3
}

/// One file of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: String,
    /// Size, bytes.
    pub bytes: u64,
}

impl Artifact {
    /// The entry for these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: sha256_hex(bytes), bytes: bytes.len() as u64 }
    }
}

impl Manifest {
    /// Loads and checks `manifest.toml` of a model directory. Artifacts are not looked at: see [`Manifest::verify`].
    ///
    /// # Errors
    /// [`ManifestError`] naming the file and the key.
    pub fn load(directory: &Path) -> Result<Self, ManifestError> {
        Self::load_with_sha256(directory).map(|(manifest, _)| manifest)
    }

    /// As [`Manifest::load`], with the SHA-256 of the manifest file, which stands for the whole model.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn load_with_sha256(directory: &Path) -> Result<(Self, String), ManifestError> {
        let path = directory.join(MANIFEST_FILE);
        let place = path.display().to_string();
        let failed = |source| ManifestError::Io { place: place.clone(), source };
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .map_err(failed)?
            .take(MANIFEST_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(ManifestError::Format { place, reason: format!("larger than {MANIFEST_BYTES_MAX} bytes") });
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok((Self::parse(&text, &place)?, sha256_hex(&bytes)))
    }

    /// Parses and checks the text of a manifest; `place` is named in errors.
    ///
    /// # Errors
    /// [`ManifestError`] naming `place` and the key.
    pub fn parse(text: &str, place: &str) -> Result<Self, ManifestError> {
        let manifest: Self =
            toml::from_str(text).map_err(|e| ManifestError::Format { place: place.into(), reason: e.to_string() })?;
        manifest.check(place)?;
        Ok(manifest)
    }

    /// Checks the manifest and writes it as `manifest.toml` into a model directory.
    ///
    /// # Errors
    /// [`ManifestError`] where a value is out of range or the file cannot be written.
    pub fn save(&self, directory: &Path) -> Result<(), ManifestError> {
        let path = directory.join(MANIFEST_FILE);
        let place = path.display().to_string();
        self.check(&place)?;
        let text =
            toml::to_string(self).map_err(|e| ManifestError::Format { place: place.clone(), reason: e.to_string() })?;
        write_whole(&path, text.as_bytes()).map_err(|source| ManifestError::Io { place, source })
    }

    /// Verifies size and SHA-256 of every artifact without keeping any in memory.
    ///
    /// # Errors
    /// [`ManifestError`] naming the first artifact that is missing or different.
    pub fn verify(&self, directory: &Path) -> Result<(), ManifestError> {
        for name in self.artifacts.keys() {
            let (artifact, place, file) = self.open(directory, name)?;
            let (sha256, bytes) = sha256_of_reader(&mut file.take(artifact.bytes.saturating_add(1)))
                .map_err(|source| ManifestError::Io { place: place.clone(), source })?;
            artifact.compare(&place, bytes, || sha256)?;
        }
        Ok(())
    }

    /// Reads an artifact once and answers with exactly the bytes whose size and SHA-256 were verified.
    ///
    /// # Errors
    /// [`ManifestError`] where it is not listed, missing or different.
    pub fn read_artifact(&self, directory: &Path, name: &str) -> Result<Vec<u8>, ManifestError> {
        let (artifact, place, file) = self.open(directory, name)?;
        let mut bytes = Vec::new();
        file.take(artifact.bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| ManifestError::Io { place: place.clone(), source })?;
        artifact.compare(&place, bytes.len() as u64, || sha256_hex(&bytes))?;
        Ok(bytes)
    }

    /// The row of the class that goes by this name or alias.
    #[must_use]
    pub fn class_id(&self, name: &str) -> Option<u16> {
        let row = self.classes.iter().position(|c| c.name == name || c.aliases.iter().any(|a| a == name))?;
        u16::try_from(row).ok()
    }

    fn open(&self, directory: &Path, name: &str) -> Result<(&Artifact, String, std::fs::File), ManifestError> {
        let path = directory.join(name);
        let place = path.display().to_string();
        let refused = |reason: &str| ManifestError::Artifact { place: place.clone(), reason: reason.into() };
        let artifact = self.artifacts.get(name).ok_or_else(|| refused("the manifest lists no such artifact"))?;
        if inside(name).is_none() {
            return Err(refused("the name leaves the model directory"));
        }
        let file = std::fs::File::open(&path).map_err(|source| ManifestError::Io { place: place.clone(), source })?;
        Ok((artifact, place, file))
    }
}

impl Artifact {
    fn compare(&self, place: &str, bytes: u64, sha256: impl FnOnce() -> String) -> Result<(), ManifestError> {
        let refused = |reason: String| Err(ManifestError::Artifact { place: place.into(), reason });
        if bytes != self.bytes {
            let found = if bytes > self.bytes { format!("more than {}", self.bytes) } else { bytes.to_string() };
            return refused(format!(
                "has {found} bytes, the manifest says {}: the file is not the one that was released",
                self.bytes
            ));
        }
        let sha256 = sha256();
        if sha256 != self.sha256 {
            return refused(format!(
                "has SHA-256 {sha256}, the manifest says {}: the file is not the one that was released",
                self.sha256
            ));
        }
        Ok(())
    }
}

/// The name as a path, where it stays inside the directory it is joined to.
fn inside(name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let stays = !name.is_empty()
        && !name.contains(['\\', '\0'])
        && path.components().all(|c| matches!(c, Component::Normal(_)));
    stays.then(|| path.to_path_buf())
}
