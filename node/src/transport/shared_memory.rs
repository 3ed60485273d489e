//! Memory to write a message into: a chunk of shared memory, or ordinary memory where that is not to be had.

use std::ops::{Deref, DerefMut};

use thiserror::Error;
use zenoh::Wait;
use zenoh::bytes::ZBytes;
use zenoh::shm::{GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder, ZAllocError, ZShmMut};

use super::{SharedMemoryUse, TransportConfig, TransportError};
use crate::privileges;

/// Shared memory that Zenoh locks for its own bookkeeping, beside the pool.
const ZENOH_METADATA_BYTES: u64 = 0x14_0000;

/// Where loans come from.
#[derive(Debug)]
pub enum Pool {
    /// A segment in `/dev/shm`, locked into memory.
    Shared(Box<ShmProvider<PosixShmProviderBackend>>),
    /// Ordinary memory: every message is copied on its way. Holds the reason.
    Heap(String),
}

/// Why there is no memory for a message. The message is dropped and counted; nobody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LoanFault {
    /// All of the pool is on its way to subscribers, or held by them.
    #[error("the shared memory pool is full")]
    PoolFull,
    /// A message of no bytes, or a fault of the pool itself.
    #[error("the shared memory pool refuses a message of this size")]
    Refused,
}

impl Pool {
    /// Allocates the pool.
    ///
    /// # Errors
    /// Shared memory is required and not to be had; the message tells the mend.
    pub(super) fn open(config: &TransportConfig) -> Result<Self, TransportError> {
        if config.shared_memory == SharedMemoryUse::Off {
            return Ok(Self::Heap("transport.shared_memory = \"off\"".to_owned()));
        }
        let what = || {
            format!(
                "shared memory of {} bytes for sending (mend: systemd LimitMEMLOCK=infinity, docker --ulimit memlock=-1 \
                 --ipc=host, or a smaller transport.pool_bytes)",
                config.pool_bytes
            )
        };
        // Zenoh locks what it shares, and where it may not, its own bookkeeping panics: that is looked at before.
        let opened = match privileges::lock_shortage(config.pool_bytes as u64 + ZENOH_METADATA_BYTES) {
            Some(shortage) => Err(shortage.into()),
            None => ShmProviderBuilder::default_backend(config.pool_bytes).wait(),
        };
        match opened {
            Ok(provider) => Ok(Self::Shared(Box::new(provider))),
            Err(source) if config.shared_memory == SharedMemoryUse::Required => Err(TransportError::at(what())(source)),
            Err(source) => {
                tracing::warn!("{}: {source}; messages are copied", what());
                Ok(Self::Heap(source.to_string()))
            }
        }
    }

    /// Memory for one message of exactly `size_bytes`.
    ///
    /// # Errors
    /// [`LoanFault`]; never waits.
    pub fn loan(&self, size_bytes: usize) -> Result<Loan, LoanFault> {
        match self {
            Self::Heap(_) => Ok(Loan::heap(size_bytes)),
            Self::Shared(provider) => {
                let allocated = provider.alloc(size_bytes).with_policy::<GarbageCollect>().wait();
                allocated.map(|chunk| Loan(Memory::Shared(chunk))).map_err(|error| match error {
                    zenoh::shm::ZLayoutAllocError::Alloc(ZAllocError::OutOfMemory | ZAllocError::NeedDefragment) => {
                        LoanFault::PoolFull
                    }
                    _ => LoanFault::Refused,
                })
            }
        }
    }

    /// Why loans are not shared memory, if they are not.
    pub fn copy_reason(&self) -> Option<&str> {
        match self {
            Self::Shared(_) => None,
            Self::Heap(reason) => Some(reason),
        }
    }
}

/// Memory for one message, to be written and sent.
#[derive(Debug)]
pub struct Loan(Memory);

#[derive(Debug)]
enum Memory {
    Shared(ZShmMut),
    Heap(Vec<u8>),
}

impl Loan {
    /// Ordinary memory, zeroed.
    pub fn heap(size_bytes: usize) -> Self {
        Self(Memory::Heap(vec![0; size_bytes]))
    }

    /// Whether the message will travel without a copy.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Memory::Shared(_))
    }

    pub(super) fn into_payload(self) -> ZBytes {
        match self.0 {
            Memory::Shared(chunk) => chunk.into(),
            Memory::Heap(bytes) => bytes.into(),
        }
    }
}

impl Deref for Loan {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Shared(chunk) => chunk,
            Memory::Heap(bytes) => bytes,
        }
    }
}

impl DerefMut for Loan {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Shared(chunk) => chunk,
            Memory::Heap(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(shared_memory: SharedMemoryUse, pool_bytes: usize) -> Pool {
        Pool::open(&TransportConfig { shared_memory, pool_bytes, ..Default::default() }).unwrap()
    }

    #[test]
    fn a_full_pool_refuses_at_once_and_serves_again_when_a_loan_is_back() {
        let pool = pool(SharedMemoryUse::Required, 1 << 20);
        let held: Vec<Loan> = std::iter::from_fn(|| pool.loan(300_000).ok()).collect();
        assert_eq!(held.len(), 3);
        assert!(held.iter().all(|loan| loan.is_shared() && loan.len() == 300_000));
        assert_eq!(pool.loan(300_000).unwrap_err(), LoanFault::PoolFull);
        drop(held);
        assert!(pool.loan(300_000).is_ok());
    }

    #[test]
    fn without_shared_memory_loans_are_ordinary_memory_and_say_why() {
        let pool = pool(SharedMemoryUse::Off, 1);
        assert!(pool.copy_reason().unwrap().contains("off"));
        let mut loan = pool.loan(4).unwrap();
        loan.fill(7);
        assert_eq!((&loan[..], loan.is_shared()), (&[7; 4][..], false));
    }
}
