//! First stage: which detections are worked on, and the network's input cut out of the image for each.
//!
//! Detections are untrusted. Of too many, those with the highest scores are kept (equal scores in the
//! order they came); each kept one is either accepted with a checked box and a known class, or
//! rejected with its reason. Memory does not grow with the number of detections.

use kernels::{BoxPx, Crop, CropSpec, ImageView, KernelError, check_box};
use models::Manifest;

use crate::detection::{ClassName, Detection};
use crate::limits::Limits;
use crate::object_pose::Rejection;

/// A detection that passed the door: its box is inside the image and its class is in the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Index into the detections of the frame.
    pub detection_index: usize,
    /// Index into the classes of the manifest.
    pub class: usize,
    /// The box, clipped to the image.
    pub box_px: BoxPx,
}

/// Names and aliases of the classes, compared without regard to ASCII case.
pub struct ClassNames {
    /// (name or alias, index into the manifest's classes)
    names: Vec<(String, usize)>,
}

impl ClassNames {
    /// Collects names and aliases in the order of the manifest; the first to claim a name has it.
    pub fn new(manifest: &Manifest) -> Self {
        let mut names = Vec::new();
        for (index, class) in manifest.classes.iter().enumerate() {
            names.push((class.name.clone(), index));
        }
        for (index, class) in manifest.classes.iter().enumerate() {
            names.extend(class.aliases.iter().map(|alias| (alias.clone(), index)));
        }
        Self { names }
    }

    /// The class a detector's name stands for.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, index)| index)
    }
}

/// Chooses, checks and cuts.
pub struct CropStage<C> {
    crop: C,
    spec: CropSpec,
    classes: ClassNames,
    side_px_min: f32,
    detections_max: usize,
    /// Indices of the kept detections by falling score.
    kept: Vec<usize>,
    boxes: Vec<BoxPx>,
}

impl<C: Crop> CropStage<C> {
    /// Allocates for `limits`; the canvas comes from the manifest.
    pub fn new(crop: C, manifest: &Manifest, limits: &Limits) -> Self {
        Self {
            crop,
            spec: CropSpec::from(&manifest.input),
            classes: ClassNames::new(manifest),
            side_px_min: limits.box_side_px_min,
            detections_max: limits.detections_max,
            kept: Vec::with_capacity(limits.detections_max),
            boxes: Vec::with_capacity(limits.batch_max),
        }
    }

    /// Floats of one crop: 3 x height x width.
    pub fn crop_len(&self) -> usize {
        3 * self.spec.width as usize * self.spec.height as usize
    }

    /// Calls `accepted` or `rejected` once for each detection that is worked on, highest score first.
    /// Returns how many were cut because there were too many.
    pub fn select(
        &mut self,
        detections: &[Detection],
        width_px: u32,
        height_px: u32,
        mut accepted: impl FnMut(Candidate),
        mut rejected: impl FnMut(usize, Rejection),
    ) -> usize {
        keep_best(detections, self.detections_max, &mut self.kept);
        for &detection_index in &self.kept {
            let Some(detection) = detections.get(detection_index) else { continue };
            match self.check(detection, width_px, height_px) {
                Ok((class, box_px)) => accepted(Candidate { detection_index, class, box_px }),
                Err(reason) => rejected(detection_index, reason),
            }
        }
        detections.len() - self.kept.len()
    }

    fn check(&self, detection: &Detection, width_px: u32, height_px: u32) -> Result<(usize, BoxPx), Rejection> {
        let box_px = check_box(&detection.box_px, width_px, height_px, self.side_px_min)?;
        if !detection.score.is_finite() {
            return Err(Rejection::ScoreNotFinite);
        }
        let class = self.classes.find(detection.class_id.as_str()).ok_or(Rejection::UnknownClass)?;
        Ok((class, box_px))
    }

    /// Cuts `candidates` into `out`, [candidates, 3, height, width], RGB, normalised.
    ///
    /// # Errors
    /// What the kernel says, when `out` is too small or the image is not what it claims.
    pub fn cut(&mut self, image: &ImageView<'_>, candidates: &[Candidate], out: &mut [f32]) -> Result<(), KernelError> {
        self.boxes.clear();
        self.boxes.extend(candidates.iter().map(|candidate| candidate.box_px));
        self.crop.crop(image, &self.boxes, &self.spec, out)
    }
}

/// Fills `kept` with the indices of the best `detections_max` by falling score, equal scores in order.
///
/// Insertion into a short sorted list: constant memory however many detections arrive.
fn keep_best(detections: &[Detection], detections_max: usize, kept: &mut Vec<usize>) {
    let rank = |index: usize| detections.get(index).map_or(f32::NEG_INFINITY, |d| rank_of(d.score));
    kept.clear();
    for (index, detection) in detections.iter().enumerate() {
        let score = rank_of(detection.score);
        if kept.len() == detections_max {
            match kept.last() {
                Some(&worst) if score > rank(worst) => kept.pop(),
                _ => continue,
            };
        }
        let place = kept.partition_point(|&other| rank(other) >= score);
        kept.insert(place, index);
    }
}

/// A score that can be ordered: NaN ranks below everything.
fn rank_of(score: f32) -> f32 {
    if score.is_nan() { f32::NEG_INFINITY } else { score }
}

/// A class name as published; names too long for the wire are refused when the model is loaded.
pub fn class_name(name: &str) -> Option<ClassName> {
    ClassName::try_from(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(score: f32) -> Detection {
        Detection {
            box_px: BoxPx { x1: 0.0, y1: 0.0, x2: 20.0, y2: 20.0 },
            class_id: ClassName::try_from("car").unwrap(),
            score,
            id: heapless::String::new(),
        }
    }

    /// The law, written as a stable full sort.
    fn best_by_sorting(detections: &[Detection], most: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..detections.len()).collect();
        order.sort_by(|&a, &b| rank_of(detections[b].score).total_cmp(&rank_of(detections[a].score)));
        order.truncate(most);
        order
    }

    #[test]
    fn the_best_scores_are_kept_and_equal_scores_stay_in_order() {
        let scores = [0.5, 0.9, f32::NAN, 0.9, 0.1, 0.5, f32::INFINITY, 0.9, -0.0, 0.0, f32::NEG_INFINITY];
        let detections: Vec<_> = scores.iter().map(|&score| detection(score + 0.0)).collect();
        let mut kept = Vec::with_capacity(16);
        for most in 1..=detections.len() + 1 {
            keep_best(&detections, most, &mut kept);
            assert_eq!(kept, best_by_sorting(&detections, most), "most {most}");
        }
    }

    #[test]
    fn a_thousand_boxes_need_no_more_memory_than_the_limit() {
        let detections: Vec<_> = (0..1000).map(|i| detection(((i * 7919) % 1000) as f32)).collect();
        let mut kept = Vec::with_capacity(64);
        let capacity = kept.capacity();
        keep_best(&detections, 64, &mut kept);
        assert_eq!(kept, best_by_sorting(&detections, 64));
        assert_eq!(kept.capacity(), capacity);
    }

    #[test]
    fn names_too_long_for_the_wire_are_refused() {
        assert!(class_name(&"x".repeat(32)).is_some());
        assert!(class_name(&"x".repeat(33)).is_none());
    }
}
