//! A surface whose points carry feature vectors.

use crate::KernelError;
use crate::feature_map::{FEATURE_DIM_MAX, are_usable, is_usable};
use crate::vector::LANES;

/// Most vertices of a surface.
pub const VERTEX_COUNT_MAX: usize = 1 << 16;

/// Borrowed arrays of a surface with `V` vertices and features of `D` elements, in mesh units and axes.
#[derive(Clone, Copy, Debug)]
pub struct SurfaceView<'a> {
    /// Where the vertices are.
    pub positions: &'a [[f32; 3]],
    /// Unit normals, outwards; zero for a vertex that is never seen.
    pub normals: &'a [[f32; 3]],
    /// The area that each vertex stands for, mesh units squared; zero or more.
    pub areas: &'a [f32],
    /// For each vertex two orthonormal directions along the surface.
    pub tangents: &'a [[[f32; 3]; 2]],
    /// What the surface looks like at each vertex: `[V, D]`, of unit length.
    pub features: &'a [f32],
    /// How that changes along each tangent, per mesh unit: `[V, 2, D]`.
    pub gradients: &'a [f32],
    /// What is no surface looks like this: `D` elements of unit length, or zeros when nothing is known
    /// of it.
    pub clutter: &'a [f32],
}

/// A surface whose arrays were checked, in the layout that operations read.
///
/// Every number in it is finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    vertex_count: usize,
    dim: usize,
    /// One array for each coordinate, zeros at the end up to a multiple of [`LANES`]: such vertices
    /// have no normal, so they face nobody.
    coordinates: [Vec<f32>; COORDINATE_COUNT],
    features: Vec<f32>,
    gradients: Vec<f32>,
    clutter: Vec<f32>,
}

/// Arrays of [`Surface::coordinates`].
pub(crate) const COORDINATE_COUNT: usize = 19;

/// Which array of [`Surface::coordinates`] holds what.
pub(crate) mod coordinate {
    /// x, y, z.
    pub const POSITION: usize = 0;
    /// x, y, z.
    pub const NORMAL: usize = 3;
    pub const AREA: usize = 6;
    /// x, y, z of the first, then of the second.
    pub const TANGENTS: usize = 7;
    /// First with first, first with second, second with second: products of the feature gradients.
    pub const GRADIENT_PRODUCTS: usize = 13;
    /// Products of both gradients with the feature.
    pub const GRADIENT_FEATURE: usize = 16;
    /// Of the feature.
    pub const SQUARED_LENGTH: usize = 18;
}

impl Surface {
    /// Checks the arrays and copies them.
    ///
    /// # Errors
    /// [`KernelError::SurfaceShape`] naming the array whose length does not fit the positions and the
    /// clutter vector (1 to [`FEATURE_DIM_MAX`] elements, at most [`VERTEX_COUNT_MAX`] vertices);
    /// [`KernelError::SurfaceValue`] naming the array and the vertex whose number is not finite, beyond
    /// [`FEATURE_MAGNITUDE_MAX`](crate::FEATURE_MAGNITUDE_MAX), or a negative area.
    pub fn new(view: &SurfaceView<'_>) -> Result<Self, KernelError> {
        check_shape(view)?;
        check_values(view)?;
        let dim = view.clutter.len();
        let mut coordinates: [Vec<f32>; COORDINATE_COUNT] = Default::default();
        for vertex in 0..view.positions.len() {
            let [first, second] = view.tangents[vertex];
            let vectors = [view.positions[vertex], view.normals[vertex], first, second];
            let feature = &view.features[vertex * dim..][..dim];
            let (g1, g2) = view.gradients[2 * vertex * dim..][..2 * dim].split_at(dim);
            let products = [dot(g1, g1), dot(g1, g2), dot(g2, g2), dot(g1, feature), dot(g2, feature)];
            let [position, normal, first, second] = vectors;
            let numbers = position.into_iter().chain(normal).chain([view.areas[vertex]]).chain(first).chain(second);
            let numbers = numbers.chain(products).chain([dot(feature, feature)]);
            coordinates.iter_mut().zip(numbers).for_each(|(array, number)| array.push(number));
        }
        let padded = view.positions.len().next_multiple_of(LANES);
        coordinates.iter_mut().for_each(|array| array.resize(padded, 0.0));
        Ok(Self {
            vertex_count: view.positions.len(),
            dim,
            coordinates,
            features: view.features.to_vec(),
            gradients: view.gradients.to_vec(),
            clutter: view.clutter.to_vec(),
        })
    }

