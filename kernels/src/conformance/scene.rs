//! Surfaces, maps and placements for the cases of features, and a naive double-precision projection.

use super::random::Random;
use crate::{FeatureMap, Placement, Surface, SurfaceView};

/// Axes of the view and the mesh are the same, eight cells a mesh unit, from infinitely far.
pub(super) const PLAIN: Placement = Placement {
    rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    scale: 8.0,
    nearness: 0.0,
    centre: [0.0, 0.0],
    slant: [0.0, 0.0],
};

/// Towards the viewer of [`PLAIN`].
pub(super) const FRONT: [f32; 3] = [0.0, 0.0, -1.0];

/// The arrays of a surface, free to be changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrays {
    pub positions: Vec<[f32; 3]>,
    pub normals: Vec<[f32; 3]>,
    pub areas: Vec<f32>,
    pub tangents: Vec<[[f32; 3]; 2]>,
    pub features: Vec<f32>,
    pub gradients: Vec<f32>,
    pub clutter: Vec<f32>,
}

impl Arrays {
    pub fn surface(&self) -> Surface {
        let Self { positions, normals, areas, tangents, features, gradients, clutter } = self;
        let view = SurfaceView { positions, normals, areas, tangents, features, gradients, clutter };
        Surface::new(&view).expect("a valid surface")
    }

    pub fn dim(&self) -> usize {
        self.clutter.len()
    }

    pub fn feature(&self, vertex: usize) -> &[f32] {
        &self.features[vertex * self.dim()..][..self.dim()]
    }

    /// One more vertex, with these numbers for all elements of its feature, and no gradient.
    pub fn push(&mut self, position: [f32; 3], normal: [f32; 3], area: f32, feature: f32) {
        self.positions.push(position);
        self.normals.push(normal);
        self.areas.push(area);
        self.tangents.push([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        self.features.extend(self.clutter.iter().map(|_| feature));
        self.gradients.extend([0.0; 2].iter().flat_map(|zero| self.clutter.iter().map(move |_| zero)));
    }

    /// The vertices that satisfy `keep`.
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let dim = self.dim();
        let kept: Vec<usize> = (0..self.positions.len()).filter(|&vertex| keep(vertex)).collect();
        Self {
            positions: kept.iter().map(|&vertex| self.positions[vertex]).collect(),
            normals: kept.iter().map(|&vertex| self.normals[vertex]).collect(),
            areas: kept.iter().map(|&vertex| self.areas[vertex]).collect(),
            tangents: kept.iter().map(|&vertex| self.tangents[vertex]).collect(),
            features: kept.iter().flat_map(|&vertex| self.feature(vertex).to_vec()).collect(),
            gradients: (kept.iter())
                .flat_map(|&vertex| self.gradients[2 * vertex * dim..][..2 * dim].to_vec())
                .collect(),
            clutter: self.clutter.clone(),
        }
    }
}

/// An ellipsoid of about a mesh unit, with random features whose gradients are as steep as a texture's.
pub(super) fn ellipsoid(random: &mut Random, vertex_count: usize, dim: usize) -> Arrays {
    let mut arrays = Arrays { clutter: unit(random, dim), ..Default::default() };
    for _ in 0..vertex_count {
        let outwards: [f32; 3] = unit(random, 3).try_into().expect("three elements");
        let other: [f32; 3] = unit(random, 3).try_into().expect("three elements");
        let first = normalized(cross(outwards, other));
        arrays.positions.push([0.4 * outwards[0], 0.25 * outwards[1], 0.5 * outwards[2]]);
        arrays.normals.push(outwards);
        arrays.areas.push(random.between(0.0, 0.01));
        arrays.tangents.push([first, normalized(cross(outwards, first))]);
        arrays.features.extend(unit(random, dim));
        arrays.gradients.extend((0..2 * dim).map(|_| random.between(-1.0, 1.0)));
    }
    arrays
}

/// Features `[height, width, dim]` of unit length, half of them much like some vertex'.
pub(super) fn map_like(random: &mut Random, arrays: &Arrays, cell_count: usize) -> Vec<f32> {
    let (dim, vertex_count) = (arrays.dim(), arrays.positions.len());
    let mut features = Vec::new();
    for cell in 0..cell_count {
        let mut feature = unit(random, dim);
        if cell % 2 == 0 && vertex_count > 0 {
            let model = arrays.feature(random.below(vertex_count));
            feature.iter_mut().zip(model).for_each(|(element, model)| *element = 0.4 * *element + model);
        }
        features.extend(normalize(feature));
    }
    features
}

/// Any direction, a scale that lets the surface fill most of a map, perspective, and off the camera's axis.
pub(super) fn random_placement(random: &mut Random, width: usize, height: usize) -> Placement {
    let turn: [f32; 3] = std::array::from_fn(|_| random.between(-3.0, 3.0));
    let (width, height) = (width as f32, height as f32);
    let placement = Placement {
        scale: random.between(0.7, 1.3) * width.max(height),
        nearness: random.between(0.0, 0.5),
        centre: [random.between(0.3, 0.7) * width, random.between(0.3, 0.7) * height],
        slant: [random.between(-0.8, 0.8), random.between(-0.4, 0.4)],
        ..PLAIN
    };
    placement.stepped(&[turn[0], turn[1], turn[2], 0.0, 0.0, 0.0])
}

pub(super) fn map(features: &[f32], width: usize, height: usize) -> FeatureMap<'_> {
    FeatureMap::new(features, width, height, features.len() / (width * height)).expect("a valid map")
}

