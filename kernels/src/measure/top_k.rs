//! Times a search in turn with a bare read of the bytes it reads.

use std::hint::black_box;

use super::{ReadLoop, Spread, seconds_of};
use crate::{CpuTopK, KernelError, Neighbor, Rows, TableView, TopK, TopKReport};

/// What is searched, and how often.
#[derive(Clone, Copy, Debug)]
pub struct TopKBench<'a> {
    /// A name for the printed results.
    pub name: &'a str,
    /// The table, with its companions.
    pub table: TableView<'a>,
    /// `[queries, dim]`; searched `batch` at a time, one group after the other.
    pub queries: &'a [f32],
    /// Queries of one call.
    pub batch: usize,
    /// Neighbors of each.
    pub k: usize,
    /// Threads, the caller's included.
    pub thread_count: usize,
    /// Timed calls.
    pub repetitions: usize,
}

/// What a bench measured.
#[derive(Clone, Debug)]
pub struct TopKTimes {
    /// Of one call.
    pub search: Spread,
    /// Of a bare read of as many bytes.
    pub read: Spread,
    /// Bytes of the table and its sketch that one call reads, the last one.
    pub bytes_read: usize,
    /// Of the last call.
    pub report: TopKReport,
    /// Of the first queries, as many groups as were searched, `[groups * batch, k]`.
    pub neighbors: Vec<Neighbor>,
}

impl TopKBench<'_> {
    /// Measures with `top_k`, which is warmed up first.
    ///
    /// # Errors
    /// Those of the search.
    pub fn run(&self, top_k: &mut CpuTopK) -> Result<TopKTimes, KernelError> {
        let (dim, row_count) = (self.table.dim, self.table.row_count()?);
        let mut out = vec![Neighbor::UNUSED; self.batch * self.k];
        let groups: Vec<&[f32]> = self.queries.chunks_exact(self.batch.max(1) * dim).collect();
        let words = self.words();
        let mut read_loop = ReadLoop::new(self.thread_count);
        let (mut search_s, mut read_s) = (Vec::new(), Vec::new());
        let (mut report, mut neighbors) = (TopKReport::default(), Vec::new());
        for repetition in 0..=self.repetitions {
            let Some(queries) = groups.get(repetition.saturating_sub(1) % groups.len().max(1)) else { break };
            let mut result = Ok(report);
            let seconds = seconds_of(|| {
                result = top_k.top_k(black_box(&self.table), 0..row_count as u32, queries, self.k, &mut out);
            });
            report = result?;
            let words_read = &words[..words.len().min(self.bytes_read(&report) / size_of::<u32>())];
            let per_word = seconds_of(|| read_loop.read(words_read)) / words_read.len().max(1) as f64;
            if repetition > 0 {
                if repetition <= groups.len() {
                    neighbors.extend_from_slice(&out);
                }
                search_s.push(seconds);
                read_s.push(per_word * (self.bytes_read(&report) / size_of::<u32>()) as f64);
            }
        }
        Ok(TopKTimes {
            search: Spread::of(&mut search_s),
            read: Spread::of(&mut read_s),
            bytes_read: self.bytes_read(&report),
            report,
            neighbors,
        })
    }

    /// The memory that a call reads, as far as it reads any whole: the time of a bare read of more
    /// is extrapolated.
    fn words(&self) -> &[u32] {
        let bytes: &[u8] = match (self.table.sketch, self.table.rows) {
            (Some(sketch), _) => bytemuck::cast_slice(sketch.codes()),
            (None, Rows::F32(rows)) => bytemuck::cast_slice(rows),
            (None, Rows::F16(rows)) => bytemuck::cast_slice(rows),
        };
        bytemuck::pod_align_to(bytes).1
    }

    /// Bytes of rows that a call reads: all but the few of clusters and queries.
    fn bytes_read(&self, report: &TopKReport) -> usize {
        let row_bytes = self.table.dim * self.table.rows.element_bytes();
        match self.table.sketch {
            Some(sketch) => report.read_row_count * sketch.bytes_per_row() + report.reranked_row_count * row_bytes,
            None => report.read_row_count * row_bytes,
        }
    }
}

impl TopKTimes {
    /// Of the median search.
    #[must_use]
    pub fn gb_per_s(&self) -> f64 {
        self.bytes_read as f64 / 1e6 / self.search.p50_ms
    }

    /// Of the median bare read.
    #[must_use]
    pub fn read_bandwidth_gb_per_s(&self) -> f64 {
        self.bytes_read as f64 / 1e6 / self.read.p50_ms
    }

    /// Of the bandwidth, reached by the search; medians.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        self.read.p50_ms / self.search.p50_ms
    }
}
