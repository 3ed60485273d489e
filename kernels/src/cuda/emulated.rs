//! The device code compiled for this processor: `cuda/emulation` at work.
#![expect(unsafe_code, reason = "the emulation is C++ that build.rs compiles from the device code")]
#![expect(clippy::panic, reason = "what the emulation finds is a fault of the device code, and stops the test")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use super::machine::{Machine, Memory, Shape, Staging};
use crate::KernelError;

/// Multiprocessors of the device that does not exist: a few blocks, so that they share the work.
const MULTIPROCESSOR_COUNT: u32 = 2;

/// Blocks that each of them claims to run at once; in truth one block runs at a time.
const RESIDENT_BLOCKS: u32 = 2;

/// Which compilation of the device code runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    find: unsafe extern "C" fn(*const c_char) -> *const c_void,
    launch: unsafe extern "C" fn(*const c_void, u32, u32, u32, u32, u64, *const c_void) -> *const c_char,
}

/// Declares the two functions of a compilation, and names it.
macro_rules! codes {
    ($($(#[$attribute:meta])* $name:ident = $find:ident, $launch:ident;)+) => {
        unsafe extern "C" {
            $(
                fn $find(name: *const c_char) -> *const c_void;
                fn $launch(
                    kernel: *const c_void,
                    grid_x: u32,
                    grid_y: u32,
                    threads: u32,
                    shared_bytes: u32,
                    seed: u64,
                    arguments: *const c_void,
                ) -> *const c_char;
            )+
        }

        impl Code {
            $($(#[$attribute])* pub const $name: Self = Self { find: $find, launch: $launch };)+
        }
    };
}

codes! {
    /// As it is.
    GENUINE = top_k_emulated_find, top_k_emulated_launch;
    /// With the matrix instructions of Turing.
    TURING = top_k_turing_find, top_k_turing_launch;
    /// With a barrier missing.
    MISSING_BARRIER = top_k_missing_barrier_find, top_k_missing_barrier_launch;
    /// Of scores, as it is.
    FEATURE_SCORE = feature_score_emulated_find, feature_score_emulated_launch;
    /// Of residuals, as it is.
    FEATURE_RESIDUAL = feature_residual_emulated_find, feature_residual_emulated_launch;
    /// Of scores, with barriers missing.
    FEATURE_SCORE_MISSING_BARRIER = feature_score_missing_barrier_find, feature_score_missing_barrier_launch;
    /// Of residuals, with a barrier missing.
    FEATURE_RESIDUAL_MISSING_BARRIER = feature_residual_missing_barrier_find, feature_residual_missing_barrier_launch;
}

unsafe extern "C" {
    fn top_k_emulated_allocate(bytes: usize) -> *mut u8;
    fn top_k_emulated_free(start: *mut u8, bytes: usize);
}

/// A device that runs one thread at a time, in an order of chance.
#[derive(Debug)]
pub(super) struct Emulated {
    code: Code,
    /// Of the next launch. Starts anew with every instance: a failure repeats.
    seed: AtomicU64,
}

impl Emulated {
    pub const fn new(code: Code) -> Self {
        Self { code, seed: AtomicU64::new(1) }
    }
}

/// Memory that ends where a page begins that cannot be touched.
pub(super) struct Guarded {
    start: *mut u8,
    bytes: usize,
}

impl Guarded {
    fn new(bytes: usize) -> Self {
        // SAFETY: any length is allowed; null is looked for.
        let start = unsafe { top_k_emulated_allocate(bytes) };
        assert!(!start.is_null(), "no memory for {bytes} bytes");
        Self { start, bytes }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: allocated with this length, and freed once.
        unsafe { top_k_emulated_free(self.start, self.bytes) }
    }
}

impl Memory for Guarded {
    fn address(&self) -> u64 {
        self.start as u64
    }

    fn len(&self) -> usize {
        self.bytes
    }
}

impl Staging for Guarded {
    fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes were allocated and written at once, and are borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.start, self.bytes) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.bytes) }
    }
}

/// A kernel's place in the table of the compiled code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function(*const c_void);

impl Machine for Emulated {
    type Memory = Guarded;
    type Staging = Guarded;
    type Function = Function;

    fn function(&self, name: &str) -> Option<Function> {
        let name = CString::new(name).ok()?;
        // SAFETY: a terminated string that outlives the call.
        let found = unsafe { (self.code.find)(name.as_ptr()) };
        (!found.is_null()).then_some(Function(found))
    }

    fn multiprocessor_count(&self) -> u32 {
        MULTIPROCESSOR_COUNT
    }

    fn resident_blocks(&self, _: Function, _: u32, _: u32) -> u32 {
        RESIDENT_BLOCKS
    }

    fn allocate(&self, bytes: usize) -> Result<Guarded, KernelError> {
        Ok(Guarded::new(bytes))
    }

    fn allocate_staging(&self, bytes: usize) -> Result<Guarded, KernelError> {
        let mut staging = Guarded::new(bytes);
        staging.bytes_mut().fill(0);
        Ok(staging)
    }

    fn upload(&self, memory: &mut Guarded, offset: usize, bytes: &[u8]) -> Result<(), KernelError> {
        memory.bytes_mut()[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn download(&self, memory: &Guarded, bytes: &mut [u8]) -> Result<(), KernelError> {
        bytes.copy_from_slice(&memory.bytes()[..bytes.len()]);
        Ok(())
    }

    fn enqueue_upload(&self, from: &Guarded, to: &mut Guarded, bytes: usize) -> Result<(), KernelError> {
        self.upload(to, 0, &from.bytes()[..bytes])
    }

    fn enqueue_download(&self, from: &Guarded, to: &mut Guarded, bytes: usize) -> Result<(), KernelError> {
        self.download(from, &mut to.bytes_mut()[..bytes])
    }

    fn launch<A: bytemuck::Pod>(&self, function: Function, shape: &Shape, arguments: &A) -> Result<(), KernelError> {
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        let arguments: *const A = arguments;
        // SAFETY: the function came from the same code, which reads arguments of this layout; what
        // they point to ends at pages that cannot be touched.
        let fault = unsafe {
            (self.code.launch)(
                function.0,
                shape.grid.0,
                shape.grid.1,
                shape.threads,
                shape.shared_bytes,
                seed,
                arguments.cast(),
            )
        };
        if fault.is_null() {
            return Ok(());
        }
        // SAFETY: not null, so a string literal of the emulation.
        panic!("emulated device, {shape:?}, seed {seed}: {}", unsafe { CStr::from_ptr(fault) }.to_string_lossy());
    }

    fn wait(&self) -> Result<(), KernelError> {
        Ok(())
    }
}
