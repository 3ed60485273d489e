//! Sun, sky, haze, and the surroundings that paint and glass reflect.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::V3;
use super::noise::{fractal, smoothstep, value};

/// Light of one scene; radiances are linear RGB relative to a white surface in full sun of about 1.
#[derive(Clone, Debug)]
pub(super) struct Sky {
    /// Unit vector towards the sun, world axes.
    pub(super) sun_direction: V3,
    /// Irradiance of the sun on a surface that faces it; small under clouds.
    pub(super) sun: V3,
    zenith: V3,
    horizon: V3,
    cloud_cover: f32,
    cloud_offset: [f32; 2],
    cloud_light: f32,
    /// Mean light of the upper and the lower hemisphere.
    ambient_up: V3,
    ambient_down: V3,
    /// Colour and density per metre of the haze.
    haze: V3,
    haze_per_m: f32,
    /// Height over distance of what stands on the left and right of the street, for reflections.
    pub(super) skyline: [f32; 2],
    skyline_color: V3,
    ground_color: V3,
}

impl Sky {
    pub(super) fn draw(rng: &mut ChaCha8Rng, skyline: [f32; 2]) -> Self {
        let overcast = rng.random_bool(0.22);
        let azimuth = rng.random::<f32>() * std::f32::consts::TAU;
        let elevation = (24.0 + 40.0 * rng.random::<f32>()).to_radians();
        let sun_direction = V3::new(elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin());
        let warmth = 1.0 - smoothstep(0.35, 0.9, elevation);
        let strength = if overcast { 0.10 + 0.25 * rng.random::<f32>() } else { 1.75 + 0.55 * rng.random::<f32>() };
        let sun = V3::new(1.0, 0.955 - 0.09 * warmth, 0.88 - 0.22 * warmth) * strength;
        let (zenith, horizon) = if overcast {
            (V3::new(0.78, 0.83, 0.90) * 0.95, V3::new(1.05, 1.08, 1.10))
        } else {
            let deep = rng.random::<f32>();
            (V3::new(0.22, 0.44, 0.88) * (1.0 - 0.3 * deep) + V3::repeat(0.08), V3::new(0.86, 1.02, 1.16))
        };
        let cloud_cover = if overcast { 0.95 } else { rng.random_range(0.05..0.75) };
        let cloud_light = if overcast { 0.25 } else { 0.9 };
        let mean_sky = zenith * 0.55 + horizon * 0.45 + V3::repeat(0.25 * cloud_cover * cloud_light);
        let ground_color = V3::new(0.15, 0.145, 0.135) * (strength * sun_direction.z + 0.55);
        Self {
            sun_direction,
            sun,
            zenith,
            horizon,
            cloud_cover,
            cloud_offset: [rng.random_range(0.0..99.0), rng.random_range(0.0..99.0)],
            cloud_light,
            ambient_up: mean_sky * if overcast { 0.80 } else { 0.52 },
            ambient_down: ground_color * 0.85,
            haze: horizon * 0.95,
            haze_per_m: if overcast { 0.0012 } else { rng.random_range(0.0003..0.0014) },
            skyline,
            skyline_color: V3::new(0.10, 0.105, 0.09) * (0.5 + 0.6 * strength),
            ground_color,
        }
    }

    /// What a camera sees in `direction` where nothing stands.
    pub(super) fn radiance(&self, direction: &V3) -> V3 {
        let up = direction.z.max(0.0);
        let mut color = self.horizon + (self.zenith - self.horizon) * smoothstep(0.0, 0.75, up.sqrt() * 0.9);
        if up > 0.01 {
            // Clouds on a plane overhead.
            let (x, y) = (direction.x / (up + 0.12), direction.y / (up + 0.12));
            let pattern = fractal(1.1 * x + self.cloud_offset[0], 1.1 * y + self.cloud_offset[1], 0.0);
            let fine = value(9.0 * x, 9.0 * y + self.cloud_offset[1], 0.0);
            let cover = smoothstep(
                0.72 - 0.55 * self.cloud_cover,
                0.95 - 0.45 * self.cloud_cover,
                pattern + 0.06 * (fine - 0.5),
            );
            let lit = V3::repeat(0.55) + V3::repeat(self.cloud_light) * (0.6 + 0.4 * (1.0 - pattern));
            color += (lit - color) * (cover * smoothstep(0.01, 0.12, up) * 0.9);
        }
        let toward_sun = direction.dot(&self.sun_direction).max(0.0);
        let glow =
            0.35 * toward_sun.powi(6) + 0.9 * toward_sun.powi(48) + 25.0 * smoothstep(0.9994, 0.9998, toward_sun);
        color + self.sun * (0.35 * glow)
    }

    /// What a surface of `roughness` reflects from `direction`: sky, skyline, street.
    pub(super) fn reflected(&self, direction: &V3, roughness: f32) -> V3 {
        let flat = (direction.x * direction.x + direction.y * direction.y).sqrt().max(1e-4);
        let slope = direction.z / flat;
        let side = (direction.y / flat).abs();
        let height = if direction.y > 0.0 { self.skyline[0] } else { self.skyline[1] };
        let bearing = direction.y.atan2(direction.x);
        let ragged = 0.6 + 0.8 * value(bearing * 7.0 + self.cloud_offset[0], height * 3.0, 0.0);
        let line = 0.07 + height * side.powf(1.4) * ragged;
        let blur = 0.015 + 0.7 * roughness;
        let above = smoothstep(line - blur, line + blur, slope);
        let below = smoothstep(-0.02 - blur, 0.02 + blur, slope);
        let sky = if roughness > 0.25 { self.rough_sky(direction) } else { self.radiance(direction) };
        let detail = 0.55 + 0.9 * value(bearing * 23.0, slope * 9.0 + self.cloud_offset[1], 30.0 * roughness);
        let street = self.skyline_color * detail;
        let standing = street + (sky - street) * above;
        self.ground_color + (standing - self.ground_color) * below
    }

    fn rough_sky(&self, direction: &V3) -> V3 {
        let up = direction.z.max(0.0);
        self.horizon
            + (self.zenith - self.horizon) * smoothstep(0.0, 0.75, up)
            + V3::repeat(0.2 * self.cloud_cover * self.cloud_light)
    }

    /// Diffuse light from everywhere but the sun, on a surface of the given normal.
    pub(super) fn ambient(&self, normal: &V3) -> V3 {
        let share = 0.5 + 0.5 * normal.z;
        self.ambient_down + (self.ambient_up - self.ambient_down) * share
    }

    /// `color` as seen through `distance_m` of air.
    pub(super) fn through_haze(&self, color: V3, distance_m: f32) -> V3 {
        let clear = (-self.haze_per_m * (distance_m - 15.0).max(0.0)).exp();
        self.haze + (color - self.haze) * clear
    }
}
