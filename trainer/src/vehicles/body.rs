//! The closed body shell: half sections along x, rounded at their corners, mirrored and lofted.

use super::profile::smoothstep;
use super::proportions::Proportions;
use super::shell::{Part, Shell, add_scaled, cross, normalized, sub};

/// Points of one half section in (y, z), from the floor's edge up and over to the centre line.
const SECTION_POINTS: usize = 22;

/// The painted body and its floor, without any opening.
pub(super) fn loft(p: &Proportions) -> Shell {
    let stations = stations(p);
    let mut grid: Vec<Vec<[f32; 3]>> = Vec::with_capacity(stations.len());
    for x in &stations {
        grid.push(half_section(p, *x).iter().map(|[y, z]| lean(p, [*x, *y, *z])).collect());
    }
    let normals = grid_normals(&grid);
    let mut shell = Shell::default();
    for side in [1.0f32, -1.0] {
        add_half(&mut shell, &grid, &normals, side);
        add_floor(&mut shell, &grid, side);
    }
    shell
}

/// Where sections are taken: dense where the plan view closes, at corners of the profiles and around the wheels.
fn stations(p: &Proportions) -> Vec<f32> {
    let half = p.length * 0.5;
    let mut xs = Vec::new();
    for (end, sign) in [(p.nose, 1.0f32), (p.tail, -1.0)] {
        for step in 0..=6 {
            let angle = step as f32 / 6.0 * std::f32::consts::FRAC_PI_2;
            let u = angle.sin().powf(2.0 / end[1]);
            xs.push(sign * (half - end[0] + end[0] * u));
        }
    }
    let inner = |x: &f32| *x < half - 0.35 * p.nose[0] && *x > -half + 0.02;
    for x in p.top.corners() {
        xs.extend([x - 0.05, x + 0.05].iter().filter(|x| inner(x)));
    }
    for axle in [p.front_axle_x, p.rear_axle_x] {
        xs.extend((-2..=2).map(|step| axle + step as f32 * 0.18).filter(|x| inner(x)));
    }
    xs.sort_by(f32::total_cmp);
    let mut out: Vec<f32> = Vec::new();
    for x in xs {
        match out.last() {
            None => out.push(x),
            Some(last) if x - last < 0.05 && half - x.abs() > 0.05 => {}
            Some(last) if x - last < 1e-4 => {}
            Some(last) => {
                let (from, count) = (*last, ((x - last) / 0.36).ceil().max(1.0) as usize);
                out.extend((1..=count).map(|k| from + (x - from) * k as f32 / count as f32));
            }
        }
    }
    out
}

/// One half section at `x`.
fn half_section(p: &Proportions, x: f32) -> [[f32; 2]; SECTION_POINTS] {
    let w = p.half_width(x);
    let half = p.length * 0.5;
    let ends = smoothstep(half - 0.9, half - 0.1, x.abs());
    let bottom = p.sill + 0.05 * ends;
    let shoulder = p.shoulder.at(x);
    let top = p.top.at(x).max(shoulder + 0.012);
    let rise = top - shoulder;
    let crown = (0.05f32).min(0.75 * rise);
    let crease = bottom + (0.52 + 0.2 * p.style[0]) * (shoulder - bottom);
    let ledge = (0.028f32).min(0.12 * w);
    let foot = [0.968 * w - ledge, shoulder + (0.3 * rise).min(0.014)];
    let eaves_z = (top - crown).max(foot[1] + 0.002);
    let eaves_y = foot[0] * (1.0 - p.tumblehome * (eaves_z - foot[1]));
    let control = [
        ([0.86 * w, bottom], 0.0),
        ([(0.945 - 0.02 * p.style[1]) * w, bottom + 0.004], 0.05),
        ([w, crease], 0.10),
        ([0.968 * w, shoulder], 0.045),
        (foot, 0.012),
        ([eaves_y, eaves_z], 0.10),
        ([0.0, top], 0.0),
    ];
    let mut out = [[0.0; 2]; SECTION_POINTS];
    let mut next = 0;
    let mut push = |point: [f32; 2]| {
        if next < SECTION_POINTS {
            out[next] = point;
        }
        next += 1;
    };
    push(control[0].0);
    for k in 1..control.len() - 1 {
        let (before, (corner, radius), after) = (control[k - 1].0, control[k], control[k + 1].0);
        let incoming = toward(corner, before, radius);
        let outgoing = toward(corner, after, radius);
        push(incoming);
        push([
            0.25 * (incoming[0] + outgoing[0]) + 0.5 * corner[0],
            0.25 * (incoming[1] + outgoing[1]) + 0.5 * corner[1],
        ]);
        push(outgoing);
        let extra = [1, 0, 0, 1, 0][k - 1];
        if k < control.len() - 2 {
            let next_incoming = toward(after, corner, control[k + 1].1);
            for step in 1..=extra {
                let t = step as f32 / (extra + 1) as f32;
                push([
                    outgoing[0] + t * (next_incoming[0] - outgoing[0]),
                    outgoing[1] + t * (next_incoming[1] - outgoing[1]),
                ]);
            }
        } else {
            // Over the roof or bonnet: a parabola with its crest on the centre line.
            let crest = top - outgoing[1];
            for y_share in [0.78f32, 0.52, 0.26, 0.0] {
                push([outgoing[0] * y_share, outgoing[1] + crest * (1.0 - y_share * y_share)]);
            }
        }
    }
    out
}

