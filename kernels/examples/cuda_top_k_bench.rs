//! How fast a CUDA device searches a table, beside how fast it copies memory. Prints one JSON object a
//! line; times are of a recorded graph, from fetching the queries to bringing the answer.
//!
//! usage: cuda_top_k_bench [--rows N] [--dim D] [--k K] [--repetitions R] [--only FORM] [--export FOLDER]
//!
//! `--only f16` leaves out the forms of the table whose names begin otherwise.
//!
//! `--export` writes `table.f16`, `queries.f32` and `neighbors.u32`, raw and little-endian, for
//! `scripts/bench_torch_topk.py`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use half::f16;
use kernels::conformance::random::Random;
use kernels::cuda::Filter;
use kernels::{CpuTopK, CudaTopK, Neighbor, Rows, Sketch, TableView, TopK};

type Failure = Box<dyn std::error::Error>;

struct Options {
    rows: usize,
    dim: usize,
    k: usize,
    repetitions: usize,
    only: String,
    export: Option<PathBuf>,
}

impl Options {
    fn parse() -> Result<Self, Failure> {
        let mut options = Self { rows: 889_000, dim: 512, k: 10, repetitions: 60, only: String::new(), export: None };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--rows" => options.rows = value.parse()?,
                "--dim" => options.dim = value.parse()?,
                "--k" => options.k = value.parse()?,
                "--repetitions" => options.repetitions = value.parse()?,
                "--only" => options.only = value,
                "--export" => options.export = Some(value.into()),
                _ => return Err(format!("{word} is not an option").into()),
            }
        }
        Ok(options)
    }
}

const BATCH_MAX: usize = 32;

/// The name of the form that needs a sketch.
const SKETCH: &str = "int8 sketch of f16";

/// One table in one of its forms.
struct Case<'a> {
    name: &'a str,
    table: TableView<'a>,
    filter: Filter,
    /// That a search reads at least, from the table or its sketch.
    bytes: usize,
    batches: &'a [usize],
}

