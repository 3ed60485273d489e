//! Posed crops of real and rendered cars, whatever they come from, as one kind of sample.

mod annotated;
pub mod benchmark;
pub mod cars_real;
pub mod cutouts;
pub mod faults;
pub mod kitti;
pub mod kitti_object;
mod lists;
pub mod mat;
pub mod nemo;
pub mod npz;
pub mod objectnet3d;
pub mod occluded_pascal3d;
pub mod pascal3d;
pub mod photo;
pub mod sample;
mod stream;

pub use faults::{Fault, FaultKind, Faults, OnError};
pub use sample::{Picture, Sample, Source};
