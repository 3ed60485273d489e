//! A grid of feature vectors, and how it is read between cells.
//!
//! Cell `(row i, column j)` covers `[j, j + 1) x [i, i + 1)` of the map's coordinates `(u, v)`: `u`
//! right, `v` down, in cells; its centre is `(j + 0.5, i + 0.5)`.

use crate::KernelError;

/// Largest magnitude of a number that a map or a surface may hold: products of two, and sums of
/// thousands of products, stay finite.
pub const FEATURE_MAGNITUDE_MAX: f32 = 1e6;

/// Most columns, and most rows, of a map: coordinates keep 11 bits below a cell.
pub const MAP_SIDE_MAX: usize = 4096;

/// Most elements of a feature vector.
pub const FEATURE_DIM_MAX: usize = 4096;

/// A read-only map over somebody else's numbers, channels last: `[height, width, dim]`.
///
/// Once [`FeatureMap::new`] has returned one, every number in it is finite.
#[derive(Clone, Copy, Debug)]
pub struct FeatureMap<'a> {
    features: &'a [f32],
    width: usize,
    height: usize,
    dim: usize,
}

impl<'a> FeatureMap<'a> {
    /// Checks the shape, and each number of `features`, `[height, width, dim]`.
    ///
    /// # Errors
    /// [`KernelError::FeatureMapShape`] when there are not `height * width * dim` numbers, none at
    /// all, a side beyond [`MAP_SIDE_MAX`] or more than [`FEATURE_DIM_MAX`] elements a cell;
    /// [`KernelError::FeatureValue`] naming the first cell that holds a number which is not finite or
    /// beyond [`FEATURE_MAGNITUDE_MAX`].
    pub fn new(features: &'a [f32], width: usize, height: usize, dim: usize) -> Result<Self, KernelError> {
        check_shape(features.len(), width, height, dim)?;
        if let Some(at) = features.chunks_exact(dim).position(|cell| !are_usable(cell)) {
            return Err(KernelError::FeatureValue { row: at / width, column: at % width });
        }
        Ok(Self { features, width, height, dim })
    }

    /// Columns.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Elements of a feature vector.
    #[must_use]
    pub const fn dim(&self) -> usize {
        self.dim
    }

    /// Columns times rows.
    #[must_use]
    pub const fn cell_count(&self) -> usize {
        self.width * self.height
    }

    /// All numbers, `[height, width, dim]`.
    #[must_use]
    pub const fn features(&self) -> &'a [f32] {
        self.features
    }

    /// Where `(u, v)` lies between four cell centres; `None` outside of the outermost centres.
    #[must_use]
    pub fn support(&self, u: f32, v: f32) -> Option<Support> {
        let (left, right, x) = between(u, self.width)?;
        let (above, below, y) = between(v, self.height)?;
        let cell = |row: usize, column: usize| row * self.width + column;
        Some(Support {
            cells: [cell(above, left), cell(above, right), cell(below, left), cell(below, right)],
            weights: [(1.0 - x) * (1.0 - y), x * (1.0 - y), (1.0 - x) * y, x * y],
        })
    }

    /// Writes the bilinearly interpolated vector at `(u, v)`, which is not of unit length in general.
    /// False, and nothing written, outside of the outermost cell centres.
    ///
    /// # Errors
    /// [`KernelError::OutputLength`] when `out` does not hold [`FeatureMap::dim`] elements.
    pub fn sample(&self, u: f32, v: f32, out: &mut [f32]) -> Result<bool, KernelError> {
        if out.len() != self.dim {
            return Err(KernelError::OutputLength { actual: out.len(), needed: self.dim });
        }
        let Some(support) = self.support(u, v) else { return Ok(false) };
        let cells = support.cells.map(|cell| &self.features[cell * self.dim..][..self.dim]);
        for (at, out) in out.iter_mut().enumerate() {
            let terms: [f32; 4] = std::array::from_fn(|corner| support.weights[corner] * cells[corner][at]);
            *out = (terms[0] + terms[1]) + (terms[2] + terms[3]);
        }
        Ok(true)
    }
}

