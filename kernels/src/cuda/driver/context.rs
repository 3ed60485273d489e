//! The context in which a process uses a device.
#![expect(unsafe_code, reason = "the driver's interface is C; this file keeps one handle and its lifetime")]

use cudarc::driver::{DriverError, result, sys};

/// The device's primary context, which all users in a process share.
#[derive(Debug)]
pub(in crate::cuda) struct Context {
    device: sys::CUdevice,
    handle: sys::CUcontext,
}

// SAFETY: contexts may be used from any thread that makes them current, which `bind` does.
unsafe impl Send for Context {}
// SAFETY: as above; the driver locks.
unsafe impl Sync for Context {}

impl Context {
    pub fn open(ordinal: i32) -> Result<Self, DriverError> {
        let device = result::device::get(ordinal)?;
        // SAFETY: the driver gave out the device; `drop` releases once.
        let handle = unsafe { result::primary_ctx::retain(device)? };
        Ok(Self { device, handle })
    }

    /// Makes this context the calling thread's.
    pub fn bind(&self) -> Result<(), DriverError> {
        // SAFETY: retained until `drop`.
        unsafe { result::ctx::set_current(self.handle) }
    }

    pub fn attribute(&self, attribute: sys::CUdevice_attribute) -> Result<u32, DriverError> {
        // SAFETY: the driver gave out the device.
        let value = unsafe { result::device::get_attribute(self.device, attribute)? };
        Ok(value.unsigned_abs())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: retained once, and nothing of it is alive: all hold an `Arc` of this. A failure at the
        // end has nobody to go to.
        let _ = unsafe { result::primary_ctx::release(self.device) };
    }
}
