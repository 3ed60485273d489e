//! Dimensions and proportions of a vehicle, drawn from the ranges of real ones.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Kind;
use super::profile::Profile;

/// Everything the builders need to know about one vehicle; metres, origin on the ground under the middle of the length.
#[derive(Clone, Debug)]
pub(super) struct Proportions {
    pub(super) kind: Kind,
    pub(super) length: f32,
    pub(super) width: f32,
    pub(super) height: f32,
    /// Height of the sill over the ground.
    pub(super) sill: f32,
    /// Length and superellipse exponent of the rounded front end in plan view.
    pub(super) nose: [f32; 2],
    /// The same for the rear end.
    pub(super) tail: [f32; 2],
    /// How much narrower the body is at its front and rear, as a share of the width.
    pub(super) taper: [f32; 2],
    /// How far the upper front and rear lean inwards.
    pub(super) lean: [f32; 2],
    /// Relative narrowing of the cabin per metre of height.
    pub(super) tumblehome: f32,
    pub(super) cowl_x: f32,
    pub(super) screen_top_x: f32,
    pub(super) roof_rear_x: f32,
    pub(super) glass_base_x: f32,
    pub(super) nose_z: f32,
    pub(super) deck_z: f32,
    /// Centre line of bonnet, windscreen, roof, rear window and boot.
    pub(super) top: Profile,
    /// Line where the side turns into bonnet, cabin or boot.
    pub(super) shoulder: Profile,
    pub(super) front_axle_x: f32,
    pub(super) rear_axle_x: f32,
    pub(super) wheel_radius: f32,
    pub(super) tyre_width: f32,
    pub(super) arch_radius: f32,
    /// Front edge of the front door, then the rear edges of each door.
    pub(super) door_edges: Vec<f32>,
    /// Unpainted lower body.
    pub(super) clad: bool,
    /// Van without rear side windows.
    pub(super) panelled: bool,
    /// Share of a design's freedom used by the lamps, 0..1, and other style numbers.
    pub(super) style: [f32; 8],
}

/// Ranges of one body style.
struct Ranges {
    length: [f32; 2],
    width: [f32; 2],
    height: [f32; 2],
    sill: [f32; 2],
    nose_z: [f32; 2],
    /// Bonnet length as a share of the length.
    bonnet: [f32; 2],
    /// Horizontal run of the windscreen.
    screen_run: [f32; 2],
    /// Distance of the rear end of the roof, and of the rear window's foot, from the tail.
    roof_rear: [f32; 2],
    glass_base: [f32; 2],
    deck_z: [f32; 2],
    tumblehome: [f32; 2],
    wheel_radius: [f32; 2],
}

/// Ranges of a saloon car; the other styles differ in some.
const CAR: Ranges = Ranges {
    length: [4.3, 5.0],
    width: [1.72, 1.90],
    height: [1.40, 1.50],
    sill: [0.19, 0.25],
    nose_z: [0.66, 0.74],
    bonnet: [0.25, 0.29],
    screen_run: [0.66, 0.86],
    roof_rear: [1.10, 1.40],
    glass_base: [0.42, 0.66],
    deck_z: [0.95, 1.06],
    tumblehome: [0.34, 0.44],
    wheel_radius: [0.305, 0.335],
};

fn ranges(kind: Kind) -> Ranges {
    match kind {
        Kind::Sedan => CAR,
        Kind::Hatchback => Ranges {
            length: [3.55, 4.40],
            width: [1.62, 1.82],
            height: [1.41, 1.56],
            nose_z: [0.68, 0.78],
            bonnet: [0.205, 0.25],
            screen_run: [0.62, 0.82],
            roof_rear: [0.40, 0.75],
            glass_base: [0.08, 0.20],
            deck_z: [0.90, 1.02],
            tumblehome: [0.28, 0.40],
            wheel_radius: [0.285, 0.325],
            ..CAR
        },
        Kind::Estate => Ranges {
            length: [4.40, 4.95],
            height: [1.43, 1.53],
            roof_rear: [0.28, 0.55],
            glass_base: [0.06, 0.14],
            deck_z: [0.92, 1.02],
            tumblehome: [0.30, 0.38],
            ..CAR
        },
        Kind::Suv => Ranges {
            length: [4.15, 4.90],
            width: [1.78, 1.98],
            height: [1.60, 1.82],
            sill: [0.27, 0.36],
            nose_z: [0.82, 0.98],
            bonnet: [0.22, 0.26],
            screen_run: [0.52, 0.74],
            roof_rear: [0.30, 0.60],
            glass_base: [0.07, 0.15],
            deck_z: [1.03, 1.16],
            tumblehome: [0.20, 0.32],
            wheel_radius: [0.34, 0.385],
        },
        Kind::Van => Ranges {
            length: [4.30, 5.60],
            width: [1.80, 2.02],
            height: [1.80, 2.45],
            sill: [0.22, 0.30],
            nose_z: [0.82, 1.00],
            bonnet: [0.13, 0.19],
            screen_run: [0.50, 0.80],
            roof_rear: [0.12, 0.22],
            glass_base: [0.05, 0.09],
            deck_z: [1.05, 1.20],
            tumblehome: [0.10, 0.18],
            wheel_radius: [0.31, 0.345],
        },
        Kind::Pickup => Ranges {
            length: [5.05, 5.55],
            width: [1.82, 1.98],
            height: [1.74, 1.88],
            sill: [0.32, 0.42],
            nose_z: [0.92, 1.05],
            bonnet: [0.22, 0.25],
            screen_run: [0.55, 0.70],
            roof_rear: [1.82, 2.05],
            glass_base: [1.66, 1.78],
            deck_z: [1.06, 1.18],
            tumblehome: [0.22, 0.30],
            wheel_radius: [0.36, 0.395],
        },
    }
}

