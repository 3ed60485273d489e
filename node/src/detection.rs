//! What a 2D detector said about one object in one image.

use kernels::BoxPx;

/// A class as the detector names it, at most 32 bytes.
pub type ClassName = heapless::String<32>;

/// A detector's or tracker's own identifier, at most 32 bytes; empty when it gave none.
pub type DetectionId = heapless::String<32>;

/// One detected object: unchecked, as it arrived.
#[derive(Clone, Debug)]
pub struct Detection {
    /// Box in continuous image coordinates: pixel i covers [i, i + 1). May be anything, NaN included.
    pub box_px: BoxPx,
    /// The detector's name for the class; matched against the model's names and aliases.
    pub class_id: ClassName,
    /// Confidence, higher is better. Orders the work; NaN ranks last and is rejected.
    pub score: f32,
    /// Carried through to the published object.
    pub id: DetectionId,
}
