use std::collections::HashSet;

use super::*;

#[test]
fn a_seed_always_gives_the_same_vehicle_and_seeds_differ() {
    let once = vehicle(7);
    let again = vehicle(7);
    assert_eq!(once.mesh.positions, again.mesh.positions);
    assert_eq!(once.materials, again.materials);
    let shapes: HashSet<[u64; 3]> =
        (0..200).map(vehicle).map(|v| [v.length_m, v.width_m, v.height_m].map(f64::to_bits)).collect();
    assert_eq!(shapes.len(), 200);
}

#[test]
fn every_mesh_is_centered_finite_and_has_a_material_for_each_part() {
    for kind in Kind::ALL {
        for seed in 0..12 {
            let v = vehicle_of_kind(kind, seed);
            assert_eq!(v.mesh.positions.len(), v.normals.len());
            assert_eq!(v.mesh.triangles.len(), v.mesh.parts.len());
            assert_eq!(v.materials.len(), v.mesh.part_names.len());
            assert!(v.mesh.positions.iter().flatten().all(|value| value.is_finite()), "{kind:?} {seed}");
            assert!(v.mesh.parts.iter().all(|part| (*part as usize) < v.materials.len()));
            for normal in &v.normals {
                let norm = normal.iter().map(|value| value * value).sum::<f32>().sqrt();
                assert!((norm - 1.0).abs() < 1e-3, "{kind:?} {seed}: {normal:?}");
            }
            let (mut low, mut high) = ([f32::MAX; 3], [f32::MIN; 3]);
            for corner in v.mesh.triangles.iter().flatten() {
                for axis in 0..3 {
                    low[axis] = low[axis].min(v.mesh.positions[*corner as usize][axis]);
                    high[axis] = high[axis].max(v.mesh.positions[*corner as usize][axis]);
                }
            }
            for axis in 0..3 {
                assert!((low[axis] + high[axis]).abs() < 1e-4, "{kind:?} {seed}: axis {axis} is not centred");
            }
            assert!((f64::from(high[0] - low[0]) - v.length_m).abs() < 1e-4);
            assert!((f64::from(high[2] - low[2]) - v.height_m).abs() < 1e-4);
        }
    }
}

#[test]
fn dimensions_are_those_of_real_vehicles() {
    for seed in 0..150 {
        let v = vehicle(seed);
        assert!((3.4..5.8).contains(&v.length_m), "{:?} is {} m long", v.kind, v.length_m);
        assert!((1.55..2.1).contains(&v.width_m), "{:?} is {} m wide", v.kind, v.width_m);
        assert!((1.35..2.55).contains(&v.height_m), "{:?} is {} m high", v.kind, v.height_m);
        assert!((2000..12_000).contains(&v.mesh.triangles.len()), "{} triangles", v.mesh.triangles.len());
    }
}

#[test]
fn head_lamps_are_in_front_tail_lamps_behind_and_wheels_on_the_ground() {
    for kind in Kind::ALL {
        for seed in 0..8 {
            let v = vehicle_of_kind(kind, seed);
            let of = |wanted: Part| {
                let chosen =
                    v.mesh.triangles.iter().zip(&v.mesh.parts).filter(move |(_, part)| **part == wanted as u16);
                chosen.flat_map(|(corners, _)| corners.map(|i| v.mesh.positions[i as usize])).collect::<Vec<_>>()
            };
            let half = 0.5 * v.length_m as f32;
            assert!(
                !of(Part::HeadLamp).is_empty() && of(Part::HeadLamp).iter().all(|p| p[0] > half - 1.1),
                "{kind:?} {seed}"
            );
            assert!(
                !of(Part::TailLamp).is_empty() && of(Part::TailLamp).iter().all(|p| p[0] < 1.1 - half),
                "{kind:?} {seed}"
            );
            let lowest = of(Part::Tyre).iter().map(|p| p[2]).fold(f32::MAX, f32::min);
            assert!((lowest + 0.5 * v.height_m as f32).abs() < 1e-3, "{kind:?} {seed}");
            assert!(!of(Part::Glass).is_empty() && !of(Part::Grille).is_empty(), "{kind:?} {seed}");
        }
    }
}

#[test]
fn left_and_right_are_mirror_images() {
    let v = vehicle(3);
    let sides: Vec<f32> = v.mesh.positions.iter().map(|p| p[1]).collect();
    let (left, right) = (sides.iter().filter(|y| **y > 1e-4).count(), sides.iter().filter(|y| **y < -1e-4).count());
    assert!(left.abs_diff(right) < left / 50, "{left} vertices on the left, {right} on the right");
}

#[test]
fn most_paint_is_white_grey_black_or_silver() {
    let colorless = (0..300)
        .filter(|seed| {
            let color = vehicle(*seed).materials[Part::Body as usize].base_color;
            let (low, high) =
                (color.iter().copied().fold(f32::MAX, f32::min), color.iter().copied().fold(0.0, f32::max));
            high - low < 0.35 * high + 0.005
        })
        .count();
    assert!((190..290).contains(&colorless), "{colorless} of 300");
}
