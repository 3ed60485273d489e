//! Ten nearest rows of 512 elements in tables of a pose retrieval, in turn with a bare read of as
//! many bytes.
//!
//! `cargo bench -p kernels --bench top_k` runs all tables; `-- 178000` only that one, and further
//! words only those lines that hold all of them: `-- 178000 f16 t1`.

use half::f16;
use kernels::measure::{PoseTable, TopKBench, machine};
use kernels::{Clusters, CpuTopK, Rows, Sketch, TableView};

const DIM: usize = 512;
const K: usize = 10;

/// Rows of one cluster.
const ROWS_PER_CLUSTER: usize = 25;

fn main() {
    println!("top_k on {}", machine());
    println!(
        "{:<36} {:>9} {:>9} {:>9} {:>9} {:>7} {:>7} {:>6} {:>9} {:>9}",
        "milliseconds", "min", "p50", "p99", "MB", "GB/s", "read", "%", "rows", "reranked"
    );
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    for (row_count, repetitions) in [(2_700, 400), (178_000, 15), (889_000, 7)] {
        let is_table = |word: &String| word.parse::<usize>().is_ok();
        if words.iter().any(is_table) && !words.contains(&row_count.to_string()) {
            continue;
        }
        let filters: Vec<&str> = words.iter().filter(|word| !is_table(word)).map(String::as_str).collect();
        run(row_count, repetitions, &filters);
    }
}

fn run(row_count: usize, repetitions: usize, filters: &[&str]) {
    let poses = PoseTable::new(row_count, DIM);
    let single = poses.rows();
    let half: Vec<f16> = single.iter().map(|&element| f16::from_f32(element)).collect();
    let queries = poses.queries(32 * 4);
    let [singles, halves] = [Rows::F32(&single), Rows::F16(&half)].map(|rows| TableView::new(rows, DIM));
    let sketch = Sketch::new(&singles).expect("a table");
    let clusters = Clusters::new(&singles, ROWS_PER_CLUSTER).expect("a table");
    let tables = [
        ("f32", singles),
        ("f16", halves),
        ("int8", singles.with_sketch(&sketch)),
        ("f32 clusters", singles.with_clusters(&clusters)),
        ("int8 clusters", singles.with_sketch(&sketch).with_clusters(&clusters)),
    ];
    for (kind, table) in tables {
        for batch in [1, 32] {
            for thread_count in [1, 2] {
                let name = format!("{row_count} {kind} b{batch} t{thread_count}");
                if !filters.iter().all(|filter| name.split(' ').any(|word| word == *filter)) {
                    continue;
                }
                let repetitions = (repetitions / if batch == 1 { 1 } else { 4 }).max(5);
                let bench = TopKBench { name: &name, table, queries: &queries, batch, k: K, thread_count, repetitions };
                let mut top_k = CpuTopK::new(K, batch).with_threads(thread_count);
                let times = bench.run(&mut top_k).expect("a valid search");
                println!(
                    "{name:<36} {:>9.3} {:>9.3} {:>9.3} {:>9.1} {:>7.1} {:>7.1} {:>6.1} {:>9} {:>9}",
                    times.search.min_ms,
                    times.search.p50_ms,
                    times.search.p99_ms,
                    times.bytes_read as f64 / 1e6,
                    times.gb_per_s(),
                    times.read_bandwidth_gb_per_s(),
                    100.0 * times.fraction(),
                    times.report.read_row_count,
                    times.report.reranked_row_count,
                );
            }
        }
    }
}
