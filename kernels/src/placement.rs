//! Where a surface lies in a map, and how a step moves it.
//!
//! For a point `X` of the surface, in mesh units and mesh axes:
//!
//! ```text
//! Y = R X      w = 1 + q Y.z      u = cx + s (Y.x - a Y.z) / w      v = cy + s (Y.y - b Y.z) / w
//! ```
//!
//! `R` turns mesh axes into the camera's (x right, y down, z ahead); `s` is how many cells a mesh unit
//! spans at the mesh's origin, `q` one over the origin's distance ahead (zero: infinitely far), `(cx, cy)`
//! where the origin lies, and `(a, b, 1)` the direction to it. This is a pinhole camera of focal length
//! `s / q` cells, which the origin has to be off the axis of by `(a, b) s / q` cells; a crop need not show
//! that axis. The ray to the point is `r = (a + q Y.x, b + q Y.y, w)`, and the normal `n` there faces the
//! viewer by `f = -(R n).r / |r|`, the cosine between it and the direction to the viewer.
//!
//! A step has six numbers, in this order: a rotation vector `(w1, w2, w3)`, radians, in the camera's axes
//! and applied from the left (`R <- exp(w) R`); `sigma`, with `s <- s exp(sigma)` and `q <- q exp(sigma)`
//! (the surface comes nearer, the camera stays); `(tx, ty)`, added to the centre, in cells, while `(a, b)`
//! grow by `(tx, ty) q / s` (the surface moves across, the camera stays).

mod lanes;

pub(crate) use lanes::{PlacedLanes, View};

/// Points nearer to the viewer than this fraction of the origin's distance are not seen.
pub const DEPTH_MIN: f32 = 0.1;

/// Least and largest [`Placement::scale`], cells a mesh unit.
const SCALES: std::ops::RangeInclusive<f32> = 1e-6..=1e6;

/// Where a surface lies in a map: see the head of `src/placement.rs` for the formulas.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Placement {
    /// `R`, camera axes from mesh axes, row by row; a rotation (not checked).
    pub rotation: [[f32; 3]; 3],
    /// `s`: cells a mesh unit at the mesh's origin, positive.
    pub scale: f32,
    /// `q`: one over the depth of the mesh's origin ahead of the camera, per mesh unit; zero or more.
    pub nearness: f32,
    /// `(cx, cy)`: where the mesh's origin lies, cells.
    pub centre: [f32; 2],
    /// `(a, b)`: how far right and down of the camera's axis the mesh's origin lies, as parts of its depth.
    pub slant: [f32; 2],
}

/// A point of a surface as it is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// Where it lies, cells from the map's left border.
    pub u: f32,
    /// Where it lies, cells from the map's upper border.
    pub v: f32,
    /// `w`: its depth ahead of the camera, as a fraction of the origin's.
    pub depth: f32,
    /// `f`: cosine between the normal and the direction to the viewer; negative when turned away.
    pub facing: f32,
    /// Cells squared that a unit of its surface's area covers, `-(R n).r s^2 / w^3`; negative when turned away.
    pub area_scale: f32,
}

impl Placed {
    /// Whether the point is in front of the viewer and turned towards it. What else stands in the way
    /// is not asked.
    #[must_use]
    pub fn faces_viewer(&self) -> bool {
        self.depth > DEPTH_MIN && self.facing > 0.0
    }
}

