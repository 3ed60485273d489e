//! `sensor_msgs/CameraInfo`: the camera's intrinsics.

use calibration::{CameraInfoError, ImageKind, PinholeCamera};
use thiserror::Error;

use super::MessageError;
use super::cdr::{Reader, Writer};
use super::header::Header;

/// Most distortion coefficients any ROS model has.
pub const DISTORTION_COUNT_MAX: usize = 14;
/// Longest name of a distortion model.
const DISTORTION_MODEL_BYTES_MAX: usize = 32;

/// A camera's calibration as published, row-major matrices, pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraInfo {
    /// Stamp and optical coordinate system of the camera.
    pub header: Header,
    /// Height of the calibrated image in pixels.
    pub height_px: u32,
    /// Width of the calibrated image in pixels.
    pub width_px: u32,
    /// `plumb_bob`, `rational_polynomial`, …; empty means none.
    pub distortion_model: heapless::String<DISTORTION_MODEL_BYTES_MAX>,
    /// Distortion coefficients in the model's order.
    pub d: heapless::Vec<f64, DISTORTION_COUNT_MAX>,
    /// 3x3 intrinsics of the raw image.
    pub k: [f64; 9],
    /// 3x3 rectification.
    pub r: [f64; 9],
    /// 3x4 projection of the rectified image.
    pub p: [f64; 12],
    /// Horizontal and vertical binning; 0 means 1.
    pub binning: [u32; 2],
    /// x offset, y offset, height, width of the region of interest; zeros mean the whole image.
    pub roi: [u32; 4],
    /// Whether the region of interest is to be rectified.
    pub roi_do_rectify: bool,
}

/// Why a calibration cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CameraInfoFault {
    /// Binned images need scaled intrinsics, which this node does not guess.
    #[error("binning is not supported")]
    Binned,
    /// A region of interest that is not the whole image.
    #[error("a region of interest is not supported")]
    RegionOfInterest,
    /// The matrices are not those of a pinhole camera.
    #[error(transparent)]
    Intrinsics(#[from] CameraInfoError),
}

