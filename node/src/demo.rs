//! `azimuth demo`: the bundled sequence through the real node, over real shared memory, into a report a person can look at.
//!
//! [`play`] runs node, publisher and subscriber as three threads of one process, each with its own session; what came back is
//! [`matching`]'s to compare with the truth; [`headline`] sums it up; [`report`] draws it. Only `play` and [`recorder`] touch the
//! transport; everything behind them is a pure function of a [`record::Playback`].

mod assemble;
pub mod bundled;
mod busiest;
mod explained;
pub mod headline;
pub mod matching;
pub mod play;
pub mod rate;
pub mod record;
pub mod recorder;
pub mod report;
