//! From what was drawn to light: deferred shading of scenery and vehicles.

use kernels::{EMPTY_TRIANGLE, RasterBuffers};
use nalgebra::{Matrix3, Vector3};

use super::geometry::Surface;
use super::noise::{fractal, smoothstep, value};
use super::view::{PartNumbers, SAMPLES, Shadows};
use super::{Scene, V3, car_paint, facade, ground};

/// What one pixel shows of one part: means over its samples.
pub(super) struct Fragment {
    pub(super) position: V3,
    pub(super) normal: V3,
    /// Unit vector to the eye.
    pub(super) to_eye: V3,
    pub(super) distance_m: f32,
    /// Size of the pixel on the surface, before foreshortening.
    pub(super) footprint_m: f32,
    pub(super) sunlight: f32,
}

/// Everything that shading reads.
pub(super) struct Shader<'a> {
    pub(super) scene: &'a Scene,
    shadows: Shadows,
    numbers: PartNumbers,
    eye: V3,
    world_from_camera: Matrix3<f32>,
    world_from_vehicle: Vec<(Matrix3<f32>, V3)>,
}

impl<'a> Shader<'a> {
    pub(super) fn new(scene: &'a Scene, shadows: Shadows) -> Self {
        let camera_from_world = super::view::camera_from_world(scene);
        let world_from_camera = camera_from_world.fixed_view::<3, 3>(0, 0).transpose().cast();
        let world_from_vehicle = scene
            .vehicles
            .iter()
            .map(|placed| super::view::world_from_vehicle(scene, placed).cast::<f32>())
            .map(|matrix| (matrix.fixed_view::<3, 3>(0, 0).into_owned(), matrix.fixed_view::<3, 1>(0, 3).into_owned()))
            .collect();
        let [x, y, z] = scene.eye.position_m.map(|v| v as f32);
        Self {
            scene,
            shadows,
            numbers: PartNumbers::of(scene),
            eye: V3::new(x, y, z),
            world_from_camera,
            world_from_vehicle,
        }
    }

    /// Linear radiance of one output pixel.
    pub(super) fn pixel(&self, buffers: &RasterBuffers, x: usize, y: usize) -> V3 {
        let samples: [usize; SAMPLES * SAMPLES] =
            std::array::from_fn(|k| (y * SAMPLES + k / SAMPLES) * buffers.width + x * SAMPLES + k % SAMPLES);
        let mut done = [false; SAMPLES * SAMPLES];
        let mut sum = V3::zeros();
        for first in 0..samples.len() {
            if done[first] {
                continue;
            }
            let part = buffers.part[samples[first]];
            let mut members = [0; SAMPLES * SAMPLES];
            let mut count = 0;
            for k in first..samples.len() {
                if !done[k] && buffers.part[samples[k]] == part {
                    done[k] = true;
                    members[count] = samples[k];
                    count += 1;
                }
            }
            let color = if buffers.triangle[members[0]] == EMPTY_TRIANGLE {
                self.scene.sky.radiance(&self.ray(x, y))
            } else {
                self.surface(buffers, &members[..count], part)
            };
            // A single glint must not outshine the whole pixel.
            sum += color.map(|value| value.min(6.0)) * count as f32;
        }
        sum / samples.len() as f32
    }

    fn ray(&self, x: usize, y: usize) -> V3 {
        let ray = self.scene.camera.with_corner_origin().ray(x as f64 + 0.5, y as f64 + 0.5);
        self.world_from_camera * ray.cast::<f32>()
    }

    fn surface(&self, buffers: &RasterBuffers, samples: &[usize], part: u16) -> V3 {
        let vehicle = self.numbers.vehicle(part);
        let fragment = self.fragment(buffers, samples, vehicle.map(|(index, _)| index));
        let color = match vehicle {
            Some((index, part)) => {
                let (rotation, offset) = &self.world_from_vehicle[index];
                let local = rotation.transpose() * (fragment.position - offset);
                let local_to_eye = rotation.transpose() * fragment.to_eye;
                car_paint::shade(self, &self.scene.vehicles[index], part, &fragment, &local, &local_to_eye)
            }
            None => self.scenery(&self.scene.street.geometry.surfaces[part as usize], &fragment),
        };
        self.scene.sky.through_haze(color, fragment.distance_m)
    }

