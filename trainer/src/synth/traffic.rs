//! Where vehicles are: parked at the kerb, in the lanes, crossing, turning, or strewn over a yard.

use std::f32::consts::{FRAC_PI_2, PI, TAU};
use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::layout::{KERB_M, Layout};
use crate::vehicles::{Kind, Vehicle, vehicle, vehicle_of_kind};

/// A vehicle somewhere on the street.
#[derive(Clone, Debug)]
pub struct PlacedVehicle {
    /// Identity over the frames of a drive.
    pub track_id: i64,
    /// Shape and materials.
    pub vehicle: Arc<Vehicle>,
    /// Centre of its footprint in world axes, metres: x along the street, y to the left.
    pub position_m: [f32; 2],
    /// Heading, counter-clockwise seen from above; 0 = along +x.
    pub yaw_rad: f32,
    /// 0 clean, 1 dusty.
    pub dirt: f32,
}

impl PlacedVehicle {
    fn new(track_id: i64, vehicle: Vehicle, position_m: [f32; 2], yaw_rad: f32, rng: &mut ChaCha8Rng) -> Self {
        let dirt = rng.random::<f32>().powi(2);
        Self { track_id, vehicle: Arc::new(vehicle), position_m, yaw_rad, dirt }
    }

    /// Half length and half width, metres.
    pub(super) fn half_m(&self) -> [f32; 2] {
        [0.5 * self.vehicle.length_m as f32, 0.5 * self.vehicle.width_m as f32]
    }

    /// A point of the ground in the vehicle's axes.
    pub(super) fn local(&self, x: f32, y: f32) -> [f32; 2] {
        let (sin, cos) = self.yaw_rad.sin_cos();
        let (dx, dy) = (x - self.position_m[0], y - self.position_m[1]);
        [cos * dx + sin * dy, -sin * dx + cos * dy]
    }

    /// Whether two footprints, grown by `gap_m` each, overlap: separating axes of two rectangles.
    fn overlaps(&self, other: &Self, gap_m: f32) -> bool {
        let separated = |a: &Self, b: &Self| {
            let center = a.local(b.position_m[0], b.position_m[1]);
            let (sin, cos) = (b.yaw_rad - a.yaw_rad).sin_cos();
            let ([la, wa], [lb, wb]) = (a.half_m(), b.half_m());
            let reach = [cos.abs() * lb + sin.abs() * wb, sin.abs() * lb + cos.abs() * wb];
            center[0].abs() > la + reach[0] + gap_m || center[1].abs() > wa + reach[1] + gap_m
        };
        !separated(self, other) && !separated(other, self)
    }
}

