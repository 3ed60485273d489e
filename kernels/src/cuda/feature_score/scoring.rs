//! Scores on a device: the buffers, and the steps in the device's queue.

use super::arguments::Arguments;
use crate::cuda::machine::{Machine, Memory, Shape, Staging};
use crate::cuda::surface::{DeviceMap, DeviceSurface, found, grow};
use crate::feature_score::{check_score, check_similarities, gain_count};
use crate::{FeatureMap, KernelError, Placement, Surface};

/// Placements that go to the device at once; more come in turns.
const PLACEMENT_COUNT_MAX: usize = 4096;

/// Vertices and cells of a block of the comparison (`TILE`), its threads, and its shared memory: two
/// tiles of 16 rows of 68 numbers, and 64 numbers.
const TILE: usize = 64;
const COMPARE_THREADS: u32 = 256;
const COMPARE_SHARED_BYTES: u32 = (2 * 16 * 68 + 64) * 4;

/// Threads of a placement, and a number for each of their warps.
const SCORE_THREADS: u32 = 128;
const SCORE_SHARED_BYTES: u32 = SCORE_THREADS / 32 * 4;

/// Everything that scoring keeps.
pub(super) struct Scoring<M: Machine> {
    machine: M,
    compare: Option<M::Function>,
    score: Option<M::Function>,
    surface: DeviceSurface<M>,
    map: DeviceMap<M>,
    gains: M::Memory,
    placements: M::Memory,
    staged_placements: M::Staging,
    scores: M::Memory,
    staged_scores: M::Staging,
    /// Of the last comparison, if there was one.
    kept: Option<Arguments>,
}

impl<M: Machine> Scoring<M> {
    pub fn new(machine: M) -> Result<Self, KernelError> {
        let (placement_bytes, score_bytes) =
            (PLACEMENT_COUNT_MAX * size_of::<Placement>(), PLACEMENT_COUNT_MAX * size_of::<f32>());
        Ok(Self {
            compare: machine.function("feature_score_compare"),
            score: machine.function("feature_score_score"),
            surface: DeviceSurface::new(&machine)?,
            map: DeviceMap::new(&machine)?,
            gains: machine.allocate(0)?,
            placements: machine.allocate(placement_bytes)?,
            staged_placements: machine.allocate_staging(placement_bytes)?,
            scores: machine.allocate(score_bytes)?,
            staged_scores: machine.allocate_staging(score_bytes)?,
            kept: None,
            machine,
        })
    }

    #[cfg(feature = "cuda")]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    pub fn reserve(&mut self, vertex_count: usize, cell_count: usize, dim: usize) -> Result<(), KernelError> {
        let gain_bytes = gain_count(vertex_count, cell_count)? * size_of::<f32>();
        // What is kept may lie in memory that moves.
        self.kept = None;
        self.surface.reserve(&self.machine, vertex_count, dim, false)?;
        self.map.reserve(&self.machine, cell_count, dim)?;
        grow(&self.machine, &mut self.gains, gain_bytes)
    }

    /// Uploads a surface, which stays until the next one.
    pub fn upload(&mut self, surface: &Surface) -> Result<(), KernelError> {
        self.kept = None;
        self.surface.upload(&self.machine, surface, false)
    }

    /// Compares the uploaded surface with a map.
    pub fn compare(&mut self, map: &FeatureMap<'_>, floor: f32) -> Result<(), KernelError> {
        let surface = &self.surface;
        if map.dim() != surface.dim {
            return Err(KernelError::FeatureDim { map_dim: map.dim(), surface_dim: surface.dim });
        }
        let gain_bytes = gain_count(surface.vertex_count, map.cell_count())? * size_of::<f32>();
        self.kept = None;
        self.map.upload(&self.machine, map)?;
        grow(&self.machine, &mut self.gains, gain_bytes)?;
        let arguments = Arguments {
            coordinates: surface.coordinates.address(),
            features: surface.features.address(),
            clutter: surface.clutter.address(),
            map: self.map.features.address(),
            gains: self.gains.address(),
            placements: self.placements.address(),
            scores: self.scores.address(),
            vertex_count: surface.vertex_count as u32,
            stride: surface.stride as u32,
            dim: surface.dim as u32,
            cell_count: self.map.cell_count() as u32,
            width: self.map.width as u32,
            height: self.map.height as u32,
            floor,
            unused: 0,
        };
        let grid = (self.map.cell_count().div_ceil(TILE) as u32, surface.vertex_count.div_ceil(TILE) as u32);
        if grid.1 > 0 {
            let shape = Shape { grid, threads: COMPARE_THREADS, shared_bytes: COMPARE_SHARED_BYTES };
            self.machine.launch(found(self.compare)?, &shape, &arguments)?;
        }
        self.kept = Some(arguments);
        Ok(())
    }

    /// As [`FeatureScore::similarities`](crate::FeatureScore::similarities).
    pub fn similarities(&mut self, map: &FeatureMap<'_>, surface: &Surface, floor: f32) -> Result<(), KernelError> {
        check_similarities(map, surface, floor)?;
        self.upload(surface)?;
        self.compare(map, floor)
    }

    /// As [`FeatureScore::score`](crate::FeatureScore::score).
    pub fn score(&mut self, placements: &[Placement], scores: &mut [f32]) -> Result<usize, KernelError> {
        let arguments = self.kept.ok_or(KernelError::NoSimilarities)?;
        check_score(placements, scores)?;
        let function = found(self.score)?;
        let mut refused_count = 0;
        for (placements, scores) in placements.chunks(PLACEMENT_COUNT_MAX).zip(scores.chunks_mut(PLACEMENT_COUNT_MAX)) {
            let bytes: &[u8] = bytemuck::cast_slice(placements);
            self.staged_placements.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
            self.machine.enqueue_upload(&self.staged_placements, &mut self.placements, bytes.len())?;
            let grid = (placements.len() as u32, 1);
            let shape = Shape { grid, threads: SCORE_THREADS, shared_bytes: SCORE_SHARED_BYTES };
            self.machine.launch(function, &shape, &arguments)?;
            let score_bytes = size_of_val(scores);
            self.machine.enqueue_download(&self.scores, &mut self.staged_scores, score_bytes)?;
            self.machine.wait()?;
            scores.copy_from_slice(bytemuck::cast_slice(&self.staged_scores.bytes()[..score_bytes]));
            for (_, score) in placements.iter().zip(scores).filter(|(placement, _)| !placement.is_valid()) {
                refused_count += 1;
                *score = f32::NEG_INFINITY;
            }
        }
        Ok(refused_count)
    }
}
