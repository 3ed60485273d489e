use std::f64::consts::{PI, TAU};

use nalgebra::Matrix3;
use proptest::prelude::*;

use super::*;
use crate::sampling;
use crate::so3::geodesic_angle;

fn rx(angle: f64) -> Matrix3<f64> {
    let (s, c) = angle.sin_cos();
    Matrix3::new(1.0, 0.0, 0.0, 0.0, c, -s, 0.0, s, c)
}

fn rz(angle: f64) -> Matrix3<f64> {
    let (s, c) = angle.sin_cos();
    Matrix3::new(c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)
}

/// `R(a, e, t)` of methods.md section 0, literally: PASCAL3D+ object to PASCAL3D+ camera.
fn pascal_rotation(a: f64, e: f64, t: f64) -> Matrix3<f64> {
    rz(t) * rx(-(PI / 2.0 - e)) * rz(-a)
}

fn quaternion(matrix: Matrix3<f64>) -> Rotation {
    Rotation::from_rotation_matrix(&nalgebra::Rotation3::from_matrix_unchecked(matrix))
}

/// Our body axes in PASCAL3D+ object axes: front = -y, left = +x.
fn pascal_from_body(v: Vector3<f64>) -> Vector3<f64> {
    Vector3::new(v.y, -v.x, v.z)
}

fn optical_from_pascal(v: Vector3<f64>) -> Vector3<f64> {
    Vector3::new(v.x, -v.y, -v.z)
}

#[test]
fn the_rotation_is_the_pascal_formula_between_the_two_axis_conventions() {
    let mut generator = sampling::generator(11);
    for _ in 0..500 {
        let view = Viewpoint::from_rotation(&sampling::rotation(&mut generator));
        let point = sampling::point_in_view_m(&mut generator);
        let formula = pascal_rotation(view.azimuth_rad, view.elevation_rad, view.in_plane_rad);
        let expected = optical_from_pascal(formula * pascal_from_body(point));
        assert!((view.to_rotation() * point - expected).norm() < 1e-12 * point.norm());
    }
}

/// `C = d (cos e sin a, -cos e cos a, sin e)`: the camera centre in the object, with `X_camera = R X + (0, 0, -d)`.
#[test]
fn the_camera_stands_where_the_angles_say() {
    let mut generator = sampling::generator(12);
    for _ in 0..200 {
        let view = Viewpoint::from_rotation(&sampling::rotation(&mut generator));
        let (a, e) = (view.azimuth_rad, view.elevation_rad);
        let expected = Vector3::new(e.cos() * a.sin(), -e.cos() * a.cos(), e.sin());
        let center_in_body = -(view.to_rotation().inverse() * Vector3::z());
        assert!((pascal_from_body(center_in_body) - expected).norm() < 1e-12);
    }
}

#[test]
fn the_decoding_formulas_of_the_data_set_agree() {
    let mut generator = sampling::generator(13);
    for _ in 0..500 {
        let r = pascal_rotation(
            Viewpoint::from_rotation(&sampling::rotation(&mut generator)).azimuth_rad,
            sampling::point_in_view_m(&mut generator).y / 50.0,
            sampling::point_in_view_m(&mut generator).x / 50.0,
        );
        let a = r[(2, 0)].atan2(-r[(2, 1)]);
        let e = r[(2, 2)].asin();
        let t = (-r[(0, 2)]).atan2(r[(1, 2)]);
        let body_from_pascal = Matrix3::new(0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0);
        let flip = Matrix3::from_diagonal(&Vector3::new(1.0, -1.0, -1.0));
        let ours = flip * r * body_from_pascal.transpose();
        let view = Viewpoint::from_rotation(&quaternion(ours));
        assert!((wrap_signed_rad(view.azimuth_rad - a)).abs() < 1e-9);
        assert!((view.elevation_rad - e).abs() < 1e-9);
        assert!((wrap_signed_rad(view.in_plane_rad - t)).abs() < 1e-9);
    }
}

#[test]
fn the_four_sides_are_where_people_expect_them() {
    let side = |azimuth_deg: f64| Viewpoint::from_degrees(azimuth_deg, 0.0, 0.0).to_rotation();
    let (forward, up) = (Vector3::x(), Vector3::z());
    for (azimuth_deg, heading) in [
        (0.0, -Vector3::z()),  // front: it drives at us
        (90.0, -Vector3::x()), // left side: it heads image-left
        (180.0, Vector3::z()), // rear: it drives away
        (270.0, Vector3::x()), // right side: it heads image-right
    ] {
        assert!((side(azimuth_deg) * forward - heading).norm() < 1e-12);
        assert!((side(azimuth_deg) * up + Vector3::y()).norm() < 1e-12); // image up is -y
    }
}

