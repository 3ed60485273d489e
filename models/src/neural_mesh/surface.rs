//! A triangle surface with what follows from it: normals, areas, tangents.

#[cfg(test)]
pub(crate) mod tests;

/// Most vertices of a surface.
pub const VERTEX_COUNT_MAX: usize = 65_536;
/// Most triangles of a surface: twice what a closed surface of so many vertices has.
pub const TRIANGLE_COUNT_MAX: usize = 4 * VERTEX_COUNT_MAX;
/// Largest coordinate, so that areas and their sums stay finite in f32.
const COORDINATE_MAX: f32 = 1e6;
/// Directions in which [`Surface::outline`] looks for the outermost vertex, on a spiral: neighbours are about 10 degrees apart.
const SPIRAL_DIRECTION_COUNT: usize = 400;

/// Why a surface, or what is seen on it, was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SurfaceError {
    /// Too few or too many of something.
    #[error("{key}: has {found}, wanted: {wanted}")]
    Count {
        /// `positions`, `triangles` or `features`.
        key: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        wanted: String,
    },
    /// One row is wrong.
    #[error("{key}: row {row}: {reason}")]
    Row {
        /// `positions`, `triangles`, `features`, or `areas` or `gradients`, which follow from them.
        key: &'static str,
        /// Row, counted from 0.
        row: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An argument is out of range.
    #[error("{key}: {reason}")]
    Argument {
        /// `extents`, `vertex_count`, `factors`, `cuboid`, `mesh`, `name` or `clutter`.
        key: &'static str,
        /// What is wrong, and what is wanted.
        reason: String,
    },
}

/// A box along the body axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Smallest x, y, z.
    pub low: [f32; 3],
    /// Largest x, y, z.
    pub high: [f32; 3],
}

impl Bounds {
    /// Length along x, y, z.
    #[must_use]
    pub fn size(&self) -> [f32; 3] {
        [0, 1, 2].map(|axis| self.high[axis] - self.low[axis])
    }

    /// The middle.
    #[must_use]
    pub fn center(&self) -> [f32; 3] {
        [0, 1, 2].map(|axis| 0.5 * (self.low[axis] + self.high[axis]))
    }
}

/// A triangle surface in body axes (REP-103: x forward, y left, z up) and any unit, V vertices and T triangles. Triangles are wound
/// counter-clockwise as seen from outside. Every value is finite and every index in range, because there is no other way to make one.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    positions: Vec<[f32; 3]>,
    triangles: Vec<[u32; 3]>,
    normals: Vec<[f32; 3]>,
    areas: Vec<f32>,
    tangents: Vec<[[f32; 3]; 2]>,
}

impl Surface {
    /// A surface of these vertices and triangles; normals, areas and tangents are computed.
    ///
    /// # Errors
    /// [`SurfaceError`] where a count is beyond [`VERTEX_COUNT_MAX`] or [`TRIANGLE_COUNT_MAX`], or there is none; a coordinate is not
    /// finite or beyond a million; a triangle names a vertex that does not exist, or one twice.
    pub fn new(positions: Vec<[f32; 3]>, triangles: Vec<[u32; 3]>) -> Result<Self, SurfaceError> {
        check(&positions, &triangles)?;
        let (normal_sums, areas) = sums(&positions, &triangles);
        let center = bounds(&positions).center();
        let normals: Vec<[f64; 3]> = normal_sums
            .iter()
            .zip(&positions)
            .map(|(sum, position)| {
                let outward = [0, 1, 2].map(|axis| f64::from(position[axis] - center[axis]));
                // Where the triangles of a vertex have no area, or fold back on each other, outward is the best that can be said.
                unit(*sum).or_else(|| unit(outward)).unwrap_or([0.0, 0.0, 1.0])
            })
            .collect();
        let tangents = normals.iter().map(|normal| tangents(*normal).map(|t| t.map(|v| v as f32))).collect();
        let normals = normals.into_iter().map(|normal| normal.map(|v| v as f32)).collect();
        let areas = areas.into_iter().map(|area| area as f32).collect();
        Ok(Self { positions, triangles, normals, areas, tangents })
    }

    /// `[V, 3]` vertices.
    #[must_use]
    pub fn positions(&self) -> &[[f32; 3]] {
        &self.positions
    }

    /// `[T, 3]` rows of the vertices.
    #[must_use]
    pub fn triangles(&self) -> &[[u32; 3]] {
        &self.triangles
    }

    /// `[V, 3]` unit normals: the mean of the triangles of a vertex, weighted by area. A vertex without any area looks away from the
    /// middle of [`Surface::bounds`].
    #[must_use]
    pub fn normals(&self) -> &[[f32; 3]] {
        &self.normals
    }

    /// `[V]` the area that a vertex stands for: a third of each of its triangles. They sum up to the area of the surface.
    #[must_use]
    pub fn areas(&self) -> &[f32] {
        &self.areas
    }

    /// `[V, 2, 3]` two unit vectors a vertex, which with the normal form a right-handed system: first x second = normal.
    #[must_use]
    pub fn tangents(&self) -> &[[[f32; 3]; 2]] {
        &self.tangents
    }

    /// Number of vertices, V.
    #[must_use]
    pub fn vertex_count(&self) -> usize {
        self.positions.len()
    }

