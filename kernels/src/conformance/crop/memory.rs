//! Cases of what is read and kept: formats, strides, batches, earlier calls.

use super::{Picture, SPEC, cut};
use crate::conformance::random::Random;
use crate::{BoxPx, Crop, CropSpec, ImageView, PixelFormat};

/// The same colours in another order give the same crop; grey gives three equal channels.
pub fn every_format_comes_out_as_red_green_blue<I: Crop>(make: impl Fn() -> I) {
    let picture = Picture::random(40, 40, PixelFormat::Rgb8, &mut Random::new(7));
    let swapped: Vec<u8> = picture.bytes.chunks_exact(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let grey: Vec<u8> = picture.bytes.chunks_exact(3).map(|pixel| pixel[0]).collect();
    let tripled: Vec<u8> = grey.iter().flat_map(|&value| [value; 3]).collect();
    let view = |bytes, stride_bytes, format| ImageView::new(bytes, 40, 40, stride_bytes, format).expect("sizes match");
    let b = [BoxPx { x1: -2.0, y1: 3.0, x2: 31.0, y2: 33.0 }];
    let rgb = cut(&mut make(), &picture.view(), &b, &SPEC);
    let bgr = cut(&mut make(), &view(&swapped, 120, PixelFormat::Bgr8), &b, &SPEC);
    assert!(rgb.iter().zip(&bgr).all(|(a, b)| (a - b).abs() < 1e-5));
    let mono = cut(&mut make(), &view(&grey, 40, PixelFormat::Mono8), &b, &SPEC);
    let tripled = cut(&mut make(), &view(&tripled, 120, PixelFormat::Rgb8), &b, &SPEC);
    assert!(mono.iter().zip(&tripled).all(|(a, b)| (a - b).abs() < 1e-4));
}

/// Bytes between rows belong to nobody.
pub fn row_padding_is_never_read<I: Crop>(make: impl Fn() -> I) {
    let mut random = Random::new(8);
    let picture = Picture::random(31, 20, PixelFormat::Rgb8, &mut random);
    let mut padded = Vec::new();
    for row in picture.bytes.chunks_exact(93) {
        padded.extend_from_slice(row);
        padded.extend((0..11).map(|_| random.bits() as u8));
    }
    padded.truncate(padded.len() - 11);
    let image = ImageView::new(&padded, 31, 20, 104, PixelFormat::Rgb8).expect("sizes match");
    for b in [BoxPx { x1: 20.0, y1: 9.0, x2: 31.0, y2: 20.0 }, BoxPx { x1: -9.0, y1: -9.0, x2: 80.0, y2: 40.0 }] {
        let expected = cut(&mut make(), &picture.view(), &[b], &SPEC);
        assert_eq!(cut(&mut make(), &image, &[b], &SPEC), expected);
    }
}

/// No crop depends on its neighbours in the batch.
pub fn every_box_of_a_batch_is_cut_on_its_own<I: Crop>(make: impl Fn() -> I) {
    let mut random = Random::new(9);
    let picture = Picture::random(90, 70, PixelFormat::Rgb8, &mut random);
    let boxes: Vec<BoxPx> = (0..7)
        .map(|_| {
            let (x1, y1) = (random.between(-10.0, 80.0), random.between(-10.0, 60.0));
            BoxPx { x1, y1, x2: x1 + random.between(11.0, 60.0), y2: y1 + random.between(11.0, 60.0) }
        })
        .collect();
    let together = cut(&mut make(), &picture.view(), &boxes, &SPEC);
    let alone: Vec<f32> = boxes.iter().flat_map(|&b| cut(&mut make(), &picture.view(), &[b], &SPEC)).collect();
    assert_eq!(together, alone);
}

/// Scratch memory of one call does not leak into the next.
pub fn an_instance_forgets_earlier_sizes<I: Crop>(make: impl Fn() -> I) {
    let mut random = Random::new(10);
    let mut used = make();
    for (width, height, canvas) in [(90, 70, (28, 16)), (20, 30, (9, 33)), (120, 9, (64, 64)), (90, 70, (28, 16))] {
        let picture = Picture::random(width, height, PixelFormat::Rgb8, &mut random);
        let spec = CropSpec { width: canvas.0, height: canvas.1, ..SPEC };
        let b = [BoxPx { x1: -3.0, y1: 1.5, x2: 17.0, y2: 26.0 }];
        assert_eq!(cut(&mut used, &picture.view(), &b, &spec), cut(&mut make(), &picture.view(), &b, &spec));
    }
}
