//! Cases of the values: filters, borders, normalisation.

use super::{Picture, SPEC, assert_near, cut, expected};
use crate::conformance::random::Random;
use crate::{BoxPx, Crop, CropSpec, ImageView, PixelFormat};

/// Boxes whose sides lie in a range, centred anywhere in the picture.
fn compare<I: Crop>(instance: &mut I, picture: &Picture, random: &mut Random, sides_px: (f32, f32), count: usize) {
    for _ in 0..count {
        let (x, y) = (random.between(0.0, picture.width as f32), random.between(0.0, picture.height as f32));
        let (width, height) = (random.between(sides_px.0, sides_px.1), random.between(sides_px.0, sides_px.1));
        let b = BoxPx { x1: x - width / 2.0, y1: y - height / 2.0, x2: x + width / 2.0, y2: y + height / 2.0 };
        let spec = CropSpec { context_margin: random.between(0.0, 0.3), ..SPEC };
        assert_near(&cut(instance, &picture.view(), &[b], &spec), &expected(picture, &b, &spec), &b);
    }
}

/// An output pixel is the average over what it covers, parts of pixels included.
pub fn shrinking_averages_exactly_the_area_covered<I: Crop>(make: impl Fn() -> I) {
    let mut random = Random::new(1);
    for format in [PixelFormat::Rgb8, PixelFormat::Mono8] {
        let picture = Picture::random(150, 90, format, &mut random);
        compare(&mut make(), &picture, &mut random, (40.0, 120.0), 12);
    }
}

/// An output pixel is interpolated linearly at its centre.
pub fn enlarging_interpolates_between_pixel_centres<I: Crop>(make: impl Fn() -> I) {
    let mut random = Random::new(2);
    for format in [PixelFormat::Bgr8, PixelFormat::Mono8] {
        let picture = Picture::random(61, 47, format, &mut random);
        compare(&mut make(), &picture, &mut random, (0.7, 9.0), 12);
    }
}

/// The image continues with the fill colour; a pixel that sees nothing else has exactly that.
pub fn what_lies_outside_the_image_is_filled<I: Crop>(make: impl Fn() -> I) {
    let mut random = Random::new(3);
    let picture = Picture::random(40, 30, PixelFormat::Rgb8, &mut random);
    let boxes = [
        BoxPx { x1: -30.0, y1: -20.0, x2: 5.0, y2: 4.0 },
        BoxPx { x1: 35.5, y1: 25.5, x2: 60.0, y2: 50.0 },
        BoxPx { x1: -10.0, y1: 10.0, x2: 55.0, y2: 12.0 },
        BoxPx { x1: -3.0, y1: -3.0, x2: 3.0, y2: 2.0 },
    ];
    for b in boxes {
        assert_near(&cut(&mut make(), &picture.view(), &[b], &SPEC), &expected(&picture, &b, &SPEC), &b);
    }
    let out = cut(&mut make(), &picture.view(), &boxes[..1], &SPEC);
    for (channel, plane) in out.chunks_exact((SPEC.width * SPEC.height) as usize).enumerate() {
        let filled = (SPEC.fill[channel] - SPEC.mean[channel]) / SPEC.std[channel];
        assert!((plane[0] - filled).abs() < 1e-5, "channel {channel}: {} instead of {filled}", plane[0]);
    }
}

/// At scale one, aligned with the pixels, nothing is filtered.
pub fn a_window_of_the_canvas_size_copies_pixels<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(50, 40, PixelFormat::Rgb8, &mut Random::new(4));
    let spec = CropSpec { context_margin: 0.0, mean: [0.0; 3], std: [1.0; 3], ..SPEC };
    let out = cut(&mut make(), &picture.view(), &[BoxPx { x1: 9.0, y1: 11.0, x2: 37.0, y2: 27.0 }], &spec);
    for (index, value) in out.iter().enumerate() {
        let (x, y, channel) = (index % 28, index / 28 % 16, index / (28 * 16));
        let byte = picture.bytes[((y + 11) * 50 + x + 9) * 3 + channel];
        assert!((value * 255.0 - f32::from(byte)).abs() < 1e-3, "{x} {y} {channel}: {value} from {byte}");
    }
}

/// Weights sum to one, inside, at the border and outside.
pub fn a_constant_image_stays_constant<I: Crop>(make: impl Fn() -> I) {
    let bytes = [51_u8, 102, 204].repeat(33 * 21);
    let image = ImageView::new(&bytes, 33, 21, 99, PixelFormat::Rgb8).expect("sizes match");
    let spec = CropSpec { fill: [0.2, 0.4, 0.8], ..SPEC };
    let mut random = Random::new(5);
    for _ in 0..50 {
        let (x1, y1) = (random.between(-20.0, 30.0), random.between(-20.0, 18.0));
        let (width, height) = (random.between(20.1, 200.0), random.between(20.1, 200.0));
        let b = BoxPx { x1, y1, x2: x1 + width, y2: y1 + height };
        let out = cut(&mut make(), &image, &[b], &spec);
        for (channel, plane) in out.chunks_exact((spec.width * spec.height) as usize).enumerate() {
            let constant = (spec.fill[channel] - spec.mean[channel]) / spec.std[channel];
            assert!(plane.iter().all(|value| (value - constant).abs() < 1e-4), "{b:?}, channel {channel}");
        }
    }
}

/// There is no half-pixel shift to either side.
pub fn a_mirrored_image_gives_a_mirrored_crop<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(64, 48, PixelFormat::Rgb8, &mut Random::new(6));
    let rows = picture.bytes.chunks_exact(64 * 3);
    let bytes = rows.flat_map(|row| row.chunks_exact(3).rev().flatten().copied()).collect();
    let mirrored = Picture { bytes, width: 64, height: 48, format: PixelFormat::Rgb8 };
    for b in [BoxPx { x1: 3.25, y1: 5.5, x2: 60.0, y2: 41.0 }, BoxPx { x1: -6.0, y1: 2.0, x2: 7.5, y2: 9.0 }] {
        let opposite = BoxPx { x1: 64.0 - b.x2, x2: 64.0 - b.x1, ..b };
        let plain = cut(&mut make(), &picture.view(), &[b], &SPEC);
        let turned = cut(&mut make(), &mirrored.view(), &[opposite], &SPEC);
        for (plain, turned) in plain.chunks_exact(28).zip(turned.chunks_exact(28)) {
            assert!(plain.iter().zip(turned.iter().rev()).all(|(a, b)| (a - b).abs() < 1e-4), "{b:?}");
        }
    }
}

/// Finite boxes of any size have an answer.
pub fn a_box_far_larger_than_the_image_is_almost_all_fill<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(40, 30, PixelFormat::Rgb8, &mut Random::new(11));
    for reach in [1e6_f32, 1e12, 1e30] {
        let out = cut(&mut make(), &picture.view(), &[BoxPx { x1: -reach, y1: -reach, x2: reach, y2: reach }], &SPEC);
        for (channel, plane) in out.chunks_exact((SPEC.width * SPEC.height) as usize).enumerate() {
            let filled = (SPEC.fill[channel] - SPEC.mean[channel]) / SPEC.std[channel];
            assert!(plane.iter().all(|value| (value - filled).abs() < 1e-4), "{reach}");
        }
    }
}
