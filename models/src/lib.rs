//! What was learned, and its file formats, each written and read here, once.
//!
//! - [`manifest`]: `manifest.toml`, which names every other file with its hash.
//! - [`reference_table`]: embeddings of reference views and the rotations they stand for.
//! - [`backbone`]: the network, run by ONNX Runtime or tract.
//! - [`retrieval`]: from an embedding to poses, through the table.
//! - [`neural_mesh`]: surfaces whose vertices carry features, to refine poses by render-and-compare.
//! - [`mesh`]: triangle meshes from OFF, OBJ, PLY and glTF files.
//! - [`Model`]: a directory of these, loaded, verified and cross-checked.
//!
//! `README.md` beside this crate states the formats byte by byte.

pub mod backbone;
mod container;
mod digest;
pub mod manifest;
pub mod mesh;
mod model;
pub mod neural_mesh;
pub mod reference_table;
pub mod refinement;
pub mod retrieval;

pub use backbone::{
    Backbone, BackboneConfig, BackboneError, OpenedBackbone, Provider, find_onnxruntime, open_backbone,
};
pub use digest::sha256_hex;
pub use manifest::{
    Artifact, ClassSpec, InputSpec, Manifest, ManifestError, OutputSpec, RefinementSpec, RetrievalSpec,
};
pub use mesh::{Mesh, MeshError};
pub use model::{Model, ModelError};
pub use neural_mesh::{NeuralMesh, NeuralMeshError, SubType};
pub use reference_table::{ReferenceTable, TableError};
