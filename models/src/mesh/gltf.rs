//! glTF 2.0, text and binary: every triangle of the scene with its node's transform applied, one part a material.
//!
//! The `gltf` crate parses container and JSON. Its validation is not used: it panics on an accessor that does not exist, and
//! refuses files with textures of a newer kind; every index is looked up with care here instead. The bytes behind accessors
//! are read here too, because quantised positions (`KHR_mesh_quantization`) and compressed views (`EXT_meshopt_compression`),
//! which CAD collections use, are beyond the crate.
//! Skins and morph targets are passed over: a mesh stands as it was modelled.

use std::path::Path;

use ::gltf::json::mesh::{Mode, Primitive, Semantic};
use ::gltf::json::validation::Checked;
use ::gltf::json::{Node, Root};
use nalgebra::{Matrix4, Quaternion, Translation3, UnitQuaternion, Vector3, Vector4};

use super::{Mesh, MeshBuilder, MeshError};

mod buffers;
mod meshopt;

use buffers::Buffers;

/// Extensions that a file may require and that change nothing about its triangles.
const IRRELEVANT: [&str; 4] = ["KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_lights_"];
/// Extensions that a file may require and that are read.
const READ: [&str; 2] = ["EXT_meshopt_compression", "KHR_mesh_quantization"];

/// # Errors
/// [`MeshError`] with the JSON path or the element.
pub(super) fn parse(bytes: &[u8], place: &str, folder: Option<&Path>) -> Result<Mesh, MeshError> {
    let element = |element: &str, reason: String| MeshError::element(place, element, reason);
    // The crate subtracts the header from this length without looking.
    if bytes.starts_with(b"glTF") && bytes.get(8..12).is_none_or(|l| u32::from_le_bytes([l[0], l[1], l[2], l[3]]) < 20)
    {
        return Err(element("header", "the file is shorter than a binary glTF header".into()));
    }
    let file = ::gltf::Gltf::from_slice_without_validation(bytes).map_err(|e| element("header", e.to_string()))?;
    let root = file.document.into_json();
    check_extensions(&root, place)?;
    let buffers = Buffers::load(&root, file.blob, folder).map_err(|(e, reason)| element(&e, reason))?;
    let mut scene = Scene { place, root: &root, buffers, builder: MeshBuilder::new(place) };
    scene.add_nodes()?;
    scene.builder.finish()
}

/// Refuses a file that says it cannot be understood without something that is not read here.
fn check_extensions(root: &Root, place: &str) -> Result<(), MeshError> {
    let known =
        |name: &String| READ.contains(&name.as_str()) || IRRELEVANT.iter().any(|prefix| name.starts_with(prefix));
    match root.extensions_required.iter().find(|name| !known(name)) {
        Some(name) => {
            let reason = format!("{name} is not supported: save the file without it");
            Err(MeshError::element(place, "extensionsRequired", reason))
        }
        None => Ok(()),
    }
}

/// A scene on its way into a mesh.
struct Scene<'a> {
    place: &'a str,
    root: &'a Root,
    buffers: Buffers<'a>,
    builder: MeshBuilder,
}