/// Whole numbers from `-most` to `most`.
pub(super) fn whole(random: &mut Random, count: usize, most: usize) -> Vec<f32> {
    (0..count).map(|_| random.below(2 * most + 1) as f32 - most as f32).collect()
}

/// A turn that exchanges and flips axes.
pub(super) fn quarter_turns(random: &mut Random) -> [[f32; 3]; 3] {
    let axes = [[0, 1, 2], [1, 2, 0], [2, 0, 1]][random.below(3)];
    let mut sign = || if random.below(2) == 0 { 1.0 } else { -1.0 };
    let (a, b) = (sign(), sign());
    let mut rotation = [[0.0; 3]; 3];
    for (row, (axis, sign)) in axes.into_iter().zip([a, b, a * b]).enumerate() {
        rotation[row][axis] = sign;
    }
    rotation
}

/// A vertex as it is seen, by the law, in double precision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    pub u: f64,
    pub v: f64,
    pub depth: f64,
    pub facing: f64,
    /// Cells squared that the vertex covers.
    pub area: f64,
}

impl Exact {
    pub fn faces_viewer(&self) -> bool {
        self.depth > f64::from(0.1_f32) && self.facing > 0.0
    }
}

/// Numbers of a placement in double precision, which may differ from it by a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExactPlacement {
    pub rotation: [[f64; 3]; 3],
    pub scale: f64,
    pub nearness: f64,
    pub centre: [f64; 2],
    pub slant: [f64; 2],
}

impl ExactPlacement {
    pub fn new(placement: &Placement) -> Self {
        Self {
            rotation: placement.rotation.map(|row| row.map(f64::from)),
            scale: placement.scale.into(),
            nearness: placement.nearness.into(),
            centre: placement.centre.map(f64::from),
            slant: placement.slant.map(f64::from),
        }
    }

    /// `(u, v)` of a point.
    pub fn project(&self, position: [f64; 3]) -> [f64; 2] {
        let y = product(&self.rotation, position);
        let depth = 1.0 + self.nearness * y[2];
        [0, 1].map(|axis| self.centre[axis] + self.scale * (y[axis] - self.slant[axis] * y[2]) / depth)
    }

    pub fn see(&self, position: [f64; 3], normal: [f64; 3], area: f64) -> Exact {
        let [u, v] = self.project(position);
        let ray = {
            let [x, y, z] = product(&self.rotation, position).map(|element| self.nearness * element);
            [x + self.slant[0], y + self.slant[1], z + 1.0]
        };
        let length = ray.iter().map(|element| element * element).sum::<f64>().sqrt();
        let facing = -product(&self.rotation, normal).iter().zip(ray).map(|(n, ray)| n * ray / length).sum::<f64>();
        Exact { u, v, depth: ray[2], facing, area: area * facing * length * self.scale.powi(2) / ray[2].powi(3) }
    }
}

/// All vertices as they are seen.
pub(super) fn see(arrays: &Arrays, placement: &Placement) -> Vec<Exact> {
    let exact = ExactPlacement::new(placement);
    let vertices = arrays.positions.iter().zip(&arrays.normals).zip(&arrays.areas);
    vertices
        .map(|((position, normal), area)| exact.see(position.map(f64::from), normal.map(f64::from), (*area).into()))
        .collect()
}

fn product(rotation: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
    rotation.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn normalized(vector: [f32; 3]) -> [f32; 3] {
    normalize(vector.to_vec()).try_into().expect("three elements")
}

fn normalize(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|element| element * element).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|element| *element /= length);
    vector
}

/// A vector of unit length.
fn unit(random: &mut Random, dim: usize) -> Vec<f32> {
    loop {
        let vector: Vec<f32> = (0..dim).map(|_| random.between(-1.0, 1.0)).collect();
        if vector.iter().map(|element| element * element).sum::<f32>() > 0.01 {
            return normalize(vector);
        }
    }
}
