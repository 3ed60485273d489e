//! Borrowed pixels whose sizes were checked once, at the door.

use crate::KernelError;

/// Order and number of the 8-bit channels of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Red, green, blue.
    Rgb8,
    /// Blue, green, red.
    Bgr8,
    /// One grey value; stands for all three channels.
    Mono8,
}

impl PixelFormat {
    /// Bytes of one pixel, which is also its number of channels.
    #[must_use]
    pub const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Rgb8 | Self::Bgr8 => 3,
            Self::Mono8 => 1,
        }
    }
}

/// A read-only image over somebody else's bytes.
///
/// Once [`ImageView::new`] has returned one, every row lies inside the buffer, so no accessor can
/// fail.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    data: &'a [u8],
    width: u32,
    height: u32,
    stride_bytes: usize,
    format: PixelFormat,
}

impl<'a> ImageView<'a> {
    /// Checks that `width` x `height` pixels, `stride_bytes` from row to row, lie inside `data`.
    ///
    /// The last row may end with its last pixel: its padding is not required.
    ///
    /// # Errors
    /// [`KernelError::ImageEmpty`], [`KernelError::ImageTooLarge`], [`KernelError::StrideTooSmall`]
    /// or [`KernelError::ImageTooShort`].
    pub fn new(
        data: &'a [u8],
        width: u32,
        height: u32,
        stride_bytes: usize,
        format: PixelFormat,
    ) -> Result<Self, KernelError> {
        if width == 0 || height == 0 {
            return Err(KernelError::ImageEmpty { width, height });
        }
        let too_large = KernelError::ImageTooLarge { width, height, stride_bytes };
        let columns = usize::try_from(width).map_err(|_| too_large)?;
        let rows = usize::try_from(height).map_err(|_| too_large)?;
        let row_bytes = columns.checked_mul(format.bytes_per_pixel()).ok_or(too_large)?;
        if stride_bytes < row_bytes {
            return Err(KernelError::StrideTooSmall { stride_bytes, row_bytes });
        }
        let needed_bytes =
            stride_bytes.checked_mul(rows - 1).and_then(|start| start.checked_add(row_bytes)).ok_or(too_large)?;
        if data.len() < needed_bytes {
            return Err(KernelError::ImageTooShort { actual_bytes: data.len(), needed_bytes });
        }
        Ok(Self { data, width, height, stride_bytes, format })
    }

    /// Columns.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Bytes from the start of one row to the start of the next.
    #[must_use]
    pub const fn stride_bytes(&self) -> usize {
        self.stride_bytes
    }

    /// Order of the channels.
    #[must_use]
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// The bytes given to [`ImageView::new`], row padding included.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The pixels of row `y` without padding; empty when there is no such row.
    #[must_use]
    pub fn row(&self, y: usize) -> &'a [u8] {
        if y >= self.height as usize {
            return &[];
        }
        let start = y * self.stride_bytes;
        let row_bytes = self.width as usize * self.format.bytes_per_pixel();
        self.data.get(start..start + row_bytes).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_skip_the_padding_and_the_last_row_needs_none() {
        let data: Vec<u8> = (0..14).collect();
        let view = ImageView::new(&data, 2, 2, 8, PixelFormat::Rgb8).unwrap();
        assert_eq!(view.row(0), &[0, 1, 2, 3, 4, 5]);
        assert_eq!(view.row(1), &[8, 9, 10, 11, 12, 13]);
        assert!(view.row(2).is_empty());
    }

    #[test]
    fn a_short_buffer_is_refused_with_the_bytes_it_needs() {
        let fault = ImageView::new(&[0; 13], 2, 2, 8, PixelFormat::Bgr8).unwrap_err();
        assert_eq!(fault, KernelError::ImageTooShort { actual_bytes: 13, needed_bytes: 14 });
    }

    #[test]
    fn a_stride_below_the_row_is_refused() {
        let fault = ImageView::new(&[0; 64], 3, 2, 8, PixelFormat::Rgb8).unwrap_err();
        assert_eq!(fault, KernelError::StrideTooSmall { stride_bytes: 8, row_bytes: 9 });
    }

    #[test]
    fn an_empty_image_is_refused() {
        assert!(matches!(ImageView::new(&[], 0, 4, 0, PixelFormat::Mono8), Err(KernelError::ImageEmpty { .. })));
        assert!(matches!(ImageView::new(&[], 4, 0, 4, PixelFormat::Mono8), Err(KernelError::ImageEmpty { .. })));
    }

    #[test]
    fn sizes_that_overflow_are_refused_before_any_arithmetic_wraps() {
        let fault = ImageView::new(&[0; 8], 2, u32::MAX, usize::MAX / 2, PixelFormat::Mono8).unwrap_err();
        assert!(matches!(fault, KernelError::ImageTooLarge { .. }));
        let fault = ImageView::new(&[0; 8], 2, 2, usize::MAX, PixelFormat::Mono8).unwrap_err();
        assert!(matches!(fault, KernelError::ImageTooLarge { .. }));
    }
}
