//! What is carved out of the body shell: arches, windows, doors, lamps, grille, plates.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Kind;
use super::proportions::Proportions;
use super::shell::{Facet, Field, Part, Shell};

/// Carves every feature; the order matters where features overlap.
pub(super) fn carve_all(shell: &mut Shell, p: &Proportions, rng: &mut ChaCha8Rng) {
    arches(shell, p);
    side_windows(shell, p);
    screens(shell, p);
    if p.kind == Kind::Pickup {
        bed(shell, p);
    }
    head_lamps(shell, p);
    grille(shell, p, rng);
    tail_lamps(shell, p);
    rear_face(shell, p, rng);
    shut_lines(shell, p);
    lower_body(shell, p);
}

fn body(facet: &Facet) -> bool {
    facet.part == Part::Body
}

/// Removes the wheel openings; a clad body gets a plastic lip round them.
fn arches(shell: &mut Shell, p: &Proportions) {
    let inner_y = 0.22 * p.width;
    for axle in [p.front_axle_x, p.rear_axle_x] {
        let disc = |radius: f32| move |v: [f32; 3]| (v[0] - axle).hypot((v[2] - p.wheel_radius).max(-0.02)) - radius;
        let outer = |facet: &Facet| facet.center[1].abs() > inner_y && facet.center[2] < p.deck_z;
        shell.carve(outer, &[&disc(p.arch_radius)], None);
        if p.clad {
            shell.carve(|facet| body(facet) && outer(facet), &[&disc(p.arch_radius + 0.055)], Some(Part::Cladding));
        }
    }
}

fn side_windows(shell: &mut Shell, p: &Proportions) {
    let half = p.length * 0.5;
    let side = |facet: &Facet| body(facet) && facet.normal[1].abs() > 0.55 && facet.center[2] > p.nose_z;
    let (rail, sill) = (0.075 + 0.03 * p.style[2], 0.022 + 0.02 * p.style[3]);
    // The rear end of the glass follows the rear window, a pillar's width ahead of it.
    let pillar = match p.kind {
        Kind::Sedan => 0.20 + 0.16 * p.style[4],
        Kind::Hatchback => 0.16 + 0.22 * p.style[4],
        Kind::Pickup => 0.12,
        _ => 0.12 + 0.10 * p.style[4],
    };
    let rear = |v: [f32; 3]| {
        let t = ((v[2] - p.deck_z) / (p.height - p.deck_z)).clamp(0.0, 1.0);
        let rear_x = p.glass_base_x + (p.roof_rear_x - p.glass_base_x) * t;
        let limit = if p.panelled { p.door_edges.get(1).map_or(-half, |x| x + 0.08) } else { -half };
        (rear_x + pillar).max(limit) - v[0]
    };
    let grown = |margin: f32| {
        move |v: [f32; 3]| {
            let below = p.shoulder.at(v[0]) + sill - v[2];
            let above = v[2] - (p.top.at(v[0]) - rail);
            below.max(above) - margin
        }
    };
    let front = |margin: f32| move |v: [f32; 3]| v[0] - (p.cowl_x - 0.10 + margin);
    let trimmed = p.style[5] < 0.7;
    if trimmed {
        let trim = if p.style[5] < 0.12 { Part::Chrome } else { Part::Pillar };
        let margin = if trim == Part::Chrome { 0.014 } else { 0.022 };
        shell.carve(side, &[&grown(margin), &|v| rear(v) - margin, &front(margin)], Some(trim));
        let inside = |facet: &Facet| facet.part == trim && facet.normal[1].abs() > 0.5;
        shell.carve(inside, &[&grown(0.0), &rear, &front(0.0)], Some(Part::Glass));
    } else {
        shell.carve(side, &[&grown(0.0), &rear, &front(0.0)], Some(Part::Glass));
    }
    let glass = |facet: &Facet| facet.part == Part::Glass;
    for edge in p.door_edges.iter().skip(1) {
        let (low, high) = (*edge - 0.035, *edge + 0.035);
        shell.carve(glass, &[&|v| low - v[0], &|v| v[0] - high], Some(Part::Pillar));
    }
}

