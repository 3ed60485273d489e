//! The test sets a model can be measured on, and how each is opened.
//!
//! A further data set (PASCAL3D+, ObjectNet3D, …) is three lines here: its flag in [`TestSetArgs`] and in the group's `args`, a variant of
//! [`TestSet`], and an arm in each of [`TestSet::protocol`] and [`TestSet::open`] that calls its reader in `datasets/`. Nothing else of
//! the evaluation knows which set it is.

use std::path::PathBuf;

use anyhow::Result;

use super::{kitti3d, occlusion, tracking};
use crate::datasets::benchmark::BenchmarkObjects;

/// Which test set; exactly one.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("test_set").required(true).args(["kitti", "synthetic_occlusion"])))]
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
    /// Rendered cars behind pasted occluders, levels L0 to L3 as in OccludedPASCAL3D+; needs no data
    #[arg(long)]
    pub synthetic_occlusion: bool,
    /// Objects a level of --synthetic-occlusion
    #[arg(long, default_value_t = 150, conflicts_with = "kitti")]
    pub objects: usize,
    /// Occluders of --synthetic-occlusion from this COCO folder in YOLO layout [default: rendered cars and simple shapes]
    #[arg(long, conflicts_with = "kitti")]
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
            Self::SyntheticOcclusion(_) => "synthetic_occlusion",
        }
    }

    /// Its objects.
    ///
    /// # Errors
    /// Files that are missing or malformed, by name; some only when the iterator gets there.
    pub fn open(&self) -> Result<BenchmarkObjects> {
        match self {
            Self::Kitti3d { root, frames } => kitti3d::open(root, frames.as_deref()),
            Self::Tracking { root, sequence, first } => tracking::open(root, sequence, *first),
            Self::SyntheticOcclusion(options) => occlusion::open(options),
        }
    }
}
