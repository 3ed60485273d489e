//! Elements that start at a cache line, so that no vector of them straddles two.

use bytemuck::Pod;

/// One cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
struct Line([u8; super::ask::CACHE_LINE_BYTES]);

/// A growing list of elements of plain bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    element: std::marker::PhantomData<T>,
}

impl<T: Pod> Aligned<T> {
    /// `len` elements whose bytes are zero.
    pub fn zeroed(len: usize) -> Self {
        let mut aligned = Self { lines: Vec::new(), len: 0, element: std::marker::PhantomData };
        aligned.grow(len);
        aligned
    }

    /// Adds elements, whose bytes are zero, until there are `len`. Allocates where there are fewer.
    pub fn grow(&mut self, len: usize) {
        self.len = self.len.max(len);
        let line_count = (self.len * size_of::<T>()).div_ceil(size_of::<Line>());
        self.lines.resize(line_count, Line([0; _]));
    }

    pub fn as_slice(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_kept_and_stay_aligned_when_more_come() {
        let mut aligned = Aligned::<i16>::zeroed(3);
        aligned.as_mut_slice().copy_from_slice(&[1, 2, 3]);
        aligned.grow(1000);
        assert_eq!((&aligned.as_slice()[..4], aligned.as_slice().len()), ([1, 2, 3, 0].as_slice(), 1000));
        assert_eq!(aligned.as_slice().as_ptr().align_offset(64), 0);
        aligned.grow(5);
        assert_eq!(aligned.as_slice().len(), 1000);
    }
}
