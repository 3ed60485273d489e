//! Scenes to refine in, with a renderer that shares nothing with what is tested: rays cut a cuboid whose texture is a formula.

use calibration::ray::camera_from_ray;
use calibration::so3::{exp, geodesic_angle, to_rows};
use calibration::{Rotation, Viewpoint};
use kernels::{BoxPx, CpuFeatureResidual, CpuFeatureScore, Placement};
use nalgebra::{Matrix3, Vector3};

use super::placement::CellCamera;
use super::{RefinedShape, Refiner, View};
use crate::neural_mesh::{Bounds, NeuralMesh, SubType, cuboid};
use crate::retrieval::{Hypothesis, Retrieval, flipped};
use crate::{RefinementSpec, sha256_hex};

pub const DIM: usize = 32;
pub const HEIGHT: usize = 16;
pub const WIDTH: usize = 28;
/// Half of a car's length, width and height, metres.
pub const HALF: [f64; 3] = [2.2, 0.9, 0.7];
/// Frequency of the texture, radians a metre: features of points a metre apart are as good as unrelated.
const FREQUENCY: f64 = 1.2;
/// Covariance of what was retrieved: 8 degrees about each axis.
const SIGMA_RAD: f64 = 0.14;

/// SplitMix64 (Steele et al., OOPSLA 2014).
pub struct Random(pub u64);

impl Random {
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub fn direction(&mut self) -> Vector3<f64> {
        Vector3::from_fn(|_, _| self.normal()).normalize()
    }

    /// A rotation so many degrees away.
    pub fn near(&mut self, rotation: &Rotation, angle_deg: f64) -> Rotation {
        exp(&(self.direction() * angle_deg.to_radians())) * rotation
    }
}

/// Unit features as a function of the place on the object (random Fourier features; Rahimi and Recht, 2007).
pub struct Texture {
    frequencies: Vec<Vector3<f64>>,
    is_symmetric: bool,
}

impl Texture {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let frequency = |_| Vector3::from_fn(|_, _| random.normal() * FREQUENCY);
        Self { frequencies: (0..DIM / 2).map(frequency).collect(), is_symmetric: false }
    }

    /// Front and rear look the same.
    pub fn symmetric(self) -> Self {
        Self { is_symmetric: true, ..self }
    }

    pub fn at(&self, point: &Vector3<f64>) -> Vec<f64> {
        let wave = |point: &Vector3<f64>| -> Vec<f64> {
            let angles = self.frequencies.iter().map(|frequency| frequency.dot(point));
            angles.flat_map(|angle| [angle.cos(), angle.sin()]).collect()
        };
        let mut feature = wave(point);
        if self.is_symmetric {
            let turned = wave(&Vector3::new(-point.x, -point.y, point.z));
            feature.iter_mut().zip(turned).for_each(|(one, other)| *one += other);
        }
        normalized(feature)
    }
}

pub fn normalized(mut feature: Vec<f64>) -> Vec<f64> {
    let norm = feature.iter().map(|v| v * v).sum::<f64>().sqrt();
    feature.iter_mut().for_each(|v| *v /= norm);
    feature
}

/// A car of one sub-type, with its texture and clutter.
pub struct Scene {
    pub texture: Texture,
    pub clutter: Vec<f64>,
    pub shapes: Vec<RefinedShape>,
}

impl Scene {
    pub fn new(seed: u64) -> Self {
        Self::of(Texture::new(seed), seed)
    }

    pub fn of(texture: Texture, seed: u64) -> Self {
        let mut random = Random(seed ^ 0xC1);
        let clutter = normalized((0..DIM).map(|_| random.normal()).collect());
        let [low, high] = [-1.0, 1.0].map(|sign| HALF.map(|half| (sign * half) as f32));
        let surface = cuboid(&Bounds { low, high }, 1000).unwrap();
        let point = |p: &[f32; 3]| Vector3::from(p.map(f64::from));
        let features: Vec<f32> =
            surface.positions().iter().flat_map(|p| texture.at(&point(p))).map(|v| v as f32).collect();
        let clutter_f32: Vec<f32> = clutter.iter().map(|v| *v as f32).collect();
        let sub_type = SubType::new("car", 0, surface, &features, &clutter_f32).unwrap();
        let mesh = NeuralMesh {
            class_names: vec!["car".into()],
            stride: 8,
            clutter: clutter_f32,
            encoder_sha256: sha256_hex(b""),
            sub_types: vec![sub_type],
        };
        Self { texture, clutter, shapes: RefinedShape::of(&mesh) }
    }

