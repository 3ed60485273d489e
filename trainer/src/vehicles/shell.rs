//! A triangle shell with shading normals and parts, and the knife that carves features out of it.

use std::collections::HashMap;

/// What a triangle of a vehicle is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Part {
    /// Painted sheet metal.
    Body,
    /// Windows.
    Glass,
    /// Black window surround and pillars.
    Pillar,
    /// Head lamp housing.
    HeadLamp,
    /// Head lamp reflector.
    HeadLampCore,
    /// Tail lamp, red.
    TailLamp,
    /// Reversing or indicator field inside the tail lamp.
    TailLampCore,
    /// Radiator grille.
    Grille,
    /// Bright trim.
    Chrome,
    /// Air intake, black plastic.
    Intake,
    /// Number plate.
    Plate,
    /// Unpainted plastic: sills, arches, bumper inserts.
    Cladding,
    /// Floor and wheel housings.
    Underbody,
    /// Shut lines between panels.
    Gap,
    /// Tyre.
    Tyre,
    /// Wheel spokes and rim.
    Rim,
    /// The dark behind the spokes.
    RimShade,
    /// Mirror housing.
    Mirror,
    /// Mirror glass.
    MirrorGlass,
    /// Load bed of a pickup.
    Bed,
}

impl Part {
    /// All parts, in the order of their numbers.
    pub const ALL: [Part; 20] = [
        Part::Body,
        Part::Glass,
        Part::Pillar,
        Part::HeadLamp,
        Part::HeadLampCore,
        Part::TailLamp,
        Part::TailLampCore,
        Part::Grille,
        Part::Chrome,
        Part::Intake,
        Part::Plate,
        Part::Cladding,
        Part::Underbody,
        Part::Gap,
        Part::Tyre,
        Part::Rim,
        Part::RimShade,
        Part::Mirror,
        Part::MirrorGlass,
        Part::Bed,
    ];

    /// Name in the mesh file.
    pub fn name(self) -> &'static str {
        match self {
            Part::Body => "body",
            Part::Glass => "glass",
            Part::Pillar => "pillar",
            Part::HeadLamp => "head_lamp",
            Part::HeadLampCore => "head_lamp_core",
            Part::TailLamp => "tail_lamp",
            Part::TailLampCore => "tail_lamp_core",
            Part::Grille => "grille",
            Part::Chrome => "chrome",
            Part::Intake => "intake",
            Part::Plate => "plate",
            Part::Cladding => "cladding",
            Part::Underbody => "underbody",
            Part::Gap => "gap",
            Part::Tyre => "tyre",
            Part::Rim => "rim",
            Part::RimShade => "rim_shade",
            Part::Mirror => "mirror",
            Part::MirrorGlass => "mirror_glass",
            Part::Bed => "bed",
        }
    }
}

/// A triangle as a selection sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facet {
    pub(super) part: Part,
    pub(super) center: [f32; 3],
    pub(super) normal: [f32; 3],
}

/// Implicit function of a position; the inside is negative.
pub(super) type Field<'a> = &'a dyn Fn([f32; 3]) -> f32;

/// Triangles with vertex normals and one part each.
#[derive(Clone, Debug, Default)]
pub(super) struct Shell {
    pub(super) positions: Vec<[f32; 3]>,
    pub(super) normals: Vec<[f32; 3]>,
    pub(super) triangles: Vec<[u32; 3]>,
    pub(super) parts: Vec<Part>,
}

impl Shell {
    pub(super) fn vertex(&mut self, position: [f32; 3], normal: [f32; 3]) -> u32 {
        self.positions.push(position);
        self.normals.push(normal);
        (self.positions.len() - 1) as u32
    }

    /// Adds a triangle unless it has no area.
    pub(super) fn triangle(&mut self, corners: [u32; 3], part: Part) {
        let [a, b, c] = corners.map(|i| self.positions[i as usize]);
        let area = length(cross(sub(b, a), sub(c, a)));
        if area > 1e-9 {
            self.triangles.push(corners);
            self.parts.push(part);
        }
    }

    pub(super) fn quad(&mut self, corners: [u32; 4], part: Part) {
        let [a, b, c, d] = corners;
        self.triangle([a, b, c], part);
        self.triangle([a, c, d], part);
    }

    /// Flat quad with its own vertices, wound counter-clockwise seen from outside.
    pub(super) fn flat_quad(&mut self, corners: [[f32; 3]; 4], part: Part) {
        let normal = normalized(cross(sub(corners[1], corners[0]), sub(corners[3], corners[0])));
        let indices = corners.map(|corner| self.vertex(corner, normal));
        self.quad(indices, part);
    }

    /// Lowest and highest corner of the triangles whose part is `wanted`.
    pub(super) fn bounds(&self, wanted: impl Fn(Part) -> bool) -> ([f32; 3], [f32; 3]) {
        let mut low = [f32::INFINITY; 3];
        let mut high = [f32::NEG_INFINITY; 3];
        for (triangle, part) in self.triangles.iter().zip(&self.parts) {
            if !wanted(*part) {
                continue;
            }
            for corner in triangle {
                let position = self.positions[*corner as usize];
                for axis in 0..3 {
                    low[axis] = low[axis].min(position[axis]);
                    high[axis] = high[axis].max(position[axis]);
                }
            }
        }
        (low, high)
    }

