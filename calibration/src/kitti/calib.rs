//! KITTI calibration files: the left colour camera (`P2`) and where it sits beside camera 0.
//!
//! Object and tracking files differ in a detail: some keys of the latter lack their colon. Only `P2` is read;
//! other keys are skipped.

use nalgebra::Vector3;

use super::{Fields, KittiError, lines};
use crate::PinholeCamera;

const KEY: &str = "P2";
const FIELD: [&str; 12] = [
    "P2[0][0]", "P2[0][1]", "P2[0][2]", "P2[0][3]", //
    "P2[1][0]", "P2[1][1]", "P2[1][2]", "P2[1][3]", //
    "P2[2][0]", "P2[2][1]", "P2[2][2]", "P2[2][3]",
];

/// Camera 2 of a KITTI recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Camera 2, rectified: it took the images.
    pub camera: PinholeCamera,
    /// Add to a point in rectified camera 0 to have it in camera 2 (same axes), metres: `K^-1 p4` of `P2 = [K | p4]`.
    pub camera2_from_camera0_m: Vector3<f64>,
}

impl Calibration {
    /// A point in camera 2, of the same point in rectified camera 0; metres.
    pub fn in_camera2_m(&self, in_camera0_m: &Vector3<f64>) -> Vector3<f64> {
        in_camera0_m + self.camera2_from_camera0_m
    }

    /// A point in rectified camera 0, of the same point in camera 2; metres.
    pub fn in_camera0_m(&self, in_camera2_m: &Vector3<f64>) -> Vector3<f64> {
        in_camera2_m - self.camera2_from_camera0_m
    }

    fn from_matrix(fields: &Fields<'_>, matrix: [f64; 12], width_px: u32, height_px: u32) -> Result<Self, KittiError> {
        for (index, expected) in [(1, 0.0), (4, 0.0), (8, 0.0), (9, 0.0), (10, 1.0)] {
            let (value, field) = (matrix[index], FIELD[index]);
            if value != expected {
                let belongs = if expected == 0.0 { "0" } else { "1" };
                return Err(fields.refuse(field, &value.to_string(), belongs));
            }
        }
        let [fx, _, cx, x4, _, fy, cy, y4, _, _, _, z4] = matrix;
        let camera = PinholeCamera::new(fx, fy, cx, cy, width_px, height_px).map_err(|source| KittiError::Camera {
            place: fields.place.to_owned(),
            line: fields.line,
            key: KEY,
            source,
        })?;
        let camera2_from_camera0_m = Vector3::new((x4 - cx * z4) / fx, (y4 - cy * z4) / fy, z4);
        if !camera2_from_camera0_m.iter().all(|v| v.is_finite()) {
            return Err(fields.refuse(FIELD[11], &z4.to_string(), "a distance in metres"));
        }
        Ok(Self { camera, camera2_from_camera0_m })
    }
}

/// Camera 2 of a calibration file, object or tracking form; keys with and without a colon.
///
/// The file does not say how large the images are: `width_px` and `height_px` come from the image.
/// `place` is the name of the file, for errors.
pub fn parse_calibration(text: &str, place: &str, width_px: u32, height_px: u32) -> Result<Calibration, KittiError> {
    let mut found = None;
    for (line, text) in lines(text) {
        let Some(numbers) = numbers_of_key(text) else {
            continue;
        };
        if found.is_some() {
            return Err(KittiError::DuplicateKey { place: place.to_owned(), line, key: KEY });
        }
        let mut fields = Fields::new(place, line, numbers);
        if fields.left_count() != FIELD.len() {
            return Err(fields.refuse_count("12 numbers after the key"));
        }
        let mut matrix = [0.0; 12];
        for (value, field) in matrix.iter_mut().zip(FIELD) {
            *value = fields.number(field)?;
        }
        found = Some(Calibration::from_matrix(&fields, matrix, width_px, height_px)?);
    }
    found.ok_or_else(|| KittiError::MissingKey { place: place.to_owned(), key: KEY })
}

