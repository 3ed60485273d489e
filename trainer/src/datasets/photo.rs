//! Decodes the pictures of a data set, and refuses those that are cut off.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use image::{ImageFormat, ImageReader, Limits, RgbImage};

use super::faults::{self, Fault, FaultKind};

/// Longest side of a picture.
const SIDE_MAX_PX: u32 = 20_000;

/// Decodes a file of any name: ImageNet has PNG files that are called `.JPEG`.
pub fn open(file: &Path) -> Result<Arc<RgbImage>, Fault> {
    let bytes = faults::read(file)?;
    decode(&bytes).map(Arc::new).map_err(|reason| Fault::corrupt(file, reason))
}

/// Decodes `stem` with whichever of the extensions png, jpg, jpeg exists.
pub fn open_any(stem: &Path) -> Result<Arc<RgbImage>, Fault> {
    let mut candidates = ["png", "jpg", "jpeg"].map(|extension| stem.with_extension(extension)).into_iter();
    let missing = || Fault {
        kind: FaultKind::Missing,
        file: stem.with_extension("png"),
        reason: "no .png, .jpg or .jpeg of this name".into(),
    };
    open(&candidates.find(|file| file.is_file()).ok_or_else(missing)?)
}

/// Decodes an encoded picture.
///
/// # Errors
/// The reason. The JPEG decoder fills what is cut off with grey; that is refused here.
pub fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    if reader.format() == Some(ImageFormat::Jpeg) && !ends(bytes) {
        return Err("a JPEG file that is cut off: no end marker after its pixels".into());
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX_PX), Some(SIDE_MAX_PX));
    reader.limits(limits);
    Ok(reader.decode().map_err(|e| e.to_string())?.into_rgb8())
}

/// Whether an end-of-image marker follows the last start of scan. Within pixels, 0xFF is never followed by either code;
/// a thumbnail before them has markers of its own.
fn ends(jpeg: &[u8]) -> bool {
    let last = |code: u8| jpeg.windows(2).rposition(|pair| pair == [0xff, code]);
    last(0xd9) > last(0xda)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;

    #[test]
    fn a_jpeg_cut_anywhere_is_refused() {
        let image = RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, ((x * y) % 251) as u8]));
        let mut bytes = Vec::new();
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 90)).unwrap();
        assert_eq!(decode(&bytes).unwrap().dimensions(), (40, 30));
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "cut at {end} of {}", bytes.len());
        }
    }
}
