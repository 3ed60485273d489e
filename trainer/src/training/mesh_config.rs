//! The part of a run's description that is about dense features and neural meshes.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// What the mesh of a class looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeshForm {
    /// One sub-type a body style: a cuboid's grid laid onto generated vehicles, whose mean it is.
    #[default]
    Vehicles,
    /// One cuboid for all (NeMo's SingleCuboid).
    Cuboid,
    /// One cuboid a body style (NeMo's MultiCuboid).
    Cuboids,
}

/// How features are brought to their vertices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeshObjective {
    /// Contrastive classification of vertices against all others and clutter, as NeMo's public code does (CoKe, Bai et al. 2020).
    #[default]
    Contrastive,
    /// The paper's Gaussian maximum likelihood with equal variances: squared distance to the own vertex, less that to other vertices
    /// of the picture and to its background (NeMo, Eq. 4, 10 and 11).
    Likelihood,
}

/// Dense features and their mesh. The defaults are the constants of NeMo's public code; where that has no such thing, ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MeshConfig {
    /// An exported network to start from, of the same trunk and embedding; absent: the pretrained trunk.
    pub network: Option<PathBuf>,
    /// Everything but the decoder stays as it is, so that embeddings do not change (staged training).
    pub decoder_alone: bool,
    /// Weight of the retrieval loss beside that of the mesh (joint training; needs references).
    pub retrieval_weight: f64,
    /// Channels of the feature map; a multiple of 16.
    pub feature_dim: usize,
    /// What the mesh looks like.
    pub form: MeshForm,
    /// Vertices, about.
    pub vertices: usize,
    /// Generated vehicles whose mean a body style is.
    pub vehicles_per_kind: u64,
    /// How features are brought to their vertices.
    pub objective: MeshObjective,
    /// Temperature of the contrastive softmax.
    pub temperature: f64,
    /// Vertices nearer than this part of the mesh's length are not told apart (NeMo's runtime variant: 0.1 of a unit, cars being 0.87
    /// units long).
    pub neighbor_part: f32,
    /// Background cells drawn from a crop.
    pub noise_per_crop: usize,
    /// Crops whose background cells are remembered.
    pub clutter_crops: usize,
    /// Weight of a remembered background cell among the vertices in the softmax.
    pub clutter_weight: f64,
    /// Weight of the term that repels background from all vertices.
    pub background_weight: f64,
    /// What a vertex keeps of its feature at a step.
    pub momentum: f64,
    /// Whether a step's mean counts crops that do not show the vertex, as the public code does: seldom seen vertices then move little.
    pub momentum_counts_unseen: bool,
    /// Visible vertices that are learned from in a crop, drawn at random; 0: all.
    pub rows_per_crop: usize,
    /// Highest occlusion level of real crops: who hides them, nobody has marked.
    pub occlusion_max: u8,
}

impl Default for MeshConfig {
    fn default() -> Self {
        Self {
            network: None,
            decoder_alone: false,
            retrieval_weight: 0.0,
            feature_dim: 64,
            form: MeshForm::default(),
            vertices: 1000,
            vehicles_per_kind: 8,
            objective: MeshObjective::default(),
            temperature: 0.07,
            neighbor_part: 0.115,
            noise_per_crop: 5,
            clutter_crops: 512,
            clutter_weight: 5e-3,
            background_weight: 0.1,
            momentum: 0.9,
            momentum_counts_unseen: true,
            rows_per_crop: 0,
            occlusion_max: 0,
        }
    }
}

impl MeshConfig {
    pub(super) fn check(&self) -> Result<()> {
        let is_whole = self.feature_dim > 0 && self.feature_dim.is_multiple_of(16);
        ensure!(is_whole, "feature_dim: a positive multiple of 16, not {}", self.feature_dim);
        ensure!((100..=20_000).contains(&self.vertices), "vertices: from 100 to 20000, not {}", self.vertices);
        ensure!((1..=100).contains(&self.vehicles_per_kind), "vehicles_per_kind: from 1 to 100");
        ensure!(self.temperature > 0.0, "temperature: must be positive");
        ensure!((0.0..1.0).contains(&self.neighbor_part), "neighbor_part: from 0 up to 1");
        ensure!((0.0..1.0).contains(&self.momentum), "momentum: from 0 up to 1");
        ensure!(self.clutter_weight > 0.0, "clutter_weight: must be positive");
        ensure!(self.noise_per_crop > 0 && self.clutter_crops > 0, "noise_per_crop, clutter_crops: must be positive");
        ensure!(
            !(self.decoder_alone && self.retrieval_weight > 0.0),
            "decoder_alone: the retrieval loss would teach nothing"
        );
        Ok(())
    }
}
