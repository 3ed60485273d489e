//! Zenoh, and nothing else: sessions, keys, shared memory, publishers and subscribers.
//!
//! The rest of the node sees byte slices and plain values; the `zenoh` crate is named in this folder only. Four rules hold here:
//!
//! - **Newest wins.** A subscriber's callback moves the sample into a bounded mailbox and returns; it never parses and never waits,
//!   because it runs on Zenoh's receiving thread.
//! - **No copy that is not counted.** A payload in shared memory is read in place. Anything else is copied once, into memory that
//!   was allocated at the start, and the [`Arrival`] says so.
//! - **No waiting for memory.** A publisher that finds its pool full drops the message and says so; it never blocks.
//! - **No discovery unless asked for.** Multicast scouting is off; sessions listen and connect where the launch file says.

mod config;
mod error;
mod keys;
mod publisher;
mod session;
mod shared_memory;
mod subscriber;

pub use config::{SessionMode, SharedMemoryUse, TransportConfig};
pub use error::TransportError;
pub use keys::{KeyMode, Keys, MessageKind, Topic};
pub use publisher::{Publisher, SendFault};
pub use session::{Alive, Answer, Session};
pub use shared_memory::{Loan, LoanFault, Pool};
pub use subscriber::{Arrival, ReadFault, Subscriber};
