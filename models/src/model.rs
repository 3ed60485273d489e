//! A whole model: manifest, reference table and backbone, loaded in the one order that trusts nothing unverified.

use std::path::{Path, PathBuf};

use crate::backbone::{Backbone, BackboneConfig, BackboneError, Provider, open_backbone};
use crate::manifest::{BACKBONE_FILE, MANIFEST_FILE, Manifest, ManifestError, REFERENCE_TABLE_FILE};
use crate::reference_table::{ReferenceTable, TableError};

#[cfg(test)]
mod tests;

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The manifest or an artifact is not as released.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The reference table is not valid.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The network cannot run here.
    #[error("{place}: {source}")]
    Backbone {
        /// The network's file.
        place: String,
        /// Every provider with its reason.
        source: BackboneError,
    },
    /// Two parts of the model do not belong together.
    #[error("{place}: {reason}")]
    Mismatch {
        /// The model directory.
        place: String,
        /// The two parts and what they say.
        reason: String,
    },
}

/// A model that is ready to run.
pub struct Model {
    /// How its files are to be used.
    pub manifest: Manifest,
    /// Reference embeddings and their rotations.
    pub table: ReferenceTable,
    /// The network.
    pub backbone: Box<dyn Backbone>,
    /// Providers that were tried before the one in use, with reason and mend.
    pub refused: Vec<(Provider, String)>,
    /// SHA-256 of the manifest file: it names the hashes of all others and so stands for the whole model.
    pub sha256: String,
    /// The model directory.
    pub directory: PathBuf,
}

impl Model {
    /// Loads a model directory: manifest, then size and hash of every artifact, then the table, then the network (each from the
    /// very bytes that were verified), then whether they belong together.
    ///
    /// # Errors
    /// [`ModelError`] naming the file and what is wrong with it.
    pub fn load(directory: &Path, config: &BackboneConfig) -> Result<Self, ModelError> {
        let (manifest, sha256) = Manifest::load_with_sha256(directory)?;
        let place = |file: &str| directory.join(file).display().to_string();
        manifest.check_complete(&place(MANIFEST_FILE))?;
        manifest.verify(directory)?;
        // Read again and verified again: a file that was exchanged in between does not get past this.
        let table = ReferenceTable::parse(
            &manifest.read_artifact(directory, REFERENCE_TABLE_FILE)?,
            &place(REFERENCE_TABLE_FILE),
        )?;
        check_belonging(&manifest, &table)
            .map_err(|reason| ModelError::Mismatch { place: directory.display().to_string(), reason })?;
        let onnx = manifest.read_artifact(directory, BACKBONE_FILE)?;
        let opened = open_backbone(&onnx, &manifest, config)
            .map_err(|source| ModelError::Backbone { place: place(BACKBONE_FILE), source })?;
        let directory = directory.to_path_buf();
        Ok(Self { manifest, table, backbone: opened.backbone, refused: opened.refused, sha256, directory })
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Model")
            .field("directory", &self.directory)
            .field("sha256", &self.sha256)
            .field("backbone", &self.backbone.description())
            .finish_non_exhaustive()
    }
}

fn check_belonging(manifest: &Manifest, table: &ReferenceTable) -> Result<(), String> {
    if table.dim != manifest.outputs.dim {
        return Err(format!(
            "the reference table has rows of {}, the manifest says outputs.dim = {}",
            table.dim, manifest.outputs.dim
        ));
    }
    let names: Vec<&str> = manifest.classes.iter().map(|c| c.name.as_str()).collect();
    if table.class_names != names {
        return Err(format!("the reference table has classes {:?}, the manifest {names:?}", table.class_names));
    }
    let backbone = manifest.artifacts.get(BACKBONE_FILE).map_or("", |a| a.sha256.as_str());
    if table.encoder_sha256 != backbone {
        return Err(format!(
            "the reference table was built with the network {}, {BACKBONE_FILE} is {backbone}: build the table again",
            table.encoder_sha256
        ));
    }
    Ok(())
}
