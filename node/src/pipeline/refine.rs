//! Between the second look and place: what a chunk may spend on refinement.

use std::ops::Range;

use calibration::PinholeCamera;

use models::refinement::explain::Explanation;

use super::{Budget, Pipeline, PipelineError, Stage};
use crate::stages::refine::Chunk;
use crate::time::{Clock, Deadline};

impl Pipeline {
    /// Refines the answers of `chunk` in its share of the time; returns the time after that. The clock is not read where the model
    /// does not refine, nor where no time is left.
    pub(super) fn refine_chunk(
        &mut self,
        camera: &PinholeCamera,
        chunk: Range<usize>,
        budget: &Budget,
        now_us: u64,
        clock: &dyn Clock,
    ) -> u64 {
        let objects_after = self.candidates.len().saturating_sub(chunk.end);
        let until = until(budget, chunk.len(), objects_after, now_us);
        let Some(refine) = &mut self.refine else { return now_us };
        if until.is_reached(now_us) {
            refine.clear();
            return now_us;
        }
        let mut objects = Chunk {
            features: self.embed.features(chunk.len()),
            candidates: &self.candidates[chunk],
            retrievals: &mut self.retrievals,
        };
        refine.run(&mut objects, camera, until, now_us, clock);
        self.lap(Stage::Refine, now_us, clock)
    }
}

impl Pipeline {
    /// Why a detection of the last frame was answered as it was; none where it was not refined, or not in the last chunk, the only one
    /// whose feature maps are still there. For people, not for the way of a frame: it allocates.
    ///
    /// # Errors
    /// [`PipelineError`] where the kernels refuse the mesh.
    pub fn explain(&mut self, detection_index: usize) -> Result<Option<Explanation>, PipelineError> {
        let Some(last) = self.candidates.chunks(self.batch_max).next_back() else { return Ok(None) };
        let row = last.iter().position(|candidate| candidate.detection_index == detection_index);
        match (row, &mut self.refine) {
            (Some(row), Some(refine)) => Ok(refine.explain(row)?),
            _ => Ok(None),
        }
    }
}

/// When the refinement of a chunk of `objects` must end, with `objects_after` in the chunks after it. These come first, up to their retrieval, at the
/// pace of this one: a pose is worth more than a better pose. What is left is shared evenly among all objects from here on.
fn until(budget: &Budget, objects: usize, objects_after: usize, now_us: u64) -> Deadline {
    if objects_after == 0 {
        return budget.deadline;
    }
    let (here, after) = (objects.max(1) as u128, objects_after as u128);
    let one_us = u128::from(now_us.saturating_sub(budget.started_us)).div_ceil(here);
    let left_us = u128::from(budget.deadline.at_us.saturating_sub(now_us)).saturating_sub(one_us * after);
    Deadline::after(now_us, u64::try_from(left_us * here / (here + after)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(at_us: u64) -> Budget {
        Budget { deadline: Deadline { at_us }, started_us: 100, embed_us: 0 }
    }

    #[test]
    fn the_last_chunk_has_all_that_is_left() {
        assert_eq!(until(&budget(1_000), 2, 0, 300), Deadline { at_us: 1_000 });
        assert_eq!(until(&Budget { deadline: Deadline::NEVER, ..budget(0) }, 2, 0, 300), Deadline::NEVER);
    }

    #[test]
    fn chunks_after_it_get_their_poses_first_and_then_their_share() {
        // Two objects took 200: four more take 400. Of the 300 that are left then, two of six objects have a third.
        assert_eq!(until(&budget(1_000), 2, 4, 300), Deadline { at_us: 400 });
        // No time to spare, too little time, none at all.
        for at_us in [700, 500, 300, 0] {
            assert_eq!(until(&budget(at_us), 2, 4, 300), Deadline { at_us: 300 });
        }
        let never = until(&Budget { deadline: Deadline::NEVER, ..budget(0) }, 2, 4, 300);
        assert!(never.at_us > u64::MAX / 4);
    }
}
