//! Which kernels a search takes, and how large: numbers in, numbers out.

use super::kernel::Kernel;
use crate::cuda::machine::Shape;

/// Most neighbors that a kernel's lists can keep.
pub(super) const K_MAX: usize = 128;

/// Longest row for which queries fit the shared memory that every device has.
pub(super) const DIM_MAX: usize = 2048;

/// Rows that the filter bounds together.
pub(super) const GROUP_ROWS: u32 = 16;

/// Shared memory that a block may use on every device, bytes.
const SHARED_BYTES_MAX: u32 = 48 * 1024;

/// Steps of four words that the filter loads at once.
const STEPS_AT_ONCE: u32 = 4;

/// Fewer rows than this are measured faster than bounded.
const FILTER_ROWS_MIN: u32 = 16_384;

/// As many queries can be measured in the time in which a table of halves is read. The scan takes
/// four at a time, and arithmetic outweighs reading soon after.
const SCAN_QUERIES_MAX: u32 = 4;

/// Most blocks for each multiprocessor of a kernel whose blocks leave a list each.
pub(super) const BLOCKS_PER_MULTIPROCESSOR: u32 = 4;

/// Whether a search may first bound all distances with matrix instructions. The answer is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Where it is faster.
    #[default]
    Automatic,
    /// Never: every row is measured.
    Never,
    /// Wherever there is something to filter by: halves, or a sketch. For tests.
    Always,
}

/// Elements of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Single,
    Half,
}

/// What the filter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codes {
    /// The table itself.
    Halves,
    /// Its sketch.
    Bytes,
}

/// What is asked, of what, on which device. No count is zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub precision: Precision,
    pub dim: usize,
    /// Rows of the range.
    pub row_count: u32,
    pub sketched: bool,
    pub batch: u32,
    pub k: u32,
    pub multiprocessor_count: u32,
    pub filter: Filter,
    /// Whether the loaded code has matrix instructions.
    pub can_filter: bool,
}

/// One step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Launch {
    pub kernel: Kernel,
    pub shape: Shape,
}

/// How a search is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    steps: [Option<Launch>; 5],
    /// What the filter reads, if there is one.
    pub codes: Option<Codes>,
    /// Runs of eight elements of a row.
    pub chunk_count: u32,
    /// 16-byte words of one row of codes.
    pub code_words: u32,
    /// Runs of four words of a row of codes, padded.
    pub step_count: u32,
    /// Queries that the filter takes together.
    pub tile_queries: u32,
    pub group_count: u32,
    /// Lists for each query that the last step merges.
    pub list_count: u32,
    pub norm_slack: f32,
    pub limit_slack: f32,
}

/// How many blocks of a kernel, with so much shared memory, a multiprocessor runs at once.
type Resident<'a> = &'a dyn Fn(Kernel, u32) -> u32;

impl Plan {
    pub fn new(request: &Request, resident: Resident<'_>) -> Self {
        let codes = codes_for(request);
        let blank = Self {
            steps: [None; 5],
            codes,
            chunk_count: request.dim.div_ceil(8) as u32,
            code_words: codes.map_or(0, |codes| code_words(codes, request.dim)),
            step_count: 0,
            tile_queries: 8,
            group_count: request.row_count.div_ceil(GROUP_ROWS),
            list_count: 0,
            norm_slack: 0.0,
            // Above `relative_error_max`, with room for the root that is taken of it.
            limit_slack: (request.dim as f32 + 16.0) * f32::EPSILON / 2.0,
        };
        match codes {
            None => blank.scanning(request, resident),
            Some(codes) => blank.filtering(request, codes, resident),
        }
    }

    /// The steps, in their order.
    pub fn launches(&self) -> impl Iterator<Item = &Launch> {
        self.steps.iter().flatten()
    }

    fn scanning(mut self, request: &Request, resident: Resident<'_>) -> Self {
        let together = if request.batch == 1 { 1 } else { 4 };
        let rows_at_once = if request.batch == 1 { 8 } else { 4 };
        let kernel = scan_kernel(request, together);
        let tile_count = request.batch.div_ceil(together);
        let needed = request.row_count.div_ceil(rows_at_once).div_ceil(warps(kernel));
        let shared_bytes = together * self.query_bytes() + lists_bytes(kernel, request);
        // As many as run at once: a second wave of a few blocks would leave most of the device idle.
        let at_once = resident(kernel, shared_bytes).min(BLOCKS_PER_MULTIPROCESSOR) * request.multiprocessor_count;
        self.list_count = needed.min(at_once / tile_count).max(1);
        self.steps[0] = Some(launch(kernel, (self.list_count, tile_count), shared_bytes));
        self.steps[1] = Some(merge(request));
        self
    }

