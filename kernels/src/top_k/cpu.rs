//! The CPU twin: one pass over the table, one core, the best instructions the machine has.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::cpu_avx2::Avx2;
use super::portable::Portable;
use super::scan::{Search, scan};
use super::{Neighbor, Rows, TableView, TopK, TopKReport, check_top_k};
use crate::KernelError;

/// Which machine instructions compute the distances. Distances of one choice may differ from those
/// of another in the last bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instructions {
    /// What every processor of the target has.
    Portable,
    /// AVX2, FMA and F16C on x86-64.
    Avx2,
}

/// Searches on one CPU core. Allocates at construction only.
#[derive(Debug)]
pub struct CpuTopK {
    k_max: usize,
    kernel: Kernel,
    /// One for each query of the largest batch.
    searches: Vec<Search>,
}

impl CpuTopK {
    /// For up to `k_max` neighbors of up to `batch_max` queries a call, with the best instructions
    /// this machine has.
    #[must_use]
    pub fn new(k_max: usize, batch_max: usize) -> Self {
        let kernel = Kernel::avx2().unwrap_or(Kernel::Portable);
        Self { k_max, kernel, searches: vec![Search::default(); batch_max] }
    }

    /// As [`CpuTopK::new`], with instructions of one's choice; `None` when this machine lacks them.
    #[must_use]
    pub fn with_instructions(k_max: usize, batch_max: usize, instructions: Instructions) -> Option<Self> {
        let kernel = match instructions {
            Instructions::Portable => Kernel::Portable,
            Instructions::Avx2 => Kernel::avx2()?,
        };
        Some(Self { k_max, kernel, searches: vec![Search::default(); batch_max] })
    }

    /// The instructions in use.
    #[must_use]
    pub const fn instructions(&self) -> Instructions {
        match self.kernel {
            Kernel::Portable => Instructions::Portable,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2(_) => Instructions::Avx2,
        }
    }
}

/// The code for one choice of [`Instructions`], as far as this target has any.
#[derive(Clone, Copy, Debug)]
enum Kernel {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Kernel {
    fn avx2() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            Avx2::detect().map(Self::Avx2)
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            None
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
        let batch_max = self.searches.len();
        let Some(searches) = self.searches.get_mut(..batch) else {
            return Err(KernelError::BatchTooLarge { batch, batch_max });
        };
        out.fill(Neighbor::UNUSED);
        if k == 0 || batch == 0 {
            return Ok(TopKReport::default());
        }
        searches.fill(Search::default());
        let dim = table.dim;
        let elements = range.start as usize * dim..range.end as usize * dim;
        let nan_row_count = match (table.rows, self.kernel) {
            (Rows::F32(rows), Kernel::Portable) => {
                scan(&Portable, &rows[elements], range.start, queries, searches, out)
            }
            (Rows::F16(rows), Kernel::Portable) => {
                scan(&Portable, &rows[elements], range.start, queries, searches, out)
            }
            #[cfg(target_arch = "x86_64")]
            (Rows::F32(rows), Kernel::Avx2(avx2)) => scan(&avx2, &rows[elements], range.start, queries, searches, out),
            #[cfg(target_arch = "x86_64")]
            (Rows::F16(rows), Kernel::Avx2(avx2)) => scan(&avx2, &rows[elements], range.start, queries, searches, out),
        };
        Ok(TopKReport { found_min: searches.iter().map(Search::found_count).min().unwrap_or(0), nan_row_count })
    }
}
