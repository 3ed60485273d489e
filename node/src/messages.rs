//! Bytes on the wire: ROS 2 messages in CDR (XCDR1), read and written without allocation.
//!
//! A message is read once, from front to back. Every small field is copied out before it is checked, because the bytes may lie in
//! memory that another process can still write; only pixels and compressed data stay borrowed. Nothing here panics on any input:
//! a fault is a [`MessageError`], a closed reason and the byte where it was found.
//!
//! | module | message |
//! |---|---|
//! | [`image`] | `sensor_msgs/Image` |
//! | [`compressed_image`] | `sensor_msgs/CompressedImage` |
//! | [`camera_info`] | `sensor_msgs/CameraInfo` |
//! | [`detection_2d_array`] | `vision_msgs/Detection2DArray` (vision_msgs 4.1) |
//! | [`detection_3d_array`] | `vision_msgs/Detection3DArray` (vision_msgs 4.1) |
//! | [`attachment`] | the 33 bytes that travel beside every message: sequence number, source time, publisher |

pub mod attachment;
pub mod camera_info;
pub mod cdr;
pub mod compressed_image;
pub mod detection_2d_array;
pub mod detection_3d_array;
pub mod header;
pub mod image;

use thiserror::Error;

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageFault {
    /// The message ends before the field that starts here.
    #[error("the message ends here")]
    Truncated,
    /// More than the three bytes of padding that XCDR allows follow the last field.
    #[error("more bytes than the fields need")]
    TrailingBytes,
    /// Neither plain CDR big endian (00 00) nor little endian (00 01).
    #[error("unknown encapsulation, expected plain CDR (00 00 or 00 01)")]
    UnknownEncapsulation,
    /// A string does not end with a zero byte.
    #[error("the string is not terminated")]
    StringNotTerminated,
    /// A string is longer than the field's bound.
    #[error("the string is too long")]
    StringTooLong,
    /// A string is not UTF-8.
    #[error("the string is not UTF-8")]
    StringNotUtf8,
    /// A bool that is neither 0 nor 1.
    #[error("a bool must be 0 or 1")]
    BoolInvalid,
    /// A sequence has more elements than its bound, or than the rest of the message could hold.
    #[error("the sequence is too long")]
    SequenceTooLong,
    /// `nanosec` is one second or more.
    #[error("the stamp's nanoseconds exceed one second")]
    StampInvalid,
    /// Width or height is zero.
    #[error("the image has no pixels")]
    ImageEmpty,
    /// The image needs more bytes than `frame_bytes_max`.
    #[error("the image exceeds frame_bytes_max")]
    FrameTooLarge,
    /// Not rgb8, bgr8 or mono8.
    #[error("unsupported encoding, expected rgb8, bgr8 or mono8")]
    EncodingUnsupported,
    /// `step` is smaller than a row of pixels.
    #[error("the row step is smaller than a row of pixels")]
    StepTooSmall,
    /// `data` does not hold exactly `step * height` bytes.
    #[error("the data does not hold step * height bytes")]
    DataSizeMismatch,
    /// Compressed data that is neither JPEG nor PNG.
    #[error("the compressed data is neither JPEG nor PNG")]
    CompressionUnsupported,
    /// The decoder refused the compressed data.
    #[error("the compressed data does not decode")]
    CompressedDataCorrupt,
    /// Decoded pixels that are neither 8-bit RGB nor 8-bit grey.
    #[error("unsupported pixels, expected 8-bit RGB or grey")]
    PixelsUnsupported,
    /// The attachment is not 33 bytes with a 16-byte publisher id.
    #[error("the attachment is not the 33 bytes of sequence, source time and publisher id")]
    AttachmentInvalid,
    /// The buffer to write into is too small.
    #[error("the buffer is too small for the message")]
    BufferTooSmall,
}

/// A refused message: the reason and the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("byte {byte}: {fault}")]
pub struct MessageError {
    /// What is wrong.
    pub fault: MessageFault,
    /// Offset of the offending field from the start of the message, encapsulation included.
    pub byte: usize,
}
