//! How much doubt there is about front and rear.
//!
//! The neighbours that vote seldom tell: mostly all of them face one way, also where the other way is nearly as near, just
//! not among the nearest few. So the reference views of the answer and of its flip are compared themselves: with the
//! squared distances `a` and `f` to the nearest of each, the flip has the probability `1 / (1 + exp((f - a) / temperature))`,
//! the temperature fitted on held-out data.

use std::ops::Range;

use calibration::Rotation;

use crate::ReferenceTable;

/// Views this much farther from a pose than the nearest one, radians (3 degrees), still stand for it: other shapes and
/// the poses around it.
const SLACK_RAD: f64 = 0.052_359_877_559_829_88;
/// A pose that no view is nearer to than this, radians (30 degrees), is not in the table.
const NEAR_RAD_MAX: f64 = 0.523_598_775_598_298_8;

/// The probability of `flip` rather than `answer` for a unit embedding; 0 where `rows` has no view of one of them.
pub(super) fn flip_probability(
    (table, rotations): (&ReferenceTable, &[Rotation]),
    rows: Range<u32>,
    embedding: &[f32],
    (answer, flip): (&Rotation, &Rotation),
    temperature: f64,
) -> f64 {
    let nearest = |pose| nearest_view(table, rotations, rows.clone(), embedding, pose);
    match (nearest(answer), nearest(flip)) {
        (Some(answer), Some(flip)) => 1.0 / (1.0 + ((flip - answer) / temperature).exp()),
        _ => 0.0,
    }
}

/// Squared distance to the nearest of the rows whose views show `pose` best, if any shows it.
fn nearest_view(
    table: &ReferenceTable,
    rotations: &[Rotation],
    rows: Range<u32>,
    embedding: &[f32],
    pose: &Rotation,
) -> Option<f64> {
    let (start, end) = (rows.start as usize, rows.end as usize);
    let rotations = rotations.get(start..end)?;
    // |q1 . q2| is the cosine of half the angle between two rotations.
    let closeness = |rotation: &Rotation| rotation.coords.dot(&pose.coords).abs();
    let closest = rotations.iter().map(closeness).fold(0.0, f64::max);
    let apart_rad = 2.0 * closest.min(1.0).acos();
    if apart_rad > NEAR_RAD_MAX {
        return None;
    }
    let closeness_min = (0.5 * (apart_rad + SLACK_RAD)).cos();
    let views = table.embeddings.chunks_exact(table.dim).skip(start).zip(rotations);
    let of_pose = views.filter(|(_, rotation)| closeness(rotation) >= closeness_min);
    let squared_distance = |view: &[half::f16]| {
        view.iter().zip(embedding).map(|(view, query)| (view.to_f32() - query).powi(2)).sum::<f32>()
    };
    let nearest = of_pose.map(|(view, _)| squared_distance(view)).fold(f32::INFINITY, f32::min);
    nearest.is_finite().then_some(f64::from(nearest))
}
