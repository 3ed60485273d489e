//! The street as triangles: its ground, and what stands beside it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::V3;
use super::buildings;
use super::foliage::{self, Species};
use super::furniture;
use super::geometry::{Geometry, Ground, Surface};
use super::layout::{KERB_M, Layout, Theme};

/// A street with everything that does not move.
#[derive(Clone, Debug)]
pub(super) struct Street {
    pub(super) layout: Layout,
    pub(super) geometry: Geometry,
    /// Height over distance of what lines the left and the right side.
    pub(super) skyline: [f32; 2],
}

/// Builds the street and its surroundings. `seen_from_x`: the stretch that cameras stand on, where leaves must be small.
pub(super) fn build(layout: Layout, seen_from_x: [f32; 2]) -> Street {
    // Its own numbers: how many leaves a tree has must not change who drives by.
    let rng = &mut ChaCha8Rng::seed_from_u64(layout.seed.into());
    let mut geometry = Geometry::default();
    ground(&mut geometry, &layout);
    let species: Vec<Species> = (0..3).map(|_| Species::draw(&mut geometry, rng)).collect();
    let mut skyline = [0.0; 2];
    let mut builder = Builder { geometry: &mut geometry, layout: &layout, species: &species, seen_from_x };
    for (index, side) in [1.0f32, -1.0].into_iter().enumerate() {
        skyline[index] = builder.line_side(side, rng);
        builder.backdrop(side, rng);
    }
    builder.close_the_view(rng);
    builder.horizon(rng);
    Street { layout, geometry, skyline }
}

fn ground(geometry: &mut Geometry, layout: &Layout) {
    let [asphalt, kerb, pavement, grass] = [Ground::Asphalt, Ground::Kerb, Ground::Pavement, Ground::Grass]
        .map(|kind| geometry.surface(Surface::Ground(kind)));
    let flat = |geometry: &mut Geometry, x: [f32; 2], y: [f32; 2], z: f32, surface: u16| {
        let corner = |x, y| V3::new(x, y, z);
        geometry.quad(
            [corner(x[0], y[0]), corner(x[1], y[0]), corner(x[1], y[1]), corner(x[0], y[1])],
            V3::z(),
            surface,
        );
    };
    let far = 400.0;
    flat(geometry, [layout.from_x - far, layout.to_x + far], [-far, far], -0.06, grass);
    flat(geometry, [layout.from_x, layout.to_x], [-layout.half_m[1], layout.half_m[0]], 0.0, asphalt);
    for side in [1.0f32, -1.0] {
        let edge = layout.kerb_y(side);
        for center in &layout.crossings_x {
            let half = layout.crossing_half_m;
            flat(geometry, [center - half, center + half], [edge, side * 90.0], 0.0, asphalt);
        }
        for x in layout.blocks() {
            let (inner, outer) = (edge + side * 0.14, edge + side * layout.pavement_m);
            flat(geometry, x, [edge, inner], KERB_M, kerb);
            flat(geometry, x, [inner, outer], KERB_M, pavement);
            flat(geometry, x, [outer, side * 90.0], KERB_M - 0.01, grass);
            let face = |a: [f32; 2], b: [f32; 2]| {
                [
                    V3::new(a[0], a[1], 0.0),
                    V3::new(b[0], b[1], 0.0),
                    V3::new(b[0], b[1], KERB_M),
                    V3::new(a[0], a[1], KERB_M),
                ]
            };
            geometry.quad(face([x[0], edge], [x[1], edge]), V3::new(0.0, -side, 0.0), kerb);
            geometry.quad(face([x[0], edge], [x[0], side * 90.0]), -V3::x(), kerb);
            geometry.quad(face([x[1], edge], [x[1], side * 90.0]), V3::x(), kerb);
        }
    }
}

struct Builder<'a> {
    geometry: &'a mut Geometry,
    layout: &'a Layout,
    species: &'a [Species],
    seen_from_x: [f32; 2],
}