#[test]
fn positive_elevation_shows_the_roof_and_positive_in_plane_turns_counter_clockwise() {
    let above = Viewpoint::from_degrees(30.0, 40.0, 0.0).to_rotation();
    assert!((above * Vector3::z()).z < 0.0, "the roof faces the camera");
    let turned = Viewpoint::from_degrees(30.0, 0.0, 10.0).to_rotation() * Vector3::z();
    assert!(turned.x < 0.0 && turned.y < 0.0, "up leans image-left");
}

#[test]
fn seen_from_the_poles_the_rotation_still_comes_back() {
    for elevation_deg in [90.0, -90.0, 89.999_999_9, -90.0 + 1e-12] {
        for azimuth_deg in [0.0, 17.0, 200.0] {
            let r = Viewpoint::from_degrees(azimuth_deg, elevation_deg, -35.0).to_rotation();
            let back = Viewpoint::from_rotation(&r).to_rotation();
            assert!(geodesic_angle(&r, &back) < 1e-8, "{elevation_deg}");
        }
    }
}

/// Flipping the image negates camera x; the mirrored object is the object with left and right exchanged.
#[test]
fn mirroring_equals_flipping_the_image_of_a_mirrored_object() {
    let flip_camera = Matrix3::from_diagonal(&Vector3::new(-1.0, 1.0, 1.0));
    let flip_body = Matrix3::from_diagonal(&Vector3::new(1.0, -1.0, 1.0));
    let mut generator = sampling::generator(14);
    for _ in 0..200 {
        let r = sampling::rotation(&mut generator);
        let expected = flip_camera * r.to_rotation_matrix().matrix() * flip_body;
        let mirrored = Viewpoint::from_rotation(&r).mirrored().to_rotation();
        assert!((mirrored.to_rotation_matrix().matrix() - expected).norm() < 1e-11);
    }
}

#[test]
fn degrees_go_there_and_back() {
    let degrees = Viewpoint::from_degrees(350.0, -10.0, 5.0).to_degrees();
    for (value, expected) in degrees.iter().zip([350.0, -10.0, 5.0]) {
        assert!((value - expected).abs() < 1e-12);
    }
}

proptest! {
    #[test]
    fn every_rotation_goes_there_and_back(seed in any::<u64>()) {
        let r = sampling::rotation(&mut sampling::generator(seed));
        let view = Viewpoint::from_rotation(&r);
        prop_assert!((0.0..TAU).contains(&view.azimuth_rad));
        prop_assert!((-PI..PI).contains(&view.in_plane_rad));
        prop_assert!(view.elevation_rad.abs() <= PI / 2.0);
        prop_assert!(geodesic_angle(&r, &view.to_rotation()) < 1e-7);
    }

    #[test]
    fn every_viewpoint_away_from_the_poles_goes_there_and_back(
        azimuth_rad in 0.0..TAU, elevation_rad in -1.5..1.5f64, in_plane_rad in -PI..PI
    ) {
        let view = Viewpoint { azimuth_rad, elevation_rad, in_plane_rad };
        let back = Viewpoint::from_rotation(&view.to_rotation());
        prop_assert!(wrap_signed_rad(back.azimuth_rad - azimuth_rad).abs() < 1e-10);
        prop_assert!((back.elevation_rad - elevation_rad).abs() < 1e-10);
        prop_assert!(wrap_signed_rad(back.in_plane_rad - in_plane_rad).abs() < 1e-10);
    }

    #[test]
    fn mirroring_twice_changes_nothing(azimuth_rad in 0.0..TAU, in_plane_rad in -PI..PI) {
        let view = Viewpoint { azimuth_rad, elevation_rad: 0.2, in_plane_rad };
        let twice = view.mirrored().mirrored();
        prop_assert!(wrap_signed_rad(twice.azimuth_rad - azimuth_rad).abs() < 1e-12);
        prop_assert!(wrap_signed_rad(twice.in_plane_rad - in_plane_rad).abs() < 1e-12);
    }
}
