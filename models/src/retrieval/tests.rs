use super::*;
use calibration::so3::{exp, geodesic_angle, to_wxyz};
use half::f16;
use kernels::CpuTopK;

const DIM: usize = 8;

fn yaw(deg: f64) -> Rotation {
    Rotation::from_axis_angle(&Vector3::z_axis(), deg.to_radians())
}

/// Row `i` lies in the plane of axes 0 and 1, `angles_rad[i]` away from axis 0.
fn stage(rows: &[(f64, Rotation)], temperature: f64, neighbors: usize) -> Retriever<CpuTopK> {
    let mut embeddings = Vec::new();
    for &(angle_rad, _) in rows {
        let mut row = [0.0; DIM];
        row[0] = angle_rad.cos();
        row[1] = angle_rad.sin();
        embeddings.extend(row.map(f16::from_f64));
    }
    let table = ReferenceTable {
        dim: DIM,
        embeddings,
        rotations: rows.iter().map(|(_, r)| to_wxyz(r).map(|x| x as f32)).collect(),
        class_id: vec![0; rows.len()],
        shape_id: vec![0; rows.len()],
        class_names: vec!["car".to_owned()],
        encoder_sha256: String::new(),
    };
    let spec = RetrievalSpec {
        neighbors,
        temperature,
        mode_radius_deg: 25.0,
        covariance_scale: 2.0,
        flip_temperature: temperature,
    };
    Retriever::new(CpuTopK::new(64, 8), table, spec, 8).unwrap()
}

fn query() -> [f32; DIM] {
    let mut query = [0.0; DIM];
    query[0] = 1.0;
    query
}

fn run(stage: &mut Retriever<CpuTopK>) -> Retrieval {
    let rows = stage.table().class_id.len() as u32;
    stage.search(&query(), 0..rows).unwrap();
    stage.vote(0, None).unwrap()
}

#[test]
fn the_pose_is_the_mean_of_the_heaviest_cluster() {
    let rows: Vec<_> = [(0.1, 40.0), (0.1, 44.0), (0.1, 42.0), (0.12, 130.0)].map(|(d, deg)| (d, yaw(deg))).to_vec();
    let retrieval = run(&mut stage(&rows, 0.1, 4));
    assert!(geodesic_angle(&retrieval.best.rotation, &yaw(42.0)) < 0.1f64.to_radians());
    assert!(retrieval.best.probability > 0.7);
    // Flip first, then the cluster at 130 degrees.
    assert_eq!(retrieval.alternatives.len(), 2);
    let other = &retrieval.alternatives[1];
    assert!(geodesic_angle(&other.rotation, &yaw(130.0)) < 1e-3);
}

/// Squared distance of the query to the row `angle_rad` away.
fn squared(angle_rad: f64) -> f64 {
    2.0 - 2.0 * angle_rad.cos()
}

#[test]
fn the_flip_s_probability_compares_the_views_of_both_directions() {
    // The flip's views are too far to vote.
    let rows = [(0.2, yaw(10.0)), (0.25, yaw(12.0)), (0.5, yaw(189.0)), (0.4, yaw(195.0)), (0.45, yaw(191.0))];
    let temperature = 0.05;
    let retrieval = run(&mut stage(&rows, temperature, 2));
    // The answer is near 10.4 degrees. 191 is nearest to its flip, 189 within the slack, 195 is not.
    let expected = 1.0 / (1.0 + ((squared(0.45) - squared(0.2)) / temperature).exp());
    // Half-precision rows move the distances by about 1e-3.
    assert!((retrieval.flip_probability - expected).abs() < 0.02, "{expected}");
    assert_eq!(retrieval.alternatives[0].probability, retrieval.flip_probability);
    assert!((retrieval.best.probability + retrieval.flip_probability - 1.0).abs() < 1e-12);
    let flip = &retrieval.alternatives[0].rotation;
    let half_turn = geodesic_angle(flip, &retrieval.best.rotation);
    assert!((half_turn - std::f64::consts::PI).abs() < 1e-6);
}

#[test]
fn votes_for_the_flip_are_not_listed_a_second_time_and_all_sum_to_one() {
    let rows = [(0.2, yaw(10.0)), (0.3, yaw(188.0)), (0.35, yaw(100.0)), (0.4, yaw(14.0)), (0.5, yaw(195.0))];
    let retrieval = run(&mut stage(&rows, 0.05, 5));
    assert_eq!(retrieval.alternatives.len(), 2);
    let total: f64 = retrieval.alternatives.iter().map(|other| other.probability).sum();
    assert!((retrieval.best.probability + total - 1.0).abs() < 1e-12);
}

