//! What a search needs of a device: the driver offers it, and so does the emulation.

use crate::KernelError;

/// One start of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Blocks along x and y.
    pub grid: (u32, u32),
    /// Threads of a block.
    pub threads: u32,
    /// Dynamic shared memory of a block.
    pub shared_bytes: u32,
}

/// A device with one queue of work. Failures are [`KernelError::Device`].
pub(super) trait Machine {
    /// Memory of the device; freed when dropped.
    type Memory: Memory;
    /// Memory of the host that the device copies from and to on its own; freed when dropped.
    type Staging: Staging;
    /// A kernel.
    type Function: Copy;

    /// The kernel of this name, if the loaded code has it.
    fn function(&self, name: &str) -> Option<Self::Function>;

    /// Multiprocessors of the device.
    fn multiprocessor_count(&self) -> u32;

    /// How many blocks of a kernel a multiprocessor runs at once.
    fn resident_blocks(&self, function: Self::Function, threads: u32, shared_bytes: u32) -> u32;

    /// Memory of unknown content.
    fn allocate(&self, bytes: usize) -> Result<Self::Memory, KernelError>;

    /// Memory of zeros.
    fn allocate_staging(&self, bytes: usize) -> Result<Self::Staging, KernelError>;

    /// Copies now. `bytes` fit behind `offset`.
    fn upload(&self, memory: &mut Self::Memory, offset: usize, bytes: &[u8]) -> Result<(), KernelError>;

    /// Copies now; all of `bytes`, from the start of `memory`.
    fn download(&self, memory: &Self::Memory, bytes: &mut [u8]) -> Result<(), KernelError>;

    /// Queues a copy of the first `bytes` bytes.
    ///
    /// Both must stay alive, and the staging memory unchanged, until [`Machine::wait`] returns.
    fn enqueue_upload(&self, from: &Self::Staging, to: &mut Self::Memory, bytes: usize) -> Result<(), KernelError>;

    /// Queues a copy of the first `bytes` bytes, under the same terms.
    fn enqueue_download(&self, from: &Self::Memory, to: &mut Self::Staging, bytes: usize) -> Result<(), KernelError>;

    /// Queues a kernel whose one parameter is `arguments`, laid out as the kernel expects. The memory
    /// they point to must stay alive until [`Machine::wait`] returns.
    fn launch<A: bytemuck::Pod>(
        &self,
        function: Self::Function,
        shape: &Shape,
        arguments: &A,
    ) -> Result<(), KernelError>;

    /// Returns when all queued work is done.
    fn wait(&self) -> Result<(), KernelError>;
}

/// Memory of a device.
pub(super) trait Memory {
    /// Where it starts, for the device; a multiple of 16.
    fn address(&self) -> u64;

    /// Its length.
    fn len(&self) -> usize;
}

/// Memory of the host that a device can reach; starts at a multiple of 16.
pub(super) trait Staging {
    fn bytes(&self) -> &[u8];
    fn bytes_mut(&mut self) -> &mut [u8];
}
