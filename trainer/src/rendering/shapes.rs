//! CAD shapes brought to the body coordinate system (x forward, y left, z up, centred, metres).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use models::mesh::Mesh;
use serde::{Deserialize, Serialize};

use crate::vehicles::{Material, vehicle};

/// Where shapes come from and how their files' axes lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeSource {
    /// A mesh file, or a folder of which every mesh file is taken.
    pub path: PathBuf,
    /// File axis that points forward: `+x`, `-x`, `+y`, `-y`, `+z` or `-z`.
    pub forward: String,
    /// File axis that points up.
    pub up: String,
    /// The shape is scaled to this length in metres; absent: the file is in metres.
    #[serde(default)]
    pub length_m: Option<f64>,
}

/// Shapes of our own generator ([`crate::vehicles`]): no third party's geometry in them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleShapes {
    /// How many.
    pub count: u32,
    /// The first one's seed; the others follow.
    pub seed: u64,
}

impl VehicleShapes {
    /// Builds them.
    pub fn build(self) -> impl Iterator<Item = Shape> {
        (self.seed..self.seed.saturating_add(self.count.into())).map(Shape::of_vehicle)
    }
}

/// A shape in the body coordinate system.
#[derive(Clone, Debug)]
pub struct Shape {
    /// File stem.
    pub name: String,
    /// Triangles, metres, centred on the bounding box.
    pub mesh: Mesh,
    /// Unit shading normal of every vertex; empty: surfaces are flat.
    pub normals: Vec<[f32; 3]>,
    /// Material of each of the mesh's parts; empty: neutral grey.
    pub materials: Vec<Material>,
}

impl Shape {
    /// The generated vehicle of a seed, with its materials.
    pub fn of_vehicle(seed: u64) -> Self {
        let vehicle = vehicle(seed);
        Self {
            name: format!("vehicle_{seed}"),
            mesh: vehicle.mesh,
            normals: vehicle.normals,
            materials: vehicle.materials,
        }
    }
}

/// Loads every shape of the sources, in order; files of a folder are sorted by name. Generated ones come last.
pub fn load_shapes(sources: &[ShapeSource], vehicles: Option<VehicleShapes>, root: &Path) -> Result<Vec<Shape>> {
    let mut shapes = Vec::new();
    for source in sources {
        let path = root.join(&source.path);
        let files = if path.is_dir() { mesh_files(&path)? } else { vec![path.clone()] };
        ensure!(!files.is_empty(), "{}: no mesh files (off, obj, ply, glb, gltf)", path.display());
        for file in files {
            shapes.push(load(&file, source)?);
        }
    }
    shapes.extend(vehicles.into_iter().flat_map(VehicleShapes::build));
    ensure!(!shapes.is_empty(), "no shapes: give [[shapes]] or [vehicles]");
    Ok(shapes)
}

fn mesh_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        if ["off", "obj", "ply", "glb", "gltf"].contains(&extension.as_str()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn load(file: &Path, source: &ShapeSource) -> Result<Shape> {
    let mesh = Mesh::load(file)?;
    let forward = axis(&source.forward)?;
    let up = axis(&source.up)?;
    let left = cross(up, forward);
    ensure!(left != [0.0; 3], "{}: forward and up are the same axis", file.display());
    let body_from_file = [forward, left, up];
    let mut mesh = mesh.transformed(&body_from_file, [0.0; 3]).centered();
    if let Some(length_m) = source.length_m {
        let (low, high) = mesh.bounds();
        let scale = length_m as f32 / (high[0] - low[0]);
        ensure!(scale.is_finite() && scale > 0.0, "{}: the mesh has no length", file.display());
        mesh = mesh.transformed(&[[scale, 0.0, 0.0], [0.0, scale, 0.0], [0.0, 0.0, scale]], [0.0; 3]);
    }
    let name = file.file_stem().and_then(|s| s.to_str()).unwrap_or("shape").to_owned();
    Ok(Shape { name, mesh, normals: Vec::new(), materials: Vec::new() })
}

fn axis(text: &str) -> Result<[f32; 3]> {
    Ok(match text {
        "+x" => [1.0, 0.0, 0.0],
        "-x" => [-1.0, 0.0, 0.0],
        "+y" => [0.0, 1.0, 0.0],
        "-y" => [0.0, -1.0, 0.0],
        "+z" => [0.0, 0.0, 1.0],
        "-z" => [0.0, 0.0, -1.0],
        _ => bail!("{text:?} is not an axis: write +x, -x, +y, -y, +z or -z"),
    })
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_is_up_cross_forward() {
        let (forward, up) = (axis("+x").expect("axis"), axis("+z").expect("axis"));
        assert_eq!(cross(up, forward), [0.0, 1.0, 0.0]);
        assert!(axis("x").is_err());
    }
}
