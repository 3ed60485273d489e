//! A search on a device: its buffers, its steps in the device's queue, and the answer that comes back.

use std::ops::Range;

use super::arguments::{Arguments, QUERY_BOUND_BYTES};
use super::kernel::{KERNEL_COUNT, Kernel};
use super::plan::{BLOCKS_PER_MULTIPROCESSOR, Codes, DIM_MAX, Filter, GROUP_ROWS, K_MAX, Plan, Request};
use super::table::DeviceTable;
use crate::cuda::machine::{Machine, Memory, Staging};
use crate::top_k::check_top_k;
use crate::{KernelError, Neighbor, TableView, TopKReport, found_count};

/// Everything that a search keeps. All memory is allocated at construction or when a table is
/// uploaded, none by a search.
pub(super) struct Search<M: Machine> {
    machine: M,
    functions: [Option<M::Function>; KERNEL_COUNT],
    k_max: usize,
    batch_max: usize,
    filter: Filter,
    /// `[batch, chunks, 8]`, as the device gets them.
    staged_queries: M::Staging,
    queries: M::Memory,
    query_codes: M::Memory,
    query_bounds: M::Memory,
    lows: M::Memory,
    limits: M::Memory,
    lists: M::Memory,
    /// The neighbors, `[batch, k]`, and before them the number of rows measured again, in 8 bytes.
    answer: M::Memory,
    staged_answer: M::Staging,
    /// What is under way.
    pending: Option<Pending>,
}

/// Bytes before the neighbors of an answer.
const ANSWER_HEAD_BYTES: usize = 8;

/// What is known of an answer before it comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    batch: usize,
    k: usize,
    sketched: bool,
    nan_row_count: usize,
    read_row_count: usize,
}

/// A search that was checked, and how it will be done.
pub(super) struct Prepared {
    pending: Pending,
    plan: Option<Plan>,
    arguments: Arguments,
}

impl Prepared {
    /// Number of queries.
    #[cfg(feature = "cuda")]
    pub const fn batch(&self) -> usize {
        self.pending.batch
    }
}

impl<M: Machine> Search<M> {
    pub fn new(machine: M, k_max: usize, batch_max: usize) -> Result<Self, KernelError> {
        if k_max > K_MAX {
            return Err(KernelError::KTooLarge { k: k_max, k_max: K_MAX });
        }
        let functions = std::array::from_fn(|index| machine.function(Kernel::ALL[index].name()));
        // Whole tiles of the filter.
        let padded = batch_max.next_multiple_of(32);
        let width = if k_max <= 32 { 32 } else { K_MAX };
        let list_count = (machine.multiprocessor_count() * BLOCKS_PER_MULTIPROCESSOR) as usize;
        let answer_bytes = ANSWER_HEAD_BYTES + batch_max * k_max * size_of::<Neighbor>();
        Ok(Self {
            functions,
            k_max,
            batch_max,
            filter: Filter::Automatic,
            staged_queries: machine.allocate_staging(batch_max * DIM_MAX * 4)?,
            queries: machine.allocate(batch_max * DIM_MAX * 4)?,
            // Two bytes an element in every form.
            query_codes: machine.allocate(padded * DIM_MAX * 2)?,
            query_bounds: machine.allocate(padded * QUERY_BOUND_BYTES)?,
            lows: machine.allocate(0)?,
            limits: machine.allocate(batch_max * size_of::<f32>())?,
            lists: machine.allocate(batch_max * list_count * width * 8)?,
            answer: machine.allocate(answer_bytes)?,
            staged_answer: machine.allocate_staging(answer_bytes)?,
            pending: None,
            machine,
        })
    }

    #[cfg(feature = "cuda")]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    pub const fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Uploads a table and makes room to search it.
    pub fn upload(&mut self, table: &TableView<'_>) -> Result<DeviceTable<M>, KernelError> {
        let uploaded = DeviceTable::upload(&self.machine, table, |kernel| self.function(kernel))?;
        self.reserve(&uploaded)?;
        Ok(uploaded)
    }

    /// Makes room to search a table that another search uploaded; returns whether memory moved.
    pub fn reserve(&mut self, table: &DeviceTable<M>) -> Result<bool, KernelError> {
        let needed = self.lows_bytes(table.row_count);
        if self.lows.len() >= needed {
            return Ok(false);
        }
        self.machine.wait()?;
        self.lows = self.machine.allocate(needed)?;
        Ok(true)
    }