/// Body style with roughly the frequencies of a European street.
pub(super) fn draw_kind(rng: &mut ChaCha8Rng) -> Kind {
    match rng.random::<f32>() {
        x if x < 0.24 => Kind::Sedan,
        x if x < 0.54 => Kind::Hatchback,
        x if x < 0.70 => Kind::Estate,
        x if x < 0.86 => Kind::Suv,
        x if x < 0.97 => Kind::Van,
        _ => Kind::Pickup,
    }
}

fn draw(rng: &mut ChaCha8Rng, [low, high]: [f32; 2]) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

impl Proportions {
    /// Draws the proportions of a vehicle of the given style.
    pub(super) fn draw(kind: Kind, rng: &mut ChaCha8Rng) -> Self {
        let r = ranges(kind);
        let (length, mut height) = (draw(rng, r.length), draw(rng, r.height));
        if kind == Kind::Van && length < 4.7 {
            height = height.min(1.95);
        }
        // Long vehicles tend to be wide.
        let long = (length - r.length[0]) / (r.length[1] - r.length[0]);
        let width = r.width[0] + (r.width[1] - r.width[0]) * (0.6 * long + 0.4 * rng.random::<f32>());
        let half = length * 0.5;
        let (sill, nose_z, deck_z) = (draw(rng, r.sill), draw(rng, r.nose_z), draw(rng, r.deck_z));
        let wheel_radius = draw(rng, r.wheel_radius);
        let front_axle_x = half - draw(rng, if kind == Kind::Van { [0.80, 0.98] } else { [0.76, 0.92] });
        let rear_axle_x = front_axle_x - length * draw(rng, [0.575, 0.625]);
        let cowl_x = half - length * draw(rng, r.bonnet);
        let screen_top_x = cowl_x - draw(rng, r.screen_run);
        let roof_rear_x = -half + draw(rng, r.roof_rear);
        let glass_base_x = (-half + draw(rng, r.glass_base)).min(roof_rear_x - 0.05);
        let mut it = Self {
            kind,
            length,
            width,
            height,
            sill,
            nose: [draw(rng, [0.40, 0.75]), draw(rng, [2.5, 3.6])],
            tail: [draw(rng, [0.28, 0.50]), draw(rng, [3.0, 4.6])],
            taper: [draw(rng, [0.03, 0.08]), draw(rng, [0.02, 0.07])],
            lean: [draw(rng, [0.03, 0.16]), draw(rng, [0.02, 0.10])],
            tumblehome: draw(rng, r.tumblehome),
            cowl_x,
            screen_top_x,
            roof_rear_x,
            glass_base_x,
            nose_z,
            deck_z,
            top: Profile::new(Vec::new(), 0.1),
            shoulder: Profile::new(Vec::new(), 0.1),
            front_axle_x,
            rear_axle_x,
            wheel_radius,
            tyre_width: draw(rng, [0.19, 0.235]),
            arch_radius: wheel_radius + draw(rng, [0.045, 0.075]),
            door_edges: Vec::new(),
            clad: match kind {
                Kind::Suv => rng.random_bool(0.6),
                Kind::Pickup | Kind::Van => rng.random_bool(0.35),
                _ => rng.random_bool(0.08),
            },
            panelled: kind == Kind::Van && rng.random_bool(0.6),
            style: std::array::from_fn(|_| rng.random()),
        };
        it.draw_lines(rng);
        it
    }