    /// Every `stride`-th vertex, each standing for the area of `stride`: coarser, and as much quicker to compare. All, where that is 0.
    #[must_use]
    pub fn thinned(&self, stride: usize) -> Self {
        let stride = stride.max(1);
        let kept = || (0..self.vertex_count).step_by(stride);
        let padded = kept().count().next_multiple_of(LANES);
        let mut coordinates = self.coordinates.each_ref().map(|array| {
            let mut array: Vec<f32> = kept().map(|vertex| array[vertex]).collect();
            array.resize(padded, 0.0);
            array
        });
        coordinates[coordinate::AREA].iter_mut().for_each(|area| *area *= stride as f32);
        let rows = |all: &[f32], len: usize| kept().flat_map(|vertex| &all[vertex * len..][..len]).copied().collect();
        Self {
            vertex_count: kept().count(),
            dim: self.dim,
            coordinates,
            features: rows(&self.features, self.dim),
            gradients: rows(&self.gradients, 2 * self.dim),
            clutter: self.clutter.clone(),
        }
    }

    /// Vertices.
    #[must_use]
    pub const fn vertex_count(&self) -> usize {
        self.vertex_count
    }

    /// Elements of a feature vector.
    #[must_use]
    pub const fn dim(&self) -> usize {
        self.dim
    }

    /// Where a vertex is, mesh axes; `None` when there is none of this number.
    #[must_use]
    pub fn position(&self, vertex: usize) -> Option<[f32; 3]> {
        self.vector(coordinate::POSITION, vertex)
    }

    /// A vertex' unit normal, mesh axes; `None` when there is none of this number.
    #[must_use]
    pub fn normal(&self, vertex: usize) -> Option<[f32; 3]> {
        self.vector(coordinate::NORMAL, vertex)
    }

    /// What each vertex stands for, mesh units squared.
    #[must_use]
    pub fn areas(&self) -> &[f32] {
        &self.coordinates[coordinate::AREA][..self.vertex_count]
    }

    /// Feature vectors, `[V, D]`.
    #[must_use]
    pub fn features(&self) -> &[f32] {
        &self.features
    }

    /// Feature gradients along both tangents, `[V, 2, D]`, per mesh unit.
    #[must_use]
    pub fn gradients(&self) -> &[f32] {
        &self.gradients
    }

    /// The feature vector of what is no surface.
    #[must_use]
    pub fn clutter(&self) -> &[f32] {
        &self.clutter
    }

    /// The arrays of [`coordinate`], padded to a multiple of [`LANES`].
    pub(crate) const fn coordinates(&self) -> &[Vec<f32>; COORDINATE_COUNT] {
        &self.coordinates
    }

    fn vector(&self, first: usize, vertex: usize) -> Option<[f32; 3]> {
        let is_there = vertex < self.vertex_count;
        is_there.then(|| [0, 1, 2].map(|axis| self.coordinates[first + axis][vertex]))
    }
}

fn check_shape(view: &SurfaceView<'_>) -> Result<(), KernelError> {
    let (vertex_count, dim) = (view.positions.len(), view.clutter.len());
    let rules = [
        ("clutter", (1..=FEATURE_DIM_MAX).contains(&dim)),
        ("positions", vertex_count <= VERTEX_COUNT_MAX),
        ("normals", view.normals.len() == vertex_count),
        ("areas", view.areas.len() == vertex_count),
        ("tangents", view.tangents.len() == vertex_count),
        ("features", Some(view.features.len()) == vertex_count.checked_mul(dim)),
        ("gradients", Some(view.gradients.len()) == vertex_count.checked_mul(dim).and_then(|len| len.checked_mul(2))),
    ];
    match rules.into_iter().find(|(_, holds)| !holds) {
        Some((field, _)) => Err(KernelError::SurfaceShape { field }),
        None => Ok(()),
    }
}

fn check_values(view: &SurfaceView<'_>) -> Result<(), KernelError> {
    let dim = view.clutter.len();
    let refused = |field, vertex: Option<usize>| match vertex {
        Some(vertex) => Err(KernelError::SurfaceValue { field, vertex }),
        None => Ok(()),
    };
    let bad_vector = |vector: &[f32; 3]| !are_usable(vector);
    refused("positions", view.positions.iter().position(bad_vector))?;
    refused("normals", view.normals.iter().position(bad_vector))?;
    refused("areas", view.areas.iter().position(|area| !is_usable(*area) || *area < 0.0))?;
    refused("tangents", view.tangents.iter().position(|pair| pair.iter().any(bad_vector)))?;
    refused("features", view.features.chunks_exact(dim).position(|feature| !are_usable(feature)))?;
    refused("gradients", view.gradients.chunks_exact(2 * dim).position(|pair| !are_usable(pair)))?;
    refused("clutter", (!are_usable(view.clutter)).then_some(0))
}