/// The point on the way from `corner` to `other`, `radius` away but never past 45 % of the way.
fn toward(corner: [f32; 2], other: [f32; 2], radius: f32) -> [f32; 2] {
    let (dy, dz) = (other[0] - corner[0], other[1] - corner[1]);
    let distance = (dy * dy + dz * dz).sqrt();
    let t = if distance > 0.0 { (radius / distance).min(0.45) } else { 0.0 };
    [corner[0] + t * dy, corner[1] + t * dz]
}

/// Leans the front and rear ends: bumpers stick out, bonnet edge, tail and apron recede.
fn lean(p: &Proportions, [x, y, z]: [f32; 3]) -> [f32; 3] {
    let half = p.length * 0.5;
    let reach = if x > 0.0 { p.nose[0] + 0.1 } else { p.tail[0] + 0.1 };
    let end = smoothstep(half - reach, half, x.abs());
    let rise = (p.nose_z - 0.68).max(0.0);
    let (amount, upper) = if x > 0.0 {
        (p.lean[0], 0.0)
    } else {
        (p.lean[1], (z - p.deck_z).max(0.0) * if p.top.at(-half + 0.1) > p.deck_z + 0.1 { 0.06 } else { 0.0 })
    };
    let retreat =
        amount * smoothstep(0.50 + 0.7 * rise, 0.74 + rise, z) + 0.07 * (1.0 - smoothstep(0.20, 0.44, z)) + upper;
    [x - x.signum() * retreat * end, y, z]
}

/// Area-weighted vertex normals of the half shell, with the symmetry plane respected.
fn grid_normals(grid: &[Vec<[f32; 3]>]) -> Vec<Vec<[f32; 3]>> {
    let mut sums = vec![vec![[0.0f32; 3]; SECTION_POINTS]; grid.len()];
    for i in 0..grid.len().saturating_sub(1) {
        for j in 0..SECTION_POINTS - 1 {
            let [a, b, c, d] = [grid[i][j], grid[i][j + 1], grid[i + 1][j + 1], grid[i + 1][j]];
            let n = cross(sub(c, a), sub(d, b));
            for (k, l) in [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)] {
                sums[k][l] = add_scaled(sums[k][l], n, 1.0);
            }
        }
    }
    for (row, positions) in sums.iter_mut().zip(grid) {
        // Rows that meet on the symmetry plane mirror each other: no sideways component there.
        for (normal, position) in row.iter_mut().zip(positions) {
            if position[1] < 1e-4 {
                normal[1] = 0.0;
            }
            *normal = normalized(*normal);
        }
    }
    sums
}

fn add_half(shell: &mut Shell, grid: &[Vec<[f32; 3]>], normals: &[Vec<[f32; 3]>], side: f32) {
    let base = shell.positions.len() as u32;
    for (positions, row_normals) in grid.iter().zip(normals) {
        for (p, n) in positions.iter().zip(row_normals) {
            shell.vertex([p[0], side * p[1], p[2]], [n[0], side * n[1], n[2]]);
        }
    }
    let at = |i: usize, j: usize| base + (i * SECTION_POINTS + j) as u32;
    for i in 0..grid.len().saturating_sub(1) {
        for j in 0..SECTION_POINTS - 1 {
            let corners = [at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)];
            let corners = if side > 0.0 { corners } else { [corners[3], corners[2], corners[1], corners[0]] };
            shell.quad(corners, Part::Body);
        }
    }
}

fn add_floor(shell: &mut Shell, grid: &[Vec<[f32; 3]>], side: f32) {
    let down = [0.0, 0.0, -1.0];
    for pair in grid.windows(2) {
        let (Some(a), Some(b)) = (pair[0].first(), pair[1].first()) else { continue };
        let corners = [[a[0], side * a[1], a[2]], [b[0], side * b[1], b[2]], [b[0], 0.0, b[2]], [a[0], 0.0, a[2]]];
        let corners = corners.map(|corner| shell.vertex(corner, down));
        let corners = if side > 0.0 { corners } else { [corners[3], corners[2], corners[1], corners[0]] };
        shell.quad(corners, Part::Underbody);
    }
}
