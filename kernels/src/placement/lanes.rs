//! Sixteen points at a time, by the same formulas.

use super::{DEPTH_MIN, Placement};
use crate::vector::{Vector, array};

/// A placement, each number in all lanes.
#[derive(Clone, Copy)]
pub(crate) struct View<V> {
    pub rotation: [[V; 3]; 3],
    pub scale: V,
    pub nearness: V,
    pub centre: [V; 2],
    pub slant: [V; 2],
}

/// Points as they are seen: the lanes of [`Placed`](super::Placed), and what it is made of.
#[derive(Clone, Copy)]
pub(crate) struct PlacedLanes<V> {
    /// The points in the camera's axes, mesh units.
    pub y: [V; 3],
    /// The rays to them, as parts of the origin's depth; the last is their depth.
    pub ray: [V; 3],
    /// Right and down of the ray to the origin, mesh units.
    pub across: [V; 2],
    /// Cells a mesh unit.
    pub cells: V,
    pub u: V,
    pub v: V,
    /// Has the sign of the cosine between normals and the direction to the viewer.
    pub turned: V,
}

impl<V: Vector> View<V> {
    #[inline(always)]
    pub fn new(placement: &Placement) -> Self {
        Self {
            rotation: array![row in [0, 1, 2] => array![column in [0, 1, 2] => V::splat(placement.rotation[row][column])]],
            scale: V::splat(placement.scale),
            nearness: V::splat(placement.nearness),
            centre: array![axis in [0, 1] => V::splat(placement.centre[axis])],
            slant: array![axis in [0, 1] => V::splat(placement.slant[axis])],
        }
    }

    /// Camera axes from mesh axes.
    #[inline(always)]
    pub fn turn(&self, vector: [V; 3]) -> [V; 3] {
        array![row in [0, 1, 2] => dot(self.rotation[row], vector)]
    }

    #[inline(always)]
    pub fn place(&self, position: [V; 3], normal: [V; 3]) -> PlacedLanes<V> {
        let (y, n) = (self.turn(position), self.turn(normal));
        let origin = [self.slant[0], self.slant[1], V::splat(1.0)];
        let ray = array![axis in [0, 1, 2] => self.nearness.mul_add(y[axis], origin[axis])];
        let cells = self.scale.div(ray[2]);
        let turned = V::splat(0.0).sub(dot(n, ray));
        let across = array![axis in [0, 1] => y[axis].sub(self.slant[axis].mul(y[2]))];
        let [u, v] = array![axis in [0, 1] => cells.mul_add(across[axis], self.centre[axis])];
        PlacedLanes { y, ray, across, cells, u, v, turned }
    }
}

impl<V: Vector> PlacedLanes<V> {
    #[inline(always)]
    pub fn face_viewer(&self) -> V::Mask {
        V::both(self.ray[2].greater(V::splat(DEPTH_MIN)), self.turned.greater(V::splat(0.0)))
    }

    /// Cells squared that a unit of the surface's area covers.
    #[inline(always)]
    pub fn area_scale(&self) -> V {
        self.turned.mul(self.cells.mul(self.cells)).div(self.ray[2])
    }
}

#[inline(always)]
fn dot<V: Vector>(a: [V; 3], b: [V; 3]) -> V {
    a[0].mul_add(b[0], a[1].mul_add(b[1], a[2].mul(b[2])))
}
