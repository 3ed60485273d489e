//! How fast memory can be read at all: every word once, added up, by as many threads as the search
//! that is compared with it.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "instructions beyond the target's baseline, called after detection only")
)]

use std::hint::black_box;

use crate::top_k::Pool;

/// Words added side by side, to hide the latency of the additions.
#[cfg(target_arch = "x86_64")]
const WIDTH: usize = 256;

/// Reads memory with the widest instructions of this machine.
#[derive(Debug)]
pub struct ReadLoop {
    pool: Pool,
}

impl ReadLoop {
    /// On `thread_count` threads, the caller's included (and at least that one).
    #[must_use]
    pub fn new(thread_count: usize) -> Self {
        Self { pool: Pool::new(thread_count.max(1) - 1) }
    }

    /// Reads all of `words` once; shared out evenly.
    pub fn read(&mut self, words: &[u32]) {
        let width = self.pool.width();
        self.pool.run(&|part| {
            let border = |part: usize| words.len() * part / width;
            black_box(sum(black_box(&words[border(part)..border(part + 1)])));
        });
    }
}

fn sum(words: &[u32]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the feature was seen on this machine.
            return unsafe { sum_avx512(words) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was seen on this machine.
            return unsafe { sum_avx2(words) };
        }
    }
    sum_portable(words)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sum_avx512(words: &[u32]) -> u32 {
    use std::arch::x86_64::{_mm512_add_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_setzero_si512};
    let mut sums = [_mm512_setzero_si512(); WIDTH / 16];
    for chunk in words.as_chunks::<WIDTH>().0 {
        for (sum, words) in sums.iter_mut().zip(chunk.as_chunks::<16>().0) {
            // SAFETY: the array holds sixteen readable words; the load needs no alignment.
            *sum = _mm512_add_epi32(*sum, unsafe { _mm512_loadu_si512(words.as_ptr().cast()) });
        }
    }
    sums.into_iter().fold(0, |total, sum| total.wrapping_add(_mm512_reduce_add_epi32(sum) as u32))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_avx2(words: &[u32]) -> u32 {
    sum_portable(words)
}

#[inline]
fn sum_portable(words: &[u32]) -> u32 {
    let mut sums = [0_u32; 64];
    for chunk in words.as_chunks::<64>().0 {
        for (sum, word) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*word);
        }
    }
    sums.iter().fold(0, |total, sum| total.wrapping_add(*sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ways_read_the_same() {
        let words: Vec<u32> = (0..4096_u32).map(|index| index.wrapping_mul(2_654_435_761)).collect();
        assert_eq!(sum(&words), sum_portable(&words));
        ReadLoop::new(2).read(&words);
    }
}
