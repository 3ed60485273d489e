//! One case as one picture: what the network saw, and renderings of the retrieved and of the true pose.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calibration::Viewpoint;
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage, imageops};
use kernels::CropSpec;

use crate::evaluation::gallery::Case;
use crate::rendering::{Modality, Renderer, Shape};

/// A model folder holds no shapes, so one of our own vehicles stands in for the retrieved one.
const STAND_IN_SEED: u64 = 1;
/// Between the three parts, pixels.
const GAP_PX: u32 = 4;
/// JPEG quality, of 100.
const QUALITY: u8 = 82;

/// Draws cases.
pub struct Sheet {
    spec: CropSpec,
    renderer: Renderer,
    shape: Shape,
    normals: Vec<f32>,
}

impl Sheet {
    /// For a model that wants its crops by `spec`.
    pub fn new(spec: CropSpec) -> Self {
        let renderer = Renderer::new(spec);
        Self { spec, normals: vec![0.0; renderer.len()], renderer, shape: Shape::of_vehicle(STAND_IN_SEED) }
    }

    /// Crop, retrieved pose, true pose, as the text of a `data:` URI.
    ///
    /// # Errors
    /// A rendering or an encoding that fails.
    pub fn data_uri(&mut self, case: &Case) -> Result<String> {
        data_uri(&self.draw(case)?)
    }

    fn draw(&mut self, case: &Case) -> Result<RgbImage> {
        let (width, height) = (self.spec.width, self.spec.height);
        let mut picture = RgbImage::from_pixel(3 * width + 2 * GAP_PX, height, Rgb([255; 3]));
        let retrieved = self.render(&case.outcome.found)?;
        let truth = self.render(&case.outcome.truth)?;
        for (part, shown) in [&case.look.crop, &retrieved, &truth].into_iter().enumerate() {
            imageops::replace(&mut picture, shown, i64::from(part as u32 * (width + GAP_PX)), 0);
        }
        Ok(picture)
    }

    /// The normal map, grey where there is nothing.
    fn render(&mut self, viewpoint: &Viewpoint) -> Result<RgbImage> {
        self.renderer.render(&self.shape, viewpoint, Modality::Normals, &mut self.normals)?;
        let plane = self.normals.len() / 3;
        Ok(RgbImage::from_fn(self.spec.width, self.spec.height, |x, y| {
            let at = (y * self.spec.width + x) as usize;
            Rgb([0, 1, 2].map(|c| (127.5 * (1.0 + self.normals[c * plane + at])) as u8))
        }))
    }
}

/// A picture as the text of a `data:` URI.
///
/// # Errors
/// An encoding that fails.
pub fn data_uri(picture: &RgbImage) -> Result<String> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(picture)?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::report::fixture::{SPEC, measured};

    #[test]
    fn a_right_answer_shows_the_same_rendering_twice_and_a_flip_does_not() {
        let mut sheet = Sheet::new(SPEC);
        let measured = measured();
        let mut case = measured.gallery.worst()[0].clone();
        let part = |picture: &RgbImage, index: u32| {
            imageops::crop_imm(picture, index * (SPEC.width + GAP_PX), 0, SPEC.width, SPEC.height).to_image()
        };
        let flipped = sheet.draw(&case).unwrap();
        assert_ne!(part(&flipped, 1), part(&flipped, 2));
        case.outcome.found = case.outcome.truth;
        let right = sheet.draw(&case).unwrap();
        assert_eq!(part(&right, 1), part(&right, 2));
        assert_eq!(part(&right, 2), part(&flipped, 2));
    }
}
