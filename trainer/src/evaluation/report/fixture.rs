//! Outcomes made up for tests.

use std::collections::BTreeMap;

use calibration::Viewpoint;
use image::RgbImage;
use kernels::{BoxPx, CropSpec};
use nalgebra::{Matrix3, Vector3};

use crate::evaluation::crops::CropKind;
use crate::evaluation::gallery::Look;
use crate::evaluation::measure::{Measured, Outcome, Shown};
use crate::evaluation::summary::{Subject, Summary};
use crate::evaluation::uncertainty::Claim;

/// A small crop.
pub const SPEC: CropSpec =
    CropSpec { width: 40, height: 24, context_margin: 0.06, fill: [0.5; 3], mean: [0.5; 3], std: [0.5; 3] };

/// A car seen at an azimuth and answered `error_deg` off.
pub fn outcome(name: &str, azimuth_deg: f64, error_deg: f64) -> Outcome {
    let truth = Viewpoint::from_degrees(azimuth_deg, 5.0, 0.0);
    Outcome {
        name: name.to_owned(),
        category: "car".to_owned(),
        split: "fully_visible".to_owned(),
        occlusion: 0,
        truth,
        found: Viewpoint::from_degrees(azimuth_deg + error_deg, 5.0, 0.0),
        claim: Claim {
            error_deg,
            residual_rad: Vector3::new(0.0, error_deg.to_radians(), 0.0),
            covariance: Matrix3::identity() * 0.004,
            flip_probability: if error_deg > 90.0 { 0.4 } else { 0.02 },
        },
        similarity: 0.8,
        probability: 0.9,
        box_px: BoxPx { x1: 1.0, y1: 2.0, x2: 30.0, y2: 20.0 },
    }
}

/// Nine cars, one of them flipped, one without a name that HTML would take as it is.
pub fn measured() -> Measured {
    let mut measured = Measured::new(CropKind::Tight, 0, Shown { count_max: 3, is_explained: false });
    for (index, error_deg) in [2.0, 4.0, 1.0, 7.0, 12.0, 35.0, 3.0, 5.0, 176.0].into_iter().enumerate() {
        let mut outcome = outcome(&format!("<car> & {index}"), 40.0 * index as f64, error_deg);
        if index % 3 == 2 {
            outcome.split = "largely_occluded".to_owned();
        }
        let look = || Ok(Look { crop: RgbImage::new(SPEC.width, SPEC.height), explanation: None });
        measured.gallery.offer(&outcome, look).unwrap();
        measured.outcomes.push(outcome);
    }
    measured
}

/// Their table.
pub fn summary() -> Summary {
    let [model, model_sha256, protocol] = ["car", "00ff", "kitti3d"].map(String::from);
    Summary::of(&Subject { model, model_sha256, protocol, level_sigma_deg: 0.0 }, &measured(), &BTreeMap::new())
}
