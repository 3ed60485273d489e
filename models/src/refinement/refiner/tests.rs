use calibration::Rotation;
use nalgebra::Vector3;

use super::super::placement::CellCamera;
use super::super::scene::{DIM, HEIGHT, Hidden, Random, Scene, Sight, Texture, WIDTH, normalized, retrieved};
use super::*;

type CpuRefiner = Refiner<kernels::CpuFeatureScore, kernels::CpuFeatureResidual>;

/// Refines to the end in slot 0.
fn refine(refiner: &mut CpuRefiner, map: &[f32], view: &View, retrieval: &Retrieval) -> Option<Refined> {
    refiner.begin(0, map, view, retrieval);
    while refiner.step(0) {}
    refiner.finish(0).ok()
}

/// Errors in degrees, from starts so far away, sorted.
fn errors(angle_deg: f64, noise: f64, hidden_share: f32) -> Vec<f64> {
    let mut random = Random(angle_deg.to_bits() ^ u64::from(hidden_share.to_bits()));
    let scene = Scene::new(5);
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let mut errors: Vec<f64> = (0..40)
        .map(|round| {
            let sight = Sight::random(&mut random);
            let hidden = Hidden::side(&sight.view.box_cells, hidden_share, round % 2 == 0, round % 4 < 2);
            let map = scene.draw(&sight.placement, noise, Some(&hidden), &mut random);
            let start = random.near(&sight.rotation, angle_deg);
            let refined = refine(&mut refiner, &map, &sight.view, &retrieved(start, 0.02)).unwrap();
            assert!(refined.score >= refined.start_score, "{refined:?}");
            sight.error_deg(&refined.hypotheses[0].rotation)
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    eprintln!(
        "{angle_deg} degrees, noise {noise}, {hidden_share} hidden: {} of 40 within 2 degrees, median {:.2}, p90 {:.2}",
        within(&errors, 2.0),
        errors[20],
        errors[36]
    );
    errors
}

fn within(errors: &[f64], bound: f64) -> usize {
    errors.iter().filter(|error| **error < bound).count()
}

#[test]
fn rotations_are_refined_to_two_degrees() {
    for (angle_deg, least) in [5.0, 10.0, 15.0].into_iter().zip([24, 24, 15]) {
        let errors = errors(angle_deg, 0.0, 0.0);
        assert!(within(&errors, 2.0) >= least && errors[20] < 0.4 * angle_deg, "{angle_deg}: {errors:.2?}");
    }
}

#[test]
fn noise_of_half_a_feature_is_averaged_out() {
    for (angle_deg, least) in [5.0, 10.0, 15.0].into_iter().zip([24, 26, 14]) {
        let errors = errors(angle_deg, 0.5, 0.0);
        assert!(within(&errors, 2.0) >= least && errors[20] < 0.4 * angle_deg, "{angle_deg}: {errors:.2?}");
    }
}

#[test]
fn what_is_left_of_an_object_that_is_hidden_by_two_fifths_is_enough() {
    for (angle_deg, least) in [5.0, 10.0, 15.0].into_iter().zip([16, 14, 8]) {
        let errors = errors(angle_deg, 0.2, 0.4);
        assert!(within(&errors, 2.0) >= least && errors[20] < 0.4 * angle_deg, "{angle_deg}: {errors:.2?}");
    }
}

/// Anytime: whatever the number of steps, there is an answer that is no worse than the start, and more steps are better.
#[test]
fn more_steps_are_better_on_average_and_never_worse_than_none() {
    let (scene, mut random) = (Scene::new(9), Random(17));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let mut sums = [0.0; 11];
    for _ in 0..20 {
        let sight = Sight::random(&mut random);
        let map = scene.draw(&sight.placement, 0.3, None, &mut random);
        let start = random.near(&sight.rotation, 12.0);
        let mut score = f64::NEG_INFINITY;
        for (steps_max, sum) in (0..).zip(&mut sums) {
            refiner.set_spec(RefinementSpec { steps_max, ..RefinementSpec::default() });
            let refined = refine(&mut refiner, &map, &sight.view, &retrieved(start, 0.02)).unwrap();
            assert!(refined.score >= refined.start_score);
            assert!(refined.score >= score, "{} after {score} at {steps_max}", refined.score);
            assert!(refined.steps <= 2 * steps_max, "two hypotheses");
            if steps_max == 0 {
                assert_eq!((refined.score, refined.status), (refined.start_score, Status::StepLimit));
                assert!(geodesic_angle(&refined.hypotheses[0].rotation, &start) < 1e-6);
            }
            score = refined.score;
            *sum += sight.error_deg(&refined.hypotheses[0].rotation) / 20.0;
        }
    }
    eprintln!("mean error after 0 to 10 steps: {sums:.2?}");
    assert!(sums[5] < 0.5 * sums[0] && sums[10] <= sums[5] + 0.1, "{sums:.2?}");
}

/// Steps that are made one by one, as time allows, are those of a bound on them; a stop keeps the best.
#[test]
fn a_stop_keeps_what_was_found() {
    let (scene, mut random) = (Scene::new(2), Random(3));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let sight = Sight::random(&mut random);
    let map = scene.draw(&sight.placement, 0.2, None, &mut random);
    let start = random.near(&sight.rotation, 10.0);
    refiner.begin(0, &map, &sight.view, &retrieved(start, 0.02));
    let begun = refiner.finish(0).unwrap();
    assert_eq!((begun.status, begun.steps, begun.score), (Status::Running, 0, begun.start_score));
    assert!((0..4).all(|_| refiner.step(0)));
    refiner.stop(0, Status::DeadlineReached);
    assert!(!refiner.step(0), "nothing runs any more");
    let stopped = refiner.finish(0).unwrap();
    assert_eq!((stopped.status, stopped.steps), (Status::DeadlineReached, 4));
    assert!(stopped.score > stopped.start_score);
    refiner.set_spec(RefinementSpec { steps_max: 2, ..RefinementSpec::default() });
    let bounded = refine(&mut refiner, &map, &sight.view, &retrieved(start, 0.02)).unwrap();
    assert_eq!(format!("{:?}", bounded.hypotheses), format!("{:?}", stopped.hypotheses));
}

/// The answer is the likeliest hypothesis, all of them together certain, and the flip's share is what points the other way.
fn assert_consistent(refined: &Refined) {
    let (best, others) = refined.hypotheses.split_first().unwrap();
    let sum: f64 = refined.hypotheses.iter().map(|hypothesis| hypothesis.probability).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{refined:?}");
    assert!(others.iter().all(|other| (0.0..=best.probability).contains(&other.probability)), "{refined:?}");
    let flip = flipped(&best.rotation);
    let opposite = others.iter().filter(|other| geodesic_angle(&other.rotation, &flip) < SAME_RAD);
    let share: f64 = opposite.map(|other| other.probability).sum();
    assert!((refined.flip_probability - share).abs() < 1e-12, "{refined:?}");
    assert!((best.rotation.norm() - 1.0).abs() < 1e-9);
    assert_honest(&refined.covariance);
}

/// Symmetric, positive definite, and no direction wider than half a turn.
fn assert_honest(covariance: &Matrix3<f64>) {
    assert_eq!(*covariance, covariance.transpose());
    let values = covariance.symmetric_eigenvalues();
    assert!(values.min() > 0.0 && values.max() < 10.0, "{covariance}");
}

#[test]
fn strong_evidence_turns_a_flipped_answer_round() {
    let (scene, mut random) = (Scene::new(21), Random(4));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    for _ in 0..20 {
        let sight = Sight::random(&mut random);
        let map = scene.draw(&sight.placement, 0.3, None, &mut random);
        let near = random.near(&sight.rotation, 6.0);
        for (start, flip_probability) in [(near, 0.3), (flipped(&near), 0.05), (flipped(&near), 0.3)] {
            let refined = refine(&mut refiner, &map, &sight.view, &retrieved(start, flip_probability)).unwrap();
            assert_consistent(&refined);
            assert!(sight.error_deg(&refined.hypotheses[0].rotation) < 6.0, "{refined:?}");
            assert!(refined.flip_probability < 0.02, "{refined:?}");
        }
    }
}

#[test]
fn without_evidence_the_retrieved_odds_between_both_directions_stand() {
    // Front and rear look the same, or what they look like has no weight.
    let symmetric = Texture::new(21).symmetric();
    let default = RefinementSpec::default();
    let mut random = Random(5);
    for (scene, spec) in
        [(Scene::of(symmetric, 1), default), (Scene::new(21), RefinementSpec { flip_weight: 0.0, ..default })]
    {
        let mut refiner = scene.refiner(spec, 1);
        for _ in 0..5 {
            let sight = Sight::random(&mut random);
            let map = scene.draw(&sight.placement, 0.2, None, &mut random);
            let start = flipped(&random.near(&sight.rotation, 4.0));
            let refined = refine(&mut refiner, &map, &sight.view, &retrieved(start, 0.09)).unwrap();
            assert_consistent(&refined);
            assert!(geodesic_angle(&refined.hypotheses[0].rotation, &start) < 0.5, "{refined:?}");
            assert!((refined.flip_probability - 0.09).abs() < 0.05, "{refined:?}");
        }
    }
}

/// A retrieval that is wrong by a quarter turn, and in doubt, is helped by the grid.
#[test]
fn the_grid_finds_what_retrieval_missed() {
    let (scene, mut random) = (Scene::new(33), Random(6));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let mut found = 0;
    for _ in 0..20 {
        let sight = Sight::random(&mut random);
        let map = scene.draw(&sight.placement, 0.2, None, &mut random);
        let quarter = Rotation::from_axis_angle(&Vector3::z_axis(), std::f64::consts::FRAC_PI_2);
        let refined = refine(&mut refiner, &map, &sight.view, &retrieved(sight.rotation * quarter, 0.4)).unwrap();
        assert_consistent(&refined);
        found += u32::from(sight.error_deg(&refined.hypotheses[0].rotation) < 3.0);
    }
    eprintln!("{found} of 20 found by the grid");
    assert!(found >= 12, "{found}");
}

/// What an object costs is bounded: where the grid is searched, and more hypotheses are refined, each takes fewer steps.
#[test]
fn all_hypotheses_together_take_the_steps_of_two_and_fewer_after_a_search() {
    let (scene, mut random) = (Scene::new(34), Random(8));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let mut most = [0; 2];
    for _ in 0..20 {
        let sight = Sight::random(&mut random);
        let map = scene.draw(&sight.placement, 0.8, None, &mut random);
        let start = random.near(&sight.rotation, 20.0);
        for (most, flip_probability) in most.iter_mut().zip([0.02, 0.4]) {
            let refined = refine(&mut refiner, &map, &sight.view, &retrieved(start, flip_probability)).unwrap();
            assert_ne!(refined.status, Status::Running);
            *most = refined.steps.max(*most);
        }
    }
    assert_eq!(most, [20, 10]);
    refiner.set_spec(RefinementSpec { steps_max: 4, ..RefinementSpec::default() });
    let sight = Sight::random(&mut random);
    let map = scene.draw(&sight.placement, 0.2, None, &mut random);
    let searched = refine(&mut refiner, &map, &sight.view, &retrieved(sight.rotation, 0.4)).unwrap();
    assert_eq!((searched.steps, searched.status), (4, Status::StepLimit));
}

#[test]
fn what_cannot_be_compared_has_no_answer() {
    let (scene, mut random) = (Scene::new(1), Random(7));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let sight = Sight::random(&mut random);
    let (map, view) = (scene.draw(&sight.placement, 0.0, None, &mut random), sight.view);
    let retrieval = retrieved(sight.rotation, 0.3);
    assert!(refine(&mut refiner, &map, &view, &retrieval).is_some());
    for number in [f32::NAN, f32::INFINITY, 1e30] {
        let mut map = map.clone();
        map[777] = number;
        assert!(refine(&mut refiner, &map, &view, &retrieval).is_none(), "{number}");
    }
    assert!(refine(&mut refiner, &map[1..], &view, &retrieval).is_none());
    assert!(refine(&mut refiner, &[], &view, &retrieval).is_none());
    let box_cells = view.box_cells;
    for view in [
        View { class_id: 3, ..view },
        View { box_cells: kernels::BoxPx { x2: box_cells.x1, ..box_cells }, ..view },
        View { box_cells: kernels::BoxPx { y1: f32::NAN, ..box_cells }, ..view },
        // Far outside of the map: no vertex is seen.
        View { box_cells: kernels::BoxPx { x1: 1000.0, y1: 1000.0, x2: 1020.0, y2: 1010.0 }, ..view },
        View { camera: Some(CellCamera { focal: f32::NAN, principal: [0.0; 2] }), ..view },
        View { camera: Some(CellCamera { focal: -60.0, principal: [0.0; 2] }), ..view },
        View { camera: Some(CellCamera { focal: 60.0, principal: [0.0, f32::NAN] }), ..view },
    ] {
        assert!(refine(&mut refiner, &map, &view, &retrieval).is_none(), "{view:?}");
    }
    let not_finite = Retrieval { covariance: Matrix3::repeat(f64::NAN), ..retrieval.clone() };
    assert!(refine(&mut refiner, &map, &view, &not_finite).is_none());
    // A slot that was never begun, and one that is not there.
    let mut fresh = scene.refiner(RefinementSpec::default(), 1);
    assert!(!fresh.step(0) && fresh.finish(0).is_err_and(|status| status == Status::Diverged));
    fresh.stop(7, Status::DeadlineReached);
    fresh.begin(7, &map, &view, &retrieval);
    assert!(!fresh.step(7) && fresh.finish(7).is_err());
    let mut without = CpuRefiner::new(
        kernels::CpuFeatureScore::new(),
        kernels::CpuFeatureResidual::new(),
        Vec::new(),
        RefinementSpec::default(),
        [DIM, HEIGHT, WIDTH],
        1,
    )
    .unwrap();
    assert!(refine(&mut without, &map, &view, &retrieval).is_none());
    assert!(refine(&mut refiner, &map, &view, &retrieval).is_some(), "none of this spoils what comes after");
}

/// Where the map tells nothing, the prior holds the start; and the covariance is no wider than half a turn, even without a prior.
#[test]
fn maps_that_say_nothing_leave_the_start() {
    let (scene, mut random) = (Scene::new(11), Random(8));
    let constant = normalized((0..DIM).map(|_| random.normal()).collect());
    // A constant may look like some part of the object, and draw that part over the map.
    for (feature, is_texture) in [(scene.clutter.clone(), false), (constant, true), (vec![0.0; DIM], false)] {
        let map: Vec<f32> =
            feature.iter().flat_map(|value| std::iter::repeat_n(*value as f32, HEIGHT * WIDTH)).collect();
        for (prior, is_edge) in [(0.3, [true; 4]), (0.0, [true; 4]), (0.0, [false; 4])] {
            let spec = RefinementSpec { rotation_prior_scale: prior, ..RefinementSpec::default() };
            let mut refiner = scene.refiner(spec, 1);
            let sight = Sight::random(&mut random);
            let view = View { is_edge, ..sight.view };
            let refined = refine(&mut refiner, &map, &view, &retrieved(sight.rotation, 0.02)).unwrap();
            assert_consistent(&refined);
            assert!(refined.score >= refined.start_score && refined.score.is_finite());
            assert!(matches!(refined.status, Status::Converged | Status::StepLimit | Status::Diverged), "{refined:?}");
            if prior > 0.0 && !is_texture {
                assert!(sight.error_deg(&refined.hypotheses[0].rotation) < 3.0, "{refined:?}");
            }
        }
    }
}

#[test]
fn the_covariance_is_that_of_what_was_seen() {
    let scene = Scene::new(13);
    let mut wide = 0.0;
    for feature_weight in [4.0, 0.04, 0.0] {
        let spec = RefinementSpec { feature_weight, ..RefinementSpec::default() };
        let mut refiner = scene.refiner(spec, 1);
        let mut random = Random(10);
        let sight = Sight::random(&mut random);
        let map = scene.draw(&sight.placement, 0.2, None, &mut random);
        let refined = refine(&mut refiner, &map, &sight.view, &retrieved(sight.rotation, 0.02)).unwrap();
        assert_consistent(&refined);
        let trace = refined.covariance.trace();
        assert!(trace > wide, "less weight, less known: {trace} after {wide}");
        wide = trace;
        let scaled = RefinementSpec { covariance_scale: 2.5, ..spec };
        refiner.set_spec(scaled);
        let ratio = refiner.finish(0).unwrap().covariance.trace() / trace;
        assert!((ratio - 2.5).abs() < 1e-9, "{ratio}");
    }
    assert_honest(&covariance(&Matrix6::zeros()));
    // Singular, and indefinite by rounding.
    for lowest in [0.0, -1e-7] {
        let turn = nalgebra::Rotation3::new(Vector3::new(0.3, 0.2, -0.5)).into_inner();
        let mut hessian = Matrix6::identity() * 50.0;
        let block = turn * Matrix3::from_diagonal(&Vector3::new(400.0, lowest, 900.0)) * turn.transpose();
        hessian.fixed_view_mut::<3, 3>(0, 0).copy_from(&block);
        let found = covariance(&hessian);
        assert_honest(&found);
        let unknown = turn * Vector3::y();
        assert!(unknown.dot(&(found * unknown)) > 5.0, "{found}");
        let known = turn * Vector3::z();
        assert!((known.dot(&(found * known)) * 900.0 - 1.0).abs() < 0.01, "{found}");
    }
}

/// Bit for bit.
fn printed(refined: Option<&Refined>) -> String {
    format!("{refined:?}")
}

#[test]
fn the_same_object_gives_the_same_bits_in_any_slot_and_company() {
    let (scene, mut random) = (Scene::new(3), Random(11));
    let objects: Vec<(Vec<f32>, View, Retrieval)> = (0..3)
        .map(|i| {
            let sight = Sight::random(&mut random);
            let map = scene.draw(&sight.placement, 0.3, None, &mut random);
            let start = random.near(&sight.rotation, 10.0);
            (map, sight.view, retrieved(start, [0.02, 0.3, 0.05][i]))
        })
        .collect();
    let mut alone = scene.refiner(RefinementSpec::default(), 1);
    let answers: Vec<String> =
        objects.iter().map(|(map, view, at)| printed(refine(&mut alone, map, view, at).as_ref())).collect();
    let mut together = scene.refiner(RefinementSpec::default(), 4);
    for round in 0..2 {
        // The second time in other slots, over what was there; one slot holds nothing that can be refined.
        let slots = [[0, 1, 2], [2, 3, 0]][round];
        together.begin(1, &[f32::NAN; 5], &objects[0].1, &objects[0].2);
        for ((map, view, retrieval), slot) in objects.iter().zip(slots) {
            together.begin(slot, map, view, retrieval);
        }
        while slots.map(|slot| together.step(slot)).contains(&true) {}
        for (answer, slot) in answers.iter().zip(slots) {
            assert_eq!(printed(together.finish(slot).ok().as_ref()), *answer, "round {round}, slot {slot}");
        }
    }
}

/// The occlusion map: vertices that are hidden match clutter, the others the map.
#[test]
fn matches_tell_what_is_hidden() {
    let (scene, mut random) = (Scene::new(8), Random(12));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let sight = Sight::random(&mut random);
    let hidden = Hidden::side(&sight.view.box_cells, 0.4, true, true);
    let map = scene.draw(&sight.placement, 0.1, Some(&hidden), &mut random);
    let refined = refine(&mut refiner, &map, &sight.view, &retrieved(sight.rotation, 0.02)).unwrap();
    let surface = scene.shapes[refined.shape].surface.clone();
    let mut matches = vec![VertexMatch::UNSEEN; surface.vertex_count()];
    refiner.matches(0, &refined, &mut matches).unwrap();
    let (mut right, mut seen) = (0, 0);
    for (row, found) in matches.iter().enumerate().filter(|(_, found)| found.is_seen()) {
        let placed = refined.placement.place(surface.position(row).unwrap(), surface.normal(row).unwrap());
        let beyond = f64::from(placed.u) - hidden.high[0];
        if beyond.abs() > 1.0 {
            seen += 1;
            right += usize::from((found.similarity > found.clutter.max(0.2)) == (beyond > 0.0));
        }
    }
    assert!(seen > 100 && right * 10 > seen * 9, "{right} of {seen}");
    assert!(refiner.matches(0, &refined, &mut matches[1..]).is_err());
    assert!(refiner.matches(5, &refined, &mut matches).is_ok(), "no such slot, nothing to write");
}
