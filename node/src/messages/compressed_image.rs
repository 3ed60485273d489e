//! `sensor_msgs/CompressedImage`: JPEG or PNG, decoded under a size limit that is checked on the picture's own header.

use std::io::Cursor;

use ::image::codecs::jpeg::JpegDecoder;
use ::image::codecs::png::PngDecoder;
use ::image::{ColorType, ImageDecoder, Limits as DecoderLimits};
use kernels::PixelFormat;

use super::cdr::{Reader, Writer};
use super::header::Header;
use super::{MessageError, MessageFault};

/// Decoders may use this many times the bytes of the picture itself, for their own tables and rows.
const DECODER_MEMORY_FACTOR: u64 = 4;

/// A checked compressed image; the compressed bytes are borrowed.
#[derive(Debug)]
pub struct CompressedImage<'a> {
    /// Stamp and optical coordinate system of the camera.
    pub header: Header,
    data: &'a [u8],
    data_byte: usize,
}

/// Where a picture was decoded to, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Rgb8 or Mono8, rows without gaps.
    pub format: PixelFormat,
    /// Bytes of the output that were filled.
    pub data_bytes: usize,
}

impl<'a> CompressedImage<'a> {
    /// Reads the message. The `format` field is passed over: the first bytes of the picture tell what it is.
    ///
    /// # Errors
    /// Every fault carries the offset of its field.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(bytes)?;
        let header = Header::parse(&mut reader)?;
        reader.skip_string()?;
        let data = reader.byte_sequence()?;
        let data_byte = reader.byte() - data.len();
        reader.finish()?;
        Ok(Self { header, data, data_byte })
    }

    /// Decodes into `pixels`; see [`decode`].
    ///
    /// # Errors
    /// Neither JPEG nor PNG, too large, not 8-bit RGB or grey, or corrupt; the place is the first byte of the compressed data.
    pub fn decode(&self, pixels: &mut [u8]) -> Result<Decoded, MessageError> {
        decode(self.data, pixels).map_err(|fault| MessageError { fault, byte: self.data_byte })
    }
}

/// Decodes a JPEG or PNG into `pixels`, whose length is the limit: a picture whose own header announces more is refused before it is
/// decoded.
///
/// # Errors
/// Neither JPEG nor PNG, too large, not 8-bit RGB or grey, or corrupt.
pub fn decode(picture: &[u8], pixels: &mut [u8]) -> Result<Decoded, MessageFault> {
    let corrupt = |_| MessageFault::CompressedDataCorrupt;
    let input = Cursor::new(picture);
    match picture {
        [0xFF, 0xD8, 0xFF, ..] if is_whole_jpeg(picture) => fill(JpegDecoder::new(input).map_err(corrupt)?, pixels),
        [0xFF, 0xD8, 0xFF, ..] => Err(MessageFault::CompressedDataCorrupt),
        [0x89, b'P', b'N', b'G', ..] => {
            let mut limits = DecoderLimits::no_limits();
            limits.max_alloc = Some(DECODER_MEMORY_FACTOR * pixels.len() as u64);
            fill(PngDecoder::with_limits(input, limits).map_err(corrupt)?, pixels)
        }
        _ => Err(MessageFault::CompressionUnsupported),
    }
}

/// Whether the picture ends as a JPEG must. The decoder would fill what is missing of a cut-off one with grey; an end marker
/// cannot occur inside the data, where 0xFF is always followed by 0 or a restart marker. Cameras may pad with zeros.
fn is_whole_jpeg(picture: &[u8]) -> bool {
    let end = picture.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    picture.get(..end).is_some_and(|whole| whole.ends_with(&[0xFF, 0xD9]))
}

/// Checks size and pixels as the decoder read them from the picture's header, then decodes.
fn fill(decoder: impl ImageDecoder, pixels: &mut [u8]) -> Result<Decoded, MessageFault> {
    let (width_px, height_px) = decoder.dimensions();
    let (format, channel_count) = match decoder.color_type() {
        ColorType::Rgb8 => (PixelFormat::Rgb8, 3),
        ColorType::L8 => (PixelFormat::Mono8, 1),
        _ => return Err(MessageFault::PixelsUnsupported),
    };
    if width_px == 0 || height_px == 0 {
        return Err(MessageFault::ImageEmpty);
    }
    let data_bytes = (u64::from(width_px) * u64::from(height_px)).saturating_mul(channel_count);
    let data_bytes = usize::try_from(data_bytes).map_err(|_| MessageFault::FrameTooLarge)?;
    let out = pixels.get_mut(..data_bytes).ok_or(MessageFault::FrameTooLarge)?;
    // What a decoder leaves unwritten must not show the frame before.
    out.fill(0);
    decoder.read_image(out).map_err(|_| MessageFault::CompressedDataCorrupt)?;
    Ok(Decoded { width_px, height_px, format, data_bytes })
}

/// Writes a compressed image message; `format` is `jpeg` or `png`. Returns its size in bytes.
///
/// # Errors
/// [`MessageFault::BufferTooSmall`].
pub fn emit(header: &Header, format: &str, data: &[u8], out: &mut [u8]) -> Result<usize, MessageError> {
    let mut writer = Writer::new(out)?;
    header.emit(&mut writer)?;
    writer.string(format)?;
    writer.byte_sequence(data)?;
    Ok(writer.size_bytes())
}