/// What follows `P2:` or `P2 ` on a line that starts with it.
fn numbers_of_key(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix(KEY)?;
    match rest.strip_prefix(':') {
        Some(numbers) => Some(numbers),
        None => (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some(rest),
    }
}

/// A calibration file with the one key this project reads, in exponential notation as KITTI has it.
///
/// The intrinsics come back exactly, the translation to rounding. The size of the image is not part of the file.
pub fn emit_calibration(calibration: &Calibration) -> String {
    let camera = &calibration.camera;
    let t = &calibration.camera2_from_camera0_m;
    let fourth = [camera.fx_px * t.x + camera.cx_px * t.z, camera.fy_px * t.y + camera.cy_px * t.z, t.z];
    let rows = [
        [camera.fx_px, 0.0, camera.cx_px, fourth[0]],
        [0.0, camera.fy_px, camera.cy_px, fourth[1]],
        [0.0, 0.0, 1.0, fourth[2]],
    ];
    let numbers: Vec<String> = rows.iter().flatten().map(|v| format!("{v:e}")).collect();
    format!("{KEY}: {}\n", numbers.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix3, Matrix3x4};
    use proptest::prelude::*;

    // Made up: the form is KITTI's, the numbers are not.
    const P2: [f64; 12] = [700.0, 0.0, 600.0, 45.5, 0.0, 710.0, 180.0, 0.25, 0.0, 0.0, 1.0, 0.003];

    fn line(matrix: &[f64]) -> String {
        let numbers: Vec<String> = matrix.iter().map(|v| format!("{v:.12e}")).collect();
        numbers.join(" ")
    }

    fn parse(text: &str) -> Result<Calibration, KittiError> {
        parse_calibration(text, "000001.txt", 1242, 375)
    }

    #[test]
    fn object_and_tracking_forms_are_the_same_camera() {
        let numbers = line(&P2);
        let object = format!("P0: {numbers}\nP2: {numbers}\nR0_rect: 1 0 0\n\n");
        let tracking = format!("P0: {numbers}  \r\nP2: {numbers}  \r\nR_rect 1 0 0\r\n");
        let bare = format!("P2 {numbers}\nTr_velo_cam 1 2 3");
        let expected = parse(&object).unwrap();
        assert_eq!(parse(&tracking).unwrap(), expected);
        assert_eq!(parse(&bare).unwrap(), expected);
        let camera = expected.camera;
        assert_eq!((camera.fx_px, camera.fy_px), (700.0, 710.0));
        assert_eq!((camera.cx_px, camera.cy_px), (600.0, 180.0));
        assert_eq!((camera.width_px, camera.height_px), (1242, 375));
    }

    /// `P2 X` with homogeneous coordinates, written out, against translate-then-project.
    #[test]
    fn moving_to_camera_2_and_projecting_equals_the_whole_matrix() {
        let calibration = parse(&format!("P2: {}", line(&P2))).unwrap();
        let matrix = Matrix3x4::from_row_slice(&P2);
        let k: Matrix3<f64> = matrix.fixed_view::<3, 3>(0, 0).into();
        let inverse = k.try_inverse().unwrap() * matrix.column(3);
        assert!((calibration.camera2_from_camera0_m - inverse).norm() < 1e-12);
        let mut generator = crate::sampling::generator(51);
        for _ in 0..100 {
            let point = crate::sampling::point_in_view_m(&mut generator);
            let row = matrix * point.push(1.0);
            let moved = calibration.in_camera2_m(&point);
            let [u, v] = calibration.camera.project(&moved).unwrap();
            assert!((u - row.x / row.z).abs() < 1e-9 && (v - row.y / row.z).abs() < 1e-9);
            assert!((calibration.in_camera0_m(&moved) - point).norm() < 1e-12);
        }
    }

    #[test]
    fn errors_name_the_file_the_line_and_the_key() {
        let refuse = |text: &str| parse(text).unwrap_err().to_string();
        let numbers = line(&P2);
        assert_eq!(refuse("P1: 1 2 3\nP22: 1"), "000001.txt: key `P2` is missing");
        let twice = format!("P2: {numbers}\nP2: {numbers}");
        assert_eq!(refuse(&twice), "000001.txt:2: key `P2` was already given");
        assert!(refuse("P2: 1 2 3").starts_with("000001.txt:1: 3 fields"));
        assert!(refuse("\nP2").starts_with("000001.txt:2: 0 fields"));
        let damage = |index: usize, value: f64| {
            let mut matrix = P2;
            matrix[index] = value;
            refuse(&format!("\nP2: {}", line(&matrix)))
        };
        assert!(damage(7, f64::NAN).starts_with("000001.txt:2: field `P2[1][3]`: \"NaN\""));
        assert!(damage(1, 2.0).contains("field `P2[0][1]`: \"2\" is not 0"));
        assert!(damage(10, 0.5).contains("field `P2[2][2]`"));
        assert!(damage(5, 0.0).contains("key `P2`: `fy_px`"));
        assert!(damage(11, 1e308).contains("field `P2[2][3]`"));
    }

    proptest! {
        #[test]
        fn every_calibration_goes_there_and_back(
            fx in 100.0..5000.0f64, fy in 100.0..5000.0f64, cx in -10.0..4000.0f64, cy in -10.0..4000.0f64,
            x in -2.0..2.0f64, y in -2.0..2.0f64, z in -2.0..2.0f64
        ) {
            let calibration = Calibration {
                camera: PinholeCamera::new(fx, fy, cx, cy, 1242, 375).unwrap(),
                camera2_from_camera0_m: Vector3::new(x, y, z),
            };
            let back = parse(&emit_calibration(&calibration)).unwrap();
            prop_assert_eq!(back.camera, calibration.camera);
            let moved = back.camera2_from_camera0_m - calibration.camera2_from_camera0_m;
            prop_assert!(moved.norm() < 1e-12);
        }
    }
}
