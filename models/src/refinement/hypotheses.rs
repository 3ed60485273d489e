//! Where a refinement starts: the retrieved rotation, its flip, other modes, and for doubtful objects the best of a grid.

use calibration::{Rotation, Viewpoint};

/// Azimuths, elevations and in-plane angles of NeMo's grid (its public code): 12 x 4 x 3 starts.
const AZIMUTH_COUNT: usize = 12;
const ELEVATIONS_DEG: [f64; 4] = [-30.0, 0.0, 30.0, 60.0];
const IN_PLANES_DEG: [f64; 3] = [-30.0, 0.0, 30.0];

/// Number of [`grid`]'s rotations.
pub const GRID_COUNT: usize = AZIMUTH_COUNT * ELEVATIONS_DEG.len() * IN_PLANES_DEG.len();

/// The 144 starts of NeMo, as `camera_from_object`.
pub fn grid() -> impl Iterator<Item = Rotation> {
    let azimuths = (0..AZIMUTH_COUNT).map(|i| 360.0 * i as f64 / AZIMUTH_COUNT as f64);
    azimuths.flat_map(|azimuth| {
        ELEVATIONS_DEG.iter().flat_map(move |&elevation| {
            IN_PLANES_DEG
                .iter()
                .map(move |&in_plane| Viewpoint::from_degrees(azimuth, elevation, in_plane).to_rotation())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use calibration::so3::geodesic_angle;

    #[test]
    fn the_grid_is_the_published_one() {
        let all: Vec<Rotation> = grid().collect();
        assert_eq!(all.len(), GRID_COUNT);
        let seven = Viewpoint::from_rotation(&all[7]).to_degrees();
        assert!((seven[0] - 0.0).abs() < 1e-9 && (seven[1] - 30.0).abs() < 1e-9 && seven[2].abs() < 1e-9, "{seven:?}");
        let nearest = (1..all.len()).map(|i| geodesic_angle(&all[0], &all[i])).fold(f64::MAX, f64::min);
        assert!(nearest > 0.25, "no two are the same: {nearest}");
    }
}
