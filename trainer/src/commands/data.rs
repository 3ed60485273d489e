//! `trainer data`: the user's own copies of public data sets.

mod check;
mod report;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Result;

use crate::datasets::{Faults, OnError};
use report::Report;

/// Arguments of `trainer data`.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, clap::Subcommand)]
enum DataCommand {
    /// Read a whole data set, decode its pictures, count its objects beside the published numbers, name every bad file
    Check(CheckArgs),
}

/// Arguments of `trainer data check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  trainer data check pascal3d --root ~/PASCAL3D+_release1.1
  trainer data check occluded-pascal3d --root ~/OccludedPASCAL3D --pascal3d ~/PASCAL3D+_release1.1
  trainer data check kitti --root ~/kitti/object --json")]
pub struct CheckArgs {
    #[command(subcommand)]
    set: Set,
}

#[derive(Debug, clap::Subcommand)]
enum Set {
    /// PASCAL3D+ release 1.1 (Annotations, Images, Image_sets, PASCAL)
    Pascal3d(FolderArgs),
    /// OccludedPASCAL3D+ (images, annotations, lists); its poses are those of PASCAL3D+
    OccludedPascal3d(OccludedArgs),
    /// ObjectNet3D (Annotations, Images, Image_sets)
    Objectnet3d(FolderArgs),
    /// KITTI objects (image_2, label_2, calib), with the 3DOP split where ImageSets has it
    Kitti(FolderArgs),
    /// KITTI tracking sequences (image_02, label_02, calib)
    KittiTracking(FolderArgs),
    /// Aligned crops as NeMo's scripts write them (images, annotations, lists)
    Nemo(FolderArgs),
    /// The collection cars_real (stanford.csv, epfl.csv, carvana.csv)
    CarsReal(FolderArgs),
    /// What `trainer synth` wrote
    Synth(FolderArgs),
}

/// Arguments that every data set has.
#[derive(Clone, Debug, clap::Args)]
struct FolderArgs {
    /// Folder of the data set
    #[arg(long)]
    root: PathBuf,
    /// What to do about files that are missing or damaged
    #[arg(long, value_enum, default_value_t)]
    on_error: OnError,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct OccludedArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// Folder of PASCAL3D+ release 1.1
    #[arg(long)]
    pascal3d: PathBuf,
}

/// Runs the command.
pub fn run(args: &DataArgs) -> Result<()> {
    let DataCommand::Check(CheckArgs { set }) = &args.command;
    let folder = set.folder();
    let report = check(set, &Faults::new(folder.on_error))?;
    Ok(report.print(&mut std::io::stdout().lock(), folder.json)?)
}

fn check(set: &Set, faults: &Faults) -> Result<Report> {
    let root = set.folder().root.as_path();
    match set {
        Set::Pascal3d(_) => check::pascal3d(root, faults),
        Set::OccludedPascal3d(args) => check::occluded_pascal3d(root, &args.pascal3d, faults),
        Set::Objectnet3d(_) => check::objectnet3d(root, faults),
        Set::Kitti(_) => check::kitti(root, faults),
        Set::KittiTracking(_) => check::tracking("kitti_tracking", root, faults),
        Set::Nemo(_) => check::nemo(root, faults),
        Set::CarsReal(_) => check::cars_real(root, faults),
        Set::Synth(_) => check::tracking("synth", root, faults),
    }
}

impl Set {
    fn folder(&self) -> &FolderArgs {
        match self {
            Self::OccludedPascal3d(args) => &args.folder,
            Self::Pascal3d(folder)
            | Self::Objectnet3d(folder)
            | Self::Kitti(folder)
            | Self::KittiTracking(folder)
            | Self::Nemo(folder)
            | Self::CarsReal(folder)
            | Self::Synth(folder) => folder,
        }
    }
}
