//! A surface, a map and placements to measure with.

use crate::conformance::random::Random;
use crate::{KernelError, Placement, Surface, SurfaceView};

const UPRIGHT: Placement = Placement {
    rotation: [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
    scale: 26.0,
    nearness: 0.1,
    centre: [14.0, 8.0],
    slant: [0.0, 0.0],
};

/// What an object's search and refinement ask for: a surface of 1024 vertices, a map of 16 x 28 cells,
/// features of 64 elements.
#[derive(Clone, Debug)]
pub struct FeatureScene {
    random: Random,
}

impl FeatureScene {
    /// Vertices of the surface.
    pub const VERTEX_COUNT: usize = 1024;
    /// Columns of the map.
    pub const WIDTH: usize = 28;
    /// Rows of the map.
    pub const HEIGHT: usize = 16;
    /// Elements of a feature vector.
    pub const DIM: usize = 64;

    /// The sequence that belongs to `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    /// An ellipsoid with the proportions of a car, one mesh unit long.
    ///
    /// # Errors
    /// None that this scene gives rise to.
    pub fn surface(&mut self) -> Result<Surface, KernelError> {
        let (mut positions, mut normals, mut tangents) = (Vec::new(), Vec::new(), Vec::new());
        // Around and around from one end to the other: neighbours in the list are neighbours there too.
        for vertex in 0..Self::VERTEX_COUNT {
            let along = 2.0 * (vertex as f32 + 0.5) / Self::VERTEX_COUNT as f32 - 1.0;
            let (sine, cosine) = (vertex as f32 * 0.2).sin_cos();
            let radius = (1.0 - along * along).sqrt();
            let outwards = [along, radius * cosine, radius * sine];
            positions.push([0.5 * outwards[0], 0.2 * outwards[1], 0.15 * outwards[2]]);
            normals.push(outwards);
            tangents.push([[radius, -along * cosine, -along * sine], [0.0, -sine, cosine]]);
        }
        let features: Vec<f32> = (0..Self::VERTEX_COUNT).flat_map(|_| self.unit()).collect();
        let gradients: Vec<f32> =
            (0..2 * Self::VERTEX_COUNT * Self::DIM).map(|_| self.random.between(-1.0, 1.0)).collect();
        Surface::new(&SurfaceView {
            positions: &positions,
            normals: &normals,
            areas: &[1e-3; Self::VERTEX_COUNT],
            tangents: &tangents,
            features: &features,
            gradients: &gradients,
            clutter: &self.unit(),
        })
    }

    /// A map as a network writes it, `[DIM, HEIGHT, WIDTH]`.
    pub fn planes(&mut self) -> Vec<f32> {
        (0..Self::DIM * Self::HEIGHT * Self::WIDTH).map(|_| self.random.between(-0.2, 0.2)).collect()
    }

    /// Upright, seen from all sides and a little from above or below.
    pub fn placements(&mut self, count: usize) -> Vec<Placement> {
        let mut turned = || {
            let [about, tilt] = [self.random.between(-3.1, 3.1), self.random.between(-0.3, 0.5)];
            UPRIGHT.stepped(&[0.0, about, 0.0, 0.0, 0.0, 0.0]).stepped(&[tilt, 0.0, 0.0, 0.0, 0.0, 0.0])
        };
        (0..count).map(|_| turned()).collect()
    }

    /// A vector of unit length.
    fn unit(&mut self) -> [f32; Self::DIM] {
        let vector: [f32; Self::DIM] = std::array::from_fn(|_| self.random.between(-1.0, 1.0));
        let length = vector.iter().map(|element| element * element).sum::<f32>().sqrt();
        vector.map(|element| element / length)
    }
}
