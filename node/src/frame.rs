//! A frame: one image with the time it was taken. Nothing else is called a frame.

use kernels::ImageView;

use crate::time::Stamp;

/// One stamped image. Borrows the bytes (shared memory or a decoded buffer); copying the value is free.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// When the camera took it.
    pub stamp: Stamp,
    /// The pixels, checked for size and stride.
    pub image: ImageView<'a>,
}