impl CameraInfo {
    /// Reads the message. Nothing is borrowed.
    ///
    /// # Errors
    /// Every fault carries the offset of its field; more than [`DISTORTION_COUNT_MAX`] coefficients are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes)?;
        let header = Header::parse(&mut reader)?;
        let (height_px, width_px) = (reader.u32()?, reader.u32()?);
        let distortion_model = reader.string()?;
        let too_long = reader.fault_aligned(4, super::MessageFault::SequenceTooLong);
        let mut d = heapless::Vec::new();
        for _ in 0..reader.sequence_length(8)? {
            d.push(reader.f64()?).map_err(|_| too_long)?;
        }
        let info = Self {
            header,
            height_px,
            width_px,
            distortion_model,
            d,
            k: reader.f64_array()?,
            r: reader.f64_array()?,
            p: reader.f64_array()?,
            binning: [reader.u32()?, reader.u32()?],
            roi: [reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?],
            roi_do_rectify: reader.bool()?,
        };
        reader.finish()?;
        Ok(info)
    }

    /// Writes the message; returns its size in bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, MessageError> {
        let mut writer = Writer::new(out)?;
        self.emit_fields(&mut writer)?;
        Ok(writer.size_bytes())
    }

    /// Size of the message in bytes.
    pub fn size_bytes(&self) -> Result<usize, MessageError> {
        let mut writer = Writer::counting();
        self.emit_fields(&mut writer)?;
        Ok(writer.size_bytes())
    }

    fn emit_fields(&self, writer: &mut Writer<'_>) -> Result<(), MessageError> {
        self.header.emit(writer)?;
        writer.u32(self.height_px)?;
        writer.u32(self.width_px)?;
        writer.string(&self.distortion_model)?;
        writer.length(self.d.len())?;
        writer.f64_array(&self.d)?;
        writer.f64_array(&self.k)?;
        writer.f64_array(&self.r)?;
        writer.f64_array(&self.p)?;
        for value in self.binning.iter().chain(&self.roi) {
            writer.u32(*value)?;
        }
        writer.u8(u8::from(self.roi_do_rectify))
    }

    /// A calibration without distortion: `k` and `p` say the same, `r` is the identity.
    pub fn rectified(header: Header, camera: &PinholeCamera) -> Self {
        let PinholeCamera { fx_px, fy_px, cx_px, cy_px, width_px, height_px } = *camera;
        Self {
            header,
            height_px,
            width_px,
            distortion_model: heapless::String::try_from("plumb_bob").unwrap_or_default(),
            d: heapless::Vec::from_array([0.0; 5]),
            k: [fx_px, 0.0, cx_px, 0.0, fy_px, cy_px, 0.0, 0.0, 1.0],
            r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            p: [fx_px, 0.0, cx_px, 0.0, 0.0, fy_px, cy_px, 0.0, 0.0, 0.0, 1.0, 0.0],
            binning: [0; 2],
            roi: [0; 4],
            roi_do_rectify: false,
        }
    }

    /// The pinhole camera of the image: of the rectified one (`p`, or `k` where `p` is all zero), or of the raw one (`k`).
    /// Distortion is not applied: [`CameraInfo::is_distorted`] tells when a raw image needs it.
    ///
    /// # Errors
    /// Binning, a partial region of interest, or intrinsics that are not a pinhole's.
    pub fn camera(&self, image_is_rectified: bool) -> Result<PinholeCamera, CameraInfoFault> {
        if self.binning.iter().any(|binning| *binning > 1) {
            return Err(CameraInfoFault::Binned);
        }
        let [x_px, y_px, height_px, width_px] = self.roi;
        let whole = (height_px, width_px) == (0, 0) || (height_px, width_px) == (self.height_px, self.width_px);
        if x_px != 0 || y_px != 0 || !whole {
            return Err(CameraInfoFault::RegionOfInterest);
        }
        let projection_is_given = self.p.iter().any(|value| *value != 0.0);
        let kind = if image_is_rectified && projection_is_given { ImageKind::Rectified } else { ImageKind::Raw };
        let numbers = calibration::CameraInfo {
            width_px: self.width_px,
            height_px: self.height_px,
            distortion_model: &self.distortion_model,
            d: &self.d,
            k: &self.k,
            r: &self.r,
            p: &self.p,
        };
        Ok(PinholeCamera::from_camera_info(&numbers, kind)?)
    }

    /// Whether raw images of this camera are not a pinhole's: a coefficient is not zero, or the model (a fisheye's `equidistant`)
    /// bends rays even without.
    pub fn is_distorted(&self) -> bool {
        let vanishes_at_zero = ["", "plumb_bob", "rational_polynomial"].contains(&self.distortion_model.as_str());
        !vanishes_at_zero || self.d.iter().any(|coefficient| *coefficient != 0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::messages::MessageFault;
    use crate::time::Stamp;

    fn info() -> CameraInfo {
        let header = Header { stamp: Stamp { sec: 3, nanosec: 4 }, frame_id: "camera".try_into().unwrap() };
        let camera =
            PinholeCamera { fx_px: 721.5, fy_px: 720.0, cx_px: 609.5, cy_px: 172.8, width_px: 1242, height_px: 375 };
        CameraInfo::rectified(header, &camera)
    }

    fn emitted(info: &CameraInfo) -> Vec<u8> {
        let mut out = vec![0; info.size_bytes().unwrap()];
        assert_eq!(info.emit(&mut out).unwrap(), out.len());
        out
    }

    /// The same message laid by hand from the definition in sensor_msgs.
    fn laid_by_hand() -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0];
        bytes.extend(b"camera\0\0"); // body bytes 12..19, then padding to 20
        bytes.extend(375u32.to_le_bytes());
        bytes.extend(1242u32.to_le_bytes());
        bytes.extend(10u32.to_le_bytes());
        bytes.extend(b"plumb_bob\0\0\0"); // body bytes 32..42, then padding to 44
        bytes.extend(5u32.to_le_bytes()); // body byte 44; doubles start at 48
        let k = [721.5, 0.0, 609.5, 0.0, 720.0, 172.8, 0.0, 0.0, 1.0];
        let r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let p = [721.5, 0.0, 609.5, 0.0, 0.0, 720.0, 172.8, 0.0, 0.0, 0.0, 1.0, 0.0];
        for value in [0.0f64; 5].iter().chain(&k).chain(&r).chain(&p) {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 6 * 4 + 1]); // binning, roi, do_rectify
        bytes
    }

    #[test]
    fn a_calibration_is_laid_as_by_hand_and_reads_back() {
        assert_eq!(emitted(&info()), laid_by_hand());
        assert_eq!(CameraInfo::parse(&laid_by_hand()).unwrap(), info());
    }

    #[test]
    fn a_message_cut_at_any_byte_is_refused() {
        let bytes = emitted(&info());
        for length in 0..bytes.len() {
            assert!(CameraInfo::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn an_endless_list_of_coefficients_is_refused() {
        let mut bytes = emitted(&info());
        bytes[48..52].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(CameraInfo::parse(&bytes).unwrap_err().fault, MessageFault::SequenceTooLong);
        bytes[48..52].copy_from_slice(&15u32.to_le_bytes());
        assert_eq!(CameraInfo::parse(&bytes).unwrap_err().fault, MessageFault::SequenceTooLong);
    }

    #[test]
    fn a_rectified_image_uses_p_and_a_raw_one_k() {
        let mut info = info();
        info.p[0] = 700.0;
        assert_eq!(info.camera(true).unwrap().fx_px, 700.0);
        assert_eq!(info.camera(false).unwrap().fx_px, 721.5);
        info.p = [0.0; 12];
        assert_eq!(info.camera(true).unwrap().fx_px, 721.5);
    }

    #[test]
    fn what_is_not_a_whole_pinhole_image_is_refused() {
        let with = |change: fn(&mut CameraInfo)| {
            let mut info = info();
            change(&mut info);
            info.camera(true).unwrap_err()
        };
        assert_eq!(with(|i| i.binning = [2, 2]), CameraInfoFault::Binned);
        assert_eq!(with(|i| i.roi = [0, 0, 100, 100]), CameraInfoFault::RegionOfInterest);
        let broken: [fn(&mut CameraInfo); 4] = [
            |info| info.p[0] = f64::NAN,
            |info| info.p[5] = -1.0,
            |info| (info.k, info.p) = ([0.0; 9], [0.0; 12]),
            |info| info.width_px = 0,
        ];
        for change in broken {
            assert!(matches!(with(change), CameraInfoFault::Intrinsics(_)));
        }
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(at in 0usize..400, value in any::<u8>()) {
            let mut bytes = emitted(&info());
            let length = bytes.len();
            bytes[at % length] ^= value;
            if let Ok(info) = CameraInfo::parse(&bytes) {
                let _ = info.camera(true);
            }
        }
    }
}
