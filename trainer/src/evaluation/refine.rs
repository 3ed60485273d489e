//! Refinement of an evaluated object, as the node does it or as NeMo does.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::ValueEnum;
use kernels::{CpuFeatureResidual, CpuFeatureScore, FeatureMapBuffer};
use models::RefinementSpec;
use models::neural_mesh::NeuralMesh;
use models::refinement::explain::Explanation;
use models::refinement::{Refined, RefinedShape, Refiner, View};
use models::retrieval::{Hypothesis, Retrieval};

use super::nemo_adam::NemoAdam;

/// Who refines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RefinerKind {
    /// Nobody: the retrieved pose
    None,
    /// Levenberg-Marquardt from the retrieved poses, as the node does, where the model has a mesh
    #[default]
    Mesh,
    /// NeMo as published: the best of 144 starts, then 300 steps of Adam
    NemoAdam,
    /// The same with 30 steps, as later work does
    NemoAdam30,
}

/// A refiner with the memory for one object.
pub struct MeshRefiner {
    refiner: Refiner<CpuFeatureScore, CpuFeatureResidual>,
    mesh: NeuralMesh,
    nemo: Option<NemoAdam>,
    map: FeatureMapBuffer,
    last: Option<Refined>,
    /// Of each object so far.
    pub times: Vec<Duration>,
}

impl MeshRefiner {
    /// For feature maps `[D, h, w]`.
    ///
    /// # Errors
    /// None, unless the kernels refuse the mesh.
    pub fn new(kind: RefinerKind, mesh: NeuralMesh, spec: RefinementSpec, shape: [usize; 3]) -> Result<Self> {
        let [dim, height, width] = shape;
        let (score, residual) = (CpuFeatureScore::default(), CpuFeatureResidual::default());
        let refiner = Refiner::new(score, residual, RefinedShape::of(&mesh), spec, shape, 1)?;
        let nemo = match kind {
            RefinerKind::NemoAdam => Some(NemoAdam::new(width, height, 300)),
            RefinerKind::NemoAdam30 => Some(NemoAdam::new(width, height, 30)),
            RefinerKind::Mesh | RefinerKind::None => None,
        };
        Ok(Self { refiner, mesh, nemo, map: FeatureMapBuffer::new(width, height, dim)?, last: None, times: Vec::new() })
    }

    /// What is weighed against what.
    pub fn spec(&self) -> RefinementSpec {
        *self.refiner.spec()
    }

    /// Weighs anew.
    pub fn set_spec(&mut self, spec: RefinementSpec) {
        self.refiner.set_spec(spec);
    }

    /// Canvas pixels a cell.
    pub fn stride(&self) -> u32 {
        self.mesh.stride
    }

    /// The refined answer for features `[D, h, w]`; the retrieved one where nothing could be compared.
    ///
    /// # Errors
    /// None, unless the kernels refuse the mesh.
    pub fn refine(&mut self, features: &[f32], view: &View, retrieved: Retrieval) -> Result<Retrieval> {
        let started = Instant::now();
        let refined = match self.nemo.is_some() {
            true => self.as_nemo(features, view, &retrieved)?,
            false => {
                self.refiner.begin(0, features, view, &retrieved);
                while self.refiner.step(0) {}
                self.last = self.refiner.finish(0).ok();
                self.last.clone().map(|refined| refined.into_retrieval(&retrieved))
            }
        };
        self.times.push(started.elapsed());
        Ok(refined.unwrap_or(retrieved))
    }

    /// The last refined answer; `None` where nothing could be compared, and of NeMo's.
    pub fn last(&self) -> Option<&Refined> {
        self.last.as_ref()
    }

    /// Why the last answer was given; `None` where nothing could be compared, and of NeMo's.
    ///
    /// # Errors
    /// None, unless the kernels refuse the mesh.
    pub fn explain(&mut self) -> Result<Option<Explanation>> {
        match &self.last {
            Some(refined) => Ok(self.refiner.explain(0, refined)?),
            None => Ok(None),
        }
    }

    /// Every sub-type is optimised by itself, and the one with the least loss is kept.
    fn as_nemo(&mut self, features: &[f32], view: &View, retrieved: &Retrieval) -> Result<Option<Retrieval>> {
        self.map.fill(features)?;
        let map = self.map.map().context("there is no feature map")?;
        let nemo = self.nemo.as_mut().context("no refiner of NeMo's")?;
        let mut best: Option<(Hypothesis, f64)> = None;
        for (shape, sub_type) in self.refiner.shapes().iter().zip(&self.mesh.sub_types) {
            if shape.class_id != view.class_id {
                continue;
            }
            let surface = sub_type.surface();
            let found = nemo.refine(&map, shape, (surface.positions(), surface.triangles()), view)?;
            if let Some((rotation, loss)) = found
                && best.as_ref().is_none_or(|(_, least)| loss < *least)
            {
                best = Some((Hypothesis { rotation, probability: 1.0 }, loss));
            }
        }
        Ok(best.map(|(best, _)| Retrieval { best, alternatives: heapless::Vec::new(), ..retrieved.clone() }))
    }
}
