//! Wrapping of angles: which turn an angle is reported in.

use std::f64::consts::{PI, TAU};

/// The same direction in [-pi, pi). NaN and infinities give NaN.
pub fn wrap_signed_rad(angle_rad: f64) -> f64 {
    if (-PI..PI).contains(&angle_rad) {
        return angle_rad; // exact: no rounding for what is already wrapped
    }
    let wrapped = (angle_rad + PI).rem_euclid(TAU) - PI;
    if wrapped >= PI { -PI } else { wrapped }
}

/// The same direction in [0, 2 pi). NaN and infinities give NaN.
pub fn wrap_positive_rad(angle_rad: f64) -> f64 {
    let wrapped = angle_rad.rem_euclid(TAU);
    // A tiny negative angle rounds up to a whole turn.
    if wrapped >= TAU { 0.0 } else { wrapped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_a_turn_is_reported_as_negative() {
        assert_eq!(wrap_signed_rad(PI), -PI);
        assert_eq!(wrap_signed_rad(-PI), -PI);
        assert_eq!(wrap_signed_rad(3.0), 3.0);
    }

    #[test]
    fn a_tiny_negative_angle_is_not_a_whole_turn() {
        assert_eq!(wrap_positive_rad(-1e-300), 0.0);
        assert!(wrap_positive_rad(-1e-9) < TAU);
    }

    #[test]
    fn what_is_not_finite_stays_visible() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(wrap_signed_rad(bad).is_nan());
            assert!(wrap_positive_rad(bad).is_nan());
        }
    }

    proptest! {
        #[test]
        fn wrapping_keeps_the_direction(angle_rad in -50.0..50.0f64) {
            let (signed, positive) = (wrap_signed_rad(angle_rad), wrap_positive_rad(angle_rad));
            prop_assert!((-PI..PI).contains(&signed));
            prop_assert!((0.0..TAU).contains(&positive));
            for wrapped in [signed, positive] {
                prop_assert!((wrapped.sin() - angle_rad.sin()).abs() < 1e-12);
                prop_assert!((wrapped.cos() - angle_rad.cos()).abs() < 1e-12);
            }
        }
    }
}
