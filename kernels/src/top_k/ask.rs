//! Asking for memory before it is needed, for processors that offer it.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "an instruction that every x86-64 processor has, and that never faults")
)]

/// The unit in which memory comes.
pub(super) const CACHE_LINE_BYTES: usize = 64;

/// How many bytes ahead of the rows in hand a kernel asks, when it has one query and nothing to do
/// but wait for memory: for the next block, within what was found to serve best. Into the second
/// cache: asking for the first one takes up what loads need.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) const fn ahead_bytes(row_bytes: usize) -> usize {
    match super::blocks::ROW_BLOCK * row_bytes {
        ..4096 => 4096,
        block_bytes @ 4096..8192 => block_bytes,
        _ => 8192,
    }
}

/// Asks for the cache lines of `bytes` bytes from `start` on, which may be of anyone, or of no one.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn ask_for(start: *const u8, bytes: usize) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    for line in (0..bytes).step_by(CACHE_LINE_BYTES) {
        // SAFETY: SSE is part of x86-64, and asking for memory does not access it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(line).cast()) };
    }
}

/// Leaves it to the processor.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(super) fn ask_for(_: *const u8, _: usize) {}
