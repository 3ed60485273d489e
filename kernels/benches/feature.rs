//! Placements of a surface of 1024 vertices in a map of 16 x 28 cells with features of 64 elements: what
//! an object's search and refinement ask for.
//!
//! `cargo bench -p kernels --bench feature`; `-- avx2` takes other instructions than the best.

mod bench;

use std::hint::black_box;

use kernels::measure::FeatureScene;
use kernels::{
    CpuFeatureResidual, CpuFeatureScore, FeatureMap, FeatureResidual, FeatureScore, Instructions, RobustSpec,
    channels_last,
};

fn main() {
    let instructions = match std::env::args().find(|word| !word.starts_with('-') && !word.contains('/')).as_deref() {
        Some("portable") => Instructions::Portable,
        Some("avx2") => Instructions::Avx2,
        Some("avx512") => Instructions::Avx512,
        _ => Instructions::best(),
    };
    bench::announce(&format!("feature ({instructions:?})"));
    let mut scene = FeatureScene::new(1);
    let surface = scene.surface().expect("a valid surface");
    let planes = scene.planes();
    let mut features = vec![0.0; planes.len()];
    let (width, height, dim) = (FeatureScene::WIDTH, FeatureScene::HEIGHT, FeatureScene::DIM);
    bench::time("map, channels last", 1000, || {
        channels_last(black_box(&planes), width, height, dim, &mut features).expect("a valid map");
        black_box(FeatureMap::new(&features, width, height, dim).expect("a valid map"));
    });
    let map = FeatureMap::new(&features, width, height, dim).expect("a valid map");
    let mut score = CpuFeatureScore::with_instructions(instructions).expect("instructions of this machine");
    bench::time("similarities 1024 x 64 x 448", 300, || {
        score.similarities(black_box(&map), &surface, 0.2).expect("a valid map");
    });
    for count in [144, 2000] {
        let (placements, mut scores) = (scene.placements(count), vec![0.0; count]);
        bench::time(&format!("{count} scores"), 60_000 / count, || {
            score.score(black_box(&placements), &mut scores).expect("a valid output");
            black_box(&scores);
        });
    }
    let mut residual = CpuFeatureResidual::with_instructions(instructions).expect("instructions of this machine");
    let (spec, placements) = (RobustSpec { temperature: 0.1, floor: 0.2 }, scene.placements(10));
    for count in [1, 10] {
        bench::time(&format!("{count} residuals"), 1000, || {
            for placement in &placements[..count] {
                black_box(residual.residual(black_box(&map), &surface, placement, &spec).expect("a valid residual"));
            }
        });
    }
}
