//! The search on a CUDA device.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::Filter;
use super::search::{Prepared, Search, whole_queries};
use super::table::DeviceTable;
use crate::cuda::devices::CudaUnavailable;
use crate::cuda::driver::{Driver, Graph, OpenError};
use crate::cuda::images::{CudaImage, NoImage};
use crate::cuda::machine::Machine;
use crate::{KernelError, Neighbor, TableView, TopK, TopKReport};

/// Why a search could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CudaSetupError {
    /// There is no device to use.
    #[error(transparent)]
    Unavailable(#[from] CudaUnavailable),
    /// There is no code for it.
    #[error(transparent)]
    NoImage(#[from] NoImage),
    /// The bounds are too large, or the device has no memory for them.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

impl From<OpenError> for CudaSetupError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unavailable(error) => Self::Unavailable(error),
            OpenError::NoImage(error) => Self::NoImage(error),
        }
    }
}

/// A table, and its sketch if it came with one, in the memory of a device.
pub struct CudaTable(DeviceTable<Driver>);

impl CudaTable {
    /// Number of rows.
    #[must_use]
    pub const fn row_count(&self) -> usize {
        self.0.row_count
    }

    /// Elements of one row.
    #[must_use]
    pub const fn dim(&self) -> usize {
        self.0.dim
    }
}

/// Searches on a CUDA device, in a stream of its own. Tables of up to 2048 elements a row, up to 128
/// neighbors.
///
/// A table is uploaded once, with [`CudaTopK::upload`], and then searched in one of three ways:
/// [`search`](CudaTopK::search) waits for its answer; [`enqueue`](CudaTopK::enqueue) returns at once and
/// [`finish`](CudaTopK::finish) fetches the answer later; [`record`](CudaTopK::record) makes a graph of a
/// search that [`replay`](CudaTopK::replay) then starts with one call. None of them allocates on the
/// device. As a [`TopK`] it uploads the table for each call.
pub struct CudaTopK {
    search: Search<Driver>,
    /// What recordings are good for: changes with every buffer.
    edition: u64,
}

/// A recorded search of one table: how many queries and neighbors, and which rows, are part of it.
///
/// Keep the table alive while it is used.
pub struct RecordedSearch<'table> {
    graph: Graph,
    prepared: Prepared,
    edition: u64,
    table: &'table CudaTable,
}

