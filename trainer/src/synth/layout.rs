//! The cross section of a street and its crossings, as numbers.
//!
//! World axes: x along the street, y to the left, z up, metres; the road surface is z = 0. Traffic keeps to the right (y < 0 drives
//! towards +x).

use std::f32::consts::FRAC_PI_2;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Height of the pavement over the road.
pub(super) const KERB_M: f32 = 0.12;

/// What lines the street.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    /// Rows of houses at the pavement.
    Town,
    /// Gardens, hedges, detached houses.
    Suburb,
    /// Trees and grass.
    Avenue,
    /// A wide open yard without lanes.
    Yard,
}

/// Numbers that describe the cross section and the crossings.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) theme: Theme,
    pub(super) lane_m: f32,
    pub(super) lanes_each_way: u32,
    /// Width of the parking lane on the left and on the right; 0 = none.
    pub(super) parking_m: [f32; 2],
    /// How vehicles stand in it: 0 in line with the street, otherwise side by side, their noses turned this far to the kerb.
    pub(super) parking_rad: [f32; 2],
    /// Kerbs are at `+half_left` and `-half_right`.
    pub(super) half_m: [f32; 2],
    pub(super) pavement_m: f32,
    /// Centres of crossing streets along x, and their half width.
    pub(super) crossings_x: Vec<f32>,
    pub(super) crossing_half_m: f32,
    pub(super) from_x: f32,
    pub(super) to_x: f32,
    /// Freshness of the paint on the road, tone of the asphalt, and a seed for its patches.
    pub(super) paint: f32,
    pub(super) asphalt: f32,
    pub(super) seed: u32,
    pub(super) zebra: bool,
}

impl Layout {
    pub(super) fn draw(theme: Theme, from_x: f32, to_x: f32, crossings_x: Vec<f32>, rng: &mut ChaCha8Rng) -> Self {
        let lane_m = rng.random_range(3.0..3.6);
        let lanes_each_way = if theme == Theme::Avenue && rng.random_bool(0.5) { 2 } else { 1 };
        let mut parking_m = [0.0; 2];
        let mut parking_rad = [0.0; 2];
        for (width_m, angle_rad) in parking_m.iter_mut().zip(&mut parking_rad) {
            match rng.random::<f32>() {
                _ if theme == Theme::Yard => {}
                share if share < 0.15 => {}
                share if share < 0.40 => {
                    *width_m = rng.random_range(4.9..5.4);
                    *angle_rad = [FRAC_PI_2, 1.05, 0.8][rng.random_range(0..3usize)];
                }
                _ => *width_m = rng.random_range(2.0..2.4),
            }
        }
        let half_m = match theme {
            Theme::Yard => [rng.random_range(14.0..26.0), rng.random_range(14.0..26.0)],
            _ => parking_m.map(|parking: f32| lanes_each_way as f32 * lane_m + parking.max(0.35)),
        };
        Self {
            theme,
            lane_m,
            lanes_each_way,
            parking_m,
            parking_rad,
            half_m,
            pavement_m: rng.random_range(1.8..3.4),
            crossings_x,
            crossing_half_m: rng.random_range(3.6..5.0),
            from_x,
            to_x,
            paint: rng.random_range(0.45..1.0),
            asphalt: rng.random_range(0.085..0.17),
            seed: rng.random(),
            zebra: rng.random_bool(0.4),
        }
    }

    /// Kerb line of a side (+1 left, -1 right), as y.
    pub(super) fn kerb_y(&self, side: f32) -> f32 {
        if side > 0.0 { self.half_m[0] } else { -self.half_m[1] }
    }

    /// Whether `x`, give or take `margin_m`, lies in the mouth of a crossing street.
    pub(super) fn in_crossing(&self, x: f32, margin_m: f32) -> bool {
        self.crossings_x.iter().any(|center| (x - center).abs() < self.crossing_half_m + margin_m)
    }

    /// Centre line y of lane `index` (0 innermost) in a driving direction (+1 towards +x).
    pub(super) fn lane_y(&self, index: u32, heading: f32) -> f32 {
        -heading * (index as f32 + 0.5) * self.lane_m
    }

    /// Stretches of x between the crossings.
    pub(super) fn blocks(&self) -> Vec<[f32; 2]> {
        let mut from = self.from_x;
        let mut out = Vec::new();
        for center in &self.crossings_x {
            out.push([from, center - self.crossing_half_m]);
            from = center + self.crossing_half_m;
        }
        out.push([from, self.to_x]);
        out
    }
}