    /// The curves over the length: top, shoulder, doors.
    fn draw_lines(&mut self, rng: &mut ChaCha8Rng) {
        let half = self.length * 0.5;
        let (cowl_rise, belt_rise) = (draw(rng, [0.16, 0.26]), draw(rng, [0.0, 0.09]));
        let cowl_z = match self.kind {
            Kind::Van => self.nose_z + draw(rng, [0.20, 0.34]),
            _ => self.nose_z + cowl_rise,
        };
        let bonnet_bulge = draw(rng, [0.0, 0.035]);
        let roof_drop = match self.kind {
            Kind::Van | Kind::Pickup => draw(rng, [0.0, 0.04]),
            Kind::Sedan => draw(rng, [0.05, 0.09]),
            _ => draw(rng, [0.03, 0.11]),
        };
        let crest_x = self.screen_top_x - draw(rng, [0.35, 0.65]);
        let bonnet_x = 0.5 * (half + self.cowl_x);
        // A van's roof goes on to the very end; the others fall to the deck along the rear window.
        let tail = match self.kind {
            Kind::Van => {
                [self.height - roof_drop - 0.015, self.height - roof_drop - 0.03, self.height - roof_drop - 0.07]
            }
            _ => [self.deck_z, self.deck_z - 0.02, self.deck_z - 0.10],
        };
        self.top = Profile::new(
            vec![
                [half, self.nose_z - 0.09],
                [half - 0.10, self.nose_z],
                [bonnet_x, 0.42 * self.nose_z + 0.58 * cowl_z + bonnet_bulge],
                [self.cowl_x, cowl_z],
                [self.screen_top_x, self.height - 0.045],
                [crest_x.max(self.roof_rear_x + 0.1), self.height],
                [self.roof_rear_x, self.height - roof_drop],
                [self.glass_base_x, tail[0]],
                [(-half + 0.05).min(self.glass_base_x - 0.01), tail[1]],
                [-half - 0.01, tail[2]],
            ],
            if self.kind == Kind::Van { 0.055 } else { 0.075 },
        );
        let belt = cowl_z - draw(rng, [0.03, 0.07]);
        let belt_rear = (belt + belt_rise).min(self.deck_z - 0.02);
        self.shoulder = Profile::new(
            vec![
                [half, self.nose_z - 0.15],
                [half - 0.10, self.nose_z - 0.045],
                [bonnet_x, 0.42 * self.nose_z + 0.58 * cowl_z - 0.045],
                [self.cowl_x, belt],
                [-half + 0.10, belt_rear],
                [-half, belt_rear - 0.08],
            ],
            0.10,
        );
        self.place_doors(rng);
    }

    fn place_doors(&mut self, rng: &mut ChaCha8Rng) {
        let front = self.front_axle_x - self.arch_radius - draw(rng, [0.05, 0.11]);
        let two_doors = match self.kind {
            Kind::Hatchback => rng.random_bool(0.3),
            Kind::Sedan => rng.random_bool(0.15),
            Kind::Van => self.panelled,
            _ => false,
        };
        let rear_limit = self.rear_axle_x + 0.18;
        self.door_edges = vec![front];
        if two_doors {
            self.door_edges.push(front - draw(rng, [1.08, 1.28]));
        } else {
            let middle = front - 0.5 * (front - rear_limit) - draw(rng, [0.02, 0.10]);
            self.door_edges.push(middle);
            if self.kind == Kind::Pickup {
                self.door_edges.push((self.glass_base_x + 0.12).max(middle - 0.95));
            } else {
                self.door_edges.push(rear_limit + draw(rng, [-0.04, 0.08]));
            }
        }
    }

    /// Half width of the body in plan view at `x`: tapered in the middle, closed by superellipses at both ends.
    pub(super) fn half_width(&self, x: f32) -> f32 {
        let half = self.length * 0.5;
        let (end, taper) = if x >= 0.0 { (self.nose, self.taper[0]) } else { (self.tail, self.taper[1]) };
        let along = (x.abs() / half).min(1.0);
        let straight = self.width * 0.5 * (1.0 - taper * along * along * along);
        let u = ((x.abs() - (half - end[0])) / end[0]).clamp(0.0, 1.0);
        // Rounding just short of the end would leave a slit there: the root is steep.
        if u > 0.99999 { 0.0 } else { straight * (1.0 - u.powf(end[1])).max(0.0).powf(1.0 / end[1]) }
    }

    /// Half width of the cabin side at `x` and height `z` above the shoulder, before rounding.
    pub(super) fn cabin_half_width(&self, x: f32, z: f32) -> f32 {
        let foot = 0.968 * self.half_width(x) - 0.028;
        foot * (1.0 - self.tumblehome * (z - self.shoulder.at(x)).max(0.0))
    }
}
