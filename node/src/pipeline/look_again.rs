//! Between retrieval and place: a second look at what the first left in doubt, as far as the time reaches.

use std::ops::Range;

use calibration::PinholeCamera;
use models::retrieval::second_look::{CROPS_MAX, SecondLook, add, jittered, normalize};

use super::{Budget, Pipeline, PipelineError, Stage};
use crate::frame::Frame;
use crate::stages::crop::Candidate;
use crate::time::Clock;

/// The rule, and memory for one chunk.
pub(super) struct LookAgain {
    rule: SecondLook,
    /// Embeddings of the first look, [batch_max, dim]: the network's next pass overwrites its own.
    first: Vec<f32>,
    /// The object in work with its jittered boxes.
    near: heapless::Vec<Candidate, CROPS_MAX>,
}

impl LookAgain {
    /// Allocates for `batch_max` embeddings of `dim` floats; an object's crops are one network pass, so no more than `batch_max`.
    pub(super) fn new(rule: SecondLook, batch_max: usize, dim: usize) -> Self {
        let crops = rule.crops.min(batch_max).min(CROPS_MAX);
        let first = if crops == 0 { Vec::new() } else { vec![0.0; batch_max * dim] };
        Self { rule: SecondLook { crops, ..rule }, first, near: heapless::Vec::new() }
    }
}

impl Pipeline {
    /// Replaces the answers of `chunk` that are in doubt by those of more crops; returns the time after the last.
    ///
    /// The order is that of the scores. An object whose pass would end after the deadline, at the pace of the chunk's own,
    /// keeps its first answer, and so do all after it; a pass that fails leaves the first answers as they are.
    pub(super) fn look_again(
        &mut self,
        frame: &Frame<'_>,
        camera: &PinholeCamera,
        chunk: Range<usize>,
        budget: &Budget,
        mut now_us: u64,
        clock: &dyn Clock,
    ) -> Result<u64, PipelineError> {
        let crops = self.again.rule.crops;
        if crops == 0 {
            return Ok(now_us);
        }
        let batch = chunk.len();
        let rows = self.embed.rows(0..batch);
        let dim = rows.len() / batch.max(1);
        self.again.first[..rows.len()].copy_from_slice(rows);
        let pass_us = budget.embed_us.saturating_mul(crops as u64) / batch.max(1) as u64;
        for (index, at) in chunk.enumerate() {
            let is_due = matches!(&self.retrievals[index], Ok(first) if self.again.rule.is_due(first));
            if !is_due {
                continue;
            }
            if budget.deadline.is_reached(now_us.saturating_add(pass_us)) {
                break;
            }
            let candidate = self.candidates[at];
            self.again.near.clear();
            for crop in 0..crops {
                let box_px = jittered(&candidate.box_px, crop, camera.width_px, camera.height_px);
                // `crops` is at most the bound.
                let _ = self.again.near.push(Candidate { box_px, ..candidate });
            }
            self.crop.cut(&frame.image, &self.again.near, self.embed.crops_mut(crops))?;
            now_us = self.lap(Stage::Crop, now_us, clock);
            let embedded = self.embed.run_without_features(crops);
            now_us = self.lap(Stage::Embed, now_us, clock);
            if embedded.is_err() {
                break;
            }
            self.vote_again(index, &candidate, camera, index * dim..(index + 1) * dim)?;
            now_us = self.lap(Stage::Retrieve, now_us, clock);
        }
        Ok(now_us)
    }

    /// The answer of the mean of the first embedding (at `own` among them) and those of the last pass.
    fn vote_again(
        &mut self,
        index: usize,
        candidate: &Candidate,
        camera: &PinholeCamera,
        own: Range<usize>,
    ) -> Result<(), PipelineError> {
        let mean = &mut self.again.first[own];
        for crop in 0..self.again.rule.crops {
            // A row without direction is all zeros: it adds nothing.
            add(mean, self.embed.rows(crop..crop + 1));
        }
        if !normalize(mean) {
            return Ok(());
        }
        let rows = self.classes.get(candidate.class).map_or(0..0, |class| class.rows.clone());
        self.retrieve.search(mean, rows)?;
        let prior = super::prior(self.level.as_ref(), candidate, camera);
        if let Ok(second) = self.retrieve.vote(0, prior.as_ref()) {
            self.retrievals[index] = Ok(second);
        }
        Ok(())
    }
}
