//! From what a crop shows to a pose in the camera.

use calibration::so3::to_wxyz;
use calibration::{PinholeCamera, Rotation};
use kernels::BoxPx;
use models::retrieval::Retrieval;
use nalgebra::{Matrix3, Vector3};

use crate::object_pose::{Alternative, ObjectPose};
use crate::stages::locate::{LocateStage, Location};

/// Through the centre of the box, in optical axes: about where the object is, before it is placed.
pub(super) fn viewing_ray(box_px: &BoxPx, camera: &PinholeCamera) -> Vector3<f64> {
    // Boxes count from the image's corner, the calibration from the first pixel's centre.
    let [u, v] = box_px.center().map(f64::from);
    camera.with_corner_origin().ray(u, v)
}

/// Turns what the crop shows into where the object is. `None` where no finite place exists.
///
/// What the crop shows is relative to the ray of the object's centre, which only its place tells; from the ray of the 2D box's centre that
/// differs by up to a degree for near objects. So the object is placed twice.
pub(super) fn place(
    pose: &mut ObjectPose,
    retrieval: &Retrieval,
    box_px: &BoxPx,
    camera: &PinholeCamera,
    dimensions_m: [f64; 3],
    locate: &LocateStage,
) -> Option<()> {
    let along = |ray: &Vector3<f64>| {
        let camera_from_ray = calibration::ray::camera_from_ray(ray)?;
        let egocentric = camera_from_ray * retrieval.best.rotation;
        Some((camera_from_ray, egocentric, locate.run(box_px, camera, &egocentric, dimensions_m)?))
    };
    let (_, _, guess) = along(&viewing_ray(box_px, camera))?;
    let (camera_from_ray, egocentric, location) = along(&guess.translation_m)?;

    pose.has_pose = true;
    pose.camera_from_object = to_wxyz(&egocentric);
    pose.allocentric = to_wxyz(&retrieval.best.rotation);
    pose.translation_m = location.translation_m.into();
    pose.covariance = covariance_of(&location, &retrieval.covariance, &camera_from_ray);
    pose.dimensions_m = dimensions_m;
    pose.similarity = retrieval.similarity as f32;
    pose.probability = retrieval.best.probability as f32;
    pose.flip_probability = retrieval.flip_probability as f32;
    for other in &retrieval.alternatives {
        // Both lists have the same bound.
        let _ = pose.alternatives.push(Alternative {
            rotation_wxyz: to_wxyz(&(camera_from_ray * other.rotation)),
            probability: other.probability as f32,
        });
    }
    Some(())
}

/// Row-major 6x6: position and rotation blocks, both in camera axes, independent of each other.
fn covariance_of(location: &Location, allocentric: &Matrix3<f64>, camera_from_ray: &Rotation) -> [f64; 36] {
    let turn = camera_from_ray.to_rotation_matrix();
    let rotational = turn.matrix() * allocentric * turn.matrix().transpose();
    let mut covariance = [0.0; 36];
    for row in 0..3 {
        for column in 0..3 {
            covariance[6 * row + column] = location.covariance[(row, column)];
            covariance[6 * (row + 3) + column + 3] = rotational[(row, column)];
        }
    }
    covariance
}
