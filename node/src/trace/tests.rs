use super::*;
use crate::object_pose::{ObjectStatus, Rejection};

#[test]
fn every_name_is_spelled_once_and_counted_apart() {
    fn check<N: Name>() {
        let mut tally = Tally::<N>::default();
        for (at, name) in N::ALL.iter().enumerate() {
            assert_eq!(name.index(), at);
            tally.add(*name, at as u64 + 1);
        }
        assert_eq!(tally.to_map().len(), N::ALL.len(), "two names share a spelling");
        assert_eq!(tally.total(), (1..=N::ALL.len() as u64).sum::<u64>());
    }
    check::<Dropped>();
    check::<Empty>();
    check::<Event>();
    check::<Timed>();
    check::<Refinement>();
}

#[test]
fn quantiles_hold_the_middle_the_99th_and_the_longest() {
    let mut trace = Trace::default();
    assert_eq!(trace.quantiles(Timed::Total), Quantiles::default());
    (1..=100).for_each(|us| trace.record(Timed::Total, us));
    assert_eq!(trace.quantiles(Timed::Total), Quantiles { count: 100, p50: 50, p99: 99, max: 100 });
    assert_eq!(trace.quantiles(Timed::Join).count, 0);
}

#[test]
fn a_time_beyond_a_minute_counts_as_a_minute() {
    let mut trace = Trace::default();
    trace.record(Timed::Total, u64::MAX);
    let max = trace.quantiles(Timed::Total).max;
    assert!(max.abs_diff(TIME_US_MAX) < TIME_US_MAX / 500, "{max}");
}

#[test]
fn objects_are_counted_by_status() {
    let object = |status, has_pose| {
        let mut object = ObjectPose::without_pose(0, Default::default(), status);
        object.has_pose = has_pose;
        object
    };
    let mut trace = Trace::default();
    let rejected = ObjectStatus::Rejected(Rejection::BoxInverted);
    trace.record_objects(&[object(ObjectStatus::Ok, true), object(rejected, false), object(ObjectStatus::Ok, true)]);
    assert_eq!(trace.objects(), BTreeMap::from([("ok", 2), ("rejected:box_inverted", 1)]));
    assert_eq!(trace.poses_count, 2);
}

#[test]
fn refined_poses_are_counted_by_how_their_refinement_ended() {
    let object = |has_pose, refinement| {
        let mut object = ObjectPose::without_pose(0, Default::default(), ObjectStatus::Ok);
        (object.has_pose, object.refinement) = (has_pose, refinement);
        object
    };
    let mut trace = Trace::default();
    trace.record_objects(&[
        object(true, Some(Status::Converged)),
        object(true, None),
        object(true, Some(Status::Converged)),
        object(true, Some(Status::DeadlineReached)),
        // Refined, but no finite position explains its box.
        object(false, Some(Status::Converged)),
    ]);
    assert_eq!((trace.refined.total(), trace.refined.get(Refinement::Converged)), (3, 2));
    assert_eq!(trace.refined.get(Refinement::DeadlineReached), 1);
}

#[test]
fn a_model_that_does_not_refine_has_no_times_of_refinement() {
    let mut trace = Trace::default();
    trace.record_stages(&StageTimes::default());
    assert_eq!((trace.quantiles(Timed::Retrieve).count, trace.quantiles(Timed::Refine).count), (1, 0));
}
