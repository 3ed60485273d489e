//! A table on the device.

use std::ops::Range;

use super::arguments::Arguments;
use super::kernel::Kernel;
use super::plan::{Codes, DIM_MAX, Precision, code_words};
use crate::cuda::machine::{Machine, Memory, Shape};
use crate::{KernelError, Rows, Sketch, TableView};

/// Rows behind the last one that kernels read, and ignore, so that blocks of rows need no end.
const SPARE_ROWS: usize = 16;

/// Most rows, so that row numbers and a grid of blocks fit 32 bits.
const ROWS_MAX: usize = 1 << 31;

/// Bytes that are padded on the host at a time.
const PIECE_BYTES: usize = 1 << 22;

/// Rows, and what searches need to know of them beforehand.
pub(super) struct DeviceTable<M: Machine> {
    pub dim: usize,
    pub row_count: usize,
    pub precision: Precision,
    /// Each row padded with zeros to whole runs of eight elements.
    rows: M::Memory,
    /// Squared norms, `[rows]`.
    row_norms: M::Memory,
    sketch: Option<DeviceSketch<M>>,
    /// Ascending.
    nan_rows: Vec<u32>,
}

struct DeviceSketch<M: Machine> {
    codes: M::Memory,
    scales: M::Memory,
    errors: M::Memory,
    code_norms: M::Memory,
}

impl<M: Machine> DeviceTable<M> {
    /// Copies `table` and its sketch, and looks for rows that hold a NaN. `norms` finds a kernel.
    pub fn upload(
        machine: &M,
        table: &TableView<'_>,
        norms: impl Fn(Kernel) -> Result<M::Function, KernelError>,
    ) -> Result<Self, KernelError> {
        let (row_count, dim) = (table.row_count()?, table.dim);
        if dim > DIM_MAX {
            return Err(KernelError::DimTooLarge { dim, dim_max: DIM_MAX });
        }
        if row_count > ROWS_MAX {
            return Err(KernelError::TableTooLarge { row_count });
        }
        let (precision, kernel, bytes) = match table.rows {
            Rows::F32(rows) => (Precision::Single, Kernel::NormsSingle, bytemuck::cast_slice(rows)),
            Rows::F16(rows) => (Precision::Half, Kernel::NormsHalf, bytemuck::cast_slice(rows)),
        };
        let rows = upload_rows::<M>(machine, bytes, dim * precision.bytes(), precision.row_bytes(dim))?;
        let row_norms = machine.allocate((row_count + SPARE_ROWS) * size_of::<f32>())?;
        let sketch = table.sketch.map(|sketch| DeviceSketch::upload(machine, sketch)).transpose()?;
        let mut uploaded = Self { dim, row_count, precision, rows, row_norms, sketch, nan_rows: Vec::new() };
        if row_count > 0 {
            uploaded.nan_rows = uploaded.find_nan_rows(machine, norms(kernel)?)?;
        }
        Ok(uploaded)
    }

    /// Computes the norms; one is NaN where its row holds a NaN, and nowhere else.
    fn find_nan_rows(&self, machine: &M, norms: M::Function) -> Result<Vec<u32>, KernelError> {
        let blocks = self.row_count.div_ceil(8).min(machine.multiprocessor_count() as usize * 8);
        let shape = Shape { grid: (blocks as u32, 1), threads: Kernel::NormsHalf.threads(), shared_bytes: 0 };
        let mut arguments = Arguments { row_count: self.row_count as u32, ..Arguments::default() };
        self.describe(None, &mut arguments);
        machine.launch(norms, &shape, &arguments)?;
        machine.wait()?;
        let mut squared_norms = vec![0.0_f32; self.row_count];
        machine.download(&self.row_norms, bytemuck::cast_slice_mut(&mut squared_norms))?;
        Ok(squared_norms.iter().zip(0..).filter(|(norm, _)| norm.is_nan()).map(|(_, row)| row).collect())
    }

    /// Whether it came with a sketch.
    pub const fn is_sketched(&self) -> bool {
        self.sketch.is_some()
    }

    /// Rows of the range that hold a NaN.
    pub fn nan_row_count(&self, range: &Range<u32>) -> usize {
        let below = |row: u32| self.nan_rows.partition_point(|&nan| nan < row);
        below(range.end) - below(range.start)
    }

    /// Fills in where the table is, and what the filter reads of it.
    pub fn describe(&self, codes: Option<Codes>, arguments: &mut Arguments) {
        arguments.rows = self.rows.address();
        arguments.row_words = (self.precision.row_bytes(self.dim) / 16) as u32;
        arguments.row_norms = self.row_norms.address();
        arguments.chunk_count = self.dim.div_ceil(8) as u32;
        match (codes, &self.sketch) {
            (Some(Codes::Bytes), Some(sketch)) => {
                arguments.codes = sketch.codes.address();
                arguments.code_scales = sketch.scales.address();
                arguments.code_errors = sketch.errors.address();
                arguments.code_norms = sketch.code_norms.address();
            }
            _ => arguments.codes = self.rows.address(),
        }
    }
}

impl<M: Machine> DeviceSketch<M> {
    fn upload(machine: &M, sketch: &Sketch) -> Result<Self, KernelError> {
        let row_bytes = code_words(Codes::Bytes, sketch.dim()) as usize * 16;
        let column = |bytes: &[u8]| upload_rows::<M>(machine, bytes, 4, 4);
        Ok(Self {
            codes: upload_rows::<M>(machine, bytemuck::cast_slice(sketch.codes()), sketch.dim(), row_bytes)?,
            scales: column(bytemuck::cast_slice(sketch.scales()))?,
            errors: column(bytemuck::cast_slice(sketch.errors()))?,
            code_norms: column(bytemuck::cast_slice(sketch.code_norms()))?,
        })
    }
}

impl Precision {
    const fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Half => 2,
        }
    }

    /// Bytes of a padded row.
    const fn row_bytes(self, dim: usize) -> usize {
        dim.next_multiple_of(8) * self.bytes()
    }
}

/// Copies rows of `row_bytes`, each padded with zeros to `padded_bytes`; the spare rows stay as they are.
fn upload_rows<M: Machine>(
    machine: &M,
    bytes: &[u8],
    row_bytes: usize,
    padded_bytes: usize,
) -> Result<M::Memory, KernelError> {
    let row_count = bytes.len() / row_bytes;
    let mut memory = machine.allocate((row_count + SPARE_ROWS) * padded_bytes)?;
    if row_bytes == padded_bytes {
        machine.upload(&mut memory, 0, bytes)?;
        return Ok(memory);
    }
    let rows_at_once = (PIECE_BYTES / padded_bytes).max(1);
    let mut piece = vec![0; rows_at_once.min(row_count) * padded_bytes];
    for (index, rows) in bytes.chunks(rows_at_once * row_bytes).enumerate() {
        for (padded, row) in piece.chunks_exact_mut(padded_bytes).zip(rows.chunks_exact(row_bytes)) {
            padded[..row_bytes].copy_from_slice(row);
        }
        let filled = rows.len() / row_bytes * padded_bytes;
        machine.upload(&mut memory, index * rows_at_once * padded_bytes, &piece[..filled])?;
    }
    Ok(memory)
}