impl Builder<'_> {
    /// Leaf size for something at (x, y): about two pixels from the nearest camera, within bounds.
    fn leaf_m(&self, x: f32, y: f32) -> f32 {
        let along = (self.seen_from_x[0] - x).max(x - self.seen_from_x[1]).max(0.0);
        let distance = along.hypot(y);
        (distance * 0.0085).clamp(0.15, 0.80)
    }

    fn species(&self, rng: &mut ChaCha8Rng) -> Species {
        self.species[rng.random_range(0..self.species.len())]
    }

    fn tree(&mut self, x: f32, y: f32, height_m: f32, rng: &mut ChaCha8Rng) {
        let (species, leaf_m) = (self.species(rng), self.leaf_m(x, y));
        foliage::tree(self.geometry, &species, V3::new(x, y, 0.05), height_m, leaf_m, rng);
    }

    /// Everything within 25 m of one kerb; returns its typical height over distance.
    fn line_side(&mut self, side: f32, rng: &mut ChaCha8Rng) -> f32 {
        let theme = match (self.layout.theme, rng.random::<f32>()) {
            (Theme::Yard, share) if share < 0.4 => Theme::Town,
            (Theme::Yard, share) if share < 0.7 => Theme::Suburb,
            (Theme::Yard, _) => Theme::Avenue,
            // Some streets have two faces.
            (_, share) if share < 0.12 => Theme::Avenue,
            (theme, _) => theme,
        };
        let back_y = self.layout.kerb_y(side) + side * self.layout.pavement_m;
        match theme {
            Theme::Town => self.town(side, back_y, rng),
            Theme::Suburb => self.suburb(side, back_y, rng),
            Theme::Avenue | Theme::Yard => self.avenue(side, back_y, rng),
        }
        self.poles(side, rng);
        match theme {
            Theme::Town => 0.75,
            Theme::Suburb => 0.38,
            _ => 0.60,
        }
    }

    fn town(&mut self, side: f32, back_y: f32, rng: &mut ChaCha8Rng) {
        let setback = if rng.random_bool(0.6) { 0.0 } else { rng.random_range(2.0..5.0) };
        let mut x = self.layout.from_x;
        while x < self.layout.to_x {
            let width = rng.random_range(8.0..19.0);
            let clear = !self.layout.in_crossing(x, 0.8)
                && !self.layout.in_crossing(x + width, 0.8)
                && !self.layout.in_crossing(x + 0.5 * width, 0.8);
            if clear {
                let depth = rng.random_range(9.0..13.0);
                let near = back_y + side * (setback + rng.random_range(0.0..0.4));
                buildings::house(
                    self.geometry,
                    [x, x + width],
                    [near, near + side * depth],
                    rng.random_range(6.5..15.5),
                    rng,
                );
                x += width;
                if rng.random_bool(0.25) {
                    x += rng.random_range(2.0..7.0);
                    let (tree_x, tree_y) = (x - 1.5, near + side * 4.0);
                    if !self.layout.in_crossing(tree_x, 3.0) {
                        self.tree(tree_x, tree_y, rng.random_range(6.0..10.0), rng);
                    }
                }
            } else {
                x += 1.0;
            }
        }
        if rng.random_bool(0.5) {
            self.row_of_trees(self.layout.kerb_y(side) + side * 0.9, [11.0, 22.0], [5.0, 9.0], rng);
        }
    }

    fn suburb(&mut self, side: f32, back_y: f32, rng: &mut ChaCha8Rng) {
        let mut x = self.layout.from_x;
        while x < self.layout.to_x {
            let width = rng.random_range(9.0..15.0);
            let plot = width + rng.random_range(3.0..10.0);
            if self.layout.in_crossing(x, 1.0)
                || self.layout.in_crossing(x + plot, 1.0)
                || self.layout.in_crossing(x + 0.5 * plot, 1.0)
            {
                x += 1.0;
                continue;
            }
            let near = back_y + side * rng.random_range(4.0..9.0);
            buildings::house(
                self.geometry,
                [x + 1.0, x + 1.0 + width],
                [near, near + side * 10.0],
                rng.random_range(4.5..8.0),
                rng,
            );
            self.garden([x, x + plot], side, back_y, rng);
            x += plot;
        }
    }

    /// What stands between a pavement and a house.
    fn garden(&mut self, x: [f32; 2], side: f32, back_y: f32, rng: &mut ChaCha8Rng) {
        let species = self.species(rng);
        let span = |low: f32, high: f32| if low < high { [low, high] } else { [high, low] };
        let y = span(back_y + side * 0.2, back_y + side * 0.9);
        let leaf_m = self.leaf_m(0.5 * (x[0] + x[1]), back_y).max(0.12);
        let gate = x[0] + rng.random_range(0.2..0.8) * (x[1] - x[0]);
        for part in [[x[0] + 0.1, gate - 1.5], [gate + 1.5, x[1] - 0.1]] {
            if part[1] - part[0] < 1.0 {
                continue;
            }
            match rng.random_range(0..4) {
                0 | 1 => {
                    let high = V3::new(part[1], y[1], rng.random_range(0.9..2.0));
                    foliage::hedge(self.geometry, &species, V3::new(part[0], y[0], 0.1), high, leaf_m, rng);
                }
                2 => furniture::fence(self.geometry, part, back_y + side * 0.3, rng),
                _ => furniture::wall(self.geometry, part, back_y + side * 0.3, rng),
            }
        }
        for _ in 0..rng.random_range(1..4) {
            let (at_x, at_y) = (rng.random_range(x[0]..x[1]), back_y + side * rng.random_range(1.6..4.0));
            let leaf_m = self.leaf_m(at_x, at_y);
            if rng.random_bool(0.45) {
                self.tree(at_x, at_y, rng.random_range(4.0..8.5), rng);
            } else {
                foliage::bush(
                    self.geometry,
                    &species,
                    V3::new(at_x, at_y, 0.1),
                    rng.random_range(0.6..1.3),
                    leaf_m,
                    rng,
                );
            }
        }
    }

    fn avenue(&mut self, side: f32, back_y: f32, rng: &mut ChaCha8Rng) {
        self.row_of_trees(back_y + side * 1.5, [7.0, 12.0], [8.0, 14.0], rng);
        let species = self.species(rng);
        let mut x = self.layout.from_x + 2.0;
        while x < self.layout.to_x {
            let y = back_y + side * rng.random_range(4.0..9.0);
            if !self.layout.in_crossing(x, 3.0) {
                let leaf_m = self.leaf_m(x, y) * 1.2;
                foliage::bush(self.geometry, &species, V3::new(x, y, 0.0), rng.random_range(1.0..2.4), leaf_m, rng);
                if rng.random_bool(0.5) {
                    self.tree(x, y + side * rng.random_range(2.0..6.0), rng.random_range(9.0..16.0), rng);
                }
            }
            x += rng.random_range(3.0..8.0);
        }
    }

    fn row_of_trees(&mut self, y: f32, gap_m: [f32; 2], height_m: [f32; 2], rng: &mut ChaCha8Rng) {
        let mut x = self.layout.from_x + rng.random_range(0.0..gap_m[1]);
        while x < self.layout.to_x {
            if !self.layout.in_crossing(x, 2.5) {
                self.tree(x, y, rng.random_range(height_m[0]..height_m[1]), rng);
            }
            x += rng.random_range(gap_m[0]..gap_m[1]);
        }
    }

    fn poles(&mut self, side: f32, rng: &mut ChaCha8Rng) {
        let y = self.layout.kerb_y(side) + side * rng.random_range(0.45..0.7);
        let mut x = self.layout.from_x + rng.random_range(0.0..20.0);
        let lamps = rng.random_bool(0.7);
        while x < self.layout.to_x {
            if !self.layout.in_crossing(x, 0.6) {
                if lamps {
                    furniture::lamp_post(self.geometry, V3::new(x, y, KERB_M), -side, rng);
                } else if rng.random_bool(0.5) {
                    furniture::sign(self.geometry, V3::new(x, y, KERB_M), rng);
                }
                if rng.random_bool(0.3) {
                    furniture::sign(self.geometry, V3::new(x + 5.0, y, KERB_M), rng);
                }
                if rng.random_bool(0.3) {
                    furniture::bollards(self.geometry, [x + 8.0, x + 14.0], y, self.layout);
                }
            }
            x += rng.random_range(16.0..30.0);
        }
    }

    /// Trees and roofs far behind the first row.
    fn backdrop(&mut self, side: f32, rng: &mut ChaCha8Rng) {
        let mut x = self.layout.from_x;
        while x < self.layout.to_x + 60.0 {
            let y = side * rng.random_range(48.0..75.0);
            if rng.random_bool(0.35) {
                buildings::house(self.geometry, [x, x + 13.0], [y, y + side * 11.0], rng.random_range(6.0..14.0), rng);
            } else {
                self.tree(x, y, rng.random_range(8.0..15.0), rng);
            }
            x += rng.random_range(4.0..8.0);
        }
    }

    /// Woods on the horizon all round.
    fn horizon(&mut self, rng: &mut ChaCha8Rng) {
        let middle = V3::new(0.5 * (self.layout.from_x + self.layout.to_x), 0.0, 0.0);
        let radius = 190.0 + 0.5 * (self.layout.to_x - self.layout.from_x);
        let woods = self.geometry.surface(Surface::Foliage { color: [0.045, 0.062, 0.030] });
        let count = 240;
        let mut height = 9.0f32;
        let mut previous: Option<[V3; 2]> = None;
        for k in 0..=count {
            let (sin, cos) = (k as f32 / count as f32 * std::f32::consts::TAU).sin_cos();
            height = (height + rng.random_range(-2.6..2.6)).clamp(5.0, 17.0);
            let foot = middle + V3::new(cos, sin, 0.0) * radius;
            let edge = [foot - V3::z(), foot + V3::new(0.0, 0.0, height + rng.random_range(-0.8..0.8))];
            if let Some([a, b]) = previous {
                self.geometry.quad([a, edge[0], edge[1], b], V3::new(-cos, -sin, 0.6).normalize(), woods);
            }
            previous = Some(edge);
        }
    }

    /// The far end of the street.
    fn close_the_view(&mut self, rng: &mut ChaCha8Rng) {
        let mut y = -75.0;
        while y < 75.0 {
            let x = self.layout.to_x + rng.random_range(4.0..40.0);
            if rng.random_bool(0.3) && f32::abs(y) > 9.0 {
                buildings::house(self.geometry, [x, x + 11.0], [y, y + 12.0], rng.random_range(6.0..12.0), rng);
            } else {
                self.tree(x, y, rng.random_range(6.0..13.0), rng);
            }
            y += rng.random_range(2.5..5.0);
        }
    }
}
