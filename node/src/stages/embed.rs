//! Second stage: crops to unit embeddings, through whichever backbone was opened; and to feature maps in the same pass, where they are
//! wanted.

use std::ops::Range;

use models::{Backbone, BackboneError};

use crate::object_pose::Mismatch;

/// Shortest vector that still has a direction worth comparing.
const NORM_MIN: f64 = 1e-6;

/// Runs the backbone and checks what it answered, row by row.
pub struct EmbedStage {
    backbone: Box<dyn Backbone>,
    dim: usize,
    crop_len: usize,
    /// [batch_max, 3, height, width]
    crops: Vec<f32>,
    /// [batch_max, dim]
    embeddings: Vec<f32>,
    /// Of each row, what is wrong with it.
    faults: Vec<Option<Mismatch>>,
    /// Floats of one feature map; 0 where none are wanted.
    feature_len: usize,
    /// [batch_max, D, h, w]
    features: Vec<f32>,
}

impl EmbedStage {
    /// Allocates for `batch_max` crops of `crop_len` floats, embeddings of `dim` floats and feature maps of `feature_len`; of 0: none.
    pub fn new(backbone: Box<dyn Backbone>, crop_len: usize, dim: usize, feature_len: usize, batch_max: usize) -> Self {
        Self {
            backbone,
            dim,
            crop_len,
            crops: vec![0.0; batch_max * crop_len],
            embeddings: vec![0.0; batch_max * dim],
            faults: vec![None; batch_max],
            feature_len,
            features: vec![0.0; batch_max * feature_len],
        }
    }

    /// The backbone in use.
    pub fn backbone(&self) -> &dyn Backbone {
        self.backbone.as_ref()
    }

    /// Where the crop stage writes: room for `batch` crops.
    pub fn crops_mut(&mut self, batch: usize) -> &mut [f32] {
        let len = (batch * self.crop_len).min(self.crops.len());
        &mut self.crops[..len]
    }

    /// Embeds the first `batch` crops, with their feature maps where these are wanted, and scales every usable row to unit length.
    ///
    /// # Errors
    /// What the backbone says. No row is then usable.
    pub fn run(&mut self, batch: usize) -> Result<(), BackboneError> {
        if self.feature_len == 0 {
            return self.run_without_features(batch);
        }
        let features_len = (batch * self.feature_len).min(self.features.len());
        let features = &mut self.features[..features_len];
        // As below; one number that is none suffices to have a map refused.
        features.chunks_exact_mut(self.feature_len).for_each(|map| map[0] = f32::NAN);
        let crops_len = (batch * self.crop_len).min(self.crops.len());
        let rows = forget(&mut self.embeddings, &mut self.faults, batch * self.dim);
        self.backbone.embed_with_features(&self.crops[..crops_len], batch, rows, features)?;
        judge(rows, self.dim, &mut self.faults);
        Ok(())
    }

    /// As [`EmbedStage::run`]; the feature maps of the pass before stay.
    ///
    /// # Errors
    /// As [`EmbedStage::run`].
    pub fn run_without_features(&mut self, batch: usize) -> Result<(), BackboneError> {
        let crops_len = (batch * self.crop_len).min(self.crops.len());
        let rows = forget(&mut self.embeddings, &mut self.faults, batch * self.dim);
        self.backbone.embed(&self.crops[..crops_len], batch, rows)?;
        judge(rows, self.dim, &mut self.faults);
        Ok(())
    }

    /// The feature maps of the first `batch` crops, [batch, D, h, w]; empty where none are wanted. They are as the network wrote them:
    /// what is not finite is for the reader to find.
    pub fn features(&self, batch: usize) -> &[f32] {
        self.features.get(..batch * self.feature_len).unwrap_or_default()
    }

    /// Why crop `index` cannot be compared with anything, if it cannot.
    pub fn fault(&self, index: usize) -> Option<Mismatch> {
        self.faults.get(index).copied().unwrap_or(Some(Mismatch::EmbeddingNotFinite))
    }

    /// The unit embeddings of some crops, [crops, dim]; empty where there are none.
    pub fn rows(&self, crops: Range<usize>) -> &[f32] {
        self.embeddings.get(crops.start * self.dim..crops.end * self.dim).unwrap_or_default()
    }
}

/// Room for rows. A backbone that writes nothing must not leave the previous frame's answer behind.
fn forget<'a>(embeddings: &'a mut [f32], faults: &mut [Option<Mismatch>], rows_len: usize) -> &'a mut [f32] {
    let rows_len = rows_len.min(embeddings.len());
    let rows = &mut embeddings[..rows_len];
    rows.fill(f32::NAN);
    faults.fill(Some(Mismatch::EmbeddingNotFinite));
    rows
}

/// Scales what is usable to unit length and notes what is not.
fn judge(rows: &mut [f32], dim: usize, faults: &mut [Option<Mismatch>]) {
    for (row, fault) in rows.chunks_exact_mut(dim).zip(faults) {
        *fault = normalize(row).err();
        if fault.is_some() {
            // Looked up with the others and then ignored: a number, so that nothing downstream sees NaN.
            row.fill(0.0);
        }
    }
}

/// Scales `row` to unit length, or says why it cannot be.
fn normalize(row: &mut [f32]) -> Result<(), Mismatch> {
    let squared: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    if !squared.is_finite() {
        return Err(Mismatch::EmbeddingNotFinite);
    }
    let norm = squared.sqrt();
    if norm < NORM_MIN {
        return Err(Mismatch::EmbeddingZero);
    }
    for x in row {
        *x = (f64::from(*x) / norm) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usable_rows_become_unit_rows() {
        let mut row = [3.0, -4.0];
        assert_eq!(normalize(&mut row), Ok(()));
        assert_eq!(row, [0.6, -0.8]);
    }

    #[test]
    fn rows_without_direction_are_told_apart_from_rows_without_numbers() {
        assert_eq!(normalize(&mut [0.0, 0.0]), Err(Mismatch::EmbeddingZero));
        assert_eq!(normalize(&mut [1e-20, 0.0]), Err(Mismatch::EmbeddingZero));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(normalize(&mut [1.0, bad]), Err(Mismatch::EmbeddingNotFinite));
        }
        // Squares that overflow f32 do not overflow here.
        let mut huge = [f32::MAX, f32::MAX];
        assert_eq!(normalize(&mut huge), Ok(()));
        assert!((huge[0] - 0.5f32.sqrt()).abs() < 1e-6);
    }
}
