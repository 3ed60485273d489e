//! A CUDA device through the driver's interface: one context, one stream, one module.
//!
//! No call of the driver's that waits for the device hides in here except where the name says so.
#![expect(unsafe_code, reason = "the driver's interface is C; this file keeps its handles and their lifetimes")]

mod context;
mod memory;
mod record;

use std::ffi::{CString, c_void};
use std::path::Path;
use std::sync::Arc;

use cudarc::driver::{DriverError, result, sys};

use super::devices::{CudaUnavailable, cuda_devices};
use super::images::{CudaImage, ImageKind, NoImage, image_folder, images_for};
use super::machine::{Machine, Shape, Staging};
use crate::KernelError;
use context::Context;
use memory::{DeviceMemory, PinnedMemory};
use record::Event;

pub(super) use record::Graph;

impl From<DriverError> for KernelError {
    fn from(error: DriverError) -> Self {
        Self::Device { code: error.0 as u32 }
    }
}

/// A device with its code loaded and a queue of its own.
#[derive(Debug)]
pub(super) struct Driver {
    context: Arc<Context>,
    stream: sys::CUstream,
    module: sys::CUmodule,
    image: CudaImage,
    multiprocessor_count: u32,
}

// SAFETY: streams and modules may be used from any thread with their context current; every use binds.
unsafe impl Send for Driver {}

impl Driver {
    /// Opens device `ordinal` and loads the best image of `operation`.
    pub fn open(ordinal: usize, operation: &str) -> Result<Self, OpenError> {
        let devices = cuda_devices().map_err(OpenError::Unavailable)?;
        let Some(device) = devices.get(ordinal) else {
            return Err(OpenError::Unavailable(CudaUnavailable::NoDevice));
        };
        let (major, minor) = device.compute_capability;
        let context = Arc::new(Context::open(ordinal as i32)?);
        context.bind()?;
        let multiprocessor_count =
            context.attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let (module, image) = load(&image_folder(), operation, major * 10 + minor).map_err(OpenError::NoImage)?;
        let stream = match result::stream::create(result::stream::StreamKind::NonBlocking) {
            Ok(stream) => stream,
            Err(error) => {
                // SAFETY: loaded above and used by nobody.
                let _ = unsafe { result::module::unload(module) };
                return Err(error.into());
            }
        };
        Ok(Self { context, stream, module, image, multiprocessor_count })
    }

    /// What was loaded.
    pub const fn image(&self) -> &CudaImage {
        &self.image
    }

    /// Starts to record what is put into the stream instead of running it.
    pub fn begin_recording(&self) -> Result<(), KernelError> {
        self.context.bind()?;
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: our stream, which is alive.
        unsafe { result::stream::begin_capture(self.stream, mode) }.map_err(KernelError::from)
    }

    /// Ends the recording, which must be ended also when something failed meanwhile.
    pub fn end_recording(&self) -> Result<Graph, KernelError> {
        // SAFETY: our stream, which is alive.
        let graph = unsafe { result::stream::end_capture(self.stream)? };
        // SAFETY: the graph was just made; it is not needed once it is instantiated.
        let executable = unsafe {
            let executable = result::graph::instantiate(graph, sys::CUgraphInstantiate_flags(0));
            result::graph::destroy(graph)?;
            executable?
        };
        let graph = Graph { context: Arc::clone(&self.context), executable };
        // SAFETY: both are alive.
        unsafe { result::graph::upload(graph.executable, self.stream)? };
        Ok(graph)
    }

    /// Queues a recording.
    pub fn replay(&self, graph: &Graph) -> Result<(), KernelError> {
        self.context.bind()?;
        // SAFETY: both are alive; the recording's memory is its owner's care.
        unsafe { result::graph::launch(graph.executable, self.stream) }.map_err(KernelError::from)
    }

    /// Milliseconds that the device takes for what `queue` puts into the stream. Waits for it.
    pub fn time_ms(&self, queue: impl FnOnce() -> Result<(), KernelError>) -> Result<f32, KernelError> {
        let (start, end) = (Event::new(&self.context)?, Event::new(&self.context)?);
        // SAFETY: events and stream are alive.
        unsafe { result::event::record(start.handle, self.stream)? };
        queue()?;
        // SAFETY: as above, and both events were recorded when `elapsed` is asked.
        unsafe {
            result::event::record(end.handle, self.stream)?;
            result::event::synchronize(end.handle)?;
            Ok(result::event::elapsed(start.handle, end.handle)?)
        }
    }

    /// Queues a copy within the device, of as many bytes as both have.
    pub fn enqueue_copy(&self, from: &DeviceMemory, to: &mut DeviceMemory) -> Result<(), KernelError> {
        self.context.bind()?;
        // SAFETY: both are alive and that long.
        unsafe { result::memcpy_dtod_async(to.address, from.address, from.bytes.min(to.bytes), self.stream) }
            .map_err(KernelError::from)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: ours, alive, and destroyed once. Work that is still queued runs to its end first: its
        // memory is freed later, and freeing waits. Failures at the end have nobody to go to.
        unsafe {
            let _ = self.context.bind();
            let _ = result::stream::synchronize(self.stream);
            let _ = result::stream::destroy(self.stream);
            let _ = result::module::unload(self.module);
        }
    }
}

/// Why a device was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OpenError {
    Unavailable(CudaUnavailable),
    NoImage(NoImage),
}

