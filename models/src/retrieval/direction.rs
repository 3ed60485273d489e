//! How much doubt there is about front and rear.
//!
//! The neighbours that vote seldom tell: mostly all of them face one way, also where the other way is nearly as near, just
//! not among the nearest few. So the reference views of the answer and of its flip are compared themselves: with the
//! squared distances `a` and `f` to the nearest of each, the flip has the probability `1 / (1 + exp((f - a) / temperature))`,
//! the temperature fitted on held-out data; one half at most, because the answer is
//! the direction that the vote found more likely.

use std::ops::Range;

use calibration::Rotation;
use calibration::so3::to_wxyz;
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::ReferenceTable;

/// Views this much farther from a pose than the nearest one, radians (3 degrees), still stand for it: other shapes and
/// the poses around it.
const SLACK_RAD: f32 = 0.052_359_88;
/// A pose that no view is nearer to than 30 degrees is not in the table.
const NEAR_RAD_MAX: f32 = std::f32::consts::FRAC_PI_6;

/// Elements of a row that are widened at once, on the stack.
const CHUNK: usize = 64;

/// The probability of `flip` rather than `answer` for a unit embedding; 0 where `rows` has no view of one of them.
pub(super) fn flip_probability(
    table: &ReferenceTable,
    rows: Range<u32>,
    embedding: &[f32],
    (answer, flip): (&Rotation, &Rotation),
    temperature: f64,
) -> f64 {
    let nearest = |pose| nearest_view(table, rows.clone(), embedding, pose);
    match (nearest(answer), nearest(flip)) {
        (Some(answer), Some(flip)) => (1.0 / (1.0 + ((flip - answer) / temperature).exp())).min(0.5),
        _ => 0.0,
    }
}

/// Squared distance to the nearest of the rows whose views show `pose` best, if any shows it.
fn nearest_view(table: &ReferenceTable, rows: Range<u32>, embedding: &[f32], pose: &Rotation) -> Option<f64> {
    let (start, end) = (rows.start as usize, rows.end as usize);
    let rotations = table.rotations.get(start..end)?;
    let pose = to_wxyz(pose).map(|c| c as f32);
    // |q1 . q2| is the cosine of half the angle between two rotations.
    let closeness = |wxyz: &[f32; 4]| wxyz.iter().zip(&pose).map(|(a, b)| a * b).sum::<f32>().abs();
    let closest = rotations.iter().map(closeness).fold(0.0, f32::max);
    let apart_rad = 2.0 * closest.min(1.0).acos();
    if apart_rad > NEAR_RAD_MAX {
        return None;
    }
    let closeness_min = (0.5 * (apart_rad + SLACK_RAD)).cos();
    let views = rotations.iter().enumerate().filter(|(_, wxyz)| closeness(wxyz) >= closeness_min);
    let row = |index: usize| table.embeddings.get((start + index) * table.dim..)?.get(..table.dim);
    let nearest = views.filter_map(|(index, _)| row(index)).map(|row| squared_distance(row, embedding));
    nearest.reduce(f32::min).filter(|nearest| nearest.is_finite()).map(f64::from)
}

fn squared_distance(row: &[f16], embedding: &[f32]) -> f32 {
    let mut widened = [0.0_f32; CHUNK];
    let mut total = 0.0;
    for (row, embedding) in row.chunks(CHUNK).zip(embedding.chunks(CHUNK)) {
        let widened = &mut widened[..row.len()];
        row.convert_to_f32_slice(widened);
        total += widened.iter().zip(embedding).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    }
    total
}
