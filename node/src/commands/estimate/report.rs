//! The answer of `estimate`: JSON that scripts may rely on, or a table to read.

use std::fmt::Write as _;

use calibration::{Rotation, Viewpoint};
use nalgebra::{Quaternion, UnitQuaternion};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::calibration::Camera;
use crate::detection::Detection;
use crate::object_pose::ObjectPose;
use crate::pipeline::Pipeline;
use crate::trace::{Name, Refinement};

/// Everything that is printed. Field names are a promise: added to, never renamed.
#[derive(Serialize)]
pub struct Report {
    objects: Vec<Object>,
    timing_us: Map<String, Value>,
    provider: String,
    provider_description: String,
    model: Value,
    camera: Value,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Object {
    #[serde(rename = "box")]
    box_px: [Option<f32>; 4],
    class: String,
    score: Option<f32>,
    id: String,
    status: &'static str,
    /// How the refinement of its pose ended; null where the pose is the retrieved one.
    refinement: Option<&'static str>,
    rotation_wxyz: Option<[f64; 4]>,
    viewpoint_deg: Option<ViewpointDeg>,
    translation_m: Option<[f64; 3]>,
    covariance: Option<Vec<f64>>,
    dimensions_m: Option<[f64; 3]>,
    similarity: Option<f32>,
    probability: Option<f32>,
    flip_probability: Option<f32>,
    alternatives: Vec<Value>,
}

#[derive(Serialize)]
struct ViewpointDeg {
    azimuth: f64,
    elevation: f64,
    in_plane: f64,
}

impl Report {
    /// Gathers the answer to `detections`; `poses` as the pipeline gave them.
    pub fn new(detections: &[Detection], poses: &[ObjectPose], camera: &Camera, pipeline: &Pipeline) -> Self {
        let times = pipeline.stage_us();
        let mut timing_us: Map<String, Value> =
            times.iter().map(|(stage, us)| (stage.as_str().to_owned(), us.into())).collect();
        timing_us.insert("total".to_owned(), times.total_us().into());

        let mut notes: Vec<String> = camera.note.iter().cloned().collect();
        notes.extend(pipeline.refused().iter().map(|(provider, why)| format!("provider {provider} refused: {why}")));
        notes.extend(pipeline.backbone_failure().map(|failure| format!("the network failed: {failure}")));

        let manifest = pipeline.manifest();
        let pinhole = &camera.pinhole;
        Self {
            objects: poses
                .iter()
                .filter_map(|pose| Some(object(detections.get(pose.detection_index)?, pose)))
                .collect(),
            timing_us,
            provider: pipeline.provider().to_string(),
            provider_description: pipeline.provider_description(),
            model: json!({
                "name": manifest.name,
                "version": manifest.version,
                "sha256": pipeline.model_sha256(),
            }),
            camera: json!({
                "source": camera.source,
                "fx_px": pinhole.fx_px,
                "fy_px": pinhole.fy_px,
                "cx_px": pinhole.cx_px,
                "cy_px": pinhole.cy_px,
            }),
            notes,
        }
    }

    /// One JSON object, indented.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|error| json!({ "error": error.to_string() }).to_string())
    }

    /// One line for each object, then what the reader should know.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:>3}  {:<12} {:<28} {:>8} {:>8} {:>8}   {:>24}  {:>6} {:>6}",
            "#", "class", "status", "azimuth", "elevat.", "in-plane", "x y z (m)", "+-deg", "flip"
        );
        for (index, object) in self.objects.iter().enumerate() {
            let _ = write!(text, "{index:>3}  {:<12} {:<28}", object.class, object.status);
            if let (Some(view), Some([x, y, z]), Some(covariance), Some(flip)) =
                (&object.viewpoint_deg, object.translation_m, &object.covariance, object.flip_probability)
            {
                let variance: f64 = [21, 28, 35].iter().filter_map(|&at| covariance.get(at)).sum();
                let _ = write!(
                    text,
                    " {:>8.1} {:>8.1} {:>8.1}   {:>24}  {:>6.1} {:>5.0}%",
                    view.azimuth,
                    view.elevation,
                    view.in_plane,
                    format!("{x:.2} {y:.2} {z:.2}"),
                    variance.sqrt().to_degrees(),
                    100.0 * flip
                );
            }
            text.push('\n');
        }
        let name = |key: &str| self.model.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let _ = writeln!(text, "model {} {}, {}", name("name"), name("version"), self.provider_description);
        let times = self.timing_us.iter().map(|(stage, us)| format!("{stage} {us}"));
        let _ = writeln!(text, "us: {}", times.collect::<Vec<_>>().join(", "));
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }
}

