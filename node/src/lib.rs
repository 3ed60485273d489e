//! The real-time program: camera frames and 2D detections in, oriented objects out.
//!
//! [`pipeline`] decides and never sends; `run` acts and never decides. Everything a frame needs was
//! allocated before the first frame arrived, every loop has a bound in [`limits`], and time is an
//! argument ([`time`]), so a replay is deterministic.

pub mod commands;
pub mod demo;
pub mod detection;
pub mod frame;
pub mod join;
pub mod launch;
pub mod level;
pub mod limits;
pub mod mailbox;
pub mod messages;
pub mod model_path;
pub mod object_pose;
pub mod pipeline;
pub mod privileges;
pub mod replay;
pub mod run;
pub mod stages;
pub mod status;
pub mod time;
pub mod trace;
pub mod transport;
