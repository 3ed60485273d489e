//! Discretisations of the viewing sphere (Kouros et al., BMVC 2022, Table 13).

use anyhow::{Result, ensure};
use calibration::Viewpoint;

/// Most poses of a grid, ten times the paper's FineDB.
const POSES_MAX: usize = 1_000_000;

/// Every combination of some azimuths, elevations and in-plane angles.
#[derive(Clone, Debug, PartialEq)]
pub struct PoseGrid {
    azimuth_count: usize,
    elevations_deg: Vec<f64>,
    in_planes_deg: Vec<f64>,
}

impl PoseGrid {
    /// Azimuths all around, at least as close as `azimuth_step_deg`: the circle is divided evenly, so the true step may be a
    /// little smaller.
    ///
    /// # Errors
    /// When the step is not positive, an angle is not finite, a list is empty, or the grid has more than a million poses.
    pub fn new(azimuth_step_deg: f64, elevations_deg: Vec<f64>, in_planes_deg: Vec<f64>) -> Result<Self> {
        ensure!(azimuth_step_deg > 0.0, "the azimuth step must be positive, not {azimuth_step_deg} degrees");
        for (name, angles) in [("elevation", &elevations_deg), ("in-plane angle", &in_planes_deg)] {
            ensure!(!angles.is_empty(), "a pose grid needs at least one {name}");
            ensure!(angles.iter().all(|a| a.is_finite()), "an {name} is not a finite number");
        }
        let azimuth_count = (360.0 / azimuth_step_deg).ceil().max(1.0);
        let count = azimuth_count * elevations_deg.len() as f64 * in_planes_deg.len() as f64;
        ensure!(count <= POSES_MAX as f64, "{count} poses are more than {POSES_MAX}: take larger steps");
        Ok(Self { azimuth_count: azimuth_count as usize, elevations_deg, in_planes_deg })
    }

    /// Number of poses.
    pub fn len(&self) -> usize {
        self.azimuth_count * self.elevations_deg.len() * self.in_planes_deg.len()
    }

    /// Never: a grid has at least one pose.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Azimuths in degrees.
    pub fn azimuths_deg(&self) -> Vec<f64> {
        (0..self.azimuth_count).map(|i| i as f64 * 360.0 / self.azimuth_count as f64).collect()
    }

    /// Elevations in degrees.
    pub fn elevations_deg(&self) -> &[f64] {
        &self.elevations_deg
    }

    /// In-plane angles in degrees.
    pub fn in_planes_deg(&self) -> &[f64] {
        &self.in_planes_deg
    }

    /// Pose `index`; in-plane angles change fastest, azimuths slowest. Past the end the azimuths start anew.
    pub fn viewpoint(&self, index: usize) -> Viewpoint {
        let (in_planes, elevations) = (self.in_planes_deg.len(), self.elevations_deg.len());
        let azimuth = index / (in_planes * elevations) % self.azimuth_count;
        Viewpoint::from_degrees(
            azimuth as f64 * 360.0 / self.azimuth_count as f64,
            self.elevations_deg[index / in_planes % elevations],
            self.in_planes_deg[index % in_planes],
        )
    }

    /// All poses.
    pub fn viewpoints(&self) -> impl Iterator<Item = Viewpoint> + '_ {
        (0..self.len()).map(|index| self.viewpoint(index))
    }
}

/// Angles from `low_deg` to `high_deg`, both included where the step divides the range.
///
/// # Errors
/// When the range is reversed or not finite, or the step is not positive.
pub fn angles_deg([low_deg, high_deg]: [f64; 2], step_deg: f64) -> Result<Vec<f64>> {
    ensure!(step_deg > 0.0, "the step must be positive, not {step_deg} degrees");
    let span_deg = high_deg - low_deg;
    ensure!((0.0..=360.0).contains(&span_deg), "{low_deg} to {high_deg} degrees is no range of angles");
    let count = (span_deg / step_deg + 1e-9).floor() + 1.0;
    ensure!(count <= POSES_MAX as f64, "a step of {step_deg} degrees is too small");
    Ok((0..count as usize).map(|i| low_deg + i as f64 * step_deg).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paper's ranges.
    const ELEVATION_DEG: [f64; 2] = [-30.0, 60.0];
    const IN_PLANE_DEG: [f64; 2] = [-30.0, 30.0];

    #[test]
    fn a_grid_divides_the_circle_evenly() {
        let grid = PoseGrid::new(7.0, vec![0.0, 5.0], vec![0.0]).expect("a grid");
        let viewpoints: Vec<_> = grid.viewpoints().collect();
        assert_eq!(viewpoints.len(), 52 * 2);
        let step = viewpoints[2].azimuth_rad - viewpoints[0].azimuth_rad;
        assert!((step - std::f64::consts::TAU / 52.0).abs() < 1e-12);
    }

    #[test]
    fn ten_shapes_give_the_papers_numbers_of_renderings() {
        let grid = |azimuth_step_deg| {
            let (elevations, in_planes) = (angles_deg(ELEVATION_DEG, 5.0), angles_deg(IN_PLANE_DEG, 5.0));
            PoseGrid::new(azimuth_step_deg, elevations.expect("angles"), in_planes.expect("angles")).expect("a grid")
        };
        // 178k and 889k (Table 13).
        assert_eq!(10 * grid(5.0).len(), 177_840);
        assert_eq!(10 * grid(1.0).len(), 889_200);
    }

    #[test]
    fn every_combination_occurs_once() {
        let grid = PoseGrid::new(90.0, vec![-5.0, 0.0, 5.0], vec![-2.0, 2.0]).expect("a grid");
        let mut seen: Vec<_> = grid.viewpoints().map(|v| v.to_degrees().map(|a| a.round() as i64)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 4 * 3 * 2);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(PoseGrid::new(0.0, vec![0.0], vec![0.0]).is_err());
        assert!(PoseGrid::new(f64::NAN, vec![0.0], vec![0.0]).is_err());
        assert!(PoseGrid::new(1e-6, vec![0.0], vec![0.0]).is_err());
        assert!(PoseGrid::new(5.0, vec![], vec![0.0]).is_err());
        assert!(PoseGrid::new(5.0, vec![f64::NAN], vec![0.0]).is_err());
        assert!(angles_deg([5.0, -5.0], 1.0).is_err());
        assert!(angles_deg([0.0, 5.0], 0.0).is_err());
        assert_eq!(angles_deg([0.0, 0.0], 5.0).expect("angles"), [0.0]);
    }
}
