//! Placements of a surface of 1024 vertices in a map of 16 x 28 cells with features of 64 elements: what
//! an object's search and refinement ask for.
//!
//! `cargo bench -p kernels --bench feature`; `-- avx2` takes other instructions than the best.

mod bench;

use std::hint::black_box;

use kernels::conformance::random::Random;
use kernels::{
    CpuFeatureResidual, CpuFeatureScore, FeatureMap, FeatureResidual, FeatureScore, Instructions, Placement,
    RobustSpec, Surface, SurfaceView, channels_last,
};

const VERTEX_COUNT: usize = 1024;
const WIDTH: usize = 28;
const HEIGHT: usize = 16;
const DIM: usize = 64;

/// A vector of unit length.
fn unit<const N: usize>(random: &mut Random) -> [f32; N] {
    let vector: [f32; N] = std::array::from_fn(|_| random.between(-1.0, 1.0));
    let length = vector.iter().map(|element| element * element).sum::<f32>().sqrt();
    vector.map(|element| element / length)
}

/// An ellipsoid with the proportions of a car, one mesh unit long.
fn surface(random: &mut Random) -> Surface {
    let (mut positions, mut normals, mut tangents) = (Vec::new(), Vec::new(), Vec::new());
    // Around and around from one end to the other: neighbours in the list are neighbours on the surface.
    for vertex in 0..VERTEX_COUNT {
        let along = 2.0 * (vertex as f32 + 0.5) / VERTEX_COUNT as f32 - 1.0;
        let (sine, cosine) = (vertex as f32 * 0.2).sin_cos();
        let radius = (1.0 - along * along).sqrt();
        let outwards = [along, radius * cosine, radius * sine];
        positions.push([0.5 * outwards[0], 0.2 * outwards[1], 0.15 * outwards[2]]);
        normals.push(outwards);
        tangents.push([[radius, -along * cosine, -along * sine], [0.0, -sine, cosine]]);
    }
    let features: Vec<f32> = (0..VERTEX_COUNT).flat_map(|_| unit::<DIM>(random)).collect();
    let gradients: Vec<f32> = (0..2 * VERTEX_COUNT * DIM).map(|_| random.between(-1.0, 1.0)).collect();
    let view = SurfaceView {
        positions: &positions,
        normals: &normals,
        areas: &[1e-3; VERTEX_COUNT],
        tangents: &tangents,
        features: &features,
        gradients: &gradients,
        clutter: &unit::<DIM>(random),
    };
    Surface::new(&view).expect("a valid surface")
}

fn placements(random: &mut Random, count: usize) -> Vec<Placement> {
    let upright = Placement {
        rotation: [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
        scale: 26.0,
        nearness: 0.1,
        centre: [14.0, 8.0],
    };
    let mut turned = |_| {
        let [about, tilt] = [random.between(-3.1, 3.1), random.between(-0.3, 0.5)];
        upright.stepped(&[0.0, about, 0.0, 0.0, 0.0, 0.0]).stepped(&[tilt, 0.0, 0.0, 0.0, 0.0, 0.0])
    };
    (0..count).map(&mut turned).collect()
}

fn main() {
    let instructions = match std::env::args().find(|word| !word.starts_with('-') && !word.contains('/')).as_deref() {
        Some("portable") => Instructions::Portable,
        Some("avx2") => Instructions::Avx2,
        Some("avx512") => Instructions::Avx512,
        _ => Instructions::best(),
    };
    bench::announce(&format!("feature ({instructions:?})"));
    let mut random = Random::new(1);
    let surface = surface(&mut random);
    let planes: Vec<f32> = (0..WIDTH * HEIGHT * DIM).map(|_| random.between(-0.2, 0.2)).collect();
    let mut features = vec![0.0; planes.len()];
    bench::time("map, channels last", 1000, || {
        channels_last(black_box(&planes), WIDTH, HEIGHT, DIM, &mut features).expect("a valid map");
        black_box(FeatureMap::new(&features, WIDTH, HEIGHT, DIM).expect("a valid map"));
    });
    let map = FeatureMap::new(&features, WIDTH, HEIGHT, DIM).expect("a valid map");
    let mut score = CpuFeatureScore::with_instructions(instructions).expect("instructions of this machine");
    bench::time("similarities 1024 x 64 x 448", 300, || {
        score.similarities(black_box(&map), &surface, 0.2).expect("a valid map");
    });
    for count in [144, 2000] {
        let (placements, mut scores) = (placements(&mut random, count), vec![0.0; count]);
        bench::time(&format!("{count} scores"), 60_000 / count, || {
            score.score(black_box(&placements), &mut scores).expect("a valid output");
            black_box(&scores);
        });
    }
    let mut residual = CpuFeatureResidual::with_instructions(instructions).expect("instructions of this machine");
    let (spec, placements) = (RobustSpec { temperature: 0.1, floor: 0.2 }, placements(&mut random, 10));
    for count in [1, 10] {
        bench::time(&format!("{count} residuals"), 1000, || {
            for placement in &placements[..count] {
                black_box(residual.residual(black_box(&map), &surface, placement, &spec).expect("a valid residual"));
            }
        });
    }
}
