//! NeMo as published (ICLR 2021 and its public code), to compare with: the best of 144 starts, then 300 steps of Adam on camera
//! position and in-plane angle, on the loss with the maximum of object and clutter. Slow, and meant to be.

use calibration::{Rotation, Viewpoint};
use kernels::{CpuRasterize, EMPTY_TRIANGLE, FeatureMap, KernelError, MeshView, RasterBuffers, Rasterize};
use models::refinement::hypotheses::grid;
use models::refinement::placement::{Perspective, camera_from_sight, fit_box};
use models::refinement::{RefinedShape, View};
use nalgebra::{Rotation3, Vector3};

/// Distance of the camera that the learning rate is meant for: objects of unit size at 5.
const UNIT_DISTANCE: f64 = 5.0;
const LEARNING_RATE: f64 = 0.05;
const BETAS: [f64; 2] = [0.4, 0.6];
const EPSILON: f64 = 1e-8;
/// The rate falls by this factor every third of the steps.
const RATE_FALLS: f64 = 0.2;
/// Step of the central differences that stand for autograd.
const DIFFERENCE: f64 = 1e-4;

/// Renders one shape into feature maps of one size.
pub struct NemoAdam {
    /// Steps of Adam: 300 as published, 30 in later work (NOVUM, iNeMo).
    pub steps: usize,
    rasterizer: CpuRasterize,
    buffers: RasterBuffers,
    /// `[V, cells]` similarity of each vertex to each cell.
    similarities: Vec<f32>,
    /// Similarity of clutter to each cell.
    clutter: Vec<f32>,
}

/// What is optimised: camera position about the object, where 5 is the start's distance, and the in-plane angle.
#[derive(Clone, Copy, Debug)]
struct Camera {
    position: Vector3<f64>,
    in_plane_rad: f64,
}

impl Camera {
    fn of(rotation: &Rotation) -> Self {
        let viewpoint = Viewpoint::from_rotation(rotation);
        let (sin_e, cos_e) = viewpoint.elevation_rad.sin_cos();
        let (sin_a, cos_a) = viewpoint.azimuth_rad.sin_cos();
        // PASCAL3D+ axes.
        let position = Vector3::new(cos_e * sin_a, -cos_e * cos_a, sin_e) * UNIT_DISTANCE;
        Self { position, in_plane_rad: viewpoint.in_plane_rad }
    }

    fn rotation(&self) -> Rotation {
        let [x, y, z] = [self.position.x, self.position.y, self.position.z];
        let viewpoint =
            Viewpoint { azimuth_rad: x.atan2(-y), elevation_rad: z.atan2(x.hypot(y)), in_plane_rad: self.in_plane_rad };
        viewpoint.to_rotation()
    }

    fn moved(&self, axis: usize, by: f64) -> Self {
        let mut moved = *self;
        match axis {
            3 => moved.in_plane_rad += by,
            _ => moved.position[axis] += by,
        }
        moved
    }
}

/// The part of a view that Adam does not move.
struct Frame<'a> {
    positions: &'a [[f32; 3]],
    triangles: &'a [[u32; 3]],
    /// Scale (cells a mesh unit) and nearness at the start's distance.
    scale: f64,
    nearness: f64,
    center: [f64; 2],
    /// The picture's camera from the virtual one that looks at the object, and the slant of the ray to that.
    camera_from_sight: Rotation,
    slant: [f64; 2],
}

impl Frame<'_> {
    /// Rows `u w`, `v w`, `w`, where `w` is the depth as a part of the start's distance.
    fn projection(&self, camera: &Camera) -> [[f64; 4]; 3] {
        let farther = camera.position.norm() / UNIT_DISTANCE;
        let matrix: Rotation3<f64> = (self.camera_from_sight * camera.rotation()).to_rotation_matrix();
        let row = |axis: usize| {
            let ahead = self.center[axis] * self.nearness - self.scale * self.slant[axis];
            let along = |j: usize| self.scale * matrix[(axis, j)] + ahead * matrix[(2, j)];
            [along(0), along(1), along(2), self.center[axis] * farther]
        };
        let depth = |j: usize| self.nearness * matrix[(2, j)];
        [row(0), row(1), [depth(0), depth(1), depth(2), farther]]
    }
}