    /// The box around all vertices.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        bounds(&self.positions)
    }

    /// The surface stretched along the body axes about the origin; normals, areas and tangents are computed anew.
    ///
    /// # Errors
    /// [`SurfaceError`] where a factor is not a positive number, or the result is too large.
    pub fn scaled(&self, factors: [f32; 3]) -> Result<Self, SurfaceError> {
        if !factors.iter().all(|&factor| factor > 0.0 && factor.is_finite()) {
            let reason = format!("are {factors:?}, wanted: three positive numbers");
            return Err(SurfaceError::Argument { key: "factors", reason });
        }
        let positions = self.positions.iter().map(|p| [0, 1, 2].map(|axis| p[axis] * factors[axis])).collect();
        Self::new(positions, self.triangles.clone())
    }

    /// Rows of the vertices that are outermost in any of several hundred directions, ascending: the box around their projection is
    /// that around the projection of all, to within a per cent, at a fraction of the work. Exact for a cuboid.
    #[must_use]
    pub fn outline(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = directions().filter_map(|direction| self.outermost(direction)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// The first of the vertices that lie farthest in this direction.
    fn outermost(&self, direction: [f64; 3]) -> Option<u32> {
        let mut best: Option<(u32, f64)> = None;
        for (row, position) in (0_u32..).zip(&self.positions) {
            let reach = dot(position.map(f64::from), direction);
            if best.is_none_or(|(_, most)| reach > most) {
                best = Some((row, reach));
            }
        }
        best.map(|(row, _)| row)
    }
}

fn check(positions: &[[f32; 3]], triangles: &[[u32; 3]]) -> Result<(), SurfaceError> {
    for (key, found, most) in
        [("positions", positions.len(), VERTEX_COUNT_MAX), ("triangles", triangles.len(), TRIANGLE_COUNT_MAX)]
    {
        if found == 0 || found > most {
            return Err(SurfaceError::Count { key, found, wanted: format!("1 to {most}") });
        }
    }
    for (row, position) in positions.iter().enumerate() {
        if !position.iter().all(|v| v.abs() <= COORDINATE_MAX) {
            let reason = format!("is {position:?}, wanted: finite numbers up to {COORDINATE_MAX}");
            return Err(SurfaceError::Row { key: "positions", row, reason });
        }
    }
    for (row, &[a, b, c]) in triangles.iter().enumerate() {
        let reason = if [a, b, c].iter().any(|&vertex| vertex as usize >= positions.len()) {
            format!("names {:?}, but there are {} vertices", [a, b, c], positions.len())
        } else if a == b || b == c || c == a {
            format!("names {:?}, wanted: three different vertices", [a, b, c])
        } else {
            continue;
        };
        return Err(SurfaceError::Row { key: "triangles", row, reason });
    }
    Ok(())
}

/// Sum of the area vectors of each vertex's triangles, and a third of the sum of their areas.
fn sums(positions: &[[f32; 3]], triangles: &[[u32; 3]]) -> (Vec<[f64; 3]>, Vec<f64>) {
    let (mut normals, mut areas) = (vec![[0.0; 3]; positions.len()], vec![0.0; positions.len()]);
    for triangle in triangles {
        // In range: `check` came first.
        let [a, b, c] = triangle.map(|row| positions[row as usize].map(f64::from));
        let vector = cross(subtract(b, a), subtract(c, a)).map(|v| 0.5 * v);
        let area = dot(vector, vector).sqrt();
        for &row in triangle {
            for (sum, value) in normals[row as usize].iter_mut().zip(vector) {
                *sum += value;
            }
            areas[row as usize] += area / 3.0;
        }
    }
    (normals, areas)
}

fn bounds(positions: &[[f32; 3]]) -> Bounds {
    let first = positions.first().copied().unwrap_or_default();
    let mut bounds = Bounds { low: first, high: first };
    for position in positions {
        for (axis, &value) in position.iter().enumerate() {
            bounds.low[axis] = bounds.low[axis].min(value);
            bounds.high[axis] = bounds.high[axis].max(value);
        }
    }
    bounds
}

/// Two unit vectors across a unit normal (Duff et al., Building an Orthonormal Basis, Revisited; JCGT 2017).
fn tangents([x, y, z]: [f64; 3]) -> [[f64; 3]; 2] {
    let sign = 1.0_f64.copysign(z);
    let a = -1.0 / (sign + z);
    let b = x * y * a;
    [[1.0 + sign * x * x * a, sign * b, -sign * x], [b, sign + y * y * a, -y]]
}

/// The axes, the diagonals between them, and a spiral over the sphere.
fn directions() -> impl Iterator<Item = [f64; 3]> {
    let steps = [-1.0, 0.0, 1.0];
    let lattice = steps.into_iter().flat_map(move |x| steps.into_iter().flat_map(move |y| steps.map(|z| [x, y, z])));
    let golden_angle = std::f64::consts::PI * (3.0 - 5.0_f64.sqrt());
    let spiral = (0..SPIRAL_DIRECTION_COUNT).map(move |step| {
        let z = 1.0 - (2 * step + 1) as f64 / SPIRAL_DIRECTION_COUNT as f64;
        let (sin, cos) = (golden_angle * step as f64).sin_cos();
        let radius = (1.0 - z * z).sqrt();
        [radius * cos, radius * sin, z]
    });
    lattice.filter(|direction| *direction != [0.0; 3]).chain(spiral)
}

pub(super) fn subtract(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The vector at unit length, where it has any.
pub(super) fn unit(vector: [f64; 3]) -> Option<[f64; 3]> {
    let norm = dot(vector, vector).sqrt();
    (norm > f64::MIN_POSITIVE.sqrt()).then(|| vector.map(|v| v / norm))
}
