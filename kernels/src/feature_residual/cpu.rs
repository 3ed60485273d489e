//! The CPU twin: one core, with the best instructions the machine has.

use super::sums::{Step, VertexSums};
use super::vertex::{Dots, compare};
use super::{FeatureResidual, NormalEquations, RobustSpec, VertexMatch, check_residual, check_sums};
use crate::placement::View;
use crate::surface::{COORDINATE_COUNT, coordinate};
use crate::vector::{LANES, Processor, Vector, Work, array};
use crate::{FeatureMap, Instructions, KernelError, Placement, Surface};

/// Sets up steps on one CPU core. Never allocates.
#[derive(Debug, Default)]
pub struct CpuFeatureResidual {
    processor: Processor,
}

impl CpuFeatureResidual {
    /// With the best instructions this machine has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With instructions of one's choice; `None` when this machine lacks them.
    #[must_use]
    pub fn with_instructions(instructions: Instructions) -> Option<Self> {
        Processor::new(instructions).map(|processor| Self { processor })
    }

    /// The instructions in use.
    #[must_use]
    pub const fn instructions(&self) -> Instructions {
        self.processor.instructions()
    }
}

impl FeatureResidual for CpuFeatureResidual {
    fn reserve(&mut self, _: usize, _: usize, _: usize) -> Result<(), KernelError> {
        Ok(())
    }

    fn residual(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
    ) -> Result<NormalEquations, KernelError> {
        check_residual(map, surface, placement, spec)?;
        check_sums(self.processor.run(Residual { map, surface, placement, spec, matches: &mut [] }))
    }

    fn residual_and_matches(
        &mut self,
        map: &FeatureMap<'_>,
        surface: &Surface,
        placement: &Placement,
        spec: &RobustSpec,
        matches: &mut [VertexMatch],
    ) -> Result<NormalEquations, KernelError> {
        check_residual(map, surface, placement, spec)?;
        let (actual, needed) = (matches.len(), surface.vertex_count());
        if actual != needed {
            return Err(KernelError::OutputLength { actual, needed });
        }
        check_sums(self.processor.run(Residual { map, surface, placement, spec, matches }))
    }
}

struct Residual<'a> {
    map: &'a FeatureMap<'a>,
    surface: &'a Surface,
    placement: &'a Placement,
    spec: &'a RobustSpec,
    /// One for each vertex, or none.
    matches: &'a mut [VertexMatch],
}

impl Work for Residual<'_> {
    type Output = NormalEquations;

    /// Sixteen vertices at a time: where they are; then one by one what is there, for those that are
    /// seen; then what follows from that.
    #[inline(always)]
    fn run<V: Vector>(self) -> NormalEquations {
        let view = View::<V>::new(self.placement);
        let step = Step::new(self.spec);
        let mut sums = VertexSums::<V>::new();
        let mut dots = Dots::default();
        for first in (0..self.surface.vertex_count()).step_by(LANES) {
            let group = first / LANES;
            let mut coordinates = [V::splat(0.0); COORDINATE_COUNT];
            for (lanes, array) in coordinates.iter_mut().zip(self.surface.coordinates()) {
                *lanes = V::load(&array.as_chunks().0[group]);
            }
            let placed = view.place(
                array![axis in [0, 1, 2] => coordinates[coordinate::POSITION + axis]],
                array![axis in [0, 1, 2] => coordinates[coordinate::NORMAL + axis]],
            );
            let seen = compare::<V>(self.map, self.surface, first, &placed, &mut dots);
            if let Some(matches) = self.matches.get_mut(first..) {
                dots.write_matches(seen, matches);
            }
            if seen != 0 {
                sums.add(&view, &step, &placed, &coordinates, &dots, seen);
            }
        }
        sums.totals()
    }
}