impl Placement {
    /// Whether all numbers are finite, the scale within `1e-6..=1e6` and the nearness not negative.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let numbers = self.rotation.iter().flatten().chain(&self.centre).chain(&self.slant).chain([&self.nearness]);
        SCALES.contains(&self.scale)
            && self.nearness >= 0.0
            && numbers.fold(true, |all, number| all & number.is_finite())
    }

    /// A point of the surface at `position` with unit `normal`, both in mesh axes.
    ///
    /// Total: points at or behind the viewer give numbers without meaning, and
    /// [`Placed::faces_viewer`] is false for them.
    #[must_use]
    pub fn place(&self, position: [f32; 3], normal: [f32; 3]) -> Placed {
        let (y, n) = (self.turn(position), self.turn(normal));
        let ray = self.ray(y);
        let depth = ray[2];
        let cells = self.scale / depth;
        let turned = -dot(n, ray);
        let [u, v] = [0, 1].map(|axis| self.centre[axis] + cells * self.across(y, axis));
        Placed { u, v, depth, facing: turned / dot(ray, ray).sqrt(), area_scale: turned * (cells * cells) / depth }
    }

    /// To a point in the camera's axes, as parts of the origin's depth.
    fn ray(&self, y: [f32; 3]) -> [f32; 3] {
        let [a, b] = self.slant;
        [a + self.nearness * y[0], b + self.nearness * y[1], 1.0 + self.nearness * y[2]]
    }

    /// How far a point is from the ray to the origin, along a cell axis, at its own depth.
    fn across(&self, y: [f32; 3], axis: usize) -> f32 {
        y[axis] - self.slant[axis] * y[2]
    }

    /// How `(u, v)` of the point at `position` move with the six numbers of a step: two rows of six.
    #[must_use]
    pub fn jacobian(&self, position: [f32; 3]) -> [[f32; 6]; 2] {
        let y = self.turn(position);
        let [x, y_ray, depth] = self.ray(y);
        let cells = self.scale / depth;
        // The turn moves Y by w x Y, and (u, v) by `cells * (dY.x - a dY.z, dY.y - b dY.z)`, with the point's own slant.
        let (a, b) = (x / depth, y_ray / depth);
        let row = |turns: [f32; 3], growth: f32, shift: [f32; 2]| {
            let [first, second, third] = turns.map(|turn| cells * turn);
            [first, second, third, cells * growth / depth, shift[0] / depth, shift[1] / depth]
        };
        [
            row([-a * y[1], y[2] + a * y[0], -y[1]], self.across(y, 0), [1.0, 0.0]),
            row([-y[2] - b * y[1], b * y[0], y[0]], self.across(y, 1), [0.0, 1.0]),
        ]
    }

    /// How `(u, v)` of the point at `position` move along `direction`, mesh axes: cells a mesh unit.
    #[must_use]
    pub fn along(&self, position: [f32; 3], direction: [f32; 3]) -> [f32; 2] {
        let (y, t) = (self.turn(position), self.turn(direction));
        let ray = self.ray(y);
        [0, 1].map(|axis| self.scale / ray[2] * (t[axis] - ray[axis] / ray[2] * t[2]))
    }

    /// This placement after a step.
    #[must_use]
    pub fn stepped(&self, step: &[f32; 6]) -> Self {
        let [w1, w2, w3, sigma, tx, ty] = step.map(f64::from);
        let turn = rotation_of([w1, w2, w3]);
        let columns = self.rotation.map(|row| row.map(f64::from));
        let element = |row: usize, column: usize| (0..3).map(|k| turn[row][k] * columns[k][column]).sum::<f64>() as f32;
        let grown = |number: f32| (f64::from(number) * sigma.exp()) as f32;
        let per_cell = f64::from(self.nearness) / f64::from(self.scale);
        let moved = |number: f32, by: f64| (f64::from(number) + by) as f32;
        Self {
            rotation: std::array::from_fn(|row| std::array::from_fn(|column| element(row, column))),
            scale: grown(self.scale),
            nearness: grown(self.nearness),
            centre: [moved(self.centre[0], tx), moved(self.centre[1], ty)],
            slant: [moved(self.slant[0], tx * per_cell), moved(self.slant[1], ty * per_cell)],
        }
    }

    /// Camera axes from mesh axes.
    fn turn(&self, vector: [f32; 3]) -> [f32; 3] {
        self.rotation.map(|row| dot(row, vector))
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// `exp(w)`, by Rodrigues' formula.
fn rotation_of(w: [f64; 3]) -> [[f64; 3]; 3] {
    let squared = w.iter().map(|element| element * element).sum::<f64>();
    let angle = squared.sqrt();
    // sin(x) / x and (1 - cos(x)) / x^2 = (sin(x/2) / (x/2))^2 / 2, which do not cancel.
    let over = |angle: f64| if angle > 1e-8 { angle.sin() / angle } else { 1.0 };
    let (first, second) = (over(angle), 0.5 * over(0.5 * angle).powi(2));
    let cross = [[0.0, -w[2], w[1]], [w[2], 0.0, -w[0]], [-w[1], w[0], 0.0]];
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let unit = f64::from(u8::from(row == column));
            unit + first * cross[row][column] + second * (w[row] * w[column] - unit * squared)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::random::Random;

    fn random_placement(random: &mut Random) -> Placement {
        let upright = Placement {
            rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            scale: random.between(5.0, 30.0),
            nearness: random.between(0.0, 0.4),
            centre: [random.between(0.0, 30.0), random.between(0.0, 20.0)],
            slant: [random.between(-0.8, 0.8), random.between(-0.4, 0.4)],
        };
        let [a, b, c] = std::array::from_fn(|_| random.between(-3.0, 3.0));
        upright.stepped(&[a, b, c, 0.0, 0.0, 0.0])
    }

    #[test]
    fn jacobians_agree_with_finite_differences() {
        let mut random = Random::new(7);
        for _ in 0..200 {
            let placement = random_placement(&mut random);
            let point: [f32; 3] = std::array::from_fn(|_| random.between(-1.0, 1.0));
            let jacobian = placement.jacobian(point);
            let step = 1e-2_f32;
            for parameter in 0..6 {
                let moved = |size: f32| {
                    let mut step = [0.0; 6];
                    step[parameter] = size;
                    let placed = placement.stepped(&step).place(point, [0.0, 0.0, 1.0]);
                    [placed.u, placed.v]
                };
                let (after, before) = (moved(step), moved(-step));
                for axis in 0..2 {
                    let slope = (after[axis] - before[axis]) / (2.0 * step);
                    let error = (slope - jacobian[axis][parameter]).abs();
                    assert!(error < 0.02, "{parameter} {axis}: {slope} {}", jacobian[axis][parameter]);
                }
            }
            let direction: [f32; 3] = std::array::from_fn(|_| random.between(-1.0, 1.0));
            let moved = |size: f32| {
                let point = std::array::from_fn(|axis| point[axis] + size * direction[axis]);
                let placed = placement.place(point, [0.0, 0.0, 1.0]);
                [placed.u, placed.v]
            };
            let (after, before) = (moved(step), moved(-step));
            let along = placement.along(point, direction);
            for axis in 0..2 {
                assert!(((after[axis] - before[axis]) / (2.0 * step) - along[axis]).abs() < 0.02);
            }
        }
    }

    #[test]
    fn steps_turn_from_the_left_and_keep_rotations() {
        let mut random = Random::new(8);
        let placement = random_placement(&mut random);
        let quarter = placement.stepped(&[0.0, 0.0, std::f32::consts::FRAC_PI_2, 0.5, 1.0, -2.0]);
        for column in 0..3 {
            assert!((quarter.rotation[0][column] + placement.rotation[1][column]).abs() < 1e-6);
            assert!((quarter.rotation[1][column] - placement.rotation[0][column]).abs() < 1e-6);
            assert!((quarter.rotation[2][column] - placement.rotation[2][column]).abs() < 1e-6);
        }
        assert!((quarter.scale / placement.scale - 0.5_f32.exp()).abs() < 1e-5);
        assert!((quarter.nearness / placement.nearness - 0.5_f32.exp()).abs() < 1e-5);
        assert_eq!(quarter.centre, [placement.centre[0] + 1.0, placement.centre[1] - 2.0]);
        assert!((quarter.slant[0] - placement.slant[0] - placement.nearness / placement.scale).abs() < 1e-6);
        assert_eq!(placement.stepped(&[0.0; 6]), placement);
    }

    #[test]
    fn a_point_is_seen_from_the_front_only() {
        let placement = Placement {
            rotation: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            scale: 8.0,
            nearness: 0.5,
            centre: [4.0, 3.0],
            slant: [0.0, 0.0],
        };
        let front = placement.place([1.0, 0.5, -1.0], [0.0, 0.0, -1.0]);
        assert_eq!((front.u, front.v, front.depth), (20.0, 11.0, 0.5));
        assert!(front.faces_viewer() && front.facing < 1.0);
        assert!(!placement.place([1.0, 0.5, -1.0], [0.0, 0.0, 1.0]).faces_viewer());
        assert!(!placement.place([0.0, 0.0, -2.0], [0.0, 0.0, -1.0]).faces_viewer());
        assert!(!placement.place([0.0, 0.0, -5.0], [0.0, 0.0, -1.0]).faces_viewer());
        let edge_on = Placement { nearness: 0.0, ..placement }.place([0.0; 3], [1.0, 0.0, 0.0]);
        assert!(!edge_on.faces_viewer());
    }

    #[test]
    fn placements_without_meaning_are_told() {
        let good = random_placement(&mut Random::new(9));
        assert!(good.is_valid());
        let mut bad = good;
        bad.rotation[1][2] = f32::NAN;
        assert!(!bad.is_valid());
        for scale in [0.0, -1.0, 1e7, f32::NAN, f32::INFINITY] {
            assert!(!Placement { scale, ..good }.is_valid());
        }
        for nearness in [-0.1, f32::NAN, f32::INFINITY] {
            assert!(!Placement { nearness, ..good }.is_valid());
        }
        assert!(!Placement { centre: [0.0, f32::NEG_INFINITY], ..good }.is_valid());
        assert!(!Placement { slant: [f32::NAN, 0.0], ..good }.is_valid());
    }
}