    pub fn refiner(&self, spec: RefinementSpec, objects_max: usize) -> Refiner<CpuFeatureScore, CpuFeatureResidual> {
        let (score, residual) = (CpuFeatureScore::new(), CpuFeatureResidual::new());
        Refiner::new(score, residual, self.shapes.clone(), spec, [DIM, HEIGHT, WIDTH], objects_max).unwrap()
    }

    /// The feature map `[D, h, w]` of a placement, with noise of this deviation a feature, and what hides the object in a rectangle.
    pub fn draw(&self, placement: &Placement, noise: f64, hidden: Option<&Hidden>, random: &mut Random) -> Vec<f32> {
        let mut map = vec![0.0; DIM * HEIGHT * WIDTH];
        for row in 0..HEIGHT {
            for column in 0..WIDTH {
                let at = [column as f64 + 0.5, row as f64 + 0.5];
                let hidden = hidden.filter(|hidden| hidden.contains(at));
                let feature = match (hidden, seen(placement, at)) {
                    (Some(Hidden { is_clutter: false, .. }), _) => (0..DIM).map(|_| random.normal()).collect(),
                    (None, Some(point)) => self.texture.at(&point),
                    _ => self.clutter.clone(),
                };
                let per_element = noise / (DIM as f64).sqrt();
                let noisy = normalized(feature).into_iter().map(|v| v + per_element * random.normal()).collect();
                for (channel, value) in normalized(noisy).into_iter().enumerate() {
                    map[(channel * HEIGHT + row) * WIDTH + column] = value as f32;
                }
            }
        }
        map
    }
}

/// A rectangle of the map that shows something else.
pub struct Hidden {
    pub low: [f64; 2],
    pub high: [f64; 2],
    /// Clutter, else features that are random in each cell.
    pub is_clutter: bool,
}

impl Hidden {
    /// The left or right part of a box.
    pub fn side(box_cells: &BoxPx, share: f32, is_left: bool, is_clutter: bool) -> Self {
        let cut = share * (box_cells.x2 - box_cells.x1);
        let x = if is_left { [0.0, box_cells.x1 + cut] } else { [box_cells.x2 - cut, WIDTH as f32] };
        Self { low: [f64::from(x[0]), 0.0], high: [f64::from(x[1]), HEIGHT as f64], is_clutter }
    }

    fn contains(&self, at: [f64; 2]) -> bool {
        (0..2).all(|axis| at[axis] >= self.low[axis] && at[axis] < self.high[axis])
    }
}

/// Where a ray through a point of the map meets the cuboid first, body axes.
fn seen(placement: &Placement, at: [f64; 2]) -> Option<Vector3<f64>> {
    let object_from_camera = Matrix3::from_fn(|i, j| f64::from(placement.rotation[i][j])).transpose();
    let distance = 1.0 / f64::from(placement.nearness);
    let [x, y] = [0, 1].map(|axis| (at[axis] - f64::from(placement.centre[axis])) / f64::from(placement.scale));
    let [a, b] = placement.slant.map(f64::from);
    let origin = Vector3::new(a, b, 1.0) * distance;
    let eye = object_from_camera * -origin;
    let ray = object_from_camera * (origin + Vector3::new(x, y, 0.0));
    let (mut enter, mut leave) = (0.0_f64, f64::INFINITY);
    for axis in 0..3 {
        let cuts = [-HALF[axis], HALF[axis]].map(|side| (side - eye[axis]) / ray[axis]);
        enter = enter.max(cuts[0].min(cuts[1]));
        leave = leave.min(cuts[0].max(cuts[1]));
    }
    (enter < leave).then(|| eye + ray * enter)
}