/// In double precision: what is made once may be exact.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: SurfaceView<'_> = SurfaceView {
        positions: &[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        normals: &[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
        areas: &[0.5, 0.25],
        tangents: &[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]],
        features: &[1.0, 2.0, 3.0, 4.0],
        gradients: &[5.0, 6.0, 7.0, 8.0, 1.0, 0.0, 0.0, 2.0],
        clutter: &[0.0, 1.0],
    };

    #[test]
    fn arrays_are_taken_apart_and_products_made() {
        let surface = Surface::new(&VIEW).unwrap();
        assert_eq!((surface.vertex_count(), surface.dim()), (2, 2));
        assert_eq!(surface.position(1), Some([4.0, 5.0, 6.0]));
        assert_eq!(surface.normal(1), Some([0.0, 1.0, 0.0]));
        assert_eq!(surface.position(2), None);
        assert_eq!(surface.areas(), VIEW.areas);
        let arrays = surface.coordinates();
        assert!(arrays.iter().all(|array| array.len() == LANES && array[2..].iter().all(|value| *value == 0.0)));
        let first = |from: usize, to: usize| arrays[from..to].iter().map(|array| array[0]).collect::<Vec<_>>();
        assert_eq!(first(coordinate::TANGENTS, 13), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(first(coordinate::GRADIENT_PRODUCTS, 16), [61.0, 83.0, 113.0]);
        assert_eq!(first(coordinate::GRADIENT_FEATURE, 19), [17.0, 23.0, 5.0]);
    }

    /// What is left is what would have been made of these vertices alone.
    #[test]
    fn a_thinned_surface_is_that_of_the_vertices_kept() {
        let surface = Surface::new(&VIEW).unwrap();
        let kept = SurfaceView {
            positions: &VIEW.positions[..1],
            normals: &VIEW.normals[..1],
            areas: &[1.0],
            tangents: &VIEW.tangents[..1],
            features: &VIEW.features[..2],
            gradients: &VIEW.gradients[..4],
            clutter: VIEW.clutter,
        };
        assert_eq!(surface.thinned(2), Surface::new(&kept).unwrap());
        assert_eq!((surface.thinned(1), surface.thinned(0)), (surface.clone(), surface));
    }

    #[test]
    fn arrays_of_another_length_are_refused_by_name() {
        let bad = [
            (SurfaceView { clutter: &[], ..VIEW }, "clutter"),
            (SurfaceView { clutter: &[1.0], ..VIEW }, "features"),
            (SurfaceView { normals: &[], ..VIEW }, "normals"),
            (SurfaceView { areas: &[1.0], ..VIEW }, "areas"),
            (SurfaceView { tangents: &[], ..VIEW }, "tangents"),
            (SurfaceView { features: &[1.0; 5], ..VIEW }, "features"),
            (SurfaceView { gradients: &[1.0; 4], ..VIEW }, "gradients"),
        ];
        for (view, field) in bad {
            assert_eq!(Surface::new(&view), Err(KernelError::SurfaceShape { field }));
        }
        let positions = vec![[0.0; 3]; VERTEX_COUNT_MAX + 1];
        let fault = KernelError::SurfaceShape { field: "positions" };
        assert_eq!(Surface::new(&SurfaceView { positions: &positions, ..VIEW }), Err(fault));
    }

    #[test]
    fn numbers_without_meaning_are_refused_by_their_vertex() {
        const NAN: f32 = f32::NAN;
        let bad = [
            (SurfaceView { positions: &[[0.0; 3], [0.0, NAN, 0.0]], ..VIEW }, "positions", 1),
            (SurfaceView { normals: &[[f32::INFINITY; 3], [0.0; 3]], ..VIEW }, "normals", 0),
            (SurfaceView { areas: &[1.0, -1.0], ..VIEW }, "areas", 1),
            (SurfaceView { tangents: &[[[0.0; 3]; 2], [[0.0; 3], [NAN; 3]]], ..VIEW }, "tangents", 1),
            (SurfaceView { features: &[1.0, 1.0, 1e7, 1.0], ..VIEW }, "features", 1),
            (SurfaceView { gradients: &[1.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0, 0.0], ..VIEW }, "gradients", 0),
            (SurfaceView { clutter: &[0.0, NAN], ..VIEW }, "clutter", 0),
        ];
        for (view, field, vertex) in bad {
            assert_eq!(Surface::new(&view), Err(KernelError::SurfaceValue { field, vertex }));
        }
    }
}
