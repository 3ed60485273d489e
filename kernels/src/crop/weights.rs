//! Weights of source pixels under output pixels, for one axis.

/// The source pixels one output pixel reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// First source pixel.
    pub start: usize,
    /// Where its weight stands in [`AxisWeights::weights`].
    pub weight_start: usize,
    /// Number of source pixels; zero when the output pixel sees nothing of the image.
    pub count: usize,
    /// Weight of what lies outside the image. Together with the pixels' weights it sums to one.
    pub outside: f32,
}

/// One [`Span`] for each output pixel of an axis. Keeps its memory from call to call.
#[derive(Debug, Default)]
pub(super) struct AxisWeights {
    pub spans: Vec<Span>,
    pub weights: Vec<f32>,
}

impl AxisWeights {
    /// Makes room for every window of an axis with these sizes.
    pub fn reserve(&mut self, source_len: usize, out_len: usize) {
        self.spans.clear();
        self.spans.reserve(out_len);
        self.weights.clear();
        // Neighbouring output pixels share at most one source pixel; two each when enlarging.
        self.weights.reserve(source_len.saturating_add(out_len.saturating_mul(2)));
    }

    /// Recomputes the weights for a window from `start` to `end` (image coordinates) over `out_len`
    /// output pixels.
    pub fn set(&mut self, start: f64, end: f64, source_len: usize, out_len: usize) {
        self.reserve(source_len, out_len);
        let scale = (end - start) / out_len as f64;
        for index in 0..out_len {
            let from = start + index as f64 * scale;
            if scale >= 1.0 {
                self.push_area(from, from + scale, source_len);
            } else {
                self.push_linear(from + 0.5 * scale, source_len);
            }
        }
    }

    /// Source pixels that any output pixel reads, as `first..end`; empty when the window misses the
    /// image.
    pub fn source_range(&self) -> std::ops::Range<usize> {
        let seen = self.spans.iter().filter(|span| span.count > 0);
        let first = seen.clone().map(|span| span.start).min().unwrap_or(0);
        first..seen.map(|span| span.start + span.count).max().unwrap_or(0)
    }

    pub fn of(&self, span: &Span) -> &[f32] {
        self.weights.get(span.weight_start..span.weight_start + span.count).unwrap_or(&[])
    }

    fn push_area(&mut self, from: f64, to: f64, source_len: usize) {
        let length = source_len as f64;
        let (inside_from, inside_to) = (from.clamp(0.0, length), to.clamp(0.0, length));
        let (start, end) = (inside_from.floor() as usize, inside_to.ceil() as usize);
        let (area, weight_start) = (to - from, self.weights.len());
        for pixel in start..end {
            let covered = inside_to.min(pixel as f64 + 1.0) - inside_from.max(pixel as f64);
            self.weights.push((covered / area) as f32);
        }
        let outside = (1.0 - (inside_to - inside_from) / area) as f32;
        self.spans.push(Span { start, weight_start, count: end.saturating_sub(start), outside });
    }

    fn push_linear(&mut self, center: f64, source_len: usize) {
        let left = (center - 0.5).floor();
        let fraction = center - 0.5 - left;
        let (weight_start, mut start, mut outside) = (self.weights.len(), 0, 0.0);
        for (pixel, weight) in [(left, 1.0 - fraction), (left + 1.0, fraction)] {
            if pixel < 0.0 || pixel >= source_len as f64 {
                outside += weight;
            } else {
                if self.weights.len() == weight_start {
                    start = pixel as usize;
                }
                self.weights.push(weight as f32);
            }
        }
        let count = self.weights.len() - weight_start;
        self.spans.push(Span { start, weight_start, count, outside: outside as f32 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(axis: &AxisWeights, span: &Span) -> f32 {
        axis.of(span).iter().sum::<f32>() + span.outside
    }

    #[test]
    fn weights_and_outside_sum_to_one() {
        let mut axis = AxisWeights::default();
        for (start, end) in [(-3.3, 40.7), (2.1, 7.9), (0.0, 16.0), (-50.0, -40.0), (10.0, 90.0), (-1e30, 1e30)] {
            axis.set(start, end, 16, 8);
            assert_eq!(axis.spans.len(), 8);
            for span in &axis.spans {
                assert!((total(&axis, span) - 1.0).abs() < 1e-6, "{start} {end} {span:?}");
                assert!(span.start + span.count <= 16);
            }
        }
    }

    #[test]
    fn an_axis_at_its_own_size_copies() {
        let mut axis = AxisWeights::default();
        axis.set(3.0, 9.0, 16, 6);
        for (index, span) in axis.spans.iter().enumerate() {
            assert_eq!((span.start, axis.of(span), span.outside), (3 + index, &[1.0][..], 0.0));
        }
    }

    #[test]
    fn no_window_outgrows_the_reserved_memory() {
        let mut axis = AxisWeights::default();
        axis.reserve(100, 10);
        let capacity = axis.weights.capacity();
        for step in 0..2000 {
            let length = 0.3 + f64::from(step) * 0.13;
            axis.set(-7.7 + 0.01 * f64::from(step), -7.7 + length, 100, 10);
            assert_eq!(axis.weights.capacity(), capacity);
        }
    }
}