fn object(detection: &Detection, pose: &ObjectPose) -> Object {
    let finite = |x: f32| x.is_finite().then_some(x);
    let b = &detection.box_px;
    let found = pose.has_pose;
    Object {
        box_px: [b.x1, b.y1, b.x2, b.y2].map(finite),
        class: pose.class.as_str().to_owned(),
        score: finite(detection.score),
        id: detection.id.as_str().to_owned(),
        status: pose.status.as_str(),
        refinement: pose.refinement.filter(|_| found).map(|status| Refinement::from(status).as_str()),
        rotation_wxyz: found.then_some(pose.camera_from_object),
        viewpoint_deg: found.then(|| viewpoint_deg(pose.allocentric)),
        translation_m: found.then_some(pose.translation_m),
        covariance: found.then(|| pose.covariance.to_vec()),
        dimensions_m: found.then_some(pose.dimensions_m),
        similarity: found.then_some(pose.similarity),
        probability: found.then_some(pose.probability),
        flip_probability: found.then_some(pose.flip_probability),
        alternatives: pose
            .alternatives
            .iter()
            .map(|other| json!({ "rotation_wxyz": other.rotation_wxyz, "probability": other.probability }))
            .collect(),
    }
}

fn viewpoint_deg([w, x, y, z]: [f64; 4]) -> ViewpointDeg {
    let allocentric: Rotation = UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z));
    let [azimuth, elevation, in_plane] = Viewpoint::from_rotation(&allocentric).to_degrees();
    ViewpointDeg { azimuth, elevation, in_plane }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object_pose::{ObjectStatus, Rejection};
    use kernels::BoxPx;

    fn detection() -> Detection {
        Detection {
            box_px: BoxPx { x1: 1.0, y1: f32::INFINITY, x2: 3.0, y2: 4.0 },
            class_id: "car".try_into().unwrap(),
            score: f32::NAN,
            id: Default::default(),
        }
    }

    #[test]
    fn an_object_without_a_pose_has_nulls_not_numbers() {
        let status = ObjectStatus::Rejected(Rejection::BoxNotFinite);
        let pose = ObjectPose::without_pose(0, "car".try_into().unwrap(), status);
        let value = serde_json::to_value(object(&detection(), &pose)).unwrap();
        assert_eq!(value["status"], "rejected:box_not_finite");
        assert_eq!(value["box"], json!([1.0, null, 3.0, 4.0]));
        for key in ["refinement", "rotation_wxyz", "viewpoint_deg", "translation_m", "covariance", "similarity"] {
            assert!(value[key].is_null(), "{key}");
        }
        assert_eq!(value["alternatives"], json!([]));
    }

    #[test]
    fn the_viewpoint_is_the_allocentric_one() {
        let [azimuth, elevation, in_plane] = [200.0, 10.0, -3.0];
        let rotation = Viewpoint::from_degrees(azimuth, elevation, in_plane).to_rotation();
        let view = viewpoint_deg(calibration::so3::to_wxyz(&rotation));
        for (found, expected) in [(view.azimuth, azimuth), (view.elevation, elevation), (view.in_plane, in_plane)] {
            assert!((found - expected).abs() < 1e-9);
        }
    }
}