    /// Interpolates position and normal over the samples.
    fn fragment(&self, buffers: &RasterBuffers, samples: &[usize], vehicle: Option<usize>) -> Fragment {
        let (positions, normals, triangles) = match vehicle {
            Some(index) => {
                let shape = &self.scene.vehicles[index].vehicle;
                (&shape.mesh.positions, &shape.normals, &shape.mesh.triangles)
            }
            None => {
                let geometry = &self.scene.street.geometry;
                (&geometry.positions, &geometry.normals, &geometry.triangles)
            }
        };
        let (mut position, mut normal) = (V3::zeros(), V3::zeros());
        for sample in samples {
            let corners = triangles[buffers.triangle[*sample] as usize];
            let [s, t] = buffers.barycentric[*sample];
            for (corner, weight) in corners.iter().zip([1.0 - s - t, s, t]) {
                position += V3::from(positions[*corner as usize]) * weight;
                normal += V3::from(normals[*corner as usize]) * weight;
            }
        }
        position /= samples.len() as f32;
        if let Some(index) = vehicle {
            let (rotation, offset) = &self.world_from_vehicle[index];
            position = rotation * position + offset;
            normal = rotation * normal;
        }
        let toward = self.eye - position;
        let distance_m = toward.norm();
        let to_eye = toward / distance_m;
        let mut normal = normal.try_normalize(1e-6).unwrap_or(to_eye);
        // Both faces are drawn: the one that is seen looks at the eye.
        let facing = normal.dot(&to_eye);
        if facing < -0.2 {
            normal = -normal;
        } else if facing < 0.02 {
            normal = (normal + to_eye * (0.02 - facing)).normalize();
        }
        let sunlight = self.shadows.sunlight(&position, &normal);
        let footprint_m = distance_m / self.scene.camera.fx_px as f32;
        Fragment { position, normal, to_eye, distance_m, footprint_m, sunlight }
    }

    fn scenery(&self, surface: &Surface, fragment: &Fragment) -> V3 {
        let position = &fragment.position;
        let footprint = fragment.footprint_m;
        match surface {
            Surface::Ground(kind) => {
                // The pixel is long in the direction of view: between its width and its length.
                let stretch = 1.0 / fragment.normal.dot(&fragment.to_eye).abs().max(0.03);
                let color = ground::color(
                    *kind,
                    &self.scene.street.layout,
                    position.x,
                    position.y,
                    footprint * stretch.powf(0.6),
                );
                let sheen =
                    self.sheen(fragment, 0.35) * if *kind == super::geometry::Ground::Asphalt { 1.0 } else { 0.3 };
                self.diffuse(&color, fragment, self.shade_under_vehicles(position)) + sheen
            }
            Surface::Facade { color, window_pitch_m, window_share, base_z_m, style } => {
                let spec = facade::Spec {
                    color: *color,
                    pitch_m: *window_pitch_m,
                    share: *window_share,
                    base_z_m: *base_z_m,
                    style: *style,
                };
                facade::shade(self, &spec, fragment)
            }
            Surface::Roof { color } => {
                let rows = (position.z * 4.5).fract().abs();
                let pattern = 0.85 + 0.3 * value(2.5 * position.x, 6.0 * position.z, 6.0 * footprint);
                let fade = smoothstep(0.3, 0.05, footprint);
                self.diffuse(
                    &(V3::from(*color) * (pattern * (1.0 - 0.35 * fade * smoothstep(0.75, 1.0, rows)))),
                    fragment,
                    1.0,
                )
            }
            Surface::Foliage { color } => self.foliage(&V3::from(*color), fragment),
            Surface::Plain { color, roughness, noise } => {
                let pattern = 1.0
                    + noise
                        * (fractal(
                            3.1 * position.x + 1.7 * position.z,
                            3.1 * position.y + 2.3 * position.z,
                            3.0 * footprint,
                        ) - 0.5)
                        * 2.0;
                let near_ground = 0.6 + 0.4 * smoothstep(0.0, 0.8, position.z);
                self.diffuse(&(V3::from(*color) * pattern), fragment, near_ground)
                    + self.sheen(fragment, *roughness) * 0.3
            }
        }
    }