    fn filtering(mut self, request: &Request, codes: Codes, resident: Resident<'_>) -> Self {
        self.step_count = self.code_words.div_ceil(4).next_multiple_of(STEPS_AT_ONCE);
        let fits = filter_bytes(codes, self.step_count, 32) <= SHARED_BYTES_MAX;
        self.tile_queries = if request.batch > 8 && fits { 32 } else { 8 };
        let tile_count = request.batch.div_ceil(self.tile_queries);
        self.norm_slack = norm_slack(codes, request.dim);

        let prepare = if codes == Codes::Bytes { Kernel::PrepareBytes } else { Kernel::PrepareHalves };
        let filter = filter_kernel(codes, self.tile_queries);
        let code_bytes = filter_bytes(codes, self.step_count, self.tile_queries);
        let at_once = (resident(filter, code_bytes) * request.multiprocessor_count / tile_count).max(1);
        let filter_blocks = self.group_count.div_ceil(warps(filter)).min(at_once);
        let (probe, rerank) = (probe_kernel(request), rerank_kernel(request));
        let runs = self.group_count.div_ceil(8);
        let blocks = BLOCKS_PER_MULTIPROCESSOR * request.multiprocessor_count;
        self.list_count = runs.min(blocks / request.batch).max(1);
        let measuring = |kernel| self.query_bytes() + lists_bytes(kernel, request);
        self.steps = [
            launch(prepare, (tile_count * self.tile_queries, 1), 0),
            launch(filter, (filter_blocks, tile_count), code_bytes),
            launch(probe, (request.batch, 1), measuring(probe) + width(request) * 8),
            // The groups that a block notes, and their number.
            launch(rerank, (self.list_count, request.batch), measuring(rerank) + 1024 * 4 + 16),
            merge(request),
        ]
        .map(Some);
        self
    }

    /// Shared memory of one query, bytes.
    const fn query_bytes(&self) -> u32 {
        self.chunk_count * 32
    }
}

fn codes_for(request: &Request) -> Option<Codes> {
    if !request.can_filter || request.filter == Filter::Never {
        return None;
    }
    let worth = request.filter == Filter::Always || request.row_count >= FILTER_ROWS_MIN;
    if request.sketched && worth {
        return Some(Codes::Bytes);
    }
    let many = request.filter == Filter::Always || request.batch > SCAN_QUERIES_MAX;
    (request.precision == Precision::Half && worth && many).then_some(Codes::Halves)
}

/// 16-byte words of one row of codes.
pub(super) const fn code_words(codes: Codes, dim: usize) -> u32 {
    match codes {
        Codes::Halves => dim.div_ceil(8) as u32,
        Codes::Bytes => dim.div_ceil(16) as u32,
    }
}

/// How far the filter's estimate of a squared distance may be off, as a fraction of the squared norms
/// of both sides: the proof is at the head of `cuda/top_k/filter.cuh`.
fn norm_slack(codes: Codes, dim: usize) -> f32 {
    let padded = dim.next_multiple_of(8) as f32;
    match codes {
        Codes::Halves => padded * 2.0_f32.powi(-22) + 2.0_f32.powi(-17),
        Codes::Bytes => 2.0_f32.powi(-17),
    }
}

/// Shared memory of the filter: codes in halves, or in two planes of bytes, and a bound for each query.
const fn filter_bytes(codes: Codes, step_count: u32, tile_queries: u32) -> u32 {
    let plane_count = match codes {
        Codes::Halves => 1,
        Codes::Bytes => 2,
    };
    plane_count * step_count * 64 * tile_queries + super::arguments::QUERY_BOUND_BYTES as u32 * tile_queries
}

/// Longest list that the kernels for this request keep.
const fn width(request: &Request) -> u32 {
    if request.k <= 32 { 32 } else { K_MAX as u32 }
}

const fn warps(kernel: Kernel) -> u32 {
    kernel.threads() / 32
}

/// Shared memory to merge the lists of a block's warps.
const fn lists_bytes(kernel: Kernel, request: &Request) -> u32 {
    warps(kernel) / 2 * width(request) * 8
}

const fn launch(kernel: Kernel, grid: (u32, u32), shared_bytes: u32) -> Launch {
    Launch { kernel, shape: Shape { grid, threads: kernel.threads(), shared_bytes } }
}

fn merge(request: &Request) -> Launch {
    let kernel = if width(request) == 32 { Kernel::Merge32 } else { Kernel::Merge128 };
    launch(kernel, (request.batch, 1), lists_bytes(kernel, request))
}

fn scan_kernel(request: &Request, together: u32) -> Kernel {
    match (request.precision, together, width(request)) {
        (Precision::Single, 1, 32) => Kernel::ScanSingle1By32,
        (Precision::Single, 1, _) => Kernel::ScanSingle1By128,
        (Precision::Single, _, 32) => Kernel::ScanSingle4By32,
        (Precision::Single, _, _) => Kernel::ScanSingle4By128,
        (Precision::Half, 1, 32) => Kernel::ScanHalf1By32,
        (Precision::Half, 1, _) => Kernel::ScanHalf1By128,
        (Precision::Half, _, 32) => Kernel::ScanHalf4By32,
        (Precision::Half, _, _) => Kernel::ScanHalf4By128,
    }
}

const fn filter_kernel(codes: Codes, tile_queries: u32) -> Kernel {
    match (codes, tile_queries) {
        (Codes::Halves, 8) => Kernel::FilterHalves8,
        (Codes::Halves, _) => Kernel::FilterHalves32,
        (Codes::Bytes, 8) => Kernel::FilterBytes8,
        (Codes::Bytes, _) => Kernel::FilterBytes32,
    }
}

fn probe_kernel(request: &Request) -> Kernel {
    match (request.precision, width(request)) {
        (Precision::Single, 32) => Kernel::ProbeSingle32,
        (Precision::Single, _) => Kernel::ProbeSingle128,
        (Precision::Half, 32) => Kernel::ProbeHalf32,
        (Precision::Half, _) => Kernel::ProbeHalf128,
    }
}

fn rerank_kernel(request: &Request) -> Kernel {
    match (request.precision, width(request)) {
        (Precision::Single, 32) => Kernel::RerankSingle32,
        (Precision::Single, _) => Kernel::RerankSingle128,
        (Precision::Half, 32) => Kernel::RerankHalf32,
        (Precision::Half, _) => Kernel::RerankHalf128,
    }
}

#[cfg(test)]
mod tests;
