//! The camera's calibration: the latest usable one holds.

use calibration::PinholeCamera;

use crate::launch::CameraConfig;
use crate::messages::camera_info::CameraInfo;
use crate::status::CameraState;
use crate::trace::{Empty, Event, Trace};
use crate::transport::{Arrival, Subscriber};

/// A calibration message is small: names, 35 numbers and a few coefficients.
const MESSAGE_BYTES_MAX: usize = 4096;

/// The calibrations' door.
pub struct Calibrations {
    subscriber: Subscriber,
    staging: Vec<u8>,
    image_is_rectified: bool,
    state: Option<CameraState>,
    refusal_told: bool,
}

impl Calibrations {
    pub fn new(subscriber: Subscriber, config: &CameraConfig) -> Self {
        Self {
            subscriber,
            staging: Vec::with_capacity(MESSAGE_BYTES_MAX),
            image_is_rectified: config.image_is_rectified,
            state: None,
            refusal_told: false,
        }
    }

    /// Takes over the newest calibration, if one came and can be used; otherwise the one before stays.
    pub fn receive(&mut self, trace: &mut Trace) {
        let Some(taken) = self.subscriber.take() else { return };
        trace.events.add(Event::Calibrations, 1 + taken.displaced_count);
        match self.read(&taken.value) {
            Ok(state) => {
                if state.distortion_is_ignored && self.state.is_none_or(|before| !before.distortion_is_ignored) {
                    tracing::warn!(
                        "the frames are raw and the lens has distortion, which is left in: rectify for full accuracy"
                    );
                }
                self.state = Some(state);
                self.refusal_told = false;
            }
            Err(why) => {
                trace.events.add(Event::CalibrationsRefused, 1);
                if !std::mem::replace(&mut self.refusal_told, true) {
                    tracing::warn!("calibration refused: {why}");
                }
            }
        }
    }

    fn read(&mut self, arrival: &Arrival) -> Result<CameraState, String> {
        let bytes = arrival.bytes(MESSAGE_BYTES_MAX, &mut self.staging).map_err(|fault| fault.to_string())?;
        let info = CameraInfo::parse(bytes).map_err(|error| error.to_string())?;
        let camera = info.camera(self.image_is_rectified).map_err(|fault| fault.to_string())?;
        if !arrival.is_valid() {
            return Err("its shared memory was taken back while it was read".to_owned());
        }
        Ok(CameraState { camera, distortion_is_ignored: !self.image_is_rectified && info.is_distorted() })
    }

    /// The camera of an image of `size_px` (width, height).
    pub fn camera_for(&self, size_px: [u32; 2]) -> Result<PinholeCamera, Empty> {
        let camera = self.state.ok_or(Empty::NoCalibration)?.camera;
        if size_px == [camera.width_px, camera.height_px] { Ok(camera) } else { Err(Empty::CalibrationSize) }
    }

    /// The calibration in use.
    pub fn state(&self) -> Option<&CameraState> {
        self.state.as_ref()
    }
}
