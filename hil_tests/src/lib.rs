//! The real binary over real Zenoh, from outside; one suite, several boards.
//!
//! - [`Board`]: what runs the network, one file in `boards/` each; `AZIMUTH_BOARD` chooses.
//! - [`Rig`]: a board at work: `azimuth run` on a socket of its own, and `azimuth replay` that plays a drive to it.
//! - [`Listener`]: a Zenoh session of the test's own, which keeps every answer and when it came.
//! - [`PythonPeer`]: the same in another language with another CDR reader: an independent witness.

mod board;
mod listener;
mod python_peer;
mod rig;

pub use board::Board;
pub use listener::{Answer, Listener};
pub use python_peer::PythonPeer;
pub use rig::{Ended, Node, Rig, count, work_us};
