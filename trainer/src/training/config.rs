//! One TOML file describes a run and travels with its checkpoints.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use kernels::CropSpec;
use serde::{Deserialize, Serialize};

use super::mesh_config::MeshConfig;
use crate::augmentation::AugmentationConfig;
use crate::networks::backbone::{BackboneKind, Normalisation};
use crate::rendering::{Modality, ShapeSource, VehicleShapes};

/// A training run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Seed of everything random.
    pub seed: u64,
    /// Passes are counted in steps, not epochs, because sources are mixed by share.
    pub steps: usize,
    /// Steps in which only the heads learn.
    #[serde(default)]
    pub warm_up_steps: usize,
    /// Crops per step; half are anchors, half their close partners.
    pub queries_per_step: usize,
    /// Renderings per step.
    pub references_per_step: usize,
    /// Earlier steps whose renderings are compared with again.
    #[serde(default)]
    pub memory_steps: usize,
    /// The query encoder's layers before the first one with this name prefix stay as pretrained; absent: everything learns.
    #[serde(default)]
    pub frozen_before: Option<String>,
    /// Learning rate of the pretrained trunk; falls to 1 % along a half cosine.
    pub trunk_learning_rate: f64,
    /// Learning rate of the heads; falls likewise.
    pub head_learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Length of the embedding.
    pub embedding_dim: usize,
    /// The networks' trunk.
    #[serde(default)]
    pub backbone: BackboneKind,
    /// Number format of the convolutions.
    #[serde(default)]
    pub precision: Precision,
    /// ImageNet weights in safetensors (scripts/fetch_weights.sh), relative to the working directory.
    pub pretrained: PathBuf,
    /// The query's canvas, as the node will crop it.
    pub query: Canvas,
    /// The rendering's canvas; coarser, since a rendering has no noise to average out.
    pub reference: Canvas,
    /// Loss weights.
    pub loss: LossConfig,
    /// Crops.
    pub data: DataConfig,
    /// What the renderings show.
    #[serde(default)]
    pub modality: Modality,
    /// CAD shapes for the references.
    #[serde(default)]
    pub shapes: Vec<ShapeSource>,
    /// Generated shapes for the references.
    #[serde(default)]
    pub vehicles: Option<VehicleShapes>,
    /// Augmentation of queries.
    #[serde(default)]
    pub augmentation: AugmentationConfig,
    /// Dense features and the neural mesh that carries them (`trainer train mesh`).
    #[serde(default)]
    pub mesh: Option<MeshConfig>,
}

/// Size of a network input and how a box is fitted into it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Pixels; a multiple of 32.
    pub width: u32,
    /// Pixels; a multiple of 32.
    pub height: u32,
    /// Part of the box added on each side.
    pub context_margin: f32,
}

impl Canvas {
    /// The crop of a canvas, normalised as EfficientNet-Lite0 is; see [`TrainingConfig::query_spec`].
    pub fn crop_spec(&self) -> CropSpec {
        CropSpec {
            width: self.width,
            height: self.height,
            context_margin: self.context_margin,
            fill: [127.0 / 255.0; 3],
            mean: [127.0 / 255.0; 3],
            std: [128.0 / 255.0; 3],
        }
    }
}

/// Number format of convolutions and their activations; heads and losses stay in single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// bfloat16: twice the speed on a GPU that has it.
    Bf16,
}

/// The pairwise term; the others than the first are the ablations of Kouros et al., Table 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairLoss {
    /// Contrastive pose loss: the margin grows with the distance of the poses.
    #[default]
    ContrastiveDynamic,
    /// The same with one margin for all negative pairs, and none for positive ones.
    ContrastiveFixed,
    /// Triplet loss whose margin grows with the difference of the two pose distances.
    TripletDynamic,
    /// Contrastive pose loss on poses rounded to bins of `bin_deg`.
    ContrastiveDiscretised,
}

/// Which pairs of a step count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Miner {
    /// All.
    #[default]
    All,
    /// Those of a triplet whose negative is not yet farther than its positive by the margin (Kouros et al.).
    PoseMargin,
}

/// The loss is the sum of these terms.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {
    /// The pairwise term.
    #[serde(default)]
    pub pair: PairLoss,
    /// Pairs it is computed on.
    #[serde(default)]
    pub miner: Miner,
    /// Side of the bins of `contrastive_discretised` in degrees.
    #[serde(default = "bin_deg")]
    pub bin_deg: f64,
    /// Poses closer than this are positive pairs (paper: 5).
    pub positive_max_deg: f64,
    /// Margin m of the contrastive pose loss per radian of pose distance (paper: 1).
    pub margin: f64,
    /// Weight of the pairwise term.
    pub contrastive: f64,
    /// Weight of our listwise term: cross entropy between the softmax over a query's references and a target that falls
    /// off with pose distance.
    pub listwise: f64,
    /// Width of that target in degrees.
    pub listwise_width_deg: f64,
    /// Temperature of that softmax over squared distances.
    pub listwise_temperature: f64,
}