/// Vehicles of one still frame; the camera stands at the origin's x in `ego_y`.
pub(super) struct Crowd<'a> {
    layout: &'a Layout,
    ego_y: f32,
    pub(super) vehicles: Vec<PlacedVehicle>,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(layout: &'a Layout, ego_y: f32) -> Self {
        Self { layout, ego_y, vehicles: Vec::new() }
    }

    /// Places a vehicle unless it would stand in another one or on the camera.
    pub(super) fn place(&mut self, position_m: [f32; 2], yaw_rad: f32, gap_m: f32, rng: &mut ChaCha8Rng) -> bool {
        let candidate = PlacedVehicle::new(self.vehicles.len() as i64, vehicle(rng.random()), position_m, yaw_rad, rng);
        let [along, aside] = candidate.local(0.0, self.ego_y);
        let [length, width] = candidate.half_m();
        let on_camera = along.abs() < length + 2.4 && aside.abs() < width + 1.3;
        if on_camera || self.vehicles.iter().any(|other| candidate.overlaps(other, gap_m)) {
            return false;
        }
        self.vehicles.push(candidate);
        true
    }

    /// Vehicles at every angle all over the yard, nearer ones more often.
    pub(super) fn strew(&mut self, count: usize, rng: &mut ChaCha8Rng) {
        for _ in 0..count * 4 {
            if self.vehicles.len() >= count {
                break;
            }
            let range = 5.0 + 40.0 * rng.random::<f32>().powf(1.5);
            let bearing = rng.random_range(-0.68..0.68f32);
            let (x, y) = (range * bearing.cos(), self.ego_y + range * bearing.sin());
            if y < self.layout.half_m[0] - 3.0 && y > 3.0 - self.layout.half_m[1] {
                self.place([x, y], rng.random::<f32>() * TAU, 0.6, rng);
            }
        }
    }

    /// Rows of parked vehicles at both kerbs, in line or side by side as the street wants it; `fill` is the share of bays taken.
    pub(super) fn park(&mut self, to_x: f32, fill: [f32; 2], rng: &mut ChaCha8Rng) {
        for (index, side) in [1.0f32, -1.0].into_iter().enumerate() {
            let (lane, angle) = (self.layout.parking_m[index], self.layout.parking_rad[index]);
            let share = if lane > 0.0 { rng.random_range(fill[0]..fill[1]) } else { 0.0 };
            let pitch = if angle > 0.0 { [2.7 / angle.sin(), 3.0 / angle.sin()] } else { [5.2, 7.5] };
            let mut x = self.layout.from_x + rng.random_range(0.0..6.0);
            while x < to_x {
                if rng.random_bool(share.into()) && !self.layout.in_crossing(x, 4.5) {
                    let forward = side < 0.0 || rng.random_bool(0.35);
                    let along = if forward { 0.0 } else { PI };
                    // Nose to the kerb as one drives in, or backed in.
                    let turned =
                        if side > 0.0 { PI - angle } else { -angle } + if rng.random_bool(0.25) { PI } else { 0.0 };
                    let yaw = if angle > 0.0 { turned } else { along } + rng.random_range(-0.035..0.035);
                    let y = self.layout.kerb_y(side) - side * (0.5 * lane + rng.random_range(-0.12..0.12));
                    self.place([x, y], yaw, 0.15, rng);
                }
                x += rng.random_range(pitch[0]..pitch[1]);
            }
        }
    }

    /// Driving vehicles in both directions.
    pub(super) fn drive(&mut self, to_x: f32, rng: &mut ChaCha8Rng) {
        for heading in [1.0f32, -1.0] {
            for lane in 0..self.layout.lanes_each_way {
                let mut x = rng.random_range(6.0..32.0);
                while x < to_x {
                    let yaw = if heading > 0.0 { 0.0 } else { PI } + rng.random_range(-0.05..0.05);
                    let y = self.layout.lane_y(lane, heading) + rng.random_range(-0.3..0.3);
                    self.place([x, y], yaw, 0.8, rng);
                    x += rng.random_range(9.0..40.0);
                }
            }
        }
    }

    /// Vehicles in the crossing streets: passing, waiting, turning.
    pub(super) fn cross(&mut self, rng: &mut ChaCha8Rng) {
        for center in self.layout.crossings_x.clone() {
            for _ in 0..rng.random_range(2..6) {
                let up = if rng.random_bool(0.5) { 1.0f32 } else { -1.0 };
                let x = center + up * 0.25 * self.layout.crossing_half_m * 2.0 * 0.9;
                let y = rng.random_range(-22.0..22.0);
                let turning = f32::abs(y) < 8.0 && rng.random_bool(0.5);
                let yaw =
                    up * FRAC_PI_2 + if turning { rng.random_range(-1.2..1.2) } else { rng.random_range(-0.06..0.06) };
                self.place([x, y], yaw, 0.7, rng);
            }
        }
    }
}

/// How one vehicle of a drive moves.
#[derive(Clone, Debug)]
enum Motion {
    Parked,
    /// Along +x or -x at a speed.
    Lane {
        speed_m_s: f32,
    },
    /// Along y through a crossing.
    Crossing {
        speed_m_s: f32,
    },
    /// Along its lane to `turn_x`, then round an arc of `radius_m` to the side `turn` (+1 left, -1 right), then on.
    Turn {
        speed_m_s: f32,
        turn_x: f32,
        radius_m: f32,
        turn: f32,
    },
}

/// The vehicles of a continuous drive.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    vehicles: Vec<(PlacedVehicle, Motion)>,
}

