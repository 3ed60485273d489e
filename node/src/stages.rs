//! The stages of the pose path, one file each, in the order a detection passes through them; between `embed` and
//! `refine` comes [`models::retrieval`], which the trainer's evaluation shares.

pub mod crop;
pub mod embed;
pub mod locate;
pub mod refine;