impl From<DriverError> for OpenError {
    fn from(error: DriverError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Loads the first image that the driver takes, in the current context.
fn load(folder: &Path, operation: &str, architecture: u32) -> Result<(sys::CUmodule, CudaImage), NoImage> {
    let mut refusals = String::new();
    for image in images_for(folder, operation, architecture) {
        match load_image(&image) {
            Ok(module) => return Ok((module, image)),
            Err(refusal) => refusals += &format!("; {}: {refusal}", image.path.display()),
        }
    }
    Err(NoImage { folder: folder.to_owned(), architecture, refusals })
}

fn load_image(image: &CudaImage) -> Result<sys::CUmodule, String> {
    let mut bytes = std::fs::read(&image.path).map_err(|error| error.to_string())?;
    if matches!(image.kind, ImageKind::Ptx { .. }) {
        bytes.push(0);
    }
    // SAFETY: text is terminated; machine code states its own length, and a file that does not hold it is
    // not ours.
    unsafe { result::module::load_data(bytes.as_ptr().cast()) }.map_err(|error| format!("{:?}", error.0))
}

/// A kernel of the loaded module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function(sys::CUfunction);

// SAFETY: a handle that is read only.
unsafe impl Send for Function {}

impl Machine for Driver {
    type Memory = DeviceMemory;
    type Staging = PinnedMemory;
    type Function = Function;

    fn function(&self, name: &str) -> Option<Function> {
        self.context.bind().ok()?;
        let name = CString::new(name).ok()?;
        // SAFETY: our module, loaded until `drop`.
        unsafe { result::module::get_function(self.module, name) }.ok().map(Function)
    }

    fn multiprocessor_count(&self) -> u32 {
        self.multiprocessor_count
    }

    fn resident_blocks(&self, function: Function, threads: u32, shared_bytes: u32) -> u32 {
        let mut count = 0;
        // SAFETY: a function of our module. A failure leaves the count, and one block always fits.
        let _ = self.context.bind().and_then(|()| unsafe {
            sys::cuOccupancyMaxActiveBlocksPerMultiprocessor(
                &raw mut count,
                function.0,
                threads as i32,
                shared_bytes as usize,
            )
            .result()
        });
        count.max(1).unsigned_abs()
    }

    fn allocate(&self, bytes: usize) -> Result<DeviceMemory, KernelError> {
        self.context.bind()?;
        // The driver refuses to allocate nothing.
        // SAFETY: what is read was written before: by uploads, or by earlier kernels.
        let address = unsafe { result::malloc_sync(bytes.max(16))? };
        Ok(DeviceMemory { context: Arc::clone(&self.context), address, bytes })
    }

    fn allocate_staging(&self, bytes: usize) -> Result<PinnedMemory, KernelError> {
        self.context.bind()?;
        // Not write-combined: the processor reads answers from it.
        // SAFETY: zeroed before anyone reads.
        let start = unsafe {
            let start = result::malloc_host(bytes.max(16), sys::CU_MEMHOSTALLOC_PORTABLE)?;
            std::ptr::write_bytes(start.cast::<u8>(), 0, bytes);
            start
        };
        Ok(PinnedMemory { context: Arc::clone(&self.context), start, bytes })
    }

    fn upload(&self, memory: &mut DeviceMemory, offset: usize, bytes: &[u8]) -> Result<(), KernelError> {
        assert!(offset + bytes.len() <= memory.bytes, "an upload stays inside its memory");
        if bytes.is_empty() {
            return Ok(());
        }
        self.context.bind()?;
        // In our stream, and then waited for: a plain copy may return before its bytes have arrived, and our
        // stream does not wait for those that do not run in it.
        // SAFETY: inside the memory, as was just checked; `bytes` outlive the wait.
        unsafe { result::memcpy_htod_async(memory.address + offset as u64, bytes, self.stream)? };
        self.wait()
    }

    fn download(&self, memory: &DeviceMemory, bytes: &mut [u8]) -> Result<(), KernelError> {
        assert!(bytes.len() <= memory.bytes, "a download stays inside its memory");
        self.context.bind()?;
        // SAFETY: inside the memory, as was just checked; `bytes` outlive the wait.
        unsafe { result::memcpy_dtoh_async(bytes, memory.address, self.stream)? };
        self.wait()
    }

    fn enqueue_upload(&self, from: &PinnedMemory, to: &mut DeviceMemory, bytes: usize) -> Result<(), KernelError> {
        assert!(bytes <= to.bytes, "an upload stays inside its memory");
        self.context.bind()?;
        // SAFETY: inside both; the caller keeps them.
        unsafe { result::memcpy_htod_async(to.address, &from.bytes()[..bytes], self.stream) }.map_err(KernelError::from)
    }

    fn enqueue_download(&self, from: &DeviceMemory, to: &mut PinnedMemory, bytes: usize) -> Result<(), KernelError> {
        assert!(bytes <= from.bytes, "a download stays inside its memory");
        self.context.bind()?;
        // SAFETY: inside both; the caller keeps them.
        unsafe { result::memcpy_dtoh_async(&mut to.bytes_mut()[..bytes], from.address, self.stream) }
            .map_err(KernelError::from)
    }

    fn launch<A: bytemuck::Pod>(&self, function: Function, shape: &Shape, arguments: &A) -> Result<(), KernelError> {
        self.context.bind()?;
        // The driver copies the arguments before it returns.
        let mut parameters = [std::ptr::from_ref(arguments).cast_mut().cast::<c_void>()];
        let (grid, threads) = ((shape.grid.0, shape.grid.1, 1), (shape.threads, 1, 1));
        // SAFETY: the function is of our module and takes one parameter of this layout; the caller keeps
        // what it points to.
        unsafe { result::launch_kernel(function.0, grid, threads, shape.shared_bytes, self.stream, &mut parameters) }
            .map_err(KernelError::from)
    }

    fn wait(&self) -> Result<(), KernelError> {
        self.context.bind()?;
        // SAFETY: our stream, which is alive.
        unsafe { result::stream::synchronize(self.stream) }.map_err(KernelError::from)
    }
}