/// Memory of one map; what it holds was checked when it was copied in, so that a view costs nothing.
#[derive(Clone, Debug)]
pub struct FeatureMapBuffer {
    features: Vec<f32>,
    width: usize,
    height: usize,
    dim: usize,
    is_filled: bool,
}

impl FeatureMapBuffer {
    /// Allocates for maps of this shape.
    ///
    /// # Errors
    /// [`KernelError::FeatureMapShape`], as [`FeatureMap::new`].
    pub fn new(width: usize, height: usize, dim: usize) -> Result<Self, KernelError> {
        let len = width.checked_mul(height).and_then(|cells| cells.checked_mul(dim)).unwrap_or(0);
        check_shape(len, width, height, dim)?;
        Ok(Self { features: vec![0.0; len], width, height, dim, is_filled: false })
    }

    /// Takes planes `[dim, height, width]`, as networks write them.
    ///
    /// # Errors
    /// As [`channels_last`]; there is then no map.
    pub fn fill(&mut self, planes: &[f32]) -> Result<(), KernelError> {
        self.is_filled = false;
        channels_last(planes, self.width, self.height, self.dim, &mut self.features)?;
        self.is_filled = true;
        Ok(())
    }

    /// What was filled in last; `None` before the first time, and where that failed.
    #[must_use]
    pub fn map(&self) -> Option<FeatureMap<'_>> {
        let Self { features, width, height, dim, is_filled } = self;
        is_filled.then_some(FeatureMap { features, width: *width, height: *height, dim: *dim })
    }
}

/// Four cells and what each counts; the weights sum to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Support {
    /// Cells, row by row from the map's first: upper left, upper right, lower left, lower right.
    pub cells: [usize; 4],
    /// One for each cell.
    pub weights: [f32; 4],
}

/// The centres before and after a coordinate, and how far it is from one to the other.
fn between(coordinate: f32, count: usize) -> Option<(usize, usize, f32)> {
    let last = count - 1;
    let from_first = coordinate - 0.5;
    if !(from_first >= 0.0 && from_first <= last as f32) {
        return None;
    }
    // At the last centre itself the later one is that centre again, with all or none of the weight.
    let before = (from_first as usize).min(last.saturating_sub(1));
    Some((before, (before + 1).min(last), from_first - before as f32))
}

/// Copies planes `[dim, height, width]`, as networks write them, to `out`, `[height, width, dim]`.
///
/// # Errors
/// [`KernelError::FeatureMapShape`], [`KernelError::FeatureValue`] (as [`FeatureMap::new`]) or
/// [`KernelError::OutputLength`]; `out` is then untouched.
pub fn channels_last(
    planes: &[f32],
    width: usize,
    height: usize,
    dim: usize,
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_shape(planes.len(), width, height, dim)?;
    if out.len() != planes.len() {
        return Err(KernelError::OutputLength { actual: out.len(), needed: planes.len() });
    }
    let cell_count = width * height;
    if !are_usable(planes) {
        let usable = |cell: usize| planes.iter().skip(cell).step_by(cell_count).all(|value| is_usable(*value));
        let at = (0..cell_count).find(|&cell| !usable(cell)).unwrap_or(0);
        return Err(KernelError::FeatureValue { row: at / width, column: at % width });
    }
    // Sixteen cells at a time: their part of the output stays in the nearest cache.
    for (block, out) in out.chunks_mut(16 * dim).enumerate() {
        for (channel, plane) in planes.chunks_exact(cell_count).enumerate() {
            for (cell, value) in out.chunks_exact_mut(dim).zip(&plane[16 * block..]) {
                cell[channel] = *value;
            }
        }
    }
    Ok(())
}

fn check_shape(len: usize, width: usize, height: usize, dim: usize) -> Result<(), KernelError> {
    let sides = 1..=MAP_SIDE_MAX;
    let needed = (width.checked_mul(height)).and_then(|cells| cells.checked_mul(dim));
    let fits = sides.contains(&width)
        && sides.contains(&height)
        && (1..=FEATURE_DIM_MAX).contains(&dim)
        && needed == Some(len);
    if fits { Ok(()) } else { Err(KernelError::FeatureMapShape { len, width, height, dim }) }
}

