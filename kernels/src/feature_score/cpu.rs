//! The CPU twin: one core, with the best instructions the machine has.

use super::compare::{Compare, PANEL, Panels};
use super::{FeatureScore, check_score, check_similarities, gain_count};
use crate::feature_map::FEATURE_DIM_MAX;
use crate::placement::View;
use crate::surface::coordinate;
use crate::vector::{LANES, Processor, Vector, Work, array};
use crate::{FeatureMap, Instructions, KernelError, Placement, Surface};

/// Position, normal and area.
const COORDINATE_COUNT: usize = coordinate::AREA + 1;

/// Scores placements on one CPU core. Allocates in the first call on a larger map or surface than any
/// before, unless [`FeatureScore::reserve`] did.
#[derive(Debug, Default)]
pub struct CpuFeatureScore {
    processor: Processor,
    panels: Panels,
    /// Of each cell, what absence reaches; padded to a whole number of panels.
    thresholds: Vec<f32>,
    /// `[vertices, cells]`, both padded: vertices to a whole number of vectors.
    gains: Vec<f32>,
    /// Of the surface, [`COORDINATE_COUNT`] numbers for each sixteen vertices, sixteen each.
    coordinates: Vec<[f32; LANES]>,
    /// Columns and rows of the map.
    size: Option<(usize, usize)>,
}

impl CpuFeatureScore {
    /// With the best instructions this machine has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With instructions of one's choice; `None` when this machine lacks them.
    #[must_use]
    pub fn with_instructions(instructions: Instructions) -> Option<Self> {
        Processor::new(instructions).map(|processor| Self { processor, ..Self::default() })
    }

    /// The instructions in use.
    #[must_use]
    pub const fn instructions(&self) -> Instructions {
        self.processor.instructions()
    }
}

impl FeatureScore for CpuFeatureScore {
    fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        let more = |len: usize, count: usize| count.saturating_sub(len);
        self.gains.reserve(more(self.gains.len(), gain_count(vertex_count, cell_count)?));
        self.panels.reserve(cell_count, dim.min(FEATURE_DIM_MAX));
        self.thresholds.reserve(more(self.thresholds.len(), cell_count.next_multiple_of(PANEL)));
        let groups = vertex_count.div_ceil(LANES) * COORDINATE_COUNT;
        self.coordinates.reserve(more(self.coordinates.len(), groups));
        Ok(())
    }

    fn similarities(&mut self, map: &FeatureMap<'_>, surface: &Surface, floor: f32) -> Result<(), KernelError> {
        check_similarities(map, surface, floor)?;
        let (padded, stride) =
            (surface.vertex_count().next_multiple_of(LANES), map.cell_count().next_multiple_of(PANEL));
        self.panels.fill(map);
        self.thresholds.resize(stride, 0.0);
        // What is beyond the last vertex is gathered by no one: it faces nobody.
        self.gains.resize(padded * stride, 0.0);
        let (thresholds, gains) = (&mut self.thresholds[..], &mut self.gains[..]);
        self.processor.run(Compare { surface, panels: &self.panels, floor, thresholds, gains });
        self.coordinates.clear();
        for group in 0..padded / LANES {
            let arrays = surface.coordinates()[..COORDINATE_COUNT].iter();
            self.coordinates.extend(arrays.map(|array| array.as_chunks().0[group]));
        }
        self.size = Some((map.width(), map.height()));
        Ok(())
    }

    fn score(&mut self, placements: &[Placement], scores: &mut [f32]) -> Result<usize, KernelError> {
        let (width, height) = self.size.ok_or(KernelError::NoSimilarities)?;
        check_score(placements, scores)?;
        let stride = self.thresholds.len();
        let work = Score {
            groups: self.coordinates.as_chunks().0,
            gains: &self.gains,
            stride,
            size: [width as f32, height as f32],
            placements,
            scores,
        };
        Ok(self.processor.run(work))
    }
}

/// Scores all placements, one after the other; returns how many are not valid.
struct Score<'a> {
    groups: &'a [[[f32; LANES]; COORDINATE_COUNT]],
    gains: &'a [f32],
    stride: usize,
    /// Columns and rows.
    size: [f32; 2],
    placements: &'a [Placement],
    scores: &'a mut [f32],
}

impl Work for Score<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self) -> usize {
        let mut refused_count = 0;
        for (placement, score) in self.placements.iter().zip(self.scores) {
            if !placement.is_valid() {
                refused_count += 1;
                *score = f32::NEG_INFINITY;
                continue;
            }
            let view = View::<V>::new(placement);
            let [width, height] = array![side in [0, 1] => V::splat(self.size[side])];
            let mut sum = V::splat(0.0);
            for (group, gains) in self.groups.iter().zip(self.gains.chunks_exact(LANES * self.stride)) {
                let position = array![axis in [0, 1, 2] => V::load(&group[coordinate::POSITION + axis])];
                let normal = array![axis in [0, 1, 2] => V::load(&group[coordinate::NORMAL + axis])];
                let placed = view.place(position, normal);
                let (after_start, before_end) = (
                    V::both(placed.u.at_least(V::splat(0.0)), placed.v.at_least(V::splat(0.0))),
                    V::both(width.greater(placed.u), height.greater(placed.v)),
                );
                let counts = V::both(placed.face_viewer(), V::both(after_start, before_end));
                if V::bits(counts) == 0 {
                    continue;
                }
                // Whole numbers this small are exact.
                let cell = placed.v.truncate().mul_add(width, placed.u.truncate());
                let gain = V::gather_rows(gains, self.stride, cell, counts);
                let area = V::load(&group[coordinate::AREA]);
                let covered = V::select(counts, area.mul(placed.area_scale()), V::splat(0.0));
                sum = covered.mul_add(gain, sum);
            }
            *score = sum.total();
        }
        refused_count
    }
}