impl NemoAdam {
    /// For maps of `height` x `width` cells.
    pub fn new(width: usize, height: usize, steps: usize) -> Self {
        Self {
            steps,
            rasterizer: CpuRasterize::default(),
            buffers: RasterBuffers::new(width, height),
            similarities: Vec::new(),
            clutter: Vec::new(),
        }
    }

    /// The best rotation for a shape with these vertices and triangles, and its loss; `None` where no start fits the box.
    ///
    /// # Errors
    /// [`KernelError`] where the mesh is malformed.
    pub fn refine(
        &mut self,
        map: &FeatureMap<'_>,
        shape: &RefinedShape,
        (positions, triangles): (&[[f32; 3]], &[[u32; 3]]),
        view: &View,
    ) -> Result<Option<(Rotation, f64)>, KernelError> {
        self.compare(map, shape);
        let mut best: Option<(f64, Camera, Frame<'_>)> = None;
        for start in grid() {
            let Some(frame) = frame(shape, positions, triangles, view, &start) else { continue };
            let camera = Camera::of(&start);
            let loss = self.loss(&frame, &camera)?;
            if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
                best = Some((loss, camera, frame));
            }
        }
        let Some((_, mut camera, frame)) = best else { return Ok(None) };
        let (mut first, mut second) = ([0.0; 4], [0.0; 4]);
        for step in 0..self.steps {
            let rate = LEARNING_RATE * RATE_FALLS.powi((3 * step / self.steps.max(1)) as i32);
            let gradient = self.gradient(&frame, &camera)?;
            let correct = BETAS.map(|beta| 1.0 - beta.powi(step as i32 + 1));
            for axis in 0..4 {
                first[axis] = BETAS[0] * first[axis] + (1.0 - BETAS[0]) * gradient[axis];
                second[axis] = BETAS[1] * second[axis] + (1.0 - BETAS[1]) * gradient[axis] * gradient[axis];
                let by = rate * first[axis] / correct[0] / ((second[axis] / correct[1]).sqrt() + EPSILON);
                camera = camera.moved(axis, -by);
            }
        }
        let loss = self.loss(&frame, &camera)?;
        Ok(Some((camera.rotation(), loss)))
    }

    fn compare(&mut self, map: &FeatureMap<'_>, shape: &RefinedShape) {
        let dim = map.dim();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        self.similarities.clear();
        for vertex in shape.surface.features().chunks_exact(dim) {
            self.similarities.extend(map.features().chunks_exact(dim).map(|cell| dot(vertex, cell)));
        }
        self.clutter.clear();
        let clutter = shape.surface.clutter();
        self.clutter.extend(map.features().chunks_exact(dim).map(|cell| dot(clutter, cell)));
    }

    /// `1 - (mean max(object, clutter) - mean clutter)`; the object's similarity is 0 outside of the mesh.
    fn loss(&mut self, frame: &Frame<'_>, camera: &Camera) -> Result<f64, KernelError> {
        self.draw(frame, camera)?;
        let gain = (0..self.clutter.len()).map(|cell| {
            let clutter = self.clutter[cell];
            f64::from(self.object(frame, cell, self.buffers.barycentric[cell]).max(clutter) - clutter)
        });
        Ok(1.0 - gain.sum::<f64>() / self.clutter.len() as f64)
    }

    fn draw(&mut self, frame: &Frame<'_>, camera: &Camera) -> Result<(), KernelError> {
        let mesh = MeshView { positions: frame.positions, triangles: frame.triangles, parts: &[] };
        let projection = frame.projection(camera).map(|row| row.map(|v| v as f32));
        self.buffers.clear();
        self.rasterizer.rasterize(&mesh, &projection, 0.05, &mut self.buffers)
    }