pub(crate) fn is_usable(value: f32) -> bool {
    // False for NaN as well.
    value.abs() <= FEATURE_MAGNITUDE_MAX
}

/// Without branches, for vectors.
pub(crate) fn are_usable(values: &[f32]) -> bool {
    values.iter().fold(true, |all, value| all & is_usable(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_cells() {
        let (width, height, dim) = (5, 7, 3);
        let planes: Vec<f32> = (0..width * height * dim).map(|value| value as f32).collect();
        let mut out = vec![0.0; planes.len()];
        channels_last(&planes, width, height, dim, &mut out).unwrap();
        for cell in 0..width * height {
            for channel in 0..dim {
                assert_eq!(out[cell * dim + channel], planes[channel * width * height + cell]);
            }
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_by_its_cell() {
        for bad in [f32::NAN, f32::INFINITY, -1e7] {
            let mut planes = [0.0; 24];
            planes[12 + 7] = bad;
            let mut out = [5.0; 24];
            let fault = Err(KernelError::FeatureValue { row: 1, column: 3 });
            assert_eq!(channels_last(&planes, 4, 3, 2, &mut out), fault);
            assert_eq!(out, [5.0; 24]);
            let mut features = [0.0; 24];
            features[7 * 2 + 1] = bad;
            assert_eq!(FeatureMap::new(&features, 4, 3, 2).map(|_| ()), fault);
        }
    }

    #[test]
    fn a_buffer_has_the_map_that_was_filled_in_last() {
        let mut buffer = FeatureMapBuffer::new(4, 3, 2).unwrap();
        assert!(buffer.map().is_none());
        let planes: Vec<f32> = (0..24).map(|value| value as f32).collect();
        buffer.fill(&planes).unwrap();
        let mut cells = [0.0; 24];
        channels_last(&planes, 4, 3, 2, &mut cells).unwrap();
        assert_eq!(buffer.map().unwrap().features(), cells);
        assert!(buffer.fill(&[f32::NAN; 24]).is_err() && buffer.map().is_none());
        assert!(FeatureMapBuffer::new(0, 3, 2).is_err() && FeatureMapBuffer::new(usize::MAX, 3, 2).is_err());
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let shapes = [(4, 3, 1), (0, 3, 2), (4, 0, 2), (4, 3, 0), (usize::MAX, 2, 2), (24, 1, 2), (4097, 1, 1)];
        for (width, height, dim) in shapes {
            let fault = KernelError::FeatureMapShape { len: 24, width, height, dim };
            assert_eq!(FeatureMap::new(&[0.0; 24], width, height, dim).map(|_| ()), Err(fault));
            assert_eq!(channels_last(&[0.0; 24], width, height, dim, &mut [0.0; 24]), Err(fault));
        }
    }

    #[test]
    fn samples_are_linear_between_centres_and_end_with_them() {
        let features: Vec<f32> = (0..12).flat_map(|cell| [(cell % 4) as f32, (cell / 4) as f32]).collect();
        let map = FeatureMap::new(&features, 4, 3, 2).unwrap();
        let mut out = [0.0; 2];
        for (u, v) in [(0.5, 0.5), (1.25, 2.0), (3.5, 2.5), (3.5, 0.75), (2.0, 2.5)] {
            assert_eq!(map.sample(u, v, &mut out), Ok(true));
            assert_eq!(out, [u - 0.5, v - 0.5]);
        }
        for (u, v) in [(0.49, 1.0), (3.51, 1.0), (1.0, 0.49), (1.0, 2.51), (f32::NAN, 1.0)] {
            assert_eq!(map.sample(u, v, &mut out), Ok(false));
        }
        let single = FeatureMap::new(&[3.0], 1, 1, 1).unwrap();
        assert_eq!(single.support(0.5, 0.5).unwrap().weights.iter().sum::<f32>(), 1.0);
        assert_eq!(single.support(0.6, 0.5), None);
    }
}