fn bin_deg() -> f64 {
    15.0
}

/// Where crops come from; a share of 0 leaves a source out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder that data paths are relative to, but for those that begin with `./`: they start at the working directory.
    pub root: PathBuf,
    /// KITTI-layout sequences.
    #[serde(default)]
    pub sequences: Vec<SequenceConfig>,
    /// Folder of `stanford.csv`, `epfl.csv` and `carvana.csv`.
    #[serde(default)]
    pub cars_real: Option<PathBuf>,
    /// Folder of COCO pictures with instance polygons, for occluders.
    #[serde(default)]
    pub coco: Option<PathBuf>,
    /// Share of each source in a step.
    pub shares: Shares,
    /// Memory for pictures that are decoded once instead of whenever they are drawn, in mebibytes.
    #[serde(default = "decoded_max_mb")]
    pub decoded_max_mb: usize,
}

fn decoded_max_mb() -> usize {
    4096
}

impl DataConfig {
    /// Where a path of this section leads.
    pub fn path(&self, path: &Path) -> PathBuf {
        if path.starts_with("./") { path.to_path_buf() } else { self.root.join(path) }
    }
}

/// One sequence of a tracking-layout folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SequenceConfig {
    /// Folder with `image_02`, `label_02`, `calib`.
    pub path: PathBuf,
    /// Name, such as `0001`.
    pub sequence: String,
    /// First frame used.
    #[serde(default)]
    pub first: u32,
    /// One past the last frame used; absent: to the end.
    #[serde(default)]
    pub end: Option<u32>,
    /// Rendered by `trainer synth` rather than recorded.
    #[serde(default)]
    pub synthetic: bool,
}

/// Relative shares; they need not sum to 1.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub struct Shares {
    /// KITTI sequences.
    pub kitti: f64,
    /// Stanford Cars.
    pub stanford: f64,
    /// EPFL.
    pub epfl: f64,
    /// Carvana.
    pub carvana: f64,
    /// Rendered sequences.
    pub synth: f64,
}

impl TrainingConfig {
    /// The crop of queries, as the node will make it: the trunk's published weights fix its normalisation.
    pub fn query_spec(&self) -> CropSpec {
        let Normalisation { mean, std } = self.backbone.normalisation();
        CropSpec { mean, std, ..self.query.crop_spec() }
    }

    /// Reads and checks a run's description.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let config: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        config.check().with_context(|| path.display().to_string())?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        ensure!(self.steps > 0, "steps: must be positive");
        ensure!(self.queries_per_step >= 2, "queries_per_step: at least 2");
        match &self.mesh {
            Some(mesh) => mesh.check().context("mesh")?,
            None => ensure!(self.references_per_step > 0, "references_per_step: must be positive"),
        }
        for (name, canvas) in [("query", &self.query), ("reference", &self.reference)] {
            let whole = canvas.width > 0 && canvas.height > 0 && canvas.width % 32 == 0 && canvas.height % 32 == 0;
            ensure!(whole, "{name}: width and height must be multiples of 32");
            ensure!((0.0..1.0).contains(&canvas.context_margin), "{name}.context_margin: from 0 up to 1");
        }
        ensure!(self.embedding_dim > 0, "embedding_dim: must be positive");
        ensure!(self.loss.bin_deg > 0.0 && self.loss.bin_deg <= 90.0, "loss.bin_deg: above 0, at most 90");
        ensure!(self.loss.listwise_temperature > 0.0, "loss.listwise_temperature: must be positive");
        ensure!(self.loss.listwise_width_deg > 0.0, "loss.listwise_width_deg: must be positive");
        ensure!((0.3..=1.0).contains(&self.augmentation.box_iou_min), "augmentation.box_iou_min: from 0.3 to 1");
        for (name, value) in self.augmentation.shares() {
            ensure!((0.0..=1.0).contains(&value), "augmentation.{name}: from 0 to 1, not {value}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_run_description_loads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("runs");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("trainer/runs") {
            TrainingConfig::load(&entry.expect("entry").path()).expect("loads");
            count += 1;
        }
        assert!(count > 0);
    }
}
