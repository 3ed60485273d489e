//! The search on the emulated device.

use std::ops::Range;

use super::plan::Filter;
use super::search::Search;
use crate::cuda::emulated::{Code, Emulated};
use crate::{KernelError, Neighbor, TableView, TopK, TopKReport};

/// Which compilation of the device code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As it is, with the matrix instructions of Ampere and later.
    Genuine,
    /// As it is, with those of Turing.
    Turing,
    /// With a fault: the merge of a block's lists reads before all are written.
    MissingBarrier,
}

/// Searches with the device code, compiled for this processor: thousands of times slower than any
/// other twin, for tests alone.
pub struct EmulatedTopK(Search<Emulated>);

impl EmulatedTopK {
    /// For up to `k_max` neighbors of up to `batch_max` queries a call.
    ///
    /// # Errors
    /// [`KernelError::KTooLarge`].
    pub fn new(k_max: usize, batch_max: usize) -> Result<Self, KernelError> {
        Self::of_variant(k_max, batch_max, Variant::Genuine)
    }

    /// As [`EmulatedTopK::new`], of another compilation.
    ///
    /// # Errors
    /// [`KernelError::KTooLarge`].
    pub fn of_variant(k_max: usize, batch_max: usize, variant: Variant) -> Result<Self, KernelError> {
        let code = match variant {
            Variant::Genuine => Code::GENUINE,
            Variant::Turing => Code::TURING,
            Variant::MissingBarrier => Code::MISSING_BARRIER,
        };
        Search::new(Emulated::new(code), k_max, batch_max).map(Self)
    }

    /// The same, filtering as told.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.0.set_filter(filter);
        self
    }

    /// Rows that the last filtered search measured, added up over the queries.
    #[must_use]
    pub fn measured_again_count(&self) -> u32 {
        self.0.measured_again_count()
    }
}

impl TopK for EmulatedTopK {
    fn top_k(
        &mut self,
        table: &TableView<'_>,
        range: Range<u32>,
        queries: &[f32],
        k: usize,
        out: &mut [Neighbor],
    ) -> Result<TopKReport, KernelError> {
        self.0.search_host(table, &range, queries, k, out)
    }
}