#[cfg(test)]
mod tests {
    use ::image::{ExtendedColorType, ImageEncoder};
    use proptest::prelude::*;

    use super::*;
    use crate::time::Stamp;

    fn message(data: &[u8]) -> Vec<u8> {
        let frame_id = "cam".try_into().unwrap();
        let header = Header { stamp: Stamp { sec: 1, nanosec: 2 }, frame_id };
        let mut out = vec![0; data.len() + 64];
        let size = emit(&header, "jpeg", data, &mut out).unwrap();
        out.truncate(size);
        out
    }

    fn png(width: u32, height: u32, color: ExtendedColorType, channels: u32) -> Vec<u8> {
        let pixels: Vec<u8> = (0..width * height * channels).map(|i| i as u8).collect();
        let mut out = Vec::new();
        let encoder = ::image::codecs::png::PngEncoder::new(&mut out);
        encoder.write_image(&pixels, width, height, color).unwrap();
        out
    }

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let pixels = vec![200; (width * height * 3) as usize];
        let mut out = Vec::new();
        let encoder = ::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 95);
        encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).unwrap();
        out
    }

    #[test]
    fn png_pixels_come_out_as_they_went_in() {
        let bytes = message(&png(5, 3, ExtendedColorType::Rgb8, 3));
        let image = CompressedImage::parse(&bytes).unwrap();
        assert_eq!(image.header.frame_id, "cam");
        let mut pixels = [0; 64];
        let decoded = image.decode(&mut pixels).unwrap();
        let expected = Decoded { width_px: 5, height_px: 3, format: PixelFormat::Rgb8, data_bytes: 45 };
        assert_eq!(decoded, expected);
        assert!(pixels[..45].iter().enumerate().all(|(i, p)| *p == i as u8));
    }

    #[test]
    fn a_grey_png_is_mono8_and_an_alpha_png_is_refused() {
        let grey = message(&png(4, 4, ExtendedColorType::L8, 1));
        let decoded = CompressedImage::parse(&grey).unwrap().decode(&mut [0; 16]).unwrap();
        assert_eq!(decoded.format, PixelFormat::Mono8);
        let alpha = message(&png(4, 4, ExtendedColorType::Rgba8, 4));
        let error = CompressedImage::parse(&alpha).unwrap().decode(&mut [0; 64]).unwrap_err();
        assert_eq!(error.fault, MessageFault::PixelsUnsupported);
    }

    #[test]
    fn a_jpeg_of_one_colour_keeps_it() {
        let bytes = message(&jpeg(17, 9));
        let mut pixels = [0; 17 * 9 * 3];
        CompressedImage::parse(&bytes).unwrap().decode(&mut pixels).unwrap();
        assert!(pixels.iter().all(|p| p.abs_diff(200) <= 2));
    }

    #[test]
    fn a_picture_cut_off_anywhere_is_refused_and_padding_is_none_of_it() {
        let mut pixels = vec![0; 64 * 32 * 3];
        // A PNG's last chunk, of 12 bytes, holds nothing.
        for (picture, end_bytes) in [(jpeg(64, 32), 0), (png(64, 32, ExtendedColorType::Rgb8, 3), 12)] {
            for end in 0..picture.len() - end_bytes {
                assert!(decode(&picture[..end], &mut pixels).is_err(), "{end} of {} bytes", picture.len());
            }
            let mut padded = picture.clone();
            padded.extend([0; 7]);
            assert!(decode(&padded, &mut pixels).is_ok());
        }
    }

    #[test]
    fn a_picture_that_announces_more_than_the_limit_is_refused() {
        let bytes = message(&png(5, 3, ExtendedColorType::Rgb8, 3));
        let error = CompressedImage::parse(&bytes).unwrap().decode(&mut [0; 44]).unwrap_err();
        assert_eq!(error.fault, MessageFault::FrameTooLarge);
        // A JPEG bomb: the frame header (SOF0: marker, length, precision, height, width) says 65535 x 65535.
        let mut bomb = jpeg(16, 16);
        let start_of_frame = bomb.windows(2).position(|w| w == [0xFF, 0xC0]).unwrap();
        bomb[start_of_frame + 5..start_of_frame + 9].fill(0xFF);
        let bytes = message(&bomb);
        let error = CompressedImage::parse(&bytes).unwrap().decode(&mut [0; 1 << 16]).unwrap_err();
        assert_eq!(error.fault, MessageFault::FrameTooLarge);
    }

    #[test]
    fn anything_but_jpeg_and_png_is_refused() {
        for data in [&b"GIF89a"[..], b"", b"\xFF\xD8", b"RIFF....WEBP"] {
            let bytes = message(data);
            let error = CompressedImage::parse(&bytes).unwrap().decode(&mut [0; 64]).unwrap_err();
            assert_eq!(error.fault, MessageFault::CompressionUnsupported);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_damage_makes_the_decoders_panic(at in 0usize..4096, value in 1u8.., cut in 0usize..4096) {
            for picture in [jpeg(16, 16), png(16, 16, ExtendedColorType::Rgb8, 3)] {
                let mut picture = picture;
                let length = picture.len();
                picture[at % length] ^= value;
                picture.truncate(cut % (2 * length));
                let bytes = message(&picture);
                let _ = CompressedImage::parse(&bytes).unwrap().decode(&mut [0; 1 << 12]);
            }
        }
    }
}
