//! What the KITTI3D protocol of NeMo and Kouros et al. means for evaluation: one category, splits by KITTI's occlusion level.
//! [`crate::datasets::kitti_object`] reads its objects.

use crate::datasets::kitti_object::SPLITS;

/// Category of every object of the protocol.
pub const CATEGORY: &str = "car";

/// The split of an occlusion level, 0 to 2: the protocol takes no others.
pub fn split(occlusion: u8) -> &'static str {
    SPLITS[usize::from(occlusion).min(SPLITS.len() - 1)]
}
