//! Vehicles: lacquer over flakes, glass with a cabin behind it, lamps, plates, dirt.

use super::V3;
use super::noise::{fractal, hash_unit, smoothstep, value};
use super::shade::{Fragment, Shader, fresnel, highlight, reflect};
use super::traffic::PlacedVehicle;
use crate::vehicles::{Kind, Material, Part};

/// Radiance of a vehicle's surface. `local` and `local_to_eye` are the position and the direction to the eye in vehicle axes.
pub(super) fn shade(
    shader: &Shader<'_>,
    placed: &PlacedVehicle,
    part: usize,
    fragment: &Fragment,
    local: &V3,
    local_to_eye: &V3,
) -> V3 {
    let vehicle = &placed.vehicle;
    let Some(material) = vehicle.materials.get(part) else { return V3::zeros() };
    let kind = Part::ALL.get(part).copied().unwrap_or(Part::Body);
    let height_m = local.z + 0.5 * vehicle.height_m as f32;
    let mut base = V3::from(material.base_color);
    let mut roughness = material.roughness;
    match kind {
        Part::Plate => base = plate(local, fragment.footprint_m, part as u32 ^ placed.track_id as u32),
        Part::HeadLamp | Part::TailLamp => {
            base *= 0.75 + 0.5 * value(28.0 * local.y, 40.0 * local.z, 40.0 * fragment.footprint_m)
        }
        Part::Grille => base += V3::repeat(0.02) * value(3.0 * local.y, 60.0 * local.z, 60.0 * fragment.footprint_m),
        Part::Glass => base = cabin(shader, placed, fragment, local, local_to_eye),
        _ => {}
    }
    if !matches!(kind, Part::Glass | Part::Underbody | Part::RimShade) {
        let (dust, share) = dirt(placed, local, height_m, fragment.footprint_m);
        base += (dust - base) * share;
        roughness += 0.5 * share;
    }
    let openness = openness(kind, height_m, fragment);
    if kind == Part::Glass {
        return base + coat(shader, material, roughness, fragment, openness);
    }
    let matt = base * (1.0 - 0.85 * material.metallic);
    let flakes = flakes(shader, &base, material, fragment, openness);
    let emitted =
        V3::from(material.emissive) * (0.4 + 0.9 * value(22.0 * local.y, 30.0 * local.z, 30.0 * fragment.footprint_m));
    shader.diffuse(&matt, fragment, openness) + flakes + coat(shader, material, roughness, fragment, openness) + emitted
}

/// Share of the sky and street that reaches the surface: less near the ground and underneath.
fn openness(kind: Part, height_m: f32, fragment: &Fragment) -> f32 {
    let near_ground = 0.42 + 0.58 * smoothstep(0.0, 0.75, height_m);
    let under = 0.35 + 0.65 * smoothstep(-0.9, 0.1, fragment.normal.z);
    let inside = match kind {
        Part::Underbody => 0.15,
        Part::RimShade | Part::Grille | Part::Intake => 0.6,
        _ => 1.0,
    };
    near_ground * under * inside
}

/// The clear outer layer: surroundings and sun mirrored.
fn coat(shader: &Shader<'_>, material: &Material, roughness: f32, fragment: &Fragment, openness: f32) -> V3 {
    let sky = &shader.scene.sky;
    let cosine = fragment.normal.dot(&fragment.to_eye);
    let mirrored = reflect(&fragment.normal, &fragment.to_eye);
    let strength = fresnel(material.specular, cosine) * (1.0 - 0.75 * smoothstep(0.1, 0.8, roughness));
    let surroundings = sky.reflected(&mirrored, roughness) * strength;
    let half = (fragment.to_eye + sky.sun_direction).normalize();
    let facing_sun = fragment.normal.dot(&sky.sun_direction).max(0.0).sqrt();
    let glint = highlight(&fragment.normal, &half, roughness.max(0.07))
        * fresnel(material.specular, fragment.to_eye.dot(&half));
    let tint = if material.metallic > 0.9 { V3::from(material.base_color) } else { V3::repeat(1.0) };
    (surroundings * (0.35 + 0.65 * openness)).component_mul(&tint)
        + sky.sun * (0.25 * glint * facing_sun * fragment.sunlight)
}

/// Metal flakes in the base coat: a broad, coloured reflection.
fn flakes(shader: &Shader<'_>, base: &V3, material: &Material, fragment: &Fragment, openness: f32) -> V3 {
    if material.metallic <= 0.0 {
        return V3::zeros();
    }
    let sky = &shader.scene.sky;
    let mirrored = reflect(&fragment.normal, &fragment.to_eye);
    let half = (fragment.to_eye + sky.sun_direction).normalize();
    let broad = sky.reflected(&mirrored, 0.42) * 0.55 + sky.ambient(&fragment.normal) * 0.45;
    let facing_sun = fragment.normal.dot(&sky.sun_direction).max(0.0);
    let sun = sky.sun * (fragment.sunlight * facing_sun * (0.35 + 0.28 * highlight(&fragment.normal, &half, 0.42)));
    base.component_mul(&(broad * openness + sun)) * material.metallic
}

