//! Receiving: the newest sample, where it lies.

use std::sync::Arc;

use thiserror::Error;
use zenoh::sample::Sample;
use zenoh::shm::ShmBuf;

use crate::mailbox::{Mailbox, Taken};
use crate::messages::attachment::{ATTACHMENT_BYTES, Attachment};

/// One topic that this process receives.
#[derive(Debug)]
pub struct Subscriber {
    pub(super) mailbox: Arc<Mailbox<Arrival>>,
    /// Receives until dropped.
    pub(super) _inner: zenoh::pubsub::Subscriber<()>,
}

impl Subscriber {
    /// Takes the oldest sample that waits, with the number of those it displaced.
    pub fn take(&self) -> Option<Taken<Arrival>> {
        self.mailbox.take()
    }
}

/// Why a payload could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReadFault {
    /// More bytes than the memory set aside for copies.
    #[error("the payload is too large")]
    TooLarge,
    /// The shared memory was taken back by its owner.
    #[error("the shared memory was taken back")]
    Invalidated,
}

/// A sample and when it came. Holding it keeps its shared memory from being reused.
#[derive(Debug)]
pub struct Arrival {
    pub(super) sample: Sample,
    /// When it came, microseconds of the node's monotonic clock.
    pub received_us: u64,
    /// When it came, nanoseconds since the UNIX epoch on this machine's wall clock.
    pub received_unix_ns: i64,
}

impl Arrival {
    /// Whether the payload is read where the publisher wrote it.
    pub fn is_shared(&self) -> bool {
        self.sample.payload().as_shm().is_some()
    }

    /// The payload: in place where it is one piece, else copied into `staging`, which never grows beyond its capacity.
    ///
    /// # Errors
    /// Larger than `bytes_max` or, to be copied, than the capacity of `staging`; or taken back by its owner.
    pub fn bytes<'a>(&'a self, bytes_max: usize, staging: &'a mut Vec<u8>) -> Result<&'a [u8], ReadFault> {
        let payload = self.sample.payload();
        if payload.len() > bytes_max {
            return Err(ReadFault::TooLarge);
        }
        if let Some(shared) = payload.as_shm() {
            return if shared.is_valid() { Ok(shared) } else { Err(ReadFault::Invalidated) };
        }
        let mut pieces = payload.slices();
        match (pieces.next(), pieces.next()) {
            (None, _) => Ok(&[]),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                staging.clear();
                if payload.len() > staging.capacity() {
                    return Err(ReadFault::TooLarge);
                }
                payload.slices().for_each(|piece| staging.extend_from_slice(piece));
                Ok(staging)
            }
        }
    }

    /// Whether the payload still was the publisher's when this was called: to be asked after the last look at it.
    pub fn is_valid(&self) -> bool {
        self.sample.payload().as_shm().is_none_or(|shared| shared.is_valid())
    }

    /// Sequence number, source time and publisher; `None` where they did not come or are not ours to read.
    pub fn attachment(&self) -> Option<Attachment> {
        let attachment = self.sample.attachment().filter(|attachment| attachment.len() == ATTACHMENT_BYTES)?;
        let mut bytes = heapless::Vec::<u8, ATTACHMENT_BYTES>::new();
        attachment.slices().try_for_each(|piece| bytes.extend_from_slice(piece)).ok()?;
        Attachment::parse(&bytes).ok()
    }

    /// The key it was published on.
    pub fn key(&self) -> &str {
        self.sample.key_expr().as_str()
    }
}
