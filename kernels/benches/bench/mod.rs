//! What the benches share: which machine this is, and the spread of repeated runs.

use std::time::Instant;

/// Prints the processor and the name of the bench.
pub fn announce(bench: &str) {
    println!("{bench} on {}", kernels::measure::machine());
    println!("{:<44} {:>10} {:>10} {:>10} {:>10}", "microseconds", "min", "p50", "p99", "max");
}

/// Times `run` after a warm-up and prints its least, median, 99th-percentile and longest time; returns the
/// least, in seconds.
pub fn time(name: &str, repetitions: usize, mut run: impl FnMut()) -> f64 {
    for _ in 0..repetitions.div_ceil(10) {
        run();
    }
    let mut seconds: Vec<f64> = (0..repetitions)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let [min, p50, p99, max] = [0, 50, 99, 100].map(|percent| seconds[(seconds.len() - 1) * percent / 100]);
    println!("{name:<44} {:>10.1} {:>10.1} {:>10.1} {:>10.1}", min * 1e6, p50 * 1e6, p99 * 1e6, max * 1e6);
    min
}
