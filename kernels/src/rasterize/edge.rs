//! Edges that decide, without a doubt, which triangle owns a pixel.
//!
//! Floating-point edge functions leave gaps when the two triangles of an edge round differently.
//! Here both evaluate the edge from the same end point with the same operations, and one takes the
//! negative: their values are exact opposites, so exactly one of them is positive, or both are zero
//! and the top-left rule decides.

use std::ops::Range;

/// A directed edge of a triangle in image coordinates (pixels), the interior where [`Edge::side`]
/// is positive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    origin: [f64; 2],
    along: [f64; 2],
    sign: f64,
    /// A top or left edge: a pixel centre exactly on it belongs to this triangle.
    owns_line: bool,
}

impl Edge {
    pub fn new(from: [f64; 2], to: [f64; 2]) -> Self {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let reversed = (to[0], to[1]) < (from[0], from[1]);
        let (origin, end) = if reversed { (to, from) } else { (from, to) };
        Self {
            origin,
            along: [end[0] - origin[0], end[1] - origin[1]],
            sign: if reversed { -1.0 } else { 1.0 },
            owns_line: dy < 0.0 || (dy == 0.0 && dx > 0.0),
        }
    }

    /// The part of [`Edge::side`] that a row of pixels shares.
    pub fn row(&self, y: f64) -> f64 {
        self.along[0] * (y - self.origin[1])
    }

    /// Whether the triangle has the pixel centre at `x` in the row that `row` was computed for, as
    /// far as this edge knows.
    pub fn admits(&self, row: f64, x: f64) -> bool {
        let side = self.sign * (row - self.along[1] * (x - self.origin[0]));
        side > 0.0 || (side == 0.0 && self.owns_line)
    }

    /// Narrows the columns of a row to those that this edge may admit: never too few, at most a
    /// pixel too many on each side.
    pub fn narrow(&self, row: f64, columns: &mut Range<usize>) {
        let crossing = self.origin[0] + row / self.along[1] - 0.5;
        // Beyond this, a crossing may be rounded by more than the pixel of slack below.
        if self.origin[0].abs() > 1e12 || !crossing.is_finite() {
            return;
        }
        // Negative floats become column 0.
        if self.sign * self.along[1] > 0.0 {
            columns.end = columns.end.min((crossing + 2.0) as usize);
        } else {
            columns.start = columns.start.max((crossing - 1.0) as usize);
        }
    }
}

/// Twice the area of a triangle, negative where it is wound the other way.
pub(super) fn doubled_area([a, b, c]: &[[f64; 2]; 3]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// The three edges around a triangle, turned so that the interior is positive; `None` when it has
/// no area.
pub(super) fn edges_of(corners: &[[f64; 2]; 3]) -> Option<[Edge; 3]> {
    let area = doubled_area(corners);
    let [a, b, c] = *corners;
    if area > 0.0 {
        Some([Edge::new(a, b), Edge::new(b, c), Edge::new(c, a)])
    } else if area < 0.0 {
        Some([Edge::new(a, c), Edge::new(c, b), Edge::new(b, a)])
    } else {
        None
    }
}

/// Pixels whose centres lie between two coordinates, inside `0..len`.
pub(super) fn pixels_between(from: f64, to: f64, len: usize) -> Range<usize> {
    // Float to integer conversion saturates, so far-away corners are safe.
    let start = (from - 0.5).ceil().max(0.0) as usize;
    let end = ((to - 0.5).floor() + 1.0).max(0.0) as usize;
    start.min(len)..end.min(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_edges_never_both_admit_and_never_both_refuse() {
        let ends = [[0.5, 0.5], [7.5, 0.5], [0.1, 6.3], [3.3, 3.3], [1e7, -3.0], [2.5, 9.5]];
        for from in ends {
            for to in ends {
                if from == to {
                    continue;
                }
                let (one, other) = (Edge::new(from, to), Edge::new(to, from));
                for pixel in 0..100 {
                    let (x, y) = (f64::from(pixel % 10) + 0.5, f64::from(pixel / 10) + 0.5);
                    assert_ne!(one.admits(one.row(y), x), other.admits(other.row(y), x), "{from:?} {to:?} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn narrowing_never_drops_an_admitted_pixel() {
        for step in 0..400 {
            let angle = f64::from(step) * 0.0157;
            let edge = Edge::new([10.3, 10.1], [10.3 + 30.0 * angle.cos(), 10.1 + 30.0 * angle.sin()]);
            for y in 0..20 {
                let row = edge.row(f64::from(y) + 0.5);
                let mut columns = 0..20;
                edge.narrow(row, &mut columns);
                for x in 0..20_usize {
                    assert!(columns.contains(&x) || !edge.admits(row, x as f64 + 0.5), "{step} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn pixel_ranges_hold_the_centres_between_two_coordinates() {
        assert_eq!(pixels_between(0.5, 2.5, 10), 0..3);
        assert_eq!(pixels_between(0.51, 2.49, 10), 1..2);
        assert_eq!(pixels_between(-1e300, 1e300, 10), 0..10);
        assert!(pixels_between(20.0, 30.0, 10).is_empty());
        assert!(pixels_between(-30.0, -20.0, 10).is_empty());
    }
}