    /// Similarity of a drawn cell; 0 where nothing is drawn.
    fn object(&self, frame: &Frame<'_>, cell: usize, [b, c]: [f32; 2]) -> f32 {
        let triangle = self.buffers.triangle[cell];
        if triangle == EMPTY_TRIANGLE {
            return 0.0;
        }
        let vertices = frame.triangles[triangle as usize];
        let at = |vertex: u32| self.similarities[vertex as usize * self.clutter.len() + cell];
        (1.0 - b - c) * at(vertices[0]) + b * at(vertices[1]) + c * at(vertices[2])
    }

    /// As autograd gives it through a rasteriser: cells keep their triangle, their barycentric weights move.
    fn gradient(&mut self, frame: &Frame<'_>, camera: &Camera) -> Result<[f64; 4], KernelError> {
        self.draw(frame, camera)?;
        let sides = |axis| [DIFFERENCE, -DIFFERENCE].map(|by| frame.projection(&camera.moved(axis, by)));
        let moved: [[[[f64; 4]; 3]; 2]; 4] = [0, 1, 2, 3].map(sides);
        let mut gradient = [0.0; 4];
        for cell in 0..self.clutter.len() {
            let triangle = self.buffers.triangle[cell];
            if triangle == EMPTY_TRIANGLE
                || self.object(frame, cell, self.buffers.barycentric[cell]) <= self.clutter[cell]
            {
                continue;
            }
            let corners = frame.triangles[triangle as usize].map(|vertex| frame.positions[vertex as usize]);
            let center = [(cell % self.buffers.width) as f64 + 0.5, (cell / self.buffers.width) as f64 + 0.5];
            for (axis, sides) in moved.iter().enumerate() {
                let value = |projection: &[[f64; 4]; 3]| {
                    barycentric(projection, &corners, center).map(|weights| self.object(frame, cell, weights))
                };
                if let (Some(above), Some(below)) = (value(&sides[0]), value(&sides[1])) {
                    gradient[axis] -= f64::from(above - below) / (2.0 * DIFFERENCE);
                }
            }
        }
        Ok(gradient.map(|sum| sum / self.clutter.len() as f64))
    }
}

fn frame<'a>(
    shape: &RefinedShape,
    positions: &'a [[f32; 3]],
    triangles: &'a [[u32; 3]],
    view: &View,
    start: &Rotation,
) -> Option<Frame<'a>> {
    let perspective = Perspective::of(view.camera, shape.length);
    let placement = fit_box(&shape.outline, start, &view.box_cells, view.is_edge, perspective)?;
    let placement = placement.placement;
    Some(Frame {
        positions,
        triangles,
        scale: f64::from(placement.scale),
        nearness: f64::from(placement.nearness),
        center: placement.centre.map(f64::from),
        camera_from_sight: camera_from_sight(&placement)?,
        slant: placement.slant.map(f64::from),
    })
}

/// Perspective-correct weights of the second and third corner at a point of the map.
fn barycentric(projection: &[[f64; 4]; 3], corners: &[[f32; 3]; 3], at: [f64; 2]) -> Option<[f32; 2]> {
    let project = |p: &[f32; 3]| {
        projection.map(|row| row[0] * f64::from(p[0]) + row[1] * f64::from(p[1]) + row[2] * f64::from(p[2]) + row[3])
    };
    // (u w, v w, w) of the corners span the ray through the point: solve for their weights.
    let [a, b, c] = [0, 1, 2].map(|i| Vector3::from(project(&corners[i])));
    let ray = Vector3::new(at[0], at[1], 1.0);
    let determinant = a.dot(&b.cross(&c));
    if determinant.abs() < 1e-12 {
        return None;
    }
    let weights = [ray.dot(&b.cross(&c)), ray.dot(&c.cross(&a)), ray.dot(&a.cross(&b))];
    let sum: f64 = weights.iter().sum();
    Some([(weights[1] / sum) as f32, (weights[2] / sum) as f32])
}
