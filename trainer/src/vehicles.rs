//! Parametric road vehicles: thousands of distinct shapes from a seed, with no third-party geometry in them.
//!
//! A vehicle is a lofted body shell (`body`), out of which windows, lamps, grille, gaps and wheel arches are carved along implicit
//! curves (`shell`, `features`), plus wheels and fittings. Everything is in metres and REP-103 axes (x forward, y left, z up). While a
//! vehicle is being built its origin lies on the ground under the middle of its length; the finished mesh is centred on its box.

mod body;
mod features;
mod fittings;
mod paint;
mod profile;
mod proportions;
mod shell;
mod wheels;

pub use paint::Material;
pub use shell::Part;

use models::mesh::Mesh;
use proportions::Proportions;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shell::Shell;

/// Body style of a vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Three boxes: bonnet, cabin, boot.
    Sedan,
    /// Two boxes, short, with a sloping tailgate.
    Hatchback,
    /// Two boxes with a long roof.
    Estate,
    /// Tall and high off the ground.
    Suv,
    /// Delivery van or people carrier.
    Van,
    /// Cab and open bed.
    Pickup,
}

impl Kind {
    /// Every body style.
    pub const ALL: [Kind; 6] = [Kind::Sedan, Kind::Hatchback, Kind::Estate, Kind::Suv, Kind::Van, Kind::Pickup];

    /// The KITTI class that this style is labelled as.
    pub fn kitti_class(self) -> &'static str {
        if self == Kind::Van { "Van" } else { "Car" }
    }
}

/// One generated vehicle.
#[derive(Clone, Debug)]
pub struct Vehicle {
    /// Body style.
    pub kind: Kind,
    /// Triangles in metres, REP-103, origin in the centre of the bounding box. `parts` index [`Vehicle::materials`].
    pub mesh: Mesh,
    /// Unit shading normal of every vertex of `mesh`, pointing outwards.
    pub normals: Vec<[f32; 3]>,
    /// Material of each part, as `mesh.part_names` orders them.
    pub materials: Vec<Material>,
    /// Length over the bumpers.
    pub length_m: f64,
    /// Width of the body without mirrors, as KITTI measures it.
    pub width_m: f64,
    /// Height over the ground.
    pub height_m: f64,
}

/// The vehicle that belongs to `seed`: the same mesh and paint on every machine.
pub fn vehicle(seed: u64) -> Vehicle {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let kind = proportions::draw_kind(&mut rng);
    build(kind, &mut rng)
}

/// Like [`vehicle`], of a given body style.
pub fn vehicle_of_kind(kind: Kind, seed: u64) -> Vehicle {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed_0000_0000_0000);
    build(kind, &mut rng)
}

fn build(kind: Kind, rng: &mut ChaCha8Rng) -> Vehicle {
    let proportions = Proportions::draw(kind, rng);
    let mut shell = body::loft(&proportions);
    features::carve_all(&mut shell, &proportions, rng);
    wheels::add(&mut shell, &proportions, rng);
    fittings::add(&mut shell, &proportions, rng);
    let materials = paint::draw_materials(&proportions, rng);
    finish(kind, &shell, materials)
}

/// Moves the origin to the centre of the bounding box and drops what has no area.
fn finish(kind: Kind, shell: &Shell, materials: Vec<Material>) -> Vehicle {
    let (low, high) = shell.bounds(|_| true);
    let (body_low, body_high) = shell.bounds(|part| part != Part::Mirror && part != Part::MirrorGlass);
    let center: [f32; 3] = std::array::from_fn(|axis| (low[axis] + high[axis]) * 0.5);
    let positions = shell.positions.iter().map(|p| std::array::from_fn(|axis| p[axis] - center[axis])).collect();
    let mesh = Mesh {
        positions,
        triangles: shell.triangles.clone(),
        parts: shell.parts.iter().map(|part| *part as u16).collect(),
        part_names: Part::ALL.iter().map(|part| part.name().to_owned()).collect(),
    };
    Vehicle {
        kind,
        mesh,
        normals: shell.normals.clone(),
        materials,
        length_m: f64::from(high[0] - low[0]),
        width_m: f64::from(body_high[1] - body_low[1]),
        height_m: f64::from(high[2] - low[2]),
    }
}

#[cfg(test)]
mod tests;