    fn facet(&self, corners: [u32; 3], part: Part) -> Facet {
        let [a, b, c] = corners.map(|i| self.positions[i as usize]);
        Facet {
            part,
            center: std::array::from_fn(|k| (a[k] + b[k] + c[k]) / 3.0),
            normal: normalized(cross(sub(b, a), sub(c, a))),
        }
    }

    /// Cuts the selected triangles along the zero curves of `insides` and gives what lies inside all of them to `part`, or removes it.
    pub(super) fn carve(&mut self, select: impl Fn(&Facet) -> bool, insides: &[Field<'_>], part: Option<Part>) {
        let mut kept = Vec::with_capacity(self.triangles.len());
        let mut kept_parts = Vec::with_capacity(self.triangles.len());
        let mut inside = Vec::new();
        for index in 0..self.triangles.len() {
            let (corners, old) = (self.triangles[index], self.parts[index]);
            // Wholly outside of one field: not to be cut along the others.
            let outside = |field: &Field<'_>| corners.iter().all(|i| field(self.positions[*i as usize]) >= 0.0);
            if select(&self.facet(corners, old)) && !insides.iter().any(outside) {
                inside.push((corners, old));
            } else {
                kept.push(corners);
                kept_parts.push(old);
            }
        }
        for field in insides {
            let mut cuts = HashMap::new();
            let mut still_inside = Vec::with_capacity(inside.len());
            for (corners, old) in inside {
                let (within, without) = self.split(corners, *field, &mut cuts);
                still_inside.extend(within.into_iter().map(|triangle| (triangle, old)));
                for triangle in without {
                    kept.push(triangle);
                    kept_parts.push(old);
                }
            }
            inside = still_inside;
        }
        self.triangles = kept;
        self.parts = kept_parts;
        if let Some(part) = part {
            for (corners, _) in inside {
                self.triangle(corners, part);
            }
        }
    }

    /// Splits one triangle at the zero curve of `field` into (inside, outside).
    fn split(
        &mut self,
        corners: [u32; 3],
        field: Field<'_>,
        cuts: &mut HashMap<(u32, u32), u32>,
    ) -> (Vec<[u32; 3]>, Vec<[u32; 3]>) {
        let values = corners.map(|i| field(self.positions[i as usize]));
        let negative_count = values.iter().filter(|value| **value < 0.0).count();
        match negative_count {
            0 => (Vec::new(), vec![corners]),
            3 => (vec![corners], Vec::new()),
            _ => {
                // Rotate so that corner 0 is alone on its side.
                let alone_is_negative = negative_count == 1;
                let first = (0..3).find(|k| (values[*k] < 0.0) == alone_is_negative).unwrap_or(0);
                let [a, b, c] = [corners[first], corners[(first + 1) % 3], corners[(first + 2) % 3]];
                let ab = self.cut_edge(a, b, field, cuts);
                let ac = self.cut_edge(a, c, field, cuts);
                let tip = vec![[a, ab, ac]];
                let base = vec![[ab, b, c], [ab, c, ac]];
                if alone_is_negative { (tip, base) } else { (base, tip) }
            }
        }
    }

    /// The vertex on edge a-b where `field` changes sign, made once per edge.
    fn cut_edge(&mut self, a: u32, b: u32, field: Field<'_>, cuts: &mut HashMap<(u32, u32), u32>) -> u32 {
        let key = (a.min(b), a.max(b));
        if let Some(index) = cuts.get(&key) {
            return *index;
        }
        let (from, to) = (self.positions[key.0 as usize], self.positions[key.1 as usize]);
        let at = |t: f32| -> [f32; 3] { std::array::from_fn(|k| from[k] + (to[k] - from[k]) * t) };
        let (mut low, mut high) = (0.0f32, 1.0f32);
        let (mut f_low, mut f_high) = (field(from), field(to));
        let mut t = 0.5;
        for _ in 0..4 {
            t = if f_low == f_high { 0.5 } else { low + (high - low) * f_low / (f_low - f_high) };
            let value = field(at(t));
            if (value < 0.0) == (f_low < 0.0) {
                (low, f_low) = (t, value);
            } else {
                (high, f_high) = (t, value);
            }
        }
        let (n0, n1) = (self.normals[key.0 as usize], self.normals[key.1 as usize]);
        let normal = normalized(std::array::from_fn(|k| n0[k] + (n1[k] - n0[k]) * t));
        let index = self.vertex(at(t), normal);
        cuts.insert(key, index);
        index
    }
}

pub(super) fn sub(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn length(a: [f32; 3]) -> f32 {
    (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]).sqrt()
}

pub(super) fn normalized(a: [f32; 3]) -> [f32; 3] {
    let norm = length(a);
    if norm > 0.0 { a.map(|value| value / norm) } else { [0.0, 0.0, 1.0] }
}

pub(super) fn add_scaled(a: [f32; 3], b: [f32; 3], scale: f32) -> [f32; 3] {
    [a[0] + scale * b[0], a[1] + scale * b[1], a[2] + scale * b[2]]
}