#[test]
fn the_flip_is_never_likelier_than_the_answer() {
    // One view of the other direction is the nearest of all; the vote goes to the three others together.
    let rows = [(0.30, yaw(190.0)), (0.32, yaw(10.0)), (0.33, yaw(11.0)), (0.34, yaw(9.0))];
    let retrieval = run(&mut stage(&rows, 0.05, 4));
    assert!(geodesic_angle(&retrieval.best.rotation, &yaw(10.0)) < 2f64.to_radians());
    assert_eq!(retrieval.flip_probability, 0.5);
    assert!((retrieval.best.probability - 0.5).abs() < 1e-12);
}

#[test]
fn a_flip_that_the_table_does_not_show_is_listed_with_probability_zero() {
    let retrieval = run(&mut stage(&[(0.0, yaw(5.0))], 0.1, 10));
    assert_eq!(retrieval.alternatives.len(), 1);
    assert_eq!(retrieval.flip_probability, 0.0);
    assert!((retrieval.similarity - 1.0).abs() < 1e-3);
    assert_eq!(retrieval.best.probability, 1.0);
}

#[test]
fn the_covariance_is_the_spread_plus_the_floor_times_the_scale() {
    // Equal weights, +-6 degrees about x, +-3 about z of the camera: variances by hand.
    let (a, b) = (6f64.to_radians(), 3f64.to_radians());
    let rows: Vec<_> = [(a, 0.0), (-a, 0.0), (0.0, b), (0.0, -b)]
        .map(|(x, z)| (0.1, exp(&Vector3::new(x, 0.0, z)) * yaw(70.0)))
        .to_vec();
    let covariance = run(&mut stage(&rows, 1e3, 4)).covariance;
    let floor = FLOOR_RAD * FLOOR_RAD;
    let expected = [2.0 * (a * a / 2.0 + floor), 2.0 * floor, 2.0 * (b * b / 2.0 + floor)];
    for (axis, variance) in expected.iter().enumerate() {
        assert!((covariance[(axis, axis)] - variance).abs() < 0.02 * variance, "axis {axis}");
    }
    assert!((covariance - covariance.transpose()).amax() < 1e-15);
    assert!(covariance.symmetric_eigenvalues().min() > 0.0);
}

#[test]
fn only_the_rows_of_the_class_can_win() {
    let rows = [(0.0, yaw(0.0)), (0.5, yaw(90.0)), (0.6, yaw(92.0))];
    let mut stage = stage(&rows, 0.1, 3);
    stage.search(&query(), 1..3).unwrap();
    let retrieval = stage.vote(0, None).unwrap();
    assert!(geodesic_angle(&retrieval.best.rotation, &yaw(91.0)) < 3f64.to_radians());
}

#[test]
fn an_empty_range_matches_nothing() {
    let mut stage = stage(&[(0.0, yaw(0.0))], 0.1, 3);
    stage.search(&query(), 0..0).unwrap();
    assert_eq!(stage.vote(0, None).unwrap_err(), NoNeighbor);
    // Nor does an embedding that was not searched for.
    assert_eq!(stage.vote(1, None).unwrap_err(), NoNeighbor);
}

#[test]
fn extreme_temperatures_keep_the_weights_finite() {
    let rows = [(0.1, yaw(0.0)), (1.5, yaw(100.0))];
    for temperature in [1e-300, 1e300] {
        let retrieval = run(&mut stage(&rows, temperature, 2));
        assert!(retrieval.best.probability.is_finite());
        assert!(retrieval.covariance.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn flipping_twice_changes_nothing() {
    let r = exp(&Vector3::new(0.3, -0.4, 1.2));
    assert!(geodesic_angle(&flipped(&flipped(&r)), &r) < 1e-12);
    // Front and rear change places, up stays up.
    assert!((flipped(&r) * Vector3::x() + r * Vector3::x()).norm() < 1e-12);
    assert!((flipped(&r) * Vector3::z() - r * Vector3::z()).norm() < 1e-12);
}

#[test]
fn each_embedding_of_a_batch_has_its_own_vote() {
    let mut stage = stage(&[(0.0, yaw(10.0)), (1.5, yaw(120.0))], 0.01, 1);
    let mut both = [0.0; 2 * DIM];
    both[0] = 1.5f32.cos();
    both[1] = 1.5f32.sin();
    both[DIM] = 1.0;
    stage.search(&both, 0..2).unwrap();
    for (index, deg) in [(0, 120.0), (1, 10.0)] {
        let best = stage.vote(index, None).unwrap().best;
        assert!(geodesic_angle(&best.rotation, &yaw(deg)) < 1e-3);
    }
}
