//! `sensor_msgs/Image`: a header, then pixels that are used where they lie.

use kernels::{ImageView, PixelFormat};

use super::cdr::{Reader, Writer};
use super::header::Header;
use super::{MessageError, MessageFault};

/// Longest encoding name in `sensor_msgs/image_encodings.hpp`, with room to spare.
const ENCODING_BYTES_MAX: usize = 24;

/// A checked image message. The pixels are borrowed from the message; everything else was copied out.
#[derive(Debug)]
pub struct Image<'a> {
    /// Stamp and optical coordinate system of the camera.
    pub header: Header,
    /// The pixels in place: stride, size and format were checked against the bytes that are there.
    pub pixels: ImageView<'a>,
}

impl<'a> Image<'a> {
    /// Reads an image of at most `frame_bytes_max` bytes of pixels in rgb8, bgr8 or mono8.
    ///
    /// # Errors
    /// Every fault carries the offset of its field: see [`MessageFault`]. `data` must hold exactly `step * height` bytes.
    pub fn parse(bytes: &'a [u8], frame_bytes_max: usize) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes)?;
        let header = Header::parse(&mut reader)?;
        let size_place = reader.fault_aligned(4, MessageFault::ImageEmpty);
        let (height_px, width_px) = (reader.u32()?, reader.u32()?);
        let encoding_place = reader.fault_aligned(4, MessageFault::EncodingUnsupported);
        let format = match reader.string::<ENCODING_BYTES_MAX>()?.as_str() {
            "rgb8" => PixelFormat::Rgb8,
            "bgr8" => PixelFormat::Bgr8,
            "mono8" => PixelFormat::Mono8,
            _ => return Err(encoding_place),
        };
        let _is_bigendian = reader.u8()?; // says nothing about 8-bit pixels
        let step_place = reader.fault_aligned(4, MessageFault::StepTooSmall);
        let step_bytes = reader.u32()?;
        let data_place = reader.fault_aligned(4, MessageFault::DataSizeMismatch);
        let data = reader.byte_sequence()?;
        reader.finish()?;

        if width_px == 0 || height_px == 0 {
            return Err(size_place);
        }
        // u64 holds the products of 32-bit numbers: nothing wraps.
        if u64::from(step_bytes) < u64::from(width_px) * channel_count(format) {
            return Err(step_place);
        }
        let data_bytes = u64::from(step_bytes) * u64::from(height_px);
        if data_bytes > frame_bytes_max as u64 {
            return Err(MessageError { fault: MessageFault::FrameTooLarge, ..size_place });
        }
        if data_bytes != data.len() as u64 {
            return Err(data_place);
        }
        let pixels = ImageView::new(data, width_px, height_px, step_bytes as usize, format);
        let pixels = pixels.map_err(|_| data_place)?;
        Ok(Self { header, pixels })
    }
}

/// Bytes a pixel.
fn channel_count(format: PixelFormat) -> u64 {
    match format {
        PixelFormat::Rgb8 | PixelFormat::Bgr8 => 3,
        PixelFormat::Mono8 => 1,
    }
}

/// The ROS name of a pixel format.
fn encoding_name(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::Rgb8 => "rgb8",
        PixelFormat::Bgr8 => "bgr8",
        PixelFormat::Mono8 => "mono8",
    }
}

/// An image message about to be written: pixels are filled in place afterwards, so a decoder can write into shared memory.
#[derive(Debug, Clone)]
pub struct ImageLayout {
    /// Stamp and optical coordinate system of the camera.
    pub header: Header,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Format of the pixels; rows follow each other without gaps.
    pub format: PixelFormat,
}

impl ImageLayout {
    /// Bytes of pixels, or a fault where they do not fit in 32 bits.
    fn data_bytes(&self) -> Result<usize, MessageError> {
        let fault = MessageError { fault: MessageFault::FrameTooLarge, byte: 0 };
        let row_bytes = u64::from(self.width_px) * channel_count(self.format);
        let bytes = row_bytes.checked_mul(u64::from(self.height_px)).ok_or(fault)?;
        u32::try_from(bytes).map(|bytes| bytes as usize).map_err(|_| fault)
    }

    fn emit_fields(&self, writer: &mut Writer<'_>, data_bytes: usize) -> Result<(), MessageError> {
        self.header.emit(writer)?;
        writer.u32(self.height_px)?;
        writer.u32(self.width_px)?;
        writer.string(encoding_name(self.format))?;
        writer.u8(0)?; // is_bigendian
        writer.length(data_bytes / (self.height_px.max(1) as usize))?; // step
        writer.length(data_bytes)
    }

    /// Size of the whole message in bytes.
    pub fn size_bytes(&self) -> Result<usize, MessageError> {
        let data_bytes = self.data_bytes()?;
        let mut writer = Writer::counting();
        self.emit_fields(&mut writer, data_bytes)?;
        writer.leave(data_bytes)
    }

    /// Writes everything but the pixels into `out` and returns the place of the pixels, row after row.
    ///
    /// # Errors
    /// [`MessageFault::BufferTooSmall`] where `out` is shorter than [`ImageLayout::size_bytes`].
    pub fn emit<'a>(&self, out: &'a mut [u8]) -> Result<&'a mut [u8], MessageError> {
        let data_bytes = self.data_bytes()?;
        let mut writer = Writer::new(out)?;
        self.emit_fields(&mut writer, data_bytes)?;
        let start = writer.size_bytes();
        let end = writer.leave(data_bytes)?;
        out.get_mut(start..end).ok_or(MessageError { fault: MessageFault::BufferTooSmall, byte: start })
    }
}

#[cfg(test)]
mod tests;