    /// Sun and sky on a matt surface; `openness` is the share of the sky that it sees.
    pub(super) fn diffuse(&self, color: &V3, fragment: &Fragment, openness: f32) -> V3 {
        let sky = &self.scene.sky;
        let sun = sky.sun * (fragment.normal.dot(&sky.sun_direction).max(0.0) * fragment.sunlight);
        let ambient = sky.ambient(&fragment.normal) * openness;
        color.component_mul(&(sun + ambient))
    }

    /// The gloss of a worn surface seen at a grazing angle, strongest towards the sun.
    fn sheen(&self, fragment: &Fragment, roughness: f32) -> V3 {
        let sky = &self.scene.sky;
        let half = (fragment.to_eye + sky.sun_direction).normalize();
        let grazing = (1.0 - fragment.normal.dot(&fragment.to_eye).max(0.0)).powi(5);
        let lobe = fragment.normal.dot(&half).max(0.0).powf(2.0 / (roughness * roughness));
        sky.sun * (lobe * fragment.sunlight * (0.04 + 0.35 * grazing)) + V3::new(0.75, 0.85, 0.95) * (0.06 * grazing)
    }

    /// Leaves: lit from both sides, darker below.
    fn foliage(&self, color: &V3, fragment: &Fragment) -> V3 {
        let sky = &self.scene.sky;
        let toward_sun = fragment.normal.dot(&sky.sun_direction);
        let through = 0.35 * (-fragment.to_eye.dot(&sky.sun_direction)).max(0.0).powi(3);
        let direct = (0.25 + 0.75 * toward_sun).max(0.10) + through;
        let light = sky.sun * (direct * (0.12 + 0.88 * fragment.sunlight)) + sky.ambient(&fragment.normal) * 0.8;
        let p = &fragment.position;
        let speckle = 0.75 + 0.5 * value(9.0 * p.x + 4.0 * p.z, 9.0 * p.y + 7.0 * p.z, 9.0 * fragment.footprint_m);
        color.component_mul(&light) * speckle
    }

    /// How much of the sky a point of the ground sees past the vehicles that stand over or beside it.
    fn shade_under_vehicles(&self, point: &V3) -> f32 {
        let mut open = 1.0f32;
        for placed in &self.scene.vehicles {
            let [dx, dy] = [point.x - placed.position_m[0], point.y - placed.position_m[1]];
            if dx * dx + dy * dy > 16.0 {
                continue;
            }
            let [along, aside] = placed.local(point.x, point.y);
            let [length, width] = placed.half_m();
            let (out_x, out_y) = (along.abs() - length + 0.12, aside.abs() - width + 0.10);
            let outside = out_x.max(0.0).hypot(out_y.max(0.0)) + out_x.max(out_y).min(0.0);
            open *= 1.0 - 0.86 * smoothstep(0.75, -0.35, outside);
        }
        open
    }
}

/// Mirror image of the direction to the eye.
pub(super) fn reflect(normal: &V3, to_eye: &V3) -> V3 {
    normal * (2.0 * normal.dot(to_eye)) - to_eye
}

/// Schlick's approximation.
pub(super) fn fresnel(specular: f32, cosine: f32) -> f32 {
    specular + (1.0 - specular) * (1.0 - cosine.clamp(0.0, 1.0)).powi(5)
}

/// GGX distribution of half vectors.
pub(super) fn highlight(normal: &V3, half: &Vector3<f32>, roughness: f32) -> f32 {
    let a2 = roughness * roughness;
    let cosine = normal.dot(half).max(0.0);
    let d = cosine * cosine * (a2 - 1.0) + 1.0;
    a2 / (std::f32::consts::PI * d * d)
}
