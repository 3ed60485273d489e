//! The test sets a model can be measured on, and how each is opened.
//!
//! A further data set is a few lines here: its flag in [`TestSetArgs`] and in the group's `args`, a variant of [`TestSet`], and an arm
//! in each of its functions. Nothing else of the evaluation knows which set it is.

use std::path::PathBuf;

use anyhow::Result;

use super::{occlusion, tracking};
use crate::datasets::benchmark::BenchmarkObjects;
use crate::datasets::kitti_object::{self, KittiFrames};
use crate::datasets::occluded_pascal3d::{self, OccludedSelection};
use crate::datasets::pascal3d::{self, Pascal3dSelection};
use crate::datasets::{Faults, OnError, nemo, objectnet3d};

/// Which test set; exactly one.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("test_set").required(true).args([
    "kitti", "pascal3d", "occluded_pascal3d", "objectnet3d", "nemo", "synthetic_occlusion",
])))]
pub struct TestSetArgs {
    /// KITTI folder: object layout (image_2, label_2, calib), or tracking layout with --sequence
    #[arg(long)]
    pub kitti: Option<PathBuf>,
    /// Only these frames: a file with one number a line, such as KITTI's val.txt [default: all]
    #[arg(long, conflicts_with_all = ["sequence", "synthetic_occlusion"])]
    pub frames: Option<PathBuf>,
    /// Evaluate this sequence of a tracking-layout folder (KITTI tracking, or what `trainer synth` writes)
    #[arg(long, conflicts_with = "synthetic_occlusion")]
    pub sequence: Option<String>,
    /// First frame of the sequence
    #[arg(long, default_value_t = 0, requires = "sequence")]
    pub first: u32,
    /// PASCAL3D+ folder, by NeMo's protocol: the ImageNet images of `val`, the first object of each (L0)
    #[arg(long)]
    pub pascal3d: Option<PathBuf>,
    /// OccludedPASCAL3D+ folder, levels L1 to L3; its archives hold no poses, so the PASCAL3D+ folder is needed, too
    #[arg(long, requires = "poses")]
    pub occluded_pascal3d: Option<PathBuf>,
    /// PASCAL3D+ folder with the poses of --occluded-pascal3d
    #[arg(long, requires = "occluded_pascal3d")]
    pub poses: Option<PathBuf>,
    /// ObjectNet3D folder, images of `test`
    #[arg(long)]
    pub objectnet3d: Option<PathBuf>,
    /// Folder of crops as NeMo's scripts write them (images, annotations)
    #[arg(long)]
    pub nemo: Option<PathBuf>,
    /// Missing and damaged files of the set: stop at the first, or name and count them
    #[arg(long, value_enum, default_value_t = OnError::Fail)]
    pub on_error: OnError,
    /// Rendered cars behind pasted occluders, levels L0 to L3 as in OccludedPASCAL3D+; needs no data
    #[arg(long)]
    pub synthetic_occlusion: bool,
    /// Objects a level of --synthetic-occlusion
    #[arg(long, default_value_t = 150, conflicts_with_all = ["kitti", "pascal3d", "occluded_pascal3d", "objectnet3d", "nemo"])]
    pub objects: usize,
    /// Occluders of --synthetic-occlusion from this COCO folder in YOLO layout [default: rendered cars and simple shapes]
    #[arg(long, conflicts_with_all = ["kitti", "pascal3d", "occluded_pascal3d", "objectnet3d", "nemo"])]
    pub coco: Option<PathBuf>,
}

/// A test set, ready to be opened.
#[derive(Clone, Debug)]
pub enum TestSet {
    /// KITTI's object layout, by the KITTI3D protocol.
    Kitti3d {
        /// Folder with `image_2`, `label_2`, `calib`.
        root: PathBuf,
        /// File with the numbers of the frames.
        frames: Option<PathBuf>,
    },
    /// One sequence in KITTI's tracking layout, by the KITTI3D protocol.
    Tracking {
        /// Folder with `image_02`, `label_02`, `calib`.
        root: PathBuf,
        /// Its name.
        sequence: String,
        /// First frame.
        first: u32,
    },
    /// PASCAL3D+, by NeMo's protocol.
    Pascal3d(PathBuf),
    /// OccludedPASCAL3D+ and the PASCAL3D+ with its poses.
    OccludedPascal3d(PathBuf, PathBuf),
    /// ObjectNet3D.
    ObjectNet3d(PathBuf),
    /// NeMo's crops.
    Nemo(PathBuf),
    /// Rendered cars behind pasted occluders.
    SyntheticOcclusion(occlusion::Options),
}

impl TestSet {
    /// The set that the arguments name; `None` without one, which the argument parser refuses.
    pub fn new(args: &TestSetArgs, seed: u64) -> Option<Self> {
        if args.synthetic_occlusion {
            let options = occlusion::Options { object_count: args.objects, seed, coco: args.coco.clone() };
            return Some(Self::SyntheticOcclusion(options));
        }
        let annotated = [
            args.pascal3d.clone().map(Self::Pascal3d),
            args.occluded_pascal3d
                .clone()
                .zip(args.poses.clone())
                .map(|(root, poses)| Self::OccludedPascal3d(root, poses)),
            args.objectnet3d.clone().map(Self::ObjectNet3d),
            args.nemo.clone().map(Self::Nemo),
        ];
        if let Some(set) = annotated.into_iter().flatten().next() {
            return Some(set);
        }
        let root = args.kitti.clone()?;
        Some(match &args.sequence {
            Some(sequence) => Self::Tracking { root, sequence: sequence.clone(), first: args.first },
            None => Self::Kitti3d { root, frames: args.frames.clone() },
        })
    }

    /// Name of the protocol, for the JSON.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Kitti3d { .. } | Self::Tracking { .. } => "kitti3d",
            Self::Pascal3d(_) => "pascal3d",
            Self::OccludedPascal3d(..) => "occluded_pascal3d",
            Self::ObjectNet3d(_) => "objectnet3d",
            Self::Nemo(_) => "nemo",
            Self::SyntheticOcclusion(_) => "synthetic_occlusion",
        }
    }

    /// Its objects; missing and damaged files go to `faults`.
    ///
    /// # Errors
    /// Folders and lists that are missing, by name; under [`OnError::Fail`] files, too, some only when the iterator gets there.
    pub fn open(&self, faults: &Faults) -> Result<BenchmarkObjects> {
        match self {
            Self::Kitti3d { root, frames } => {
                let frames = KittiFrames { list: frames.clone(), ..KittiFrames::default() };
                kitti_object::load(root, &frames, faults)
            }
            Self::Tracking { root, sequence, first } => tracking::open(root, sequence, *first),
            Self::Pascal3d(root) => pascal3d::load(root, &Pascal3dSelection::nemo(), faults),
            Self::OccludedPascal3d(root, poses) => {
                let categories = pascal3d::CATEGORIES.map(String::from).to_vec();
                let selection = OccludedSelection { levels: vec![1, 2, 3], categories, masks: false };
                occluded_pascal3d::load(root, poses, &selection, faults)
            }
            Self::ObjectNet3d(root) => objectnet3d::load(root, "test", &[], faults),
            Self::Nemo(root) => {
                let folders: Result<Vec<BenchmarkObjects>> =
                    nemo::folders(root)?.iter().map(|folder| nemo::load(root, folder, faults)).collect();
                Ok(Box::new(folders?.into_iter().flatten()))
            }
            Self::SyntheticOcclusion(options) => occlusion::open(options),
        }
    }
}