/// Windscreen and rear window.
fn screens(shell: &mut Shell, p: &Proportions) {
    let half = p.length * 0.5;
    let margin = 0.055 + 0.02 * p.style[2];
    let within = |v: [f32; 3]| v[1].abs() - (p.cabin_half_width(v[0], v[2]) - margin);
    let base = p.top.at(p.cowl_x) + 0.035;
    let roof = p.height - 0.075;
    let ahead = |f: &Facet| {
        body(f) && f.normal[0] > 0.22 && f.normal[2] > 0.1 && f.center[0] < p.cowl_x + 0.1 && f.center[2] > p.nose_z
    };
    shell.carve(ahead, &[&|v| base - v[2], &|v| v[2] - roof, &within], Some(Part::Glass));
    // A black strip where the wipers lie.
    let wiper =
        |f: &Facet| body(f) && f.normal[2] > 0.1 && (f.center[0] - p.cowl_x).abs() < 0.2 && f.center[2] > p.nose_z;
    shell.carve(
        wiper,
        &[&|v| v[0] - p.cowl_x - 0.05, &|v| p.cowl_x - 0.06 - v[0], &|v| base - 0.05 - v[2], &|v| v[2] - base, &within],
        Some(Part::Intake),
    );
    if p.panelled && p.style[6] < 0.5 {
        return;
    }
    let rear_base = p.deck_z + if p.kind == Kind::Sedan { 0.035 } else { 0.06 + 0.06 * p.style[3] };
    let rear_roof = p.top.at(p.roof_rear_x) - if p.kind == Kind::Van { 0.20 } else { 0.07 };
    let behind = |f: &Facet| {
        body(f)
            && f.normal[0] < -0.25
            && f.normal[1].abs() < 0.72
            && f.center[2] > p.deck_z - 0.02
            && f.center[0] < p.roof_rear_x + 0.1
    };
    let wide = p.cabin_half_width(-half + p.tail[0], p.deck_z);
    let narrow = p.tumblehome;
    let rear_within = |v: [f32; 3]| v[1].abs() - (wide * (1.0 - narrow * (v[2] - p.deck_z).max(0.0)) - 1.7 * margin);
    shell.carve(behind, &[&|v| rear_base - v[2], &|v| v[2] - rear_roof, &rear_within], Some(Part::Glass));
    if p.kind == Kind::Van && p.style[7] < 0.6 {
        let glass = |f: &Facet| f.part == Part::Glass && f.normal[0] < -0.25;
        shell.carve(glass, &[&|v| v[1].abs() - 0.05], Some(Part::Body));
    }
}

