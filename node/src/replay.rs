//! A recorded drive, played as a camera and a detector would send it.
//!
//! [`Sequence`] reads KITTI's tracking layout, [`jitter`] makes a detector's boxes out of labelled ones, [`Player`] publishes frames,
//! calibration and detections at an even rate and counts the answers that come back.

mod decode_ahead;
pub mod jitter;
mod player;
mod sequence;

pub use player::{PlayError, PlayOptions, Played, Player};
pub use sequence::{Sequence, SequenceError, SequenceFrame};