    fn lows_bytes(&self, row_count: usize) -> usize {
        row_count.div_ceil(GROUP_ROWS as usize) * self.batch_max * size_of::<f32>()
    }

    /// Checks a request against the table and the bounds of this search, as every twin does.
    pub fn prepare(
        &self,
        table: &DeviceTable<M>,
        range: &Range<u32>,
        batch: usize,
        k: usize,
    ) -> Result<Prepared, KernelError> {
        if range.start > range.end || range.end as usize > table.row_count {
            return Err(KernelError::RowRange { start: range.start, end: range.end, row_count: table.row_count });
        }
        if k > self.k_max {
            return Err(KernelError::KTooLarge { k, k_max: self.k_max });
        }
        if batch > self.batch_max {
            return Err(KernelError::BatchTooLarge { batch, batch_max: self.batch_max });
        }
        let asked = k > 0 && batch > 0;
        let pending = Pending {
            batch,
            k,
            sketched: false,
            nan_row_count: if asked { table.nan_row_count(range) } else { 0 },
            read_row_count: if asked { range.len() } else { 0 },
        };
        if !asked || range.is_empty() {
            return Ok(Prepared { pending, plan: None, arguments: Arguments::default() });
        }
        let request = Request {
            precision: table.precision,
            dim: table.dim,
            row_count: range.end - range.start,
            sketched: table.is_sketched(),
            batch: batch as u32,
            k: k as u32,
            multiprocessor_count: self.machine.multiprocessor_count(),
            filter: self.filter,
            can_filter: self.function(Kernel::FilterHalves8).is_ok(),
        };
        let plan = Plan::new(&request, &|kernel, shared_bytes| {
            let function = self.functions[kernel as usize];
            function.map_or(1, |function| self.machine.resident_blocks(function, kernel.threads(), shared_bytes))
        });
        if plan.codes.is_some() && self.lows.len() < self.lows_bytes(table.row_count) {
            // The table was uploaded by another search, and `reserve` was not called.
            return Err(KernelError::TableTooLarge { row_count: table.row_count });
        }
        let pending = Pending { sketched: plan.codes == Some(Codes::Bytes), ..pending };
        Ok(Prepared { pending, plan: Some(plan), arguments: self.arguments(table, range, &plan, batch, k) })
    }

    fn arguments(&self, table: &DeviceTable<M>, range: &Range<u32>, plan: &Plan, batch: usize, k: usize) -> Arguments {
        let mut arguments = Arguments {
            queries: self.queries.address(),
            query_codes: self.query_codes.address(),
            query_bounds: self.query_bounds.address(),
            lows: self.lows.address(),
            limits: self.limits.address(),
            lists: self.lists.address(),
            neighbors: self.answer.address() + ANSWER_HEAD_BYTES as u64,
            reranked: self.answer.address(),
            first_row: range.start,
            row_count: range.end - range.start,
            code_words: plan.code_words,
            step_count: plan.step_count,
            batch: batch as u32,
            k: k as u32,
            group_count: plan.group_count,
            list_count: plan.list_count,
            tile_queries: plan.tile_queries,
            norm_slack: plan.norm_slack,
            limit_slack: plan.limit_slack,
            ..Arguments::default()
        };
        table.describe(plan.codes, &mut arguments);
        arguments
    }

    /// Writes queries, `[batch, dim]`, where the device will fetch them. Waits for a search that is
    /// under way: it may still be fetching its own.
    pub fn stage(&mut self, queries: &[f32], dim: usize) -> Result<(), KernelError> {
        if self.pending.take().is_some() {
            self.machine.wait()?;
        }
        let padded_dim = dim.next_multiple_of(8);
        let staged: &mut [f32] = bytemuck::cast_slice_mut(self.staged_queries.bytes_mut());
        for (padded, query) in staged.chunks_exact_mut(padded_dim).zip(queries.chunks_exact(dim)) {
            padded[..dim].copy_from_slice(query);
            padded[dim..].fill(0.0);
        }
        Ok(())
    }

