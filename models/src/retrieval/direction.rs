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
    match nearest_views(table, rows, embedding, [answer, flip]) {
        [Some(answer), Some(flip)] => (1.0 / (1.0 + ((flip - answer) / temperature).exp())).min(0.5),
        _ => 0.0,
    }
}

/// For each pose, the squared distance to the nearest of the rows whose views show it best, if any shows it. Two passes over the
/// rotations for both together: of a large table they are more than a cache holds.
fn nearest_views(
    table: &ReferenceTable,
    rows: Range<u32>,
    embedding: &[f32],
    poses: [&Rotation; 2],
) -> [Option<f64>; 2] {
    let (start, end) = (rows.start as usize, rows.end as usize);
    let rotations = table.rotations.get(start..end).unwrap_or_default();
    let poses = poses.map(|pose| to_wxyz(pose).map(|c| c as f32));
    // |q1 . q2| is the cosine of half the angle between two rotations.
    let closeness = |wxyz: &[f32; 4]| poses.map(|pose| wxyz.iter().zip(&pose).map(|(a, b)| a * b).sum::<f32>().abs());
    let closest = rotations.iter().map(closeness).fold([0.0; 2], |most, now| [0, 1].map(|i| f32::max(most[i], now[i])));
    let closeness_min = closest.map(|closest| {
        let apart_rad = 2.0 * closest.min(1.0).acos();
        if apart_rad > NEAR_RAD_MAX { f32::INFINITY } else { (0.5 * (apart_rad + SLACK_RAD)).cos() }
    });
    let mut nearest = [f32::INFINITY; 2];
    for (wxyz, row) in rotations.iter().zip(start..) {
        for (i, _) in closeness(wxyz).into_iter().enumerate().filter(|&(i, closeness)| closeness >= closeness_min[i]) {
            let Some(row) = table.embeddings.get(row * table.dim..(row + 1) * table.dim) else { continue };
            nearest[i] = nearest[i].min(squared_distance(row, embedding));
        }
    }
    nearest.map(|nearest| nearest.is_finite().then_some(f64::from(nearest)))
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
