//! `azimuth bench top-k`: the search of a reference table alone, in turn with a bare read of as many bytes.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use half::f16;
use kernels::measure::{PoseTable, Spread, TopKBench, TopKTimes, machine};
use kernels::{Clusters, CpuTopK, Rows, Sketch, TableView};
use models::ReferenceTable;
use serde_json::{Value, json};

use super::super::print;
use super::npy::Matrix;

/// Queries where the command line names none: as many rows of the table.
const QUERIES_FROM_TABLE: usize = 64;
/// Largest table file, bytes.
const TABLE_BYTES_MAX: u64 = 16 << 30;
/// Most elements of a table that is made.
const ELEMENTS_MAX: usize = 1 << 32;

/// The search of a reference table, in turn with a bare read of as many bytes.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A table is a model's reference_table.safetensors, or a NumPy file (.npy) of little-endian f32, [rows, dim]; queries likewise.
int8 searches a single-precision table with a sketch: a quarter of the bytes, the neighbours of f32 bit for bit.

The answer of --json, on one line:
  {\"name\", \"rows\", \"dim\", \"batch\", \"k\", \"threads\", \"ms\": {\"min\", \"p50\", \"p99\"}, \"bytes_read\", \"gb_per_s\",
   \"read_bandwidth_gb_per_s\", \"fraction\", \"rows_read\", \"reranked\", \"neighbors\"}
fraction: of the read bandwidth measured in the same process; neighbors: the file of --neighbors, or null.

Examples:
  azimuth bench top-k --table models/zoo/car/reference_table.safetensors --precision f16
  azimuth bench top-k --make 178000 --table t.npy --queries q.npy
  azimuth bench top-k --table t.npy --queries q.npy --precision int8 --batch 32 --threads 2 --json
  scripts/bench_faiss.py --table t.npy --queries q.npy -- target/release/azimuth bench top-k")]
pub struct Args {
    /// The table
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
    /// The queries [default: some rows of the table]
    #[arg(long, value_name = "FILE")]
    queries: Option<PathBuf>,
    /// What the table holds in memory
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    precision: Precision,
    /// Neighbours of a query
    #[arg(long, value_name = "K", default_value = "10")]
    k: NonZeroUsize,
    /// Queries at once
    #[arg(long, value_name = "N", default_value = "1")]
    batch: NonZeroUsize,
    /// Threads
    #[arg(long, value_name = "N", default_value = "1")]
    threads: NonZeroUsize,
    /// Timed searches
    #[arg(long, value_name = "N", default_value = "25")]
    repetitions: NonZeroUsize,
    /// Rows of a cluster; 0: every row is read
    #[arg(long, value_name = "N", default_value_t = 0)]
    rows_per_cluster: usize,
    /// Write what was found: (u32 row, f32 squared distance), little-endian, [queries, k], for the queries that were searched
    #[arg(long, value_name = "FILE")]
    neighbors: Option<PathBuf>,
    /// Instead: write a table of so many rows that looks like a pose retrieval's, and queries for it
    #[arg(long, value_name = "ROWS", requires = "queries")]
    make: Option<usize>,
    /// Elements of a row of --make
    #[arg(long, value_name = "D", default_value = "512", requires = "make")]
    dim: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Elements of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Precision {
    /// Single precision
    F32,
    /// Half precision
    F16,
    /// Single precision with an int8 sketch
    Int8,
}

impl Precision {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read or written, or queries of another length than the table's rows.
pub fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    match (args.make, &args.queries) {
        (Some(row_count), Some(queries)) => make(row_count, args.dim.get(), &args.table, queries)?,
        _ => bench(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn make(row_count: usize, dim: usize, table: &Path, queries: &Path) -> anyhow::Result<()> {
    let fits = row_count.checked_mul(dim).is_some_and(|count| (1..=ELEMENTS_MAX).contains(&count));
    ensure!(fits, "--make: {row_count} rows of {dim} elements are none or too many");
    let poses = PoseTable::new(row_count, dim);
    let save = |elements, path: &Path| Matrix { dim, elements }.save(path).with_context(|| path.display().to_string());
    save(poses.rows(), table)?;
    save(poses.queries(QUERIES_FROM_TABLE), queries)
}

fn bench(args: &Args) -> anyhow::Result<()> {
    let Matrix { dim, elements } = load(&args.table)?;
    let queries = match &args.queries {
        Some(path) => load(path)?,
        None => some_rows(&elements, dim),
    };
    ensure!(queries.dim == dim, "queries have {} elements, rows of the table {dim}", queries.dim);
    let (batch, k, row_count) = (args.batch.get(), args.k.get(), elements.len() / dim.max(1));
    ensure!(queries.elements.len() / dim.max(1) >= batch, "there are fewer queries than --batch {batch}");
    ensure!(k <= row_count, "the table has {row_count} rows, fewer than --k {k}");
    let half: Vec<f16> = match args.precision {
        Precision::F16 => elements.iter().map(|&element| f16::from_f32(element)).collect(),
        Precision::F32 | Precision::Int8 => Vec::new(),
    };
    let rows = if args.precision == Precision::F16 { Rows::F16(&half) } else { Rows::F32(&elements) };
    let mut table = TableView::new(rows, dim);
    let sketch = (args.precision == Precision::Int8).then(|| Sketch::new(&table)).transpose()?;
    let clusters = (args.rows_per_cluster > 0).then(|| Clusters::new(&table, args.rows_per_cluster)).transpose()?;
    (table.sketch, table.clusters) = (sketch.as_ref(), clusters.as_ref());
    let bench = TopKBench {
        name: args.precision.name(),
        table,
        queries: &queries.elements,
        batch,
        k,
        thread_count: args.threads.get(),
        repetitions: args.repetitions.get(),
    };
    let times = bench.run(&mut CpuTopK::new(k, batch).with_threads(args.threads.get()))?;
    if let Some(path) = &args.neighbors {
        std::fs::write(path, bytemuck::cast_slice::<_, u8>(&times.neighbors))
            .with_context(|| path.display().to_string())?;
    }
    let text = if args.json {
        format!("{}\n", report(&bench, &times, args.neighbors.as_deref()))
    } else {
        table_text(&bench, &times)
    };
    print(&text)?;
    Ok(())
}

fn load(path: &Path) -> anyhow::Result<Matrix> {
    let place = || path.display().to_string();
    if path.extension().is_none_or(|extension| extension != "safetensors") {
        return Matrix::load(path).with_context(place);
    }
    let size = std::fs::metadata(path).with_context(place)?.len();
    ensure!(size <= TABLE_BYTES_MAX, "{}: {size} bytes are too many", path.display());
    let table = ReferenceTable::parse(&std::fs::read(path).with_context(place)?, &place())?;
    Ok(Matrix { dim: table.dim, elements: table.embeddings.iter().map(|element| element.to_f32()).collect() })
}

/// Rows spread over the table.
fn some_rows(elements: &[f32], dim: usize) -> Matrix {
    let step = (elements.len() / dim.max(1) / QUERIES_FROM_TABLE).max(1);
    let rows = elements.chunks_exact(dim.max(1)).step_by(step).take(QUERIES_FROM_TABLE);
    Matrix { dim, elements: rows.flatten().copied().collect() }
}

fn report(bench: &TopKBench<'_>, times: &TopKTimes, neighbors: Option<&Path>) -> Value {
    let Spread { min_ms, p50_ms, p99_ms } = times.search;
    json!({
        "name": bench.name,
        "rows": bench.table.rows.len() / bench.table.dim.max(1),
        "dim": bench.table.dim,
        "batch": bench.batch,
        "k": bench.k,
        "threads": bench.thread_count,
        "ms": { "min": min_ms, "p50": p50_ms, "p99": p99_ms },
        "bytes_read": times.bytes_read,
        "gb_per_s": times.gb_per_s(),
        "read_bandwidth_gb_per_s": times.read_bandwidth_gb_per_s(),
        "fraction": times.fraction(),
        "rows_read": times.report.read_row_count,
        "reranked": times.report.reranked_row_count,
        "neighbors": neighbors,
    })
}

fn table_text(bench: &TopKBench<'_>, times: &TopKTimes) -> String {
    let row_count = bench.table.rows.len() / bench.table.dim.max(1);
    let report = &times.report;
    format!(
        "{}, {row_count} x {}, {} at once, {} nearest, {} thread(s), on {}\n  ms: min {:.3}, p50 {:.3}, p99 {:.3}\n  {:.1} MB read, {:.1} GB/s: {:.0} % of a bare read's {:.1} GB/s\n  {} rows read, {} measured again\n",
        bench.name,
        bench.table.dim,
        bench.batch,
        bench.k,
        bench.thread_count,
        machine(),
        times.search.min_ms,
        times.search.p50_ms,
        times.search.p99_ms,
        times.bytes_read as f64 / 1e6,
        times.gb_per_s(),
        100.0 * times.fraction(),
        times.read_bandwidth_gb_per_s(),
        report.read_row_count,
        report.reranked_row_count,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_from_the_table_are_spread_over_it() {
        let elements: Vec<f32> = (0..640).map(|i| (i / 2) as f32).collect();
        let queries = some_rows(&elements, 2);
        assert_eq!(queries.elements.len(), 2 * QUERIES_FROM_TABLE);
        assert_eq!(queries.elements[2..4], [5.0, 5.0]);
    }

    #[test]
    fn a_models_table_is_read_as_it_is() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/car/reference_table.safetensors");
        let matrix = load(&path).unwrap();
        assert_eq!(matrix.dim, 512);
        let norm: f32 = matrix.elements[..512].iter().map(|element| element * element).sum();
        assert!((norm - 1.0).abs() < 1e-2);
    }

    #[test]
    fn a_file_that_is_no_table_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.npy", "a.safetensors"] {
            let path = folder.path().join(name);
            std::fs::write(&path, b"nothing").unwrap();
            assert!(format!("{:#}", load(&path).unwrap_err()).contains(name));
        }
    }
}