impl Scene<'_> {
    /// Walks the default scene, else the first one, else every node that is nobody's child.
    fn add_nodes(&mut self) -> Result<(), MeshError> {
        let root = self.root;
        let scene = root.scene.and_then(|index| root.get(index)).or_else(|| root.scenes.first());
        let mut is_child = vec![false; root.nodes.len()];
        for child in root.nodes.iter().flat_map(|n| n.children.iter().flatten()) {
            if let Some(is_child) = is_child.get_mut(child.value()) {
                *is_child = true;
            }
        }
        let mut pending: Vec<(usize, Matrix4<f64>)> = match scene {
            Some(scene) => scene.nodes.iter().map(|n| (n.value(), Matrix4::identity())).collect(),
            None => (0..root.nodes.len()).filter(|&n| !is_child[n]).map(|n| (n, Matrix4::identity())).collect(),
        };
        pending.reverse();
        let mut visited = vec![false; root.nodes.len()];
        while let Some((row, scene_from_parent)) = pending.pop() {
            let failed = |reason: &str| MeshError::element(self.place, format!("nodes[{row}]"), reason);
            let node = root.nodes.get(row).ok_or_else(|| failed("does not exist"))?;
            // A tree visits a node once; a cycle would never end.
            if std::mem::replace(&mut visited[row], true) {
                return Err(failed("has two parents: the nodes are no tree"));
            }
            let scene_from_node = scene_from_parent * parent_from_node(node);
            pending.extend(node.children.iter().flatten().rev().map(|c| (c.value(), scene_from_node)));
            if let Some(mesh) = node.mesh {
                self.add_mesh(mesh.value(), &scene_from_node)?;
            }
        }
        Ok(())
    }

    fn add_mesh(&mut self, mesh: usize, scene_from_node: &Matrix4<f64>) -> Result<(), MeshError> {
        let root = self.root;
        let found = root
            .meshes
            .get(mesh)
            .ok_or_else(|| MeshError::element(self.place, format!("meshes[{mesh}]"), "does not exist"))?;
        for (row, primitive) in found.primitives.iter().enumerate() {
            self.add_primitive(primitive, scene_from_node).map_err(|reason| {
                MeshError::element(self.place, format!("meshes[{mesh}].primitives[{row}]"), reason)
            })?;
        }
        Ok(())
    }

    fn add_primitive(&mut self, primitive: &Primitive, scene_from_node: &Matrix4<f64>) -> Result<(), String> {
        let Checked::Valid(mode) = primitive.mode else {
            return Err("has an unknown mode".into());
        };
        if matches!(mode, Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip) {
            return Ok(());
        }
        let Some(accessor) = primitive.attributes.get(&Checked::Valid(Semantic::Positions)) else {
            return Err("has no attribute POSITION".into());
        };
        let positions = self.buffers.positions(accessor.value())?;
        let indices = match primitive.indices {
            Some(accessor) => self.buffers.indices(accessor.value())?,
            None => (0..u32::try_from(positions.len()).map_err(|e| e.to_string())?).collect(),
        };
        if let Some(index) = indices.iter().find(|&&i| i as usize >= positions.len()) {
            return Err(format!("vertex index {index} is out of range: there are {} vertices", positions.len()));
        }
        self.builder.set_part(&self.part_name(primitive))?;
        let base = self.builder.vertex_count();
        for position in &positions {
            self.builder.vertex(transform(scene_from_node, position))?;
        }
        let mirrored = scene_from_node.fixed_view::<3, 3>(0, 0).determinant() < 0.0;
        for [a, b, c] in triangles(mode, &indices) {
            let [a, b, c] = [a, b, c].map(|i| base + i64::from(i));
            self.builder.polygon(&if mirrored { [a, c, b] } else { [a, b, c] })?;
        }
        Ok(())
    }

    fn part_name(&self, primitive: &Primitive) -> String {
        match primitive.material {
            None => "unnamed".into(),
            Some(index) => {
                let name = self.root.get(index).and_then(|m| m.name.clone());
                name.unwrap_or_else(|| format!("material {}", index.value()))
            }
        }
    }
}

/// The index triples that a primitive draws.
fn triangles(mode: Mode, indices: &[u32]) -> Vec<[u32; 3]> {
    match mode {
        // Every second triangle of a strip is turned round, so that all keep one winding.
        Mode::TriangleStrip => {
            let turn = |(row, t): (usize, &[u32])| {
                if row % 2 == 0 { [t[0], t[1], t[2]] } else { [t[1], t[0], t[2]] }
            };
            indices.windows(3).enumerate().map(turn).collect()
        }
        Mode::TriangleFan => {
            let rest = indices.get(1..).unwrap_or_default();
            rest.windows(2).map(|pair| [indices[0], pair[0], pair[1]]).collect()
        }
        _ => indices.chunks_exact(3).map(|t| [t[0], t[1], t[2]]).collect(),
    }
}

fn parent_from_node(node: &Node) -> Matrix4<f64> {
    if let Some(columns) = node.matrix {
        return Matrix4::from_column_slice(&columns.map(f64::from));
    }
    let translation = Vector3::from(node.translation.unwrap_or_default().map(f64::from));
    let [x, y, z, w] = node.rotation.unwrap_or_default().0.map(f64::from);
    let rotation = UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z));
    let scale = Vector3::from(node.scale.unwrap_or([1.0; 3]).map(f64::from));
    (Translation3::from(translation) * rotation).to_homogeneous() * Matrix4::new_nonuniform_scaling(&scale)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "meshes are kept in single precision; infinities are refused by the builder"
)]
fn transform(scene_from_node: &Matrix4<f64>, position: &[f32; 3]) -> [f32; 3] {
    let [x, y, z] = position.map(f64::from);
    let moved = scene_from_node * Vector4::new(x, y, z, 1.0);
    [moved.x as f32, moved.y as f32, moved.z as f32]
}

#[cfg(test)]
mod tests;
