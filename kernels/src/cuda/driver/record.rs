//! What marks a stream: recordings of its work, and moments in it.
#![expect(unsafe_code, reason = "the driver's interface is C; this file keeps two handles and their lifetimes")]

use std::sync::Arc;

use cudarc::driver::{DriverError, result, sys};

use super::context::Context;

/// A recording of queued work.
#[derive(Debug)]
pub(in crate::cuda) struct Graph {
    pub(super) context: Arc<Context>,
    pub(super) executable: sys::CUgraphExec,
}

// SAFETY: used with a context bound, by one thread at a time since uses borrow it from an owner.
unsafe impl Send for Graph {}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: ours, and destroyed once.
        unsafe {
            let _ = self.context.bind();
            let _ = result::graph::exec_destroy(self.executable);
        }
    }
}

/// A moment in a stream.
pub(super) struct Event {
    context: Arc<Context>,
    pub(super) handle: sys::CUevent,
}

impl Event {
    pub fn new(context: &Arc<Context>) -> Result<Self, DriverError> {
        context.bind()?;
        let handle = result::event::create(sys::CUevent_flags::CU_EVENT_DEFAULT)?;
        Ok(Self { context: Arc::clone(context), handle })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: ours, and destroyed once.
        unsafe {
            let _ = self.context.bind();
            let _ = result::event::destroy(self.handle);
        }
    }
}
