//! How fast a CUDA device compares, scores and sums, beside the CPU twins on the same numbers. Prints one
//! JSON object a line; times are of whole calls, from the host and back to it, in microseconds.
//!
//! usage: cuda_feature_bench [REPETITIONS]

use std::process::ExitCode;
use std::time::Instant;

use kernels::measure::{FeatureScene, Spread};
use kernels::{
    CpuFeatureResidual, CpuFeatureScore, CudaFeatureResidual, CudaFeatureScore, FeatureMap, FeatureResidual,
    FeatureScore, RobustSpec, channels_last,
};

type Failure = Box<dyn std::error::Error>;

fn time(name: &str, repetitions: usize, mut run: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    for _ in 0..repetitions.div_ceil(10) {
        run()?;
    }
    let mut seconds = Vec::new();
    for _ in 0..repetitions {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let Spread { min_ms, p50_ms, p99_ms } = Spread::of(&mut seconds);
    let [min, p50, p99] = [min_ms, p50_ms, p99_ms].map(|ms| ms * 1e3);
    println!(r#"{{"name": "{name}", "min_us": {min:.1}, "p50_us": {p50:.1}, "p99_us": {p99:.1}}}"#);
    Ok(())
}

fn run() -> Result<(), Failure> {
    let repetitions = std::env::args().nth(1).map_or(Ok(500), |word| word.parse())?;
    let mut scene = FeatureScene::new(1);
    let surface = scene.surface()?;
    let mut features = vec![0.0; FeatureScene::WIDTH * FeatureScene::HEIGHT * FeatureScene::DIM];
    channels_last(&scene.planes(), FeatureScene::WIDTH, FeatureScene::HEIGHT, FeatureScene::DIM, &mut features)?;
    let map = FeatureMap::new(&features, FeatureScene::WIDTH, FeatureScene::HEIGHT, FeatureScene::DIM)?;
    let (mut cuda, mut cpu) = (CudaFeatureScore::new(0)?, CpuFeatureScore::new());
    println!(r#"{{"score": "{}"}}"#, cuda.image());
    cuda.upload(&surface)?;
    cpu.similarities(&map, &surface, 0.0)?;
    for count in [1, 144, 2000] {
        let placements = scene.placements(count);
        let (mut scores, mut expected) = (vec![0.0; count], vec![0.0; count]);
        time(&format!("map up, {count} scores"), repetitions, || {
            cuda.compare(&map, 0.0)?;
            Ok(cuda.score(&placements, &mut scores).map(|_| ())?)
        })?;
        time(&format!("{count} scores"), repetitions, || Ok(cuda.score(&placements, &mut scores).map(|_| ())?))?;
        time(&format!("{count} scores, CPU"), repetitions, || {
            Ok(cpu.score(&placements, &mut expected).map(|_| ())?)
        })?;
        let apart = scores.iter().zip(&expected).map(|(a, b)| (a - b).abs() / b.max(1e-3)).fold(0.0, f32::max);
        println!(r#"{{"name": "{count} scores", "apart_max": {apart:e}}}"#);
    }
    let (mut cuda, mut cpu) = (CudaFeatureResidual::new(0)?, CpuFeatureResidual::new());
    println!(r#"{{"residual": "{}"}}"#, cuda.image());
    let (spec, placements) = (RobustSpec { temperature: 0.1, floor: 0.0 }, scene.placements(10));
    cuda.upload_surface(&surface)?;
    time("map up", repetitions, || Ok(cuda.upload_map(&map)?))?;
    time("1 residual", repetitions, || Ok(cuda.residual_at(&placements[0], &spec).map(|_| ())?))?;
    time("10 residuals", repetitions, || {
        Ok(placements.iter().try_for_each(|placement| cuda.residual_at(placement, &spec).map(|_| ()))?)
    })?;
    time("1 residual, CPU", repetitions, || Ok(cpu.residual(&map, &surface, &placements[0], &spec).map(|_| ())?))?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
