//! A camera's picture, small enough to live inside the page.

use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;

/// A picture as the text of a `data:` URI.
pub type DataUri = String;

/// Width in the page's file; wider pictures are reduced to it, pixels.
const WIDTH_PX_MAX: u32 = 960;
/// JPEG quality, of 100.
const QUALITY: u8 = 72;

/// Reads a picture file and gives it as a JPEG of moderate size.
///
/// # Errors
/// The file's name and what is wrong with it.
pub fn load(path: &Path) -> anyhow::Result<DataUri> {
    let place = || path.display().to_string();
    let reader = image::ImageReader::open(path).with_context(place)?.with_guessed_format().with_context(place)?;
    let mut picture = reader.decode().with_context(place)?.into_rgb8();
    let (width, height) = picture.dimensions();
    if width > WIDTH_PX_MAX {
        let height = u64::from(height) * u64::from(WIDTH_PX_MAX) / u64::from(width);
        picture = image::imageops::resize(&picture, WIDTH_PX_MAX, (height as u32).max(1), FilterType::Triangle);
    }
    data_uri(&picture).with_context(place)
}

/// A picture as a JPEG inside a page.
///
/// # Errors
/// None, unless the picture has no pixel.
pub fn data_uri(picture: &RgbImage) -> anyhow::Result<DataUri> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(picture)?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_picture_keeps_its_shape_and_decodes_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        image::RgbImage::from_fn(1242, 375, |x, y| image::Rgb([(x / 5) as u8, (y / 2) as u8, 90])).save(&path).unwrap();
        let uri = load(&path).unwrap();
        let jpeg = STANDARD.decode(uri.strip_prefix("data:image/jpeg;base64,").unwrap()).unwrap();
        let picture = image::load_from_memory(&jpeg).unwrap();
        assert_eq!((picture.width(), picture.height()), (960, 289));
    }
}
