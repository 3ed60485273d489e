//! Rotations as a group: distance, exponential map, mean, and the way they cross borders.

use nalgebra::{Matrix4, Quaternion, SymmetricEigen, UnitQuaternion, Vector3};

use crate::Rotation;

/// How far the norm of a quaternion that came from outside may be from one.
const NORM_DEVIATION_MAX: f64 = 1e-2;
/// The 4x4 symmetric QR iteration needs fewer than ten sweeps; this only bounds the impossible case.
const EIGEN_SWEEPS_MAX: usize = 200;

/// Angle of the rotation that takes `a` to `b`, in [0, pi] radians.
///
/// `2 atan2(|v|, |w|)` of the relative quaternion: well conditioned both near 0, where `acos` loses half of
/// the digits, and near pi, where `asin` does.
pub fn geodesic_angle(a: &Rotation, b: &Rotation) -> f64 {
    let relative = a.inverse() * b;
    2.0 * relative.imag().norm().atan2(relative.w.abs())
}

/// Rotation by `|w|` radians about the axis `w` (exponential map). Inverse of [`log`] for `|w| < pi`.
pub fn exp(w: &Vector3<f64>) -> Rotation {
    let half = 0.5 * w.norm();
    // sin(h)/h; the series is exact to rounding below 1e-4.
    let sinc = if half < 1e-4 { 1.0 - half * half / 6.0 } else { half.sin() / half };
    let imaginary = w * (0.5 * sinc);
    UnitQuaternion::from_quaternion(Quaternion::from_parts(half.cos(), imaginary))
}

/// Rotation vector of `r`: axis times angle, angle in [0, pi] radians (logarithmic map).
pub fn log(r: &Rotation) -> Vector3<f64> {
    let (w, v) = (r.w.abs(), r.imag() * if r.w < 0.0 { -1.0 } else { 1.0 });
    let sine = v.norm();
    if sine < 1e-9 {
        return v * (2.0 / w); // atan2(s, w)/s -> 1/w
    }
    v * (2.0 * sine.atan2(w) / sine)
}

/// Weighted mean of rotations: the one that minimises the weighted sum of squared chordal distances.
///
/// The eigenvector of the largest eigenvalue of `sum w q q^T` (Markley, Cheng, Crassidis, Oshman, "Averaging
/// quaternions", 2007), so the sign of a quaternion does not matter. Where two rotations half a turn apart
/// weigh the same, the mean is not unique and one of its values is returned. Allocates nothing.
///
/// `None` where the slices differ in length, a weight is negative, or the sum of weights is not positive and finite.
pub fn weighted_mean(rotations: &[Rotation], weights: &[f64]) -> Option<Rotation> {
    let total: f64 = weights.iter().sum();
    let usable = rotations.len() == weights.len()
        && weights.iter().all(|weight| *weight >= 0.0)
        && total > 0.0
        && total.is_finite();
    if !usable {
        return None;
    }
    let mut moment = Matrix4::<f64>::zeros();
    for (rotation, weight) in rotations.iter().zip(weights) {
        let coordinates = &rotation.as_ref().coords;
        moment += coordinates * coordinates.transpose() * (weight / total);
    }
    if !moment.iter().all(|value| value.is_finite()) {
        return None;
    }
    let eigen = SymmetricEigen::try_new(moment, f64::EPSILON, EIGEN_SWEEPS_MAX)?;
    let mean = eigen.eigenvectors.column(eigen.eigenvalues.imax()).into_owned();
    Some(UnitQuaternion::from_quaternion(Quaternion::from_vector(mean)))
}

/// Rotation of a quaternion (w, x, y, z) that came from a file or a message; normalised.
///
/// `None` where a number is not finite or the norm is more than 1 % from one: such a row is damaged.
pub fn from_wxyz(wxyz: [f32; 4]) -> Option<Rotation> {
    let [w, x, y, z] = wxyz.map(f64::from);
    let quaternion = Quaternion::new(w, x, y, z);
    let unit = (quaternion.norm() - 1.0).abs() <= NORM_DEVIATION_MAX; // false for NaN
    unit.then(|| UnitQuaternion::from_quaternion(quaternion))
}

/// Quaternion (w, x, y, z) of a rotation with the sign fixed: the first number that is not zero is positive.
pub fn to_wxyz(r: &Rotation) -> [f64; 4] {
    let wxyz = [r.w, r.i, r.j, r.k];
    let negative = wxyz.iter().find(|value| **value != 0.0).is_some_and(|first| *first < 0.0);
    if negative { wxyz.map(|v| -v) } else { wxyz }
}

/// Rows of the matrix of a rotation, in single precision: what kernels work with.
pub fn to_rows(r: &Rotation) -> [[f32; 3]; 3] {
    let matrix = r.to_rotation_matrix();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| matrix[(row, column)] as f32))
}

#[cfg(test)]
mod tests;