    /// Queues the search, from fetching the staged queries to bringing the answer. Neither allocates
    /// nor waits, so that it can be recorded into a graph.
    pub fn enqueue(&mut self, prepared: &Prepared) -> Result<(), KernelError> {
        let Prepared { pending, plan, arguments } = prepared;
        if let Some(plan) = plan {
            let query_bytes = pending.batch * plan.chunk_count as usize * 32;
            self.machine.enqueue_upload(&self.staged_queries, &mut self.queries, query_bytes)?;
            for launch in plan.launches() {
                self.machine.launch(self.function(launch.kernel)?, &launch.shape, arguments)?;
            }
            let answer_bytes = ANSWER_HEAD_BYTES + pending.batch * pending.k * size_of::<Neighbor>();
            self.machine.enqueue_download(&self.answer, &mut self.staged_answer, answer_bytes)?;
        }
        Ok(())
    }

    /// Notes what is now under way.
    pub const fn begin(&mut self, prepared: &Prepared) {
        self.pending = Some(prepared.pending);
    }

    /// Waits for the search that is under way and copies its answer.
    pub fn finish(&mut self, out: &mut [Neighbor]) -> Result<TopKReport, KernelError> {
        let Some(pending) = self.pending else {
            return Err(KernelError::OutputLength { actual: out.len(), needed: 0 });
        };
        let needed = pending.batch * pending.k;
        if out.len() != needed {
            return Err(KernelError::OutputLength { actual: out.len(), needed });
        }
        self.machine.wait()?;
        self.pending = None;
        if pending.read_row_count == 0 {
            out.fill(Neighbor::UNUSED);
            return Ok(TopKReport::default());
        }
        let (head, neighbors) = self.staged_answer.bytes().split_at(ANSWER_HEAD_BYTES);
        out.copy_from_slice(&bytemuck::cast_slice(neighbors)[..needed]);
        let reranked: u32 = bytemuck::pod_read_unaligned(&head[..size_of::<u32>()]);
        Ok(TopKReport {
            found_min: out.chunks_exact(pending.k).map(found_count).min().unwrap_or(0),
            nan_row_count: pending.nan_row_count,
            read_row_count: pending.read_row_count,
            reranked_row_count: if pending.sketched { reranked as usize } else { 0 },
        })
    }

    /// One search from beginning to end.
    pub fn search(
        &mut self,
        table: &DeviceTable<M>,
        range: &Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        let batch = whole_queries(queries, table.dim)?;
        let needed = batch.saturating_mul(k);
        if out.len() != needed {
            return Err(KernelError::OutputLength { actual: out.len(), needed });
        }
        let prepared = self.prepare(table, range, batch, k)?;
        self.stage(queries, table.dim)?;
        self.enqueue(&prepared)?;
        self.begin(&prepared);
        self.finish(out)
    }

    /// A search of a table that is still on the host: uploads it first. By the law of
    /// [`TopK`](crate::TopK); for tests, or for tables that are used once.
    pub fn search_host(
        &mut self,
        table: &TableView<'_>,
        range: &Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        let batch = check_top_k(table, range, queries, k, out.len())?;
        if k > self.k_max {
            return Err(KernelError::KTooLarge { k, k_max: self.k_max });
        }
        if batch > self.batch_max {
            return Err(KernelError::BatchTooLarge { batch, batch_max: self.batch_max });
        }
        if k == 0 || batch == 0 {
            return Ok(TopKReport::default());
        }
        let uploaded = self.upload(table)?;
        self.search(&uploaded, range, queries, k, out)
    }

    /// Rows that the last search measured after its filter, added up over the queries, whatever it
    /// filtered by.
    #[cfg(feature = "cuda-emulated")]
    pub fn measured_again_count(&self) -> u32 {
        bytemuck::pod_read_unaligned(&self.staged_answer.bytes()[..size_of::<u32>()])
    }

    fn function(&self, kernel: Kernel) -> Result<M::Function, KernelError> {
        // What a kernel that was not loaded gets from the driver: CUDA_ERROR_NOT_FOUND.
        self.functions[kernel as usize].ok_or(KernelError::Device { code: 500 })
    }
}

/// Number of queries.
pub(super) fn whole_queries(queries: &[f32], dim: usize) -> Result<usize, KernelError> {
    if queries.len().is_multiple_of(dim) {
        Ok(queries.len() / dim)
    } else {
        Err(KernelError::RowShape { len: queries.len(), dim })
    }
}