/// The corners of a cuboid.
pub fn corners(half: [f64; 3]) -> Vec<Vector3<f64>> {
    let sign = |bit: usize| if bit == 0 { -1.0 } else { 1.0 };
    (0..8).map(|i| Vector3::new(sign(i & 1) * half[0], sign(i & 2) * half[1], sign(i & 4) * half[2])).collect()
}

/// Left, top, right and bottom of what is drawn of points, in f64.
pub fn drawn(
    points: &[Vector3<f64>],
    camera_from_object: &Rotation,
    scale: f64,
    nearness: f64,
    centre: [f64; 2],
    slant: [f64; 2],
) -> [f64; 4] {
    let mut sides = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for point in points {
        let y = camera_from_object * point;
        for axis in 0..2 {
            let at = centre[axis] + scale * (y[axis] - slant[axis] * y.z) / (1.0 + nearness * y.z);
            sides[axis] = sides[axis].min(at);
            sides[axis + 2] = sides[axis + 2].max(at);
        }
    }
    sides
}

pub fn box_of([x1, y1, x2, y2]: [f64; 4]) -> BoxPx {
    BoxPx { x1: x1 as f32, y1: y1 as f32, x2: x2 as f32, y2: y2 as f32 }
}

/// A car as a crop shows it, from a random side and anywhere in the picture, and how.
pub struct Sight {
    pub placement: Placement,
    pub view: View,
    /// Allocentric.
    pub rotation: Rotation,
}

impl Sight {
    pub fn random(random: &mut Random) -> Self {
        let [azimuth, elevation, in_plane] =
            [random.between(0.0, 360.0), random.between(-2.0, 20.0), random.between(-5.0, 5.0)];
        let allocentric = Viewpoint::from_degrees(azimuth, elevation, in_plane).to_rotation();
        let mut aside = Random(random.0 ^ 0xA5);
        let slant = [aside.between(-0.6, 0.6), aside.between(-0.2, 0.2)];
        let rotation = camera_from_ray(&Vector3::new(slant[0], slant[1], 1.0)).unwrap() * allocentric;
        let nearness = 1.0 / random.between(8.0, 30.0);
        let corners = corners(HALF);
        let [x1, y1, x2, y2] = drawn(&corners, &rotation, 1.0, nearness, [0.0; 2], slant);
        let scale = (0.8 * WIDTH as f64 / (x2 - x1)).min(0.8 * HEIGHT as f64 / (y2 - y1));
        let centre = [0.5 * (WIDTH as f64 - scale * (x1 + x2)), 0.5 * (HEIGHT as f64 - scale * (y1 + y2))];
        let placement = Placement {
            rotation: to_rows(&rotation),
            scale: scale as f32,
            nearness: nearness as f32,
            centre: centre.map(|v| v as f32),
            slant: slant.map(|v| v as f32),
        };
        let box_cells = box_of(drawn(&corners, &rotation, scale, nearness, centre, slant));
        let focal = scale / nearness;
        let principal = [0, 1].map(|axis| (centre[axis] - slant[axis] * focal) as f32);
        let camera = Some(CellCamera { focal: focal as f32, principal });
        Self { placement, view: View { class_id: 0, box_cells, is_edge: [true; 4], camera }, rotation: allocentric }
    }

    /// Degrees between a rotation and the truth.
    pub fn error_deg(&self, rotation: &Rotation) -> f64 {
        geodesic_angle(rotation, &self.rotation).to_degrees()
    }
}

/// What retrieval says when it takes an object to be turned like this.
pub fn retrieved(rotation: Rotation, flip_probability: f64) -> Retrieval {
    let mut alternatives = heapless::Vec::new();
    let flip = Hypothesis { rotation: flipped(&rotation), probability: flip_probability };
    alternatives.push(flip).unwrap();
    Retrieval {
        best: Hypothesis { rotation, probability: 1.0 - flip_probability },
        covariance: Matrix3::identity() * (SIGMA_RAD * SIGMA_RAD),
        similarity: 0.9,
        flip_probability,
        alternatives,
    }
}
