//! Memory of a device, and memory of the host that it reaches.
#![expect(unsafe_code, reason = "the driver hands out addresses; this file keeps them and frees what is behind")]

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::{result, sys};

use super::context::Context;
use crate::cuda::machine::{Memory, Staging};

/// Memory of the device.
#[derive(Debug)]
pub(in crate::cuda) struct DeviceMemory {
    pub(super) context: Arc<Context>,
    pub(super) address: sys::CUdeviceptr,
    pub(super) bytes: usize,
}

impl Memory for DeviceMemory {
    fn address(&self) -> u64 {
        self.address
    }

    fn len(&self) -> usize {
        self.bytes
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        // SAFETY: allocated by `allocate`, and freed once; freeing waits for work that uses it.
        unsafe {
            let _ = self.context.bind();
            let _ = result::free_sync(self.address);
        }
    }
}

/// Memory of the host that is pinned: the device copies it without the processor.
#[derive(Debug)]
pub(in crate::cuda) struct PinnedMemory {
    pub(super) context: Arc<Context>,
    pub(super) start: *mut c_void,
    pub(super) bytes: usize,
}

// SAFETY: plain memory, reached through borrows alone.
unsafe impl Send for PinnedMemory {}

impl Staging for PinnedMemory {
    fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes were allocated and zeroed, and are borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.bytes) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.bytes) }
    }
}

impl Drop for PinnedMemory {
    fn drop(&mut self) {
        // SAFETY: allocated by `allocate_staging`, and freed once.
        unsafe {
            let _ = self.context.bind();
            let _ = result::free_host(self.start);
        }
    }
}
