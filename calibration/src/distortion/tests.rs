use proptest::prelude::*;

use super::*;

/// A wide dash camera with strong barrel distortion.
const WIDE: [f64; 5] = [-0.3728755, 0.2037299, 0.002219027, 0.0008383, -0.07233722];
/// A rational calibration of a 120-degree camera.
const RATIONAL: [f64; 8] = [5.2, 2.6, -0.0001, 0.00006, 0.12, 5.56, 4.25, 0.67];

fn wide() -> Distortion {
    Distortion::from_model("plumb_bob", &WIDE).unwrap()
}

fn rational() -> Distortion {
    Distortion::from_model("rational_polynomial", &RATIONAL).unwrap()
}

/// OpenCV's formula, written out term by term.
fn opencv(d: &[f64; 8], x: f64, y: f64) -> [f64; 2] {
    let [k1, k2, p1, p2, k3, k4, k5, k6] = *d;
    let r2 = x * x + y * y;
    let (r4, r6) = (r2 * r2, r2 * r2 * r2);
    let c = (1.0 + k1 * r2 + k2 * r4 + k3 * r6) / (1.0 + k4 * r2 + k5 * r4 + k6 * r6);
    [x * c + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x), y * c + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y]
}

#[test]
fn the_derivatives_equal_finite_differences() {
    let h = 1e-6;
    for lens in [wide(), rational()] {
        for (x, y) in [(0.0, 0.0), (0.3, -0.2), (-0.5, 0.4), (0.05, 0.6)] {
            let at = |x: f64, y: f64| lens.evaluate(&Vector2::new(x, y)).0;
            let by_x = (at(x + h, y) - at(x - h, y)) / (2.0 * h);
            let by_y = (at(x, y + h) - at(x, y - h)) / (2.0 * h);
            let jacobian = lens.evaluate(&Vector2::new(x, y)).1;
            assert!((jacobian - Matrix2::from_columns(&[by_x, by_y])).norm() < 1e-8);
        }
    }
}

#[test]
fn no_coefficients_mean_no_distortion() {
    for lens in [
        Distortion::from_model("", &[]).unwrap(),
        Distortion::from_model("equidistant", &[]).unwrap(),
        Distortion::from_model("plumb_bob", &[0.0; 5]).unwrap(),
        Distortion::from_model("rational_polynomial", &[0.0; 14]).unwrap(),
    ] {
        assert!(lens.is_none());
        assert_eq!(lens.distort([40.0, -3.0]), Some([40.0, -3.0]));
        assert_eq!(lens.undistort([40.0, -3.0]), Some([40.0, -3.0]));
    }
}

#[test]
fn beyond_the_fold_there_is_no_point() {
    // x (1 - x^2) turns at x = 1/sqrt(3), where it reaches 2/(3 sqrt 3).
    let lens = Distortion::from_model("plumb_bob", &[-1.0, 0.0, 0.0, 0.0]).unwrap();
    assert!((lens.radius_max() - 3f64.sqrt().recip()).abs() < 1e-9);
    let edge = 2.0 / (3.0 * 3f64.sqrt());
    assert!(lens.undistort([edge - 1e-3, 0.0]).is_some());
    assert_eq!(lens.undistort([edge + 1e-3, 0.0]), None);
    assert!(lens.distort([0.57, 0.0]).is_some());
    assert_eq!(lens.distort([0.60, 0.0]), None, "on its way back");
    assert_eq!(lens.distort([3.0, 0.0]), None, "on the other side");
}

#[test]
fn the_pole_of_a_rational_lens_is_a_border() {
    // 1 / (1 - s): pole at radius 1.
    let d = [0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0];
    let lens = Distortion::from_model("rational_polynomial", &d).unwrap();
    assert!(lens.radius_max() <= 1.0);
    let far = lens.distort([0.999, 0.0]).unwrap();
    assert!(far[0] > 400.0);
    let back = lens.undistort(far).unwrap();
    assert!((back[0] - 0.999).abs() < 1e-9);
    assert_eq!(lens.distort([1.001, 0.0]), None);
}

#[test]
fn what_is_not_finite_has_no_image() {
    for lens in [Distortion::NONE, wide(), rational()] {
        for bad in [[f64::NAN, 0.0], [0.0, f64::INFINITY], [f64::MAX, f64::NAN]] {
            assert_eq!(lens.distort(bad), None);
            assert_eq!(lens.undistort(bad), None);
        }
    }
}

#[test]
fn coefficients_that_do_not_fit_their_model_are_refused_with_the_place() {
    let refuse = |name: &str, d: &[f64]| Distortion::from_model(name, d).unwrap_err().to_string();
    assert!(refuse("equidistant", &[0.1; 4]).contains("\"equidistant\""));
    assert!(refuse("plumb_bob", &[0.1; 3]).contains("4 or 5"));
    assert!(refuse("rational_polynomial", &[0.1; 9]).contains("9 given"));
    assert!(refuse("plumb_bob", &[0.1, 0.0, f64::NAN, 0.0]).contains("d[2]"));
    let mut prism = [0.0; 12];
    prism[9] = 0.01;
    assert!(refuse("rational_polynomial", &prism).contains("d[9]"));
    assert!(refuse(&"x".repeat(10_000), &[0.1; 5]).len() < 200);
}

proptest! {
    #[test]
    fn distortion_is_the_formula_of_opencv(x in -0.5..0.5f64, y in -0.5..0.5f64) {
        let [k1, k2, p1, p2, k3] = WIDE;
        for (lens, d) in [(wide(), [k1, k2, p1, p2, k3, 0.0, 0.0, 0.0]), (rational(), RATIONAL)] {
            let (ours, expected) = (lens.distort([x, y]).unwrap(), opencv(&d, x, y));
            prop_assert!((ours[0] - expected[0]).abs() < 1e-14);
            prop_assert!((ours[1] - expected[1]).abs() < 1e-14);
        }
    }

    #[test]
    fn what_was_distorted_comes_back(x in -0.8..0.8f64, y in -0.5..0.5f64) {
        for lens in [wide(), rational()] {
            if let Some(image) = lens.distort([x, y]) {
                let back = lens.undistort(image);
                prop_assert!(back.is_some(), "{image:?}");
                let [bx, by] = back.unwrap();
                prop_assert!((bx - x).abs() < 1e-6 && (by - y).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn any_coefficients_give_the_inverse_or_nothing(
        d in prop::array::uniform8(-3.0..3.0f64), x in -3.0..3.0f64, y in -3.0..3.0f64
    ) {
        let lens = Distortion::from_model("rational_polynomial", &d).unwrap();
        if let Some(point) = lens.undistort([x, y]) {
            let [ix, iy] = lens.distort(point).unwrap();
            prop_assert!((ix - x).abs() < 1e-8 && (iy - y).abs() < 1e-8);
        }
    }

    #[test]
    fn any_bits_are_survived(d in prop::collection::vec(any::<f64>(), 0..16), x in any::<f64>(), y in any::<f64>()) {
        for name in ["plumb_bob", "rational_polynomial", "", "fisheye"] {
            if let Ok(lens) = Distortion::from_model(name, &d) {
                let _ = lens.distort([x, y]);
                let _ = lens.undistort([x, y]);
            }
        }
    }
}