/// What is seen through a window: seats, or the light of the window behind.
fn cabin(shader: &Shader<'_>, placed: &PlacedVehicle, fragment: &Fragment, local: &V3, local_to_eye: &V3) -> V3 {
    let vehicle = &placed.vehicle;
    let (length, width, height) = (vehicle.length_m as f32, vehicle.width_m as f32, vehicle.height_m as f32);
    let inward = -local_to_eye;
    let floor_z = -0.5 * height;
    let dark = V3::new(0.012, 0.012, 0.013) * (0.6 + 0.8 * fragment.sunlight);
    // Seats: upright ellipsoids in two rows, with head rests.
    let (front_x, rear_x) = (0.01 * length, -0.19 * length);
    for (x, share) in [(front_x, 0.60), (rear_x, 0.57)] {
        for y in [0.21 * width, -0.21 * width] {
            for (z, radii) in
                [(share * height, V3::new(0.12, 0.24, 0.30)), ((share + 0.19) * height, V3::new(0.06, 0.12, 0.09))]
            {
                if ray_hits(local, &inward, &V3::new(x, y, floor_z + z), &radii) {
                    return V3::new(0.030, 0.029, 0.028) * (0.5 + 0.5 * fragment.sunlight);
                }
            }
        }
    }
    // The first wall of the cabin that the ray leaves through.
    let wall = |position: f32, speed: f32, limit: f32| {
        if speed.abs() > 1e-4 { (limit * speed.signum() - position) / speed } else { f32::INFINITY }
    };
    let aside = wall(local.y, inward.y, 0.42 * width);
    let rear_limit = if vehicle.kind == Kind::Sedan { 0.32 } else { 0.44 };
    let along = if inward.x > 0.0 {
        (0.20 * length - local.x) / inward.x
    } else {
        (-rear_limit * length - local.x) / inward.x.min(-1e-4)
    };
    let exit = aside.min(along);
    if !exit.is_finite() || exit <= 0.0 {
        return dark;
    }
    let exit_z = local.z + inward.z * exit - floor_z;
    let closed = vehicle.kind == Kind::Van && local.x + inward.x * exit < 0.0;
    let through = smoothstep(0.63, 0.67, exit_z / height) * smoothstep(0.93, 0.89, exit_z / height);
    if closed || through <= 0.0 {
        return dark;
    }
    let outside = shader.scene.sky.reflected(&-fragment.to_eye, 0.02);
    dark + outside * (0.33 * through)
}

fn ray_hits(origin: &V3, direction: &V3, center: &V3, radii: &V3) -> bool {
    let from = (origin - center).component_div(radii);
    let along = direction.component_div(radii);
    let (a, b, c) = (along.norm_squared(), from.dot(&along), from.norm_squared() - 1.0);
    b < 0.0 && b * b > a * c
}

/// Road dust: colour and share, more of it low down and behind the wheels.
fn dirt(placed: &PlacedVehicle, local: &V3, height_m: f32, footprint_m: f32) -> (V3, f32) {
    if placed.dirt < 0.02 {
        return (V3::zeros(), 0.0);
    }
    let pattern = fractal(2.2 * local.x + placed.track_id as f32, 2.2 * local.y + 3.0 * local.z, 3.0 * footprint_m);
    let low = smoothstep(1.0, 0.15, height_m);
    (V3::new(0.20, 0.175, 0.14), (placed.dirt * (0.10 + 0.75 * low) * (0.4 + 0.9 * pattern)).clamp(0.0, 0.8))
}

/// White plate with a blue band and dark characters.
fn plate(local: &V3, footprint_m: f32, seed: u32) -> V3 {
    let white = V3::new(0.68, 0.68, 0.66);
    // Distance from the reader's left edge: a front plate reads towards +y, a rear plate towards -y.
    let start = 0.26 + if local.x > 0.0 { local.y } else { -local.y };
    let shift = start / 0.052;
    if shift < 0.9 {
        return V3::new(0.01, 0.05, 0.30);
    }
    let cell = shift.floor();
    let inside = (shift - cell - 0.5).abs() < 0.36;
    let gap = hash_unit(cell as i32, 3, seed) < 0.16;
    if !inside || gap || shift > 9.4 {
        return white;
    }
    let fine = hash_unit((shift * 4.0) as i32, (local.z * 70.0).floor() as i32, seed) > 0.38;
    let detail = smoothstep(0.03, 0.006, footprint_m);
    let ink = if fine { 1.0 } else { 0.25 };
    white * (1.0 - 0.9 * (0.5 + (ink - 0.5) * detail))
}
