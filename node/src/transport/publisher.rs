//! Sending: numbered, stamped with the time it left, without waiting.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;
use zenoh::Wait;

use super::{Loan, LoanFault, Pool};
use crate::messages::attachment::Attachment;

/// Zenoh refused a message. It is counted; the next one is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the transport refused the message")]
pub struct SendFault;

/// One topic that this process sends.
#[derive(Debug)]
pub struct Publisher {
    inner: zenoh::pubsub::Publisher<'static>,
    pool: Arc<Pool>,
    gid: [u8; 16],
    sequence: i64,
}

impl Publisher {
    pub(super) fn new(inner: zenoh::pubsub::Publisher<'static>, pool: Arc<Pool>, identity: &str) -> Self {
        Self { inner, pool, gid: gid(identity), sequence: 0 }
    }

    /// Memory for the next message; see [`Pool::loan`].
    ///
    /// # Errors
    /// [`LoanFault`]; never waits.
    pub fn loan(&self, size_bytes: usize) -> Result<Loan, LoanFault> {
        self.pool.loan(size_bytes)
    }

    /// Sends a message with its attachment: the next sequence number and this moment.
    ///
    /// # Errors
    /// [`SendFault`]; the sequence number is spent, so that subscribers see the gap.
    pub fn send(&mut self, loan: Loan) -> Result<(), SendFault> {
        self.sequence = self.sequence.wrapping_add(1);
        let attachment = Attachment { sequence: self.sequence, source_time_ns: unix_time_ns(), gid: self.gid };
        let put = self.inner.put(loan.into_payload()).attachment(attachment.emit().as_slice());
        put.wait().map_err(|_| SendFault)
    }

    /// Spends a sequence number on a message that could not be sent, so that subscribers see the gap.
    pub fn skip(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Whether anybody listens at this moment.
    pub fn is_matched(&self) -> bool {
        self.inner.matching_status().wait().is_ok_and(|status| status.matching())
    }
}

/// Nanoseconds since the UNIX epoch on this machine's wall clock; 0 before it.
pub(super) fn unix_time_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Sixteen bytes that differ from one publisher to another: FNV-1a of its name. ROS asks for uniqueness and nothing else.
fn gid(identity: &str) -> [u8; 16] {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = identity.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    hash.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vector of the FNV specification for "foobar", 128 bits.
    #[test]
    fn the_publisher_id_is_fnv_1a() {
        assert_eq!(u128::from_le_bytes(gid("foobar")), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn two_publishers_differ() {
        assert_ne!(gid("a/camera"), gid("b/camera"));
    }
}
