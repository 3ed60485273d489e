//! What an evaluation protocol knows about an object beside its pose, the same for every data set.

use anyhow::Result;

use super::Sample;

/// An object of a test set.
#[derive(Clone, Debug)]
pub struct BenchmarkObject {
    /// Picture, tight 2D box and pose.
    pub sample: Sample,
    /// Category, in lower case: `car`, `aeroplane`.
    pub category: String,
    /// The row of the published table it counts in: `fully_visible`, `L0`.
    pub split: String,
    /// Picture and object, for messages and reports.
    pub name: String,
    /// Centre and scale as annotated, where the protocol gives them away.
    pub oracle: Option<OracleCrop>,
}

/// NeMo's alignment: the object's projected centre, and the factor that brings it to the size it has from distance 5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OracleCrop {
    /// The principal point of the annotation, pixels of the sample's picture.
    pub center_px: [f32; 2],
    /// Factor by which the picture is resized (PASCAL3D+: distance / 5).
    pub scale: f32,
}

/// Objects of a test set, some at a time: no set has to fit into memory.
pub type BenchmarkObjects = Box<dyn Iterator<Item = Result<Vec<BenchmarkObject>>>>;
