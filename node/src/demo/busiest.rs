//! The frame of a sequence with the most detections: the one to measure with, and to explain.

use anyhow::Context;
use calibration::PinholeCamera;
use image::RgbImage;
use kernels::{BoxPx, ImageView, PixelFormat};

use crate::detection::Detection;
use crate::frame::Frame;
use crate::pipeline::Pipeline;
use crate::replay::{PlayOptions, Sequence, SequenceFrame};
use crate::time::{Deadline, MonotonicClock, Stamp};

/// A frame with what will be sent for it.
pub struct Busiest {
    name: String,
    picture: RgbImage,
    camera: PinholeCamera,
    detections: Vec<Detection>,
}

impl Busiest {
    /// Of a sequence; none where that has no frame.
    ///
    /// # Errors
    /// The picture cannot be read.
    pub fn of(sequence: &Sequence, options: &PlayOptions) -> anyhow::Result<Option<Self>> {
        let detected = |frame: &&SequenceFrame| detections(frame, options).len();
        let Some(frame) = sequence.frames.iter().max_by_key(detected) else { return Ok(None) };
        let name = frame.picture.display().to_string();
        let picture = image::open(&frame.picture).with_context(|| name.clone())?.into_rgb8();
        let camera = sequence.calibration.camera;
        Ok(Some(Self { name, picture, camera, detections: detections(frame, options) }))
    }

    /// What is detected in it.
    pub fn detections(&self) -> &[Detection] {
        &self.detections
    }

    /// Its picture.
    pub fn picture(&self) -> &RgbImage {
        &self.picture
    }

    /// Its pixels as the pipeline reads them.
    ///
    /// # Errors
    /// None, unless the picture has no pixel.
    pub fn view(&self) -> anyhow::Result<ImageView<'_>> {
        let (width, height) = self.picture.dimensions();
        Ok(ImageView::new(self.picture.as_raw(), width, height, width as usize * 3, PixelFormat::Rgb8)?)
    }

    /// Sends it through the pipeline, without a deadline.
    ///
    /// # Errors
    /// The pipeline refuses the frame, or its network fails.
    pub fn process(&self, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        let input = Frame { stamp: Stamp::default(), image: self.view()? };
        let clock = MonotonicClock::new();
        let answered = pipeline.process(&input, &self.camera, &self.detections, Deadline::NEVER, &clock);
        answered.with_context(|| self.name.clone())?;
        match pipeline.backbone_failure() {
            Some(failure) => anyhow::bail!("the network failed: {failure}"),
            None => Ok(()),
        }
    }
}

/// The detections that will be sent for a frame.
fn detections(frame: &SequenceFrame, options: &PlayOptions) -> Vec<Detection> {
    let wanted = frame.labels.iter().filter(|label| options.detects(label));
    let detection = |label: &calibration::kitti::TrackingLabel| {
        let [x1, y1, x2, y2] = label.object.box_px.map(|side| side as f32);
        let class_id = label.object.class.as_str().try_into().ok()?;
        Some(Detection { box_px: BoxPx { x1, y1, x2, y2 }, class_id, score: 1.0, id: Default::default() })
    };
    wanted.filter_map(detection).collect()
}
