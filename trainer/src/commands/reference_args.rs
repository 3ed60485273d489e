//! Arguments that say which reference views of a run are meant.

use anyhow::{Context, Result, bail, ensure};

use crate::datasets::Sample;
use crate::rendering::{Modality, Shape};
use crate::table::{PoseGrid, ReferenceSet, poses::angles_deg};

/// Designs of a reference set (Kouros et al., BMVC 2022, Table 13, and our own grid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SetKind {
    /// Every --azimuth-step-deg, at --elevations-deg, upright
    Grid,
    /// CoarseDB: every 5 degrees of azimuth, elevation and in-plane angle
    Coarse,
    /// FineDB: every degree of azimuth, every 5 degrees of elevation and in-plane angle
    Fine,
    /// TrainDB: the poses of the run's training samples, each with the shape of its proportions
    Train,
}

/// Degrees between elevations and between in-plane angles of CoarseDB and FineDB, and between azimuths of CoarseDB.
const STEP_DEG: f64 = 5.0;
/// Degrees between azimuths of FineDB.
const FINE_STEP_DEG: f64 = 1.0;

/// Which reference views.
#[derive(Clone, Debug, clap::Args)]
pub struct ReferenceArgs {
    /// Design of the reference set
    #[arg(long, value_enum, default_value_t = SetKind::Grid)]
    pub set: SetKind,
    /// Grid: degrees between azimuths
    #[arg(long, default_value_t = 4.0)]
    pub azimuth_step_deg: f64,
    /// Grid: elevations in degrees
    #[arg(long, value_delimiter = ',', default_values_t = [0.0, 3.0, 7.0, 13.0], allow_hyphen_values = true)]
    pub elevations_deg: Vec<f64>,
    /// Coarse and fine: lowest and highest elevation. Default: the paper's, for all classes; cars on a road need -10,30
    #[arg(long, value_delimiter = ',', default_values_t = [-30.0, 60.0], allow_hyphen_values = true)]
    pub elevation_range_deg: Vec<f64>,
    /// Coarse and fine: least and greatest in-plane angle. Default: the paper's; cars on a road need 0,0 or -5,5
    #[arg(long, value_delimiter = ',', default_values_t = [-30.0, 30.0], allow_hyphen_values = true)]
    pub in_plane_range_deg: Vec<f64>,
    /// Shapes used, spread over the run's list
    #[arg(long, default_value_t = 12)]
    pub shapes: usize,
    /// What the renderings show; default: what the run's reference encoder was trained on, normals without a run
    #[arg(long, value_enum)]
    pub modality: Option<Modality>,
}

impl ReferenceArgs {
    /// The shapes that are used.
    ///
    /// # Errors
    /// When none is asked for.
    pub fn select<'a>(&self, all: &'a [Shape]) -> Result<Vec<&'a Shape>> {
        ensure!(self.shapes > 0, "--shapes must be positive");
        let count = self.shapes.min(all.len());
        Ok((0..count).map(|i| &all[i * all.len() / count]).collect())
    }

    /// The poses of every shape; none for TrainDB.
    ///
    /// # Errors
    /// Where a step or range makes no sense, naming the flag.
    pub fn grid(&self) -> Result<Option<PoseGrid>> {
        let of_step = |azimuth_step_deg: f64| {
            let elevations = range("--elevation-range-deg", &self.elevation_range_deg)?;
            let in_planes = range("--in-plane-range-deg", &self.in_plane_range_deg)?;
            PoseGrid::new(azimuth_step_deg, elevations, in_planes)
        };
        Ok(match self.set {
            SetKind::Grid => {
                let grid = PoseGrid::new(self.azimuth_step_deg, self.elevations_deg.clone(), vec![0.0]);
                Some(grid.context("--azimuth-step-deg, --elevations-deg")?)
            }
            SetKind::Coarse => Some(of_step(STEP_DEG)?),
            SetKind::Fine => Some(of_step(FINE_STEP_DEG)?),
            SetKind::Train => None,
        })
    }

    /// The set of `shapes`; `samples` are asked for only where it follows them.
    ///
    /// # Errors
    /// As [`ReferenceArgs::grid`], or when the samples cannot be loaded.
    pub fn reference_set(
        &self,
        shapes: &[&Shape],
        samples: impl FnOnce() -> Result<Vec<Sample>>,
    ) -> Result<ReferenceSet> {
        Ok(match self.grid()? {
            Some(grid) => ReferenceSet::Grid { grid, shape_count: shapes.len() },
            None => ReferenceSet::of_samples(&samples()?, shapes),
        })
    }
}

fn range(flag: &str, values: &[f64]) -> Result<Vec<f64>> {
    let &[low, high] = values else { bail!("{flag}: two numbers, not {}", values.len()) };
    angles_deg([low, high], STEP_DEG).with_context(|| flag.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        references: ReferenceArgs,
    }

    fn parse(line: &[&str]) -> ReferenceArgs {
        Line::try_parse_from([&["x"], line].concat()).expect("parses").references
    }

    #[test]
    fn the_default_is_our_grid() {
        let grid = parse(&[]).grid().expect("a grid").expect("poses");
        assert_eq!(grid.len(), 90 * 4);
    }

    #[test]
    fn ranges_limit_the_papers_sets() {
        let coarse = parse(&["--set", "coarse"]).grid().expect("a grid").expect("poses");
        assert_eq!(coarse.len(), 17_784);
        let flags = ["--set", "fine", "--elevation-range-deg", "-10,30", "--in-plane-range-deg", "0,0"];
        assert_eq!(parse(&flags).grid().expect("a grid").expect("poses").len(), 360 * 9);
        let error = parse(&["--set", "coarse", "--elevation-range-deg", "5"]).grid().expect_err("one number");
        assert!(format!("{error:#}").contains("--elevation-range-deg"));
    }
}