fn main() -> ExitCode {
    match Options::parse().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let Options { rows, dim, k, .. } = *options;
    let device = kernels::cuda_devices()?.swap_remove(0);
    let mut top_k = CudaTopK::new(0, k, BATCH_MAX)?;
    println!(
        r#"{{"device": "{}", "image": "{}", "rows": {rows}, "dim": {dim}, "k": {k}}}"#,
        device.name,
        top_k.image()
    );
    let copy_gb_per_s = copy_bandwidth(&top_k, rows * dim * 2)?;
    println!(r#"{{"copy_gb_per_s": {copy_gb_per_s:.1}, "counting": "bytes read and written"}}"#);

    let mut random = Random::new(1);
    let half: Vec<f16> = (0..rows * dim).map(|_| f16::from_f32(random.between(-0.1, 0.1))).collect();
    let queries: Vec<f32> = (0..BATCH_MAX * dim).map(|_| random.between(-0.1, 0.1)).collect();
    let plain = TableView::new(Rows::F16(&half), dim);
    let sketched = SKETCH.starts_with(&options.only);
    // Of an empty table where it is not asked for: it takes seconds.
    let to_sketch = if sketched { plain } else { TableView::new(Rows::F16(&[]), dim) };
    let sketch = timed("the sketch, on the processor", || Sketch::new(&to_sketch))?;
    // As many bytes as the halves, so that it fits wherever they do.
    let single: Vec<f32> = half[..rows / 2 * dim].iter().map(|element| element.to_f32()).collect();

    let halves = rows * dim * 2;
    let cases = [
        Case { name: "f16", table: plain, filter: Filter::Never, bytes: halves, batches: &[1, 4, 8] },
        Case { name: "f16 filtered", table: plain, filter: Filter::Always, bytes: halves, batches: &[1, 8, 32] },
        Case {
            name: SKETCH,
            table: plain.with_sketch(&sketch),
            filter: Filter::Always,
            bytes: rows * sketch.bytes_per_row(),
            batches: &[1, 8, 32],
        },
        Case {
            name: "f32, half of the rows",
            table: TableView::new(Rows::F32(&single), dim),
            filter: Filter::Never,
            bytes: rows / 2 * dim * 4,
            batches: &[1, 4],
        },
    ];
    let mut answers = Vec::new();
    for case in cases.iter().filter(|case| case.name.starts_with(&options.only)) {
        top_k = top_k.with_filter(case.filter);
        measure(&mut top_k, case, options, &queries, copy_gb_per_s, &mut answers)?;
    }
    check(&answers, &plain, &queries, k)?;
    if let Some(folder) = &options.export {
        export(folder, &half, &queries, &answers)?;
    }
    Ok(())
}

fn timed<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let start = Instant::now();
    let done = work()?;
    println!(r#"{{"took_s": {:.2}, "what": "{what}"}}"#, start.elapsed().as_secs_f64());
    Ok(done)
}

fn copy_bandwidth(top_k: &CudaTopK, bytes: usize) -> Result<f64, Failure> {
    let mut ms = top_k.copy_ms(bytes, 20)?;
    ms.sort_by(f32::total_cmp);
    Ok(2.0 * bytes as f64 / f64::from(ms[ms.len() / 2]) / 1e6)
}

/// Answers to check: what was searched, and the neighbors of all queries.
type Answers = Vec<(String, Vec<Neighbor>)>;

fn measure(
    top_k: &mut CudaTopK,
    case: &Case<'_>,
    options: &Options,
    queries: &[f32],
    copy_gb_per_s: f64,
    answers: &mut Answers,
) -> Result<(), Failure> {
    let (dim, k) = (options.dim, options.k);
    let uploaded = timed("the upload", || top_k.upload(&case.table))?;
    let range = 0..uploaded.row_count() as u32;
    for &batch in case.batches {
        let queries = &queries[..batch * dim];
        let mut out = vec![Neighbor::UNUSED; batch * k];
        let recorded = top_k.record(&uploaded, range.clone(), batch, k)?;
        top_k.replay(&recorded, queries)?;
        let report = top_k.finish(&mut out)?;
        let mut device_ms = Vec::new();
        let mut host_ms = Vec::new();
        for _ in 0..options.repetitions {
            device_ms.push(f64::from(top_k.replay_ms(&recorded)?));
        }
        for _ in 0..options.repetitions {
            let start = Instant::now();
            top_k.replay(&recorded, queries)?;
            top_k.finish(&mut out)?;
            host_ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let [least, median, worst] = spread(&mut device_ms);
        let [_, host_median, host_worst] = spread(&mut host_ms);
        let gb_per_s = case.bytes as f64 / median / 1e6;
        println!(
            r#"{{"table": "{}", "batch": {batch}, "ms_min": {least:.4}, "ms_p50": {median:.4}, "ms_p99": {worst:.4}, "host_ms_p50": {host_median:.4}, "host_ms_p99": {host_worst:.4}, "gb_per_s": {gb_per_s:.1}, "fraction_of_copy": {:.3}, "reranked_rows": {}}}"#,
            case.name,
            gb_per_s / copy_gb_per_s,
            report.reranked_row_count
        );
        answers.push((format!("{}, batch {batch}", case.name), out));
    }
    Ok(())
}

/// Least, median and 99th percentile.
fn spread(ms: &mut [f64]) -> [f64; 3] {
    ms.sort_by(f64::total_cmp);
    [0, 50, 99].map(|percent| ms[(ms.len() - 1) * percent / 100])
}

/// Searches of the halves agree bit for bit with each other, and in their rows with the processor.
fn check(answers: &Answers, plain: &TableView<'_>, queries: &[f32], k: usize) -> Result<(), Failure> {
    let of_halves = || answers.iter().filter(|(name, _)| !name.starts_with("f32"));
    let longest = of_halves().map(|(_, out)| out).max_by_key(|out| out.len()).ok_or("nothing was measured")?;
    for (name, out) in of_halves() {
        if out[..] != longest[..out.len()] {
            return Err(format!("{name} has other neighbors").into());
        }
    }
    let batch = longest.len() / k;
    let mut expected = vec![Neighbor::UNUSED; longest.len()];
    let range = 0..plain.row_count()? as u32;
    CpuTopK::new(k, batch).top_k(plain, range, &queries[..batch * plain.dim], k, &mut expected)?;
    let differing = expected.iter().zip(longest).filter(|(a, b)| a.row != b.row).count();
    println!(
        r#"{{"check": "all forms of the halves agree bit for bit", "slots": {}, "rows_other_than_on_the_processor": {differing}}}"#,
        longest.len()
    );
    Ok(())
}

fn export(folder: &std::path::Path, half: &[f16], queries: &[f32], answers: &Answers) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("table.f16"), bytemuck::cast_slice::<f16, u8>(half))?;
    std::fs::write(folder.join("queries.f32"), bytemuck::cast_slice::<f32, u8>(queries))?;
    let longest =
        answers.iter().filter(|(name, _)| !name.starts_with("f32")).map(|(_, out)| out).max_by_key(|out| out.len());
    let rows: Vec<u32> = longest.into_iter().flatten().map(|neighbor| neighbor.row).collect();
    std::fs::write(folder.join("neighbors.u32"), bytemuck::cast_slice::<u32, u8>(&rows))?;
    Ok(())
}
