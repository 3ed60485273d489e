//! Something to work on: a picture and boxes of the sizes that a car's camera sees. Contents do not change the cost.

use calibration::PinholeCamera;
use kernels::BoxPx;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::detection::{ClassName, Detection};

/// Width and height of KITTI's pictures.
pub const SIZE_PX: [u32; 2] = [1242, 375];
/// Heights of boxes, pixels: a car at 40 m to a car at 8 m.
const HEIGHTS_PX: std::ops::Range<f32> = 28.0..140.0;
/// Width over height of boxes: seen from behind to seen from the side.
const ASPECTS: std::ops::Range<f32> = 1.1..2.4;
const SEED: u64 = 1;

/// RGB noise, row by row without padding.
pub fn picture() -> Vec<u8> {
    let [width, height] = SIZE_PX;
    let mut pixels = vec![0; 3 * (width * height) as usize];
    ChaCha8Rng::seed_from_u64(SEED).fill(&mut pixels[..]);
    pixels
}

/// The camera of such pictures.
///
/// # Errors
/// None; the numbers are good.
pub fn camera() -> Result<PinholeCamera, calibration::CameraError> {
    let [width, height] = SIZE_PX;
    PinholeCamera::new(721.5, 721.5, 609.6, 172.9, width, height)
}

/// `count` objects of one class, at random but the same every time; each lies within the picture.
pub fn detections(class: &ClassName, count: usize) -> Vec<Detection> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let [image_width, image_height] = SIZE_PX.map(|side| side as f32);
    let mut detection = || {
        let height = rng.random_range(HEIGHTS_PX);
        let width = height * rng.random_range(ASPECTS);
        let x1 = rng.random_range(0.0..image_width - width);
        let y1 = rng.random_range(0.0..image_height - height);
        let box_px = BoxPx { x1, y1, x2: x1 + width, y2: y1 + height };
        Detection { box_px, class_id: class.clone(), score: 0.9, id: heapless::String::new() }
    };
    (0..count).map(|_| detection()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_box_lies_within_the_picture_and_comes_again() {
        let class = ClassName::try_from("car").unwrap();
        let list = detections(&class, 500);
        let [width, height] = SIZE_PX.map(|side| side as f32);
        for Detection { box_px: b, .. } in &list {
            assert!(b.x1 >= 0.0 && b.y1 >= 0.0 && b.x2 <= width && b.y2 <= height && b.height() >= 27.9, "{b:?}");
        }
        let boxes = |list: &[Detection]| list.iter().map(|detection| detection.box_px).collect::<Vec<_>>();
        assert_eq!(boxes(&list), boxes(&detections(&class, 500)));
        assert_eq!(picture().len(), 1242 * 375 * 3);
    }
}