impl Traffic {
    /// Everything that the camera meets within `duration_s` when it drives from x = 0 at `ego_speed_m_s` in the right lane.
    pub(super) fn draw(layout: &Layout, ego_speed_m_s: f32, duration_s: f32, rng: &mut ChaCha8Rng) -> Self {
        let ego_y = layout.lane_y(0, 1.0);
        let end_x = ego_speed_m_s * duration_s;
        let mut parked = Crowd::new(layout, ego_y);
        parked.park(end_x + 42.0, [0.35, 0.7], rng);
        let mut vehicles: Vec<_> = parked.vehicles.into_iter().map(|v| (v, Motion::Parked)).collect();
        let mut add = |vehicle: Vehicle, position: [f32; 2], yaw: f32, motion: Motion, rng: &mut ChaCha8Rng| {
            let id = vehicles.len() as i64;
            vehicles.push((PlacedVehicle::new(id, vehicle, position, yaw, rng), motion));
        };
        // One vehicle ahead in our lane, a little slower at first sight than we are.
        let ahead = vehicle_of_kind(if rng.random_bool(0.5) { Kind::Estate } else { Kind::Hatchback }, rng.random());
        add(ahead, [15.0, ego_y], 0.0, Motion::Lane { speed_m_s: ego_speed_m_s * 0.97 }, rng);
        let crossings = &layout.crossings_x;
        let mut x = 26.0;
        while x < end_x + 110.0 {
            let speed_m_s = rng.random_range(6.5..8.5);
            add(
                vehicle(rng.random()),
                [x, layout.lane_y(0, -1.0) + rng.random_range(-0.2..0.2)],
                PI,
                Motion::Lane { speed_m_s: -speed_m_s },
                rng,
            );
            x += rng.random_range(17.0..30.0);
        }
        for (index, center) in crossings.iter().enumerate() {
            // Those that pass when we are 15 to 35 m away from the crossing.
            let reach_s = (center - 25.0).max(0.0) / ego_speed_m_s;
            for k in 0..4 {
                // The first crossing keeps its other lane for the vehicle that waits.
                let up = if k % 2 == 0 || index == 0 { -1.0f32 } else { 1.0 };
                let speed_m_s = up * rng.random_range(6.0..8.0);
                let pass_s = reach_s + (k as f32 - 1.6) * rng.random_range(1.0..1.5);
                let lane_x = center + up * 0.45 * layout.crossing_half_m;
                add(
                    vehicle(rng.random()),
                    [lane_x, -speed_m_s * pass_s],
                    up * FRAC_PI_2,
                    Motion::Crossing { speed_m_s },
                    rng,
                );
            }
        }
        if let Some(center) = crossings.first() {
            // One vehicle comes towards us and turns off to its right, one waits in the side street.
            let lane_y = layout.lane_y(0, -1.0);
            let exit_x = center + 0.45 * layout.crossing_half_m;
            let radius_m = 5.5;
            let motion = Motion::Turn { speed_m_s: 4.5, turn_x: exit_x + radius_m, radius_m, turn: -1.0 };
            let start_s = (center - 32.0).max(6.0) / ego_speed_m_s;
            add(vehicle(rng.random()), [exit_x + radius_m + 4.5 * start_s, lane_y], PI, motion, rng);
            let wait_y = layout.kerb_y(-1.0) - 4.2;
            add(
                vehicle(rng.random()),
                [center + 0.45 * layout.crossing_half_m, wait_y],
                FRAC_PI_2,
                Motion::Parked,
                rng,
            );
        }
        Self { vehicles: separate(vehicles, duration_s) }
    }

    /// Where everything is at `time_s`.
    pub(super) fn at(&self, time_s: f32) -> Vec<PlacedVehicle> {
        self.vehicles.iter().map(|(vehicle, motion)| moved(vehicle, motion, time_s)).collect()
    }
}

/// Leaves out whatever would drive through something that was there before it.
fn separate(vehicles: Vec<(PlacedVehicle, Motion)>, duration_s: f32) -> Vec<(PlacedVehicle, Motion)> {
    let steps = (duration_s * 4.0).ceil() as usize;
    let times: Vec<f32> = (0..=steps).map(|k| k as f32 * 0.25).collect();
    let mut kept: Vec<(PlacedVehicle, Motion, Vec<PlacedVehicle>)> = Vec::new();
    for (vehicle, motion) in vehicles {
        let path: Vec<_> = times.iter().map(|t| moved(&vehicle, &motion, *t)).collect();
        let collides = kept.iter().any(|(_, _, other)| other.iter().zip(&path).any(|(a, b)| a.overlaps(b, 0.15)));
        if !collides {
            kept.push((vehicle, motion, path));
        }
    }
    kept.into_iter().map(|(vehicle, motion, _)| (vehicle, motion)).collect()
}

fn moved(start: &PlacedVehicle, motion: &Motion, time_s: f32) -> PlacedVehicle {
    let mut now = start.clone();
    match motion {
        Motion::Parked => {}
        Motion::Lane { speed_m_s } => now.position_m[0] += speed_m_s * time_s,
        Motion::Crossing { speed_m_s } => now.position_m[1] += speed_m_s * time_s,
        Motion::Turn { speed_m_s, turn_x, radius_m, turn } => {
            let heading = start.yaw_rad.cos().signum();
            let straight = (heading * (turn_x - start.position_m[0])).max(0.0);
            let path = speed_m_s * time_s;
            if path <= straight {
                now.position_m[0] += heading * path;
            } else {
                let angle = ((path - straight) / radius_m).min(FRAC_PI_2);
                let beyond = (path - straight - radius_m * FRAC_PI_2).max(0.0);
                let aside = heading * turn;
                now.position_m[0] = turn_x + heading * radius_m * angle.sin();
                now.position_m[1] += aside * (radius_m * (1.0 - angle.cos()) + beyond);
                now.yaw_rad += turn * angle;
            }
        }
    }
    now
}

/// Height of the ground under a position: pavements are raised.
pub(super) fn ground_z_m(layout: &Layout, position_m: [f32; 2]) -> f32 {
    let [x, y] = position_m;
    let beside = y > layout.half_m[0] || y < -layout.half_m[1];
    if beside && !layout.in_crossing(x, 0.0) { KERB_M } else { 0.0 }
}
