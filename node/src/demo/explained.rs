//! How the poses of one frame were refined, as pictures for the report.

use image::{Rgb, RgbImage};
use kernels::{CpuCrop, Crop, CropSpec, check_box};

use super::busiest::Busiest;
use super::report::data_uri;
use crate::pipeline::Pipeline;

/// Objects that are explained, at most: the largest of the frame.
const OBJECTS_MAX: usize = 4;

/// The largest objects of a frame, each as an SVG picture; none where the model does not refine.
///
/// # Errors
/// What refuses the frame or the crop.
pub fn explain(pipeline: &mut Pipeline, busiest: Option<&Busiest>) -> anyhow::Result<Vec<String>> {
    let Some(busiest) = busiest.filter(|_| pipeline.refines()) else { return Ok(Vec::new()) };
    busiest.process(pipeline)?;
    let spec = CropSpec { mean: [0.0; 3], std: [1.0; 3], ..CropSpec::from(&pipeline.manifest().input) };
    let mut order: Vec<usize> = (0..busiest.detections().len()).collect();
    let area = |index: &usize| {
        let box_px = &busiest.detections()[*index].box_px;
        (box_px.x2 - box_px.x1) * (box_px.y2 - box_px.y1)
    };
    order.sort_by(|a, b| area(b).total_cmp(&area(a)));
    let mut pictures = Vec::new();
    for index in order {
        if pictures.len() == OBJECTS_MAX {
            break;
        }
        if let Some(explanation) = pipeline.explain(index)? {
            pictures.push(explanation.svg(&data_uri(&cut(busiest, index, &spec)?)?));
        }
    }
    Ok(pictures)
}

/// What the network sees of a detection.
fn cut(busiest: &Busiest, index: usize, spec: &CropSpec) -> anyhow::Result<RgbImage> {
    let (width, height) = busiest.picture().dimensions();
    let box_px = check_box(&busiest.detections()[index].box_px, width, height, 0.0)?;
    let plane = (spec.width * spec.height) as usize;
    let mut pixels = vec![0.0; 3 * plane];
    CpuCrop::new().crop(&busiest.view()?, &[box_px], spec, &mut pixels)?;
    Ok(RgbImage::from_fn(spec.width, spec.height, |x, y| {
        let at = (y * spec.width + x) as usize;
        Rgb([0, 1, 2].map(|channel| (pixels[channel * plane + at] * 255.0).round() as u8))
    }))
}
