//! Posed crops of real and rendered cars, whatever they come from, as one kind of sample.

pub mod benchmark;
pub mod cars_real;
pub mod cutouts;
pub mod kitti;
pub mod sample;

pub use sample::{Picture, Sample, Source};