/// The open bed of a pickup is a dark cover between its rails.
fn bed(shell: &mut Shell, p: &Proportions) {
    let half = p.length * 0.5;
    let flat =
        |f: &Facet| body(f) && f.normal[2] > 0.7 && f.center[0] < p.glass_base_x && f.center[2] > p.deck_z - 0.15;
    let fields: [Field<'_>; 3] =
        [&|v| v[0] - (p.glass_base_x - 0.02), &|v| -half + 0.10 - v[0], &|v| v[1].abs() - (0.5 * p.width - 0.12)];
    shell.carve(flat, &fields, Some(Part::Bed));
}

/// Carves a regular octagon of the (|y|, z) plane out of what is selected.
fn carve_octagon(shell: &mut Shell, select: impl Fn(&Facet) -> bool, [y, z]: [f32; 2], radius: f32, part: Part) {
    let sides: [_; 8] = std::array::from_fn(|k| {
        let (sin, cos) = (k as f32 * std::f32::consts::FRAC_PI_4).sin_cos();
        move |v: [f32; 3]| cos * (v[1].abs() - y) + sin * (v[2] - z) - radius
    });
    shell.carve(select, &sides.each_ref().map(|side| side as Field<'_>), Some(part));
}

/// Carves a horizontal rectangle, symmetric about the middle of the vehicle.
fn carve_bar(shell: &mut Shell, select: impl Fn(&Facet) -> bool, z: f32, [half_y, half_z]: [f32; 2], part: Part) {
    shell.carve(select, &[&|v| v[2] - z - half_z, &|v| z - half_z - v[2], &|v| v[1].abs() - half_y], Some(part));
}

fn head_lamps(shell: &mut Shell, p: &Proportions) {
    let half = p.length * 0.5;
    let w = p.width * 0.5;
    let tall = 0.11 + 0.09 * p.style[0] + if p.kind == Kind::Van { 0.08 } else { 0.0 };
    let (top, inner) = (p.nose_z - 0.055, (0.50 + 0.16 * p.style[1]) * w);
    let (slant, wrap) = (0.10 * p.style[2], 0.34 + 0.22 * p.style[3]);
    let front = |f: &Facet| body(f) && f.center[0] > half - 0.85 && f.normal[0] + f.normal[1].abs() > 0.25;
    let upper = |v: [f32; 3]| v[2] - (top + slant * (v[1].abs() - inner) + 0.13 * (half - v[0]).max(0.0));
    let lower =
        |v: [f32; 3]| top - tall + 0.5 * slant * (v[1].abs() - inner) + 0.16 * (half - 0.1 - v[0]).max(0.0) - v[2];
    let inward = |v: [f32; 3]| inner + 0.35 * (v[2] - top + 0.5 * tall).abs() - v[1].abs();
    let back = |v: [f32; 3]| half - wrap - 0.2 * (top - v[2]) - v[0];
    shell.carve(front, &[&upper, &lower, &inward, &back], Some(Part::HeadLamp));
    let lamp = |f: &Facet| f.part == Part::HeadLamp && f.normal[0] > 0.35;
    let core_radius = 0.36 * tall;
    let core = [inner + 0.14 + 0.04 * p.style[4], top - 0.48 * tall];
    carve_octagon(shell, lamp, core, core_radius, Part::HeadLampCore);
}

fn grille(shell: &mut Shell, p: &Proportions, rng: &mut ChaCha8Rng) {
    let half = p.length * 0.5;
    let w = p.width * 0.5;
    let front = |f: &Facet| body(f) && f.center[0] > half - 0.45 && f.normal[0] > 0.4;
    let top = p.nose_z - 0.075 - 0.02 * p.style[5];
    let bottom = top - 0.09 - 0.13 * p.style[6] - 0.25 * (p.nose_z - 0.7).max(0.0);
    let wide = (0.28 + 0.22 * p.style[7]) * w;
    let chrome = rng.random_bool(0.55);
    let frame = if chrome { 0.018 } else { 0.0 };
    let outline = |grow: f32| {
        [
            Box::new(move |v: [f32; 3]| v[2] - top - grow) as Box<dyn Fn([f32; 3]) -> f32>,
            Box::new(move |v: [f32; 3]| bottom - grow - v[2]),
            Box::new(move |v: [f32; 3]| v[1].abs() - wide - grow + 0.35 * (top - v[2])),
        ]
    };
    if chrome {
        let [a, b, c] = outline(frame);
        shell.carve(front, &[&a, &b, &c], Some(Part::Chrome));
    }
    let inside = |f: &Facet| f.center[0] > half - 0.45 && (f.part == Part::Chrome || body(f)) && f.normal[0] > 0.4;
    let [a, b, c] = outline(0.0);
    shell.carve(inside, &[&a, &b, &c], Some(Part::Grille));
    let bars = rng.random_range(0..4);
    let slats = |f: &Facet| f.part == Part::Grille;
    for bar in 0..bars {
        let z = bottom + (top - bottom) * (bar as f32 + 1.0) / (bars as f32 + 1.0);
        carve_bar(shell, slats, z, [w, 0.007], Part::Chrome);
    }
    let badged = |f: &Facet| f.center[0] > half - 0.45 && f.normal[0] > 0.4;
    carve_octagon(shell, badged, [0.0, 0.5 * (top + bottom)], 0.045, Part::Chrome);
    let (low, high) = (p.sill + 0.09, (p.sill + 0.19 + 0.06 * p.style[0]).min(bottom - 0.14));
    let mouth = (0.40 + 0.25 * p.style[1]) * w;
    shell.carve(
        front,
        &[&|v| v[2] - high, &|v| low - v[2], &|v| v[1].abs() - mouth - 0.5 * (v[2] - low)],
        Some(Part::Intake),
    );
    if rng.random_bool(0.6) {
        let fog = [mouth + 0.16, 0.5 * (low + high)];
        carve_octagon(shell, front, fog, 0.065, Part::Intake);
        let dark = |f: &Facet| f.part == Part::Intake && f.center[0] > half - 0.6;
        carve_octagon(shell, dark, fog, 0.045, Part::HeadLampCore);
    }
    let plate_z = high + 0.075;
    let plated = |f: &Facet| f.center[0] > half - 0.3 && f.normal[0] > 0.5;
    carve_bar(shell, plated, plate_z, [0.26, 0.056], Part::Plate);
}

fn tail_lamps(shell: &mut Shell, p: &Proportions) {
    let half = p.length * 0.5;
    let w = p.width * 0.5;
    let rear = |f: &Facet| {
        body(f) && f.center[0] < -half + 0.75 && (f.normal[0] < -0.12 || f.normal[1].abs() > 0.5) && f.normal[2] < 0.75
    };
    let shoulder = p.shoulder.at(-half + 0.15);
    let vertical = match p.kind {
        Kind::Sedan => false,
        Kind::Van | Kind::Pickup => true,
        _ => p.style[0] < 0.6,
    };
    let (inner, low, high, wrap) = if vertical {
        let high = match p.kind {
            Kind::Pickup => p.deck_z - 0.04,
            Kind::Van => p.deck_z + 0.25 * p.style[1],
            _ => shoulder + 0.25 * p.style[1],
        };
        ((0.70 + 0.09 * p.style[2]) * w, high - 0.32 - 0.14 * p.style[3], high, 0.22 + 0.1 * p.style[4])
    } else {
        (
            (0.52 + 0.22 * p.style[2]) * w,
            shoulder - 0.19 - 0.08 * p.style[3],
            shoulder - 0.015,
            0.20 + 0.22 * p.style[4],
        )
    };
    // Above the shoulder the body narrows, and so does the lamp's inner edge.
    let edge = |v: [f32; 3]| inner * (1.0 - 0.9 * p.tumblehome * (v[2] - shoulder).max(0.0)) - v[1].abs();
    let back = |v: [f32; 3]| v[0] - (-half + wrap + 0.9 * (v[2] - shoulder + 0.05).max(0.0));
    let fields: [Field<'_>; 4] = [&|v| low + 0.1 * (v[1].abs() - inner) - v[2], &|v| v[2] - high, &edge, &back];
    shell.carve(rear, &fields, Some(Part::TailLamp));
    let lamp = |f: &Facet| f.part == Part::TailLamp;
    let (from, to) =
        if vertical { (low + 0.10, low + 0.18) } else { (0.5 * (low + high) - 0.035, 0.5 * (low + high) + 0.02) };
    shell.carve(lamp, &[&|v| from - v[2], &|v| v[2] - to, &|v| v[0] + half - 0.14], Some(Part::TailLampCore));
}

fn rear_face(shell: &mut Shell, p: &Proportions, rng: &mut ChaCha8Rng) {
    let half = p.length * 0.5;
    let w = p.width * 0.5;
    let rear = |f: &Facet| body(f) && f.center[0] < -half + 0.35 && f.normal[0] < -0.4;
    let high_plate = rng.random_bool(0.65);
    let shoulder = p.shoulder.at(-half + 0.15);
    let plate_z = if high_plate { shoulder - 0.17 } else { p.sill + 0.30 };
    if high_plate {
        if rng.random_bool(0.5) {
            let trim = plate_z + 0.10;
            let part = if rng.random_bool(0.5) { Part::Chrome } else { Part::Gap };
            carve_bar(shell, rear, trim, [0.33, 0.014], part);
        }
        carve_bar(shell, rear, p.sill + 0.36, [0.72 * w, 0.007], Part::Gap);
    }
    carve_bar(shell, rear, plate_z, [0.26, 0.056], Part::Plate);
    carve_octagon(shell, rear, [0.0, plate_z + 0.17], 0.035, Part::Chrome);
    let apron = p.sill + 0.12 + 0.06 * p.style[5];
    shell.carve(rear, &[&|v| v[2] - apron, &|v| v[1].abs() - 0.8 * w], Some(Part::Cladding));
}

/// Door gaps on the sides, bonnet gaps on top.
fn shut_lines(shell: &mut Shell, p: &Proportions) {
    let side = |f: &Facet| body(f) && f.normal[1].abs() > 0.6 && f.center[2] < p.shoulder.at(f.center[0]) + 0.05;
    let low = p.sill + 0.09;
    for edge in &p.door_edges {
        shell.carve(side, &[&|v| edge - 0.006 - v[0], &|v| v[0] - edge - 0.006, &|v| low - v[2]], Some(Part::Gap));
    }
    if let (Some(first), Some(last)) = (p.door_edges.first(), p.door_edges.last()) {
        shell.carve(
            side,
            &[&|v| low - 0.006 - v[2], &|v| v[2] - low - 0.006, &|v| v[0] - first, &|v| last - v[0]],
            Some(Part::Gap),
        );
    }
    let half = p.length * 0.5;
    let bonnet =
        |f: &Facet| body(f) && f.normal[2] > 0.75 && f.center[0] > p.cowl_x + 0.05 && f.center[0] < half - 0.22;
    let line = |v: [f32; 3]| v[1].abs() - 0.86 * p.half_width(v[0]);
    shell.carve(bonnet, &[&|v| line(v) - 0.006, &|v| -0.006 - line(v)], Some(Part::Gap));
}

/// Plastic sills and, on older cars, a rub strip along the doors.
fn lower_body(shell: &mut Shell, p: &Proportions) {
    let clad_to = if p.clad { p.sill + 0.17 } else { p.sill + 0.035 };
    let low = |f: &Facet| body(f) && f.center[2] < clad_to + 0.1 && f.normal[2] < 0.8;
    shell.carve(low, &[&|v| v[2] - clad_to], Some(Part::Cladding));
    if p.style[6] < 0.25 {
        let z = p.sill + 0.36;
        let (front, rear) = (p.front_axle_x - p.arch_radius - 0.02, p.rear_axle_x + p.arch_radius + 0.02);
        let side = |f: &Facet| body(f) && f.normal[1].abs() > 0.6;
        let fields: [Field<'_>; 4] =
            [&|v| v[2] - z - 0.025, &|v| z - 0.025 - v[2], &|v| v[0] - front, &|v| rear - v[0]];
        shell.carve(side, &fields, Some(Part::Cladding));
    }
}
