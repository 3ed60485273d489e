use proptest::prelude::*;

use super::*;
use crate::time::Stamp;

const FRAME_BYTES_MAX: usize = 1 << 20;

/// A 2 x 2 rgb8 image with a row step of 7, laid by hand from the message definition.
fn laid_by_hand() -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0];
    bytes.extend(1_700_000_000i32.to_le_bytes());
    bytes.extend(5u32.to_le_bytes());
    bytes.extend([4, 0, 0, 0]); // frame_id
    bytes.extend(b"cam\0");
    bytes.extend(2u32.to_le_bytes()); // height
    bytes.extend(2u32.to_le_bytes()); // width
    bytes.extend([5, 0, 0, 0]); // encoding
    bytes.extend(b"rgb8\0");
    bytes.push(0); // is_bigendian, message byte 37
    bytes.extend([0, 0]); // padding to message byte 40
    bytes.extend(7u32.to_le_bytes()); // step
    bytes.extend(14u32.to_le_bytes()); // data length
    bytes.extend(1..=14);
    bytes
}

const HEIGHT: usize = 20;
const WIDTH: usize = 24;
const STEP: usize = 40;
const DATA_LENGTH: usize = 44;

fn with_u32(at: usize, value: u32) -> Vec<u8> {
    let mut bytes = laid_by_hand();
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn an_image_reads_what_was_laid_by_hand_and_borrows_its_pixels() {
    let bytes = laid_by_hand();
    let image = Image::parse(&bytes, FRAME_BYTES_MAX).unwrap();
    assert_eq!(image.header.stamp, Stamp { sec: 1_700_000_000, nanosec: 5 });
    assert_eq!(image.header.frame_id, "cam");
    assert_eq!((image.pixels.width(), image.pixels.height()), (2, 2));
}

#[test]
fn a_message_cut_at_any_byte_is_refused() {
    let bytes = laid_by_hand();
    for length in 0..bytes.len() {
        let error = Image::parse(&bytes[..length], FRAME_BYTES_MAX).unwrap_err();
        assert!(error.byte <= bytes.len(), "{length}: {error}");
    }
}

#[test]
fn a_header_that_contradicts_the_data_is_refused_at_its_field() {
    let cases = [
        (HEIGHT, 0, MessageFault::ImageEmpty, HEIGHT),
        (WIDTH, 0, MessageFault::ImageEmpty, HEIGHT),
        (WIDTH, 3, MessageFault::StepTooSmall, STEP),
        (WIDTH, u32::MAX, MessageFault::StepTooSmall, STEP),
        (HEIGHT, u32::MAX, MessageFault::FrameTooLarge, HEIGHT),
        (HEIGHT, 3, MessageFault::DataSizeMismatch, DATA_LENGTH),
        (STEP, 5, MessageFault::StepTooSmall, STEP),
        (STEP, 8, MessageFault::DataSizeMismatch, DATA_LENGTH),
        (DATA_LENGTH, 15, MessageFault::Truncated, DATA_LENGTH + 4),
        (DATA_LENGTH, 9, MessageFault::TrailingBytes, DATA_LENGTH + 13),
        (DATA_LENGTH, u32::MAX, MessageFault::Truncated, DATA_LENGTH + 4),
    ];
    for (at, value, fault, byte) in cases {
        let error = Image::parse(&with_u32(at, value), FRAME_BYTES_MAX).unwrap_err();
        assert_eq!(error, MessageError { fault, byte }, "{value} at {at}");
    }
}

#[test]
fn an_image_above_the_bound_is_refused() {
    let bytes = laid_by_hand();
    assert!(Image::parse(&bytes, 14).is_ok());
    assert_eq!(Image::parse(&bytes, 13).unwrap_err().fault, MessageFault::FrameTooLarge);
}

#[test]
fn an_unknown_encoding_is_refused_at_its_byte() {
    for name in [b"rgb9", b"bay8", b"RGB8"] {
        let mut bytes = laid_by_hand();
        bytes[32..36].copy_from_slice(name);
        let error = Image::parse(&bytes, FRAME_BYTES_MAX).unwrap_err();
        assert_eq!(error, MessageError { fault: MessageFault::EncodingUnsupported, byte: 28 });
    }
}

#[test]
fn a_layout_leaves_exactly_the_pixels_to_fill() {
    let bytes = laid_by_hand();
    let header = Image::parse(&bytes, FRAME_BYTES_MAX).unwrap().header;
    for (format, channels) in [(PixelFormat::Rgb8, 3), (PixelFormat::Bgr8, 3), (PixelFormat::Mono8, 1)] {
        let layout = ImageLayout { header: header.clone(), width_px: 5, height_px: 3, format };
        let mut out = vec![0; layout.size_bytes().unwrap()];
        let pixels = layout.emit(&mut out).unwrap();
        assert_eq!(pixels.len(), 5 * 3 * channels);
        pixels.fill(9);
        assert_eq!(out.last(), Some(&9), "the pixels end the message");
        let image = Image::parse(&out, FRAME_BYTES_MAX).unwrap();
        assert_eq!((image.pixels.width(), image.pixels.height(), &image.header), (5, 3, &header));
        assert_eq!(layout.emit(&mut vec![0; out.len() - 1]).unwrap_err().fault, MessageFault::BufferTooSmall);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Image::parse(&bytes, FRAME_BYTES_MAX);
    }

    #[test]
    fn no_damage_makes_it_panic_or_read_past_the_end(
        damage in proptest::collection::vec((0usize..62, any::<u8>()), 1..8),
    ) {
        let mut bytes = laid_by_hand();
        for (at, value) in damage {
            bytes[at] ^= value;
        }
        if let Ok(image) = Image::parse(&bytes, FRAME_BYTES_MAX) {
            prop_assert!(u64::from(image.pixels.width()) * u64::from(image.pixels.height()) <= bytes.len() as u64);
        }
    }
}
