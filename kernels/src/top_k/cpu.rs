//! The CPU twin: one pass over the table, on one core or several, with the best instructions the
//! machine has.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::blocks::{Element, Kernel};
use super::instructions::Detected;
use super::part::{Part, Request};
use super::pool::Pool;
use super::queries::{Queries, can_encode};
use super::slots::offer;
use super::{Instructions, Neighbor, Rows, TableView, TopK, TopKReport, check_top_k, found_count};
use crate::KernelError;

/// Elements of the table, times queries, that are worth a thread of their own: below, waking it
/// takes longer than its share.
const WORK_PER_THREAD: usize = 1 << 22;

/// Searches on CPU cores. Allocates at construction, and in the first search of longer rows than any
/// before, unless [`CpuTopK::reserve`] did.
#[derive(Debug)]
pub struct CpuTopK {
    k_max: usize,
    batch_max: usize,
    kernel: Detected,
    work_per_thread: usize,
    pool: Pool,
    /// One for each thread; each locks its own.
    parts: Vec<Mutex<Part>>,
    queries: Queries,
}

impl CpuTopK {
    /// For up to `k_max` neighbors of up to `batch_max` queries a call, on the caller's thread, with
    /// the best instructions this machine has.
    #[must_use]
    pub fn new(k_max: usize, batch_max: usize) -> Self {
        Self::build(k_max, batch_max, Detected::best(), 1)
    }

    /// As [`CpuTopK::new`], with instructions of one's choice; `None` when this machine lacks them.
    #[must_use]
    pub fn with_instructions(k_max: usize, batch_max: usize, instructions: Instructions) -> Option<Self> {
        Detected::new(instructions).map(|kernel| Self::build(k_max, batch_max, kernel, 1))
    }

    /// The same on `thread_count` threads, the caller's included (and at least that one). They share
    /// the rows of large tables, and find what one thread would find, bit for bit.
    #[must_use]
    pub fn with_threads(self, thread_count: usize) -> Self {
        let made = Self::build(self.k_max, self.batch_max, self.kernel, thread_count.max(1));
        made.with_work_per_thread(self.work_per_thread)
    }

    /// Lets a thread be woken for `work` elements of the table, times queries, instead of about four
    /// million: smaller tables stay on the caller's thread.
    #[must_use]
    pub const fn with_work_per_thread(mut self, work: usize) -> Self {
        self.work_per_thread = work;
        self
    }

    /// The instructions in use.
    #[must_use]
    pub const fn instructions(&self) -> Instructions {
        self.kernel.instructions()
    }

    /// Threads in use, the caller's included.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.pool.width()
    }

    /// Makes room for queries of `dim` elements, so that no later search of such allocates.
    pub fn reserve(&mut self, dim: usize) {
        let len = self.batch_max * dim;
        self.queries.reserve(len);
        for part in &mut self.parts {
            part.get_mut().unwrap_or_else(PoisonError::into_inner).reserve(len);
        }
    }

    fn build(k_max: usize, batch_max: usize, kernel: Detected, thread_count: usize) -> Self {
        let pool = Pool::new(thread_count - 1);
        let parts = (0..pool.width()).map(|_| Mutex::new(Part::new(k_max, batch_max))).collect();
        Self {
            k_max,
            batch_max,
            kernel,
            work_per_thread: WORK_PER_THREAD,
            pool,
            parts,
            queries: Queries::new(batch_max),
        }
    }
}

impl TopK for CpuTopK {
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        let batch = check_top_k(table, &range, queries, k, out.len())?;
        if k > self.k_max {
            return Err(KernelError::KTooLarge { k, k_max: self.k_max });
        }
        if batch > self.batch_max {
            return Err(KernelError::BatchTooLarge { batch, batch_max: self.batch_max });
        }
        out.fill(Neighbor::UNUSED);
        if k == 0 || batch == 0 {
            return Ok(TopKReport::default());
        }
        self.reserve(table.dim);
        let sketch = table.sketch.filter(|_| can_encode(queries, table.dim));
        let request = Request {
            k,
            queries: self.queries.take(queries, table.dim, sketch.is_some()),
            sketch,
            clusters: table.clusters,
        };
        let range = range.start as usize..range.end as usize;
        // All threads, or one when there is little to do.
        let worth_all =
            range.len().saturating_mul(queries.len()) >= self.parts.len().saturating_mul(self.work_per_thread);
        let part_count = if worth_all { self.parts.len() } else { 1 };
        let mut search = Search { part_count, pool: &mut self.pool, parts: &self.parts, range, request };
        match self.kernel {
            Detected::Portable(kernel) => search.run(&kernel, table.rows),
            #[cfg(target_arch = "x86_64")]
            Detected::Avx2(kernel) => search.run(&kernel, table.rows),
            #[cfg(target_arch = "x86_64")]
            Detected::Avx512(kernel) => search.run(&kernel, table.rows),
            #[cfg(target_arch = "x86_64")]
            Detected::Avx512Vnni(kernel) => search.run(&kernel, table.rows),
            #[cfg(target_arch = "aarch64")]
            Detected::Neon(kernel) => search.run(&kernel, table.rows),
        }
        Ok(search.merge(out))
    }
}

/// One call, shared out over the threads.
struct Search<'a> {
    pool: &'a mut Pool,
    parts: &'a [Mutex<Part>],
    range: Range<usize>,
    request: Request<'a>,
    part_count: usize,
}

impl Search<'_> {
    fn run<K: Kernel<f32> + Kernel<half::f16>>(&mut self, kernel: &K, rows: Rows<'_>) {
        match rows {
            Rows::F32(rows) => self.run_rows(kernel, rows),
            Rows::F16(rows) => self.run_rows(kernel, rows),
        }
    }

    fn run_rows<T: Element, K: Kernel<T>>(&mut self, kernel: &K, rows: &[T]) {
        let (parts, request, range, part_count) = (self.parts, &self.request, &self.range, self.part_count);
        let share = |part: usize| {
            let border = |part: usize| range.start + range.len() * part / part_count;
            lock(&parts[part]).search(kernel, rows, border(part)..border(part + 1), request);
        };
        if part_count == 1 {
            share(0);
        } else {
            self.pool.run(&share);
        }
    }

    /// The neighbors of all parts; no order of the parts changes them, since no two neighbors of a
    /// query are equal in distance and row.
    fn merge(&self, out: &mut [Neighbor]) -> TopKReport {
        let (request, mut report) = (&self.request, TopKReport::default());
        for part in &self.parts[..self.part_count] {
            let part = lock(part);
            for (slots, found) in out.chunks_exact_mut(request.k).zip(part.neighbors(request).chunks_exact(request.k)) {
                found.iter().filter(|neighbor| neighbor.is_found()).for_each(|&neighbor| offer(slots, neighbor));
            }
            report.nan_row_count += part.walked.nan_row_count;
            report.read_row_count += part.walked.read_row_count;
            report.reranked_row_count += part.reranked_row_count;
        }
        report.found_min = out.chunks_exact(request.k).map(found_count).min().unwrap_or(0);
        report
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    // A part is made anew by each search: what a panic left behind does not matter.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