/// No two searches, and no two states of a search's buffers, share an edition.
fn next_edition() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl CudaTopK {
    /// On device `ordinal`, for up to `k_max` neighbors of up to `batch_max` queries a call.
    ///
    /// # Errors
    /// [`CudaSetupError`]. Never panics: neither without a driver, nor without a device or its code.
    pub fn new(ordinal: usize, k_max: usize, batch_max: usize) -> Result<Self, CudaSetupError> {
        let search = Search::new(Driver::open(ordinal, "top_k")?, k_max, batch_max)?;
        Ok(Self { search, edition: next_edition() })
    }

    /// The same, filtering as told.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.search.set_filter(filter);
        self
    }

    /// Which code was loaded.
    #[must_use]
    pub const fn image(&self) -> &CudaImage {
        self.search.machine().image()
    }

    /// Copies a table to the device and makes room to search it.
    ///
    /// # Errors
    /// [`KernelError::RowShape`], [`KernelError::TableTooLarge`], [`KernelError::CompanionShape`],
    /// [`KernelError::DimTooLarge`] or [`KernelError::Device`].
    pub fn upload(&mut self, table: &TableView<'_>) -> Result<CudaTable, KernelError> {
        let uploaded = CudaTable(self.search.upload(table)?);
        self.edition = next_edition();
        Ok(uploaded)
    }

    /// Makes room to search a table that another search on the same device uploaded.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn reserve(&mut self, table: &CudaTable) -> Result<(), KernelError> {
        if self.search.reserve(&table.0)? {
            self.edition = next_edition();
        }
        Ok(())
    }

    /// As [`TopK::top_k`], of an uploaded table.
    ///
    /// # Errors
    /// Those of [`TopK::top_k`], or [`KernelError::Device`].
    pub fn search(
        &mut self,
        table: &CudaTable,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        self.search.search(&table.0, &range, queries, k, out)
    }

    /// Queues a search and returns; [`CudaTopK::finish`] fetches its answer. Waits only for an earlier
    /// search whose answer nobody fetched.
    ///
    /// # Errors
    /// Those of [`TopK::top_k`] but for the output's length, or [`KernelError::Device`].
    pub fn enqueue(
        &mut self,
        table: &CudaTable,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
    ) -> Result<(), KernelError> {
        let prepared = self.search.prepare(&table.0, &range, whole_queries(queries, table.dim())?, k)?;
        self.search.stage(queries, table.dim())?;
        self.search.enqueue(&prepared)?;
        self.search.begin(&prepared);
        Ok(())
    }

    /// Waits for the search that was queued and writes its neighbors, `[batch, k]`.
    ///
    /// # Errors
    /// [`KernelError::OutputLength`], also when no search was queued, or [`KernelError::Device`].
    pub fn finish(&mut self, out: &mut [Neighbor]) -> Result<TopKReport, KernelError> {
        self.search.finish(out)
    }

    /// Records a search of `batch` queries that come later.
    ///
    /// # Errors
    /// As [`CudaTopK::enqueue`].
    pub fn record<'table>(
        &mut self,
        table: &'table CudaTable,
        range: Range<u32>,
        batch: usize,
        k: usize,
    ) -> Result<RecordedSearch<'table>, KernelError> {
        let prepared = self.search.prepare(&table.0, &range, batch, k)?;
        self.search.machine().wait()?;
        self.search.machine().begin_recording()?;
        let queued = self.search.enqueue(&prepared);
        let graph = self.search.machine().end_recording();
        queued?;
        Ok(RecordedSearch { graph: graph?, prepared, edition: self.edition, table })
    }

    /// Queues a recorded search with these queries; [`CudaTopK::finish`] fetches its answer.
    ///
    /// # Errors
    /// [`KernelError::RowShape`] or [`KernelError::BatchTooLarge`] when the queries are not as many as
    /// were recorded, [`KernelError::Device`] with code 400 (an invalid handle) when the recording is of
    /// another search or older than the last upload, or what the driver says.
    pub fn replay(&mut self, recorded: &RecordedSearch<'_>, queries: &[f32]) -> Result<(), KernelError> {
        if recorded.edition != self.edition {
            return Err(KernelError::Device { code: 400 });
        }
        let (batch, recorded_batch) = (whole_queries(queries, recorded.table.dim())?, recorded.prepared.batch());
        if batch != recorded_batch {
            return Err(KernelError::BatchTooLarge { batch, batch_max: recorded_batch });
        }
        self.search.stage(queries, recorded.table.dim())?;
        self.search.machine().replay(&recorded.graph)?;
        self.search.begin(&recorded.prepared);
        Ok(())
    }

    /// Milliseconds that the device takes for a recorded search, with the queries of the last one. Waits
    /// for it. For benches.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn replay_ms(&mut self, recorded: &RecordedSearch<'_>) -> Result<f32, KernelError> {
        if recorded.edition != self.edition {
            return Err(KernelError::Device { code: 400 });
        }
        let machine = self.search.machine();
        machine.time_ms(|| machine.replay(&recorded.graph))
    }

    /// Milliseconds that the device takes to copy so many bytes within its memory. For benches: it reads
    /// and writes them.
    ///
    /// # Errors
    /// [`KernelError::Device`].
    pub fn copy_ms(&self, bytes: usize, repetitions: usize) -> Result<Vec<f32>, KernelError> {
        let machine = self.search.machine();
        let (from, mut to) = (machine.allocate(bytes)?, machine.allocate(bytes)?);
        (0..repetitions).map(|_| machine.time_ms(|| machine.enqueue_copy(&from, &mut to))).collect()
    }
}

impl TopK for CudaTopK {
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        self.edition = next_edition();
        self.search.search_host(table, &range, queries, k, out)
    }
}
