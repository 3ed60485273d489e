//! Static triangles of a scene, and what each is made of.

use kernels::MeshView;

use super::V3;

/// How a triangle of the scenery looks; colours are linear RGB reflectances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Surface {
    /// Road, kerb, pavement or grass: patterns follow world x and y.
    Ground(Ground),
    /// Wall with a grid of windows; patterns follow the wall.
    Facade { color: [f32; 3], window_pitch_m: [f32; 2], window_share: [f32; 2], base_z_m: f32, style: u32 },
    /// Tiled roof.
    Roof { color: [f32; 3] },
    /// Leaves, which let some light through.
    Foliage { color: [f32; 3] },
    /// Anything plain, with a little noise on it.
    Plain { color: [f32; 3], roughness: f32, noise: f32 },
}

/// Kinds of ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    Asphalt,
    Kerb,
    Pavement,
    Grass,
}

/// A growing triangle mesh with one surface each.
#[derive(Clone, Debug, Default)]
pub(super) struct Geometry {
    pub(super) positions: Vec<[f32; 3]>,
    pub(super) normals: Vec<[f32; 3]>,
    pub(super) triangles: Vec<[u32; 3]>,
    /// Row of `surfaces` for each triangle.
    pub(super) parts: Vec<u16>,
    pub(super) surfaces: Vec<Surface>,
}

impl Geometry {
    pub(super) fn surface(&mut self, surface: Surface) -> u16 {
        if let Some(known) = self.surfaces.iter().rposition(|other| *other == surface) {
            return known as u16;
        }
        self.surfaces.push(surface);
        (self.surfaces.len() - 1) as u16
    }

    pub(super) fn vertex(&mut self, position: V3, normal: V3) -> u32 {
        self.positions.push(position.into());
        self.normals.push(normal.into());
        (self.positions.len() - 1) as u32
    }

    pub(super) fn triangle(&mut self, corners: [u32; 3], surface: u16) {
        self.triangles.push(corners);
        self.parts.push(surface);
    }

    /// Quad with the same normal at every corner.
    pub(super) fn quad(&mut self, corners: [V3; 4], normal: V3, surface: u16) {
        let [a, b, c, d] = corners.map(|corner| self.vertex(corner, normal));
        self.triangle([a, b, c], surface);
        self.triangle([a, c, d], surface);
    }

    /// Upright or tilted prism from `from` to `to`, round enough for a pole or a trunk.
    pub(super) fn tube(&mut self, from: V3, to: V3, radii: [f32; 2], surface: u16) {
        let axis = (to - from).normalize();
        let side = if axis.z.abs() > 0.9 { V3::x() } else { V3::z() }.cross(&axis).normalize();
        let other = axis.cross(&side);
        let count = 7;
        let mut ring = Vec::with_capacity(count);
        for k in 0..count {
            let (sin, cos) = (k as f32 / count as f32 * std::f32::consts::TAU).sin_cos();
            let out = side * cos + other * sin;
            ring.push([self.vertex(from + out * radii[0], out), self.vertex(to + out * radii[1], out)]);
        }
        for k in 0..count {
            let ([a, b], [c, d]) = (ring[k], ring[(k + 1) % count]);
            self.triangle([a, c, d], surface);
            self.triangle([a, d, b], surface);
        }
    }

    /// Axis-aligned box without its floor.
    pub(super) fn block(&mut self, low: V3, high: V3, surface: u16) {
        let corner = |x: f32, y: f32, z: f32| V3::new(x, y, z);
        let (l, h) = (low, high);
        self.quad(
            [corner(l.x, l.y, h.z), corner(h.x, l.y, h.z), corner(h.x, h.y, h.z), corner(l.x, h.y, h.z)],
            V3::z(),
            surface,
        );
        for (x, normal) in [(l.x, -V3::x()), (h.x, V3::x())] {
            self.quad(
                [corner(x, l.y, l.z), corner(x, h.y, l.z), corner(x, h.y, h.z), corner(x, l.y, h.z)],
                normal,
                surface,
            );
        }
        for (y, normal) in [(l.y, -V3::y()), (h.y, V3::y())] {
            self.quad(
                [corner(l.x, y, l.z), corner(h.x, y, l.z), corner(h.x, y, h.z), corner(l.x, y, h.z)],
                normal,
                surface,
            );
        }
    }

    pub(super) fn view(&self) -> MeshView<'_> {
        MeshView { positions: &self.positions, triangles: &self.triangles, parts: &self.parts }
    }
}
