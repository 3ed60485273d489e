//! A whole model: manifest, reference table, neural mesh and backbone, loaded in the one order that trusts nothing unverified.

use std::path::{Path, PathBuf};

use crate::backbone::{Backbone, BackboneConfig, BackboneError, Provider, open_backbone};
use crate::manifest::{BACKBONE_FILE, MANIFEST_FILE, Manifest, ManifestError, NEURAL_MESH_FILE, REFERENCE_TABLE_FILE};
use crate::neural_mesh::{NeuralMesh, NeuralMeshError};
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
    /// The neural mesh is not valid.
    #[error(transparent)]
    NeuralMesh(#[from] NeuralMeshError),
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
    /// What the network sees on the shapes of the classes, of models that can refine.
    pub neural_mesh: Option<NeuralMesh>,
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
    /// Loads a model directory: manifest, then size and hash of every artifact, then the table, then the neural mesh where there
    /// is one, then the network (each from the
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
        let mismatch = |reason| ModelError::Mismatch { place: directory.display().to_string(), reason };
        check_belonging(&manifest, &table).map_err(mismatch)?;
        let neural_mesh = match manifest.artifacts.contains_key(NEURAL_MESH_FILE) {
            true => Some(NeuralMesh::parse(
                &manifest.read_artifact(directory, NEURAL_MESH_FILE)?,
                &place(NEURAL_MESH_FILE),
            )?),
            false => None,
        };
        if let Some(mesh) = &neural_mesh {
            check_made_for(&manifest, "neural mesh", &mesh.class_names, &mesh.encoder_sha256).map_err(mismatch)?;
        }
        let onnx = manifest.read_artifact(directory, BACKBONE_FILE)?;
        let opened = open_backbone(&onnx, &manifest, config)
            .map_err(|source| ModelError::Backbone { place: place(BACKBONE_FILE), source })?;
        if let (Some(mesh), Some(shape)) = (&neural_mesh, opened.backbone.feature_shape()) {
            check_feature_map(&manifest, mesh, shape).map_err(mismatch)?;
        }
        let directory = directory.to_path_buf();
        Ok(Self { manifest, table, neural_mesh, backbone: opened.backbone, refused: opened.refused, sha256, directory })
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
    check_made_for(manifest, "reference table", &table.class_names, &table.encoder_sha256)
}

/// Whether a file that was made with a network is this model's.
fn check_made_for(manifest: &Manifest, what: &str, class_names: &[String], encoder: &str) -> Result<(), String> {
    let names: Vec<&str> = manifest.classes.iter().map(|c| c.name.as_str()).collect();
    if class_names != names {
        return Err(format!("the {what} has classes {class_names:?}, the manifest {names:?}"));
    }
    let backbone = manifest.artifacts.get(BACKBONE_FILE).map_or("", |a| a.sha256.as_str());
    if encoder != backbone {
        return Err(format!(
            "the {what} was built with the network {encoder}, {BACKBONE_FILE} is {backbone}: build the {what} again"
        ));
    }
    Ok(())
}

/// Whether the network's feature map `[D, h, w]` is the one that the mesh was made for.
fn check_feature_map(manifest: &Manifest, mesh: &NeuralMesh, [dim, height, width]: [usize; 3]) -> Result<(), String> {
    if mesh.dim() != dim {
        return Err(format!("the neural mesh has features of {}, the network's have {dim}", mesh.dim()));
    }
    let input = &manifest.input;
    let cells = [input.height, input.width].map(|side| side.div_ceil(mesh.stride) as usize);
    if cells != [height, width] {
        return Err(format!(
            "the neural mesh has a stride of {}, so that a canvas of {} x {} is {} x {} cells, but the network's feature map has {width} x {height}",
            mesh.stride, input.width, input.height, cells[1], cells[0]
        ));
    }
    Ok(())
}
