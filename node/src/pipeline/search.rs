//! Where the reference table is searched: on the processor, or on the GPU that runs the network.

use std::ops::Range;

use kernels::{CpuTopK, KernelError, Neighbor, Sketch, TableView, TopK, TopKReport};
#[cfg(feature = "cuda")]
use kernels::{CudaTable, CudaTopK, cuda::CudaSetupError};

/// Smaller tables are searched in no time anyway.
const SKETCHED_ROWS_MIN: usize = 1_000;
/// Smaller tables are found in the processor's caches faster than a GPU is asked.
#[cfg(feature = "cuda")]
const GPU_ROWS_MIN: usize = 20_000;

/// The search of one table: the one it was made for, which its retriever hands over with every call.
pub(super) enum TableSearch {
    Cpu(Box<CpuSearch>),
    #[cfg(feature = "cuda")]
    Gpu(Box<GpuSearch>),
}

/// A search with a sketch, which halves the bytes that are read and changes nothing else.
pub(super) struct CpuSearch {
    top_k: CpuTopK,
    sketch: Option<Sketch>,
}

/// A search with the table in the GPU's memory.
#[cfg(feature = "cuda")]
pub(super) struct GpuSearch {
    top_k: CudaTopK,
    table: CudaTable,
}

impl TableSearch {
    /// For up to `k_max` neighbours of up to `batch_max` queries. On the GPU where `network_on_gpu` and the table is large;
    /// a GPU that refuses is told to the log, and the processor searches.
    pub(super) fn new(table: &TableView<'_>, k_max: usize, batch_max: usize, network_on_gpu: bool) -> Self {
        #[cfg(feature = "cuda")]
        if network_on_gpu && table.row_count().is_ok_and(|count| count >= GPU_ROWS_MIN) {
            match GpuSearch::new(table, k_max, batch_max) {
                Ok(search) => {
                    tracing::info!("the table is searched on the GPU, by {}", search.top_k.image());
                    return Self::Gpu(Box::new(search));
                }
                Err(reason) => tracing::warn!("the table is searched on the processor: {reason}"),
            }
        }
        #[cfg(not(feature = "cuda"))]
        let _ = network_on_gpu;
        let mut top_k = CpuTopK::new(k_max, batch_max);
        top_k.reserve(table.dim);
        // A table that cannot be sketched cannot be searched either, and says so then.
        let is_sketched = table.row_count().is_ok_and(|count| count >= SKETCHED_ROWS_MIN);
        Self::Cpu(Box::new(CpuSearch { top_k, sketch: is_sketched.then(|| Sketch::new(table).ok()).flatten() }))
    }
}

#[cfg(feature = "cuda")]
impl GpuSearch {
    fn new(table: &TableView<'_>, k_max: usize, batch_max: usize) -> Result<Self, CudaSetupError> {
        let mut top_k = CudaTopK::new(0, k_max, batch_max)?;
        let table = top_k.upload(table)?;
        Ok(Self { top_k, table })
    }
}

impl TopK for TableSearch {
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        match self {
            Self::Cpu(search) => {
                let table = TableView { sketch: search.sketch.as_ref(), ..*table };
                search.top_k.top_k(&table, range, queries, k, out)
            }
            #[cfg(feature = "cuda")]
            Self::Gpu(search) => search.top_k.search(&search.table, range, queries, k, out),
        }
    }
}
