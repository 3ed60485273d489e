//! tract: the network in pure Rust. Needs no library, knows one thread, and runs a batch crop by crop, because a batch of eight
//! costs it more than eight crops.

use std::sync::Arc;

use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, TValue, TVec, Tensor,
    TractError, TractResult, TypedRunnableModel, tvec,
};
use tract_onnx::tract_hir::infer::Factoid;

use super::shape::{Outputs, Shape, check_length, feature_shape_of};
use super::{Backbone, BackboneError, Provider};

/// The network, planned for a batch of one.
pub(super) struct Tract {
    plan: Plan,
    features: Option<FeaturePlan>,
    shape: Shape,
}

type Plan = Arc<TypedRunnableModel>;

/// A plan of its own, because tract computes all outputs of a plan, and nothing but them.
struct FeaturePlan {
    /// First the embedding, then the feature map.
    plan: Plan,
    /// `[D, h, w]`.
    shape: [usize; 3],
}

impl Tract {
    /// # Errors
    /// What tract cannot parse or plan, as text.
    pub(super) fn open(onnx: &[u8], outputs: Outputs<'_>, shape: Shape) -> Result<Self, String> {
        let planned = |names: &[&str]| {
            plan(onnx, names, shape).map_err(|error| format!("tract cannot run the network: {error:#}"))
        };
        let mut tract = Self { plan: planned(&[outputs.embedding])?, features: None, shape };
        if let Some(features) = outputs.features {
            let plan = planned(&[outputs.embedding, features])?;
            let proof = tract.run(&plan, &vec![0.0; shape.crop_len()])?;
            let map = proof.get(1).ok_or("the network has no feature map")?;
            tract.features = Some(FeaturePlan { plan, shape: feature_shape_of(map.shape())? });
        }
        Ok(tract)
    }

    /// The outputs of a plan for one crop.
    fn run(&self, plan: &Plan, crop: &[f32]) -> Result<TVec<TValue>, String> {
        let input =
            Tensor::from_shape(&[1, 3, self.shape.height, self.shape.width], crop).map_err(|e| e.to_string())?;
        plan.run(tvec!(input.into())).map_err(|e| format!("{e:#}"))
    }

    fn embed_one(&self, crop: &[f32], embedding: &mut [f32]) -> Result<(), String> {
        let outputs = self.run(&self.plan, crop)?;
        self.copy_embedding(&outputs, embedding)
    }

    fn embed_one_with_features(
        &self,
        features_of: &FeaturePlan,
        crop: &[f32],
        embedding: &mut [f32],
        features: &mut [f32],
    ) -> Result<(), String> {
        let outputs = self.run(&features_of.plan, crop)?;
        self.copy_embedding(&outputs, embedding)?;
        let map = outputs.get(1).ok_or("the network has no feature map")?;
        let [dim, height, width] = features_of.shape;
        if map.shape() != [1, dim, height, width] {
            return Err(format!(
                "the feature map has shape {:?}, at first it was {:?}",
                map.shape(),
                features_of.shape
            ));
        }
        copy(map, features)
    }

    fn copy_embedding(&self, outputs: &[TValue], embedding: &mut [f32]) -> Result<(), String> {
        let output = outputs.first().ok_or("the network has no output")?;
        self.shape.check_embedding(output.shape(), 1)?;
        copy(output, embedding)
    }
}

fn copy(from: &Tensor, to: &mut [f32]) -> Result<(), String> {
    let values = from.to_plain_array_view::<f32>().map_err(|e| e.to_string())?;
    to.iter_mut().zip(values.iter()).for_each(|(to, from)| *to = *from);
    Ok(())
}

fn plan(onnx: &[u8], outputs: &[&str], shape: Shape) -> TractResult<Plan> {
    let mut bytes = onnx;
    let model = tract_onnx::onnx().model_for_read(&mut bytes)?;
    check_input(&model, shape)?;
    let fact = InferenceFact::dt_shape(DatumType::F32, tvec!(1, 3, shape.height, shape.width));
    model.with_input_fact(0, fact)?.with_outputs_by_name(outputs)?.into_optimized()?.into_runnable()
}

/// tract would take any size that it is told to take: the declared one has to be the manifest's.
fn check_input(model: &InferenceModel, shape: Shape) -> TractResult<()> {
    let inputs = model.input_outlets()?;
    let &[input] = inputs else {
        return Err(TractError::msg(format!("the graph has {} inputs, wanted: one", inputs.len())));
    };
    let fact = model.outlet_fact(input)?;
    if fact.datum_type.concretize().is_some_and(|found| found != DatumType::F32) {
        return Err(TractError::msg(format!("the input is {:?}, not f32", fact.datum_type)));
    }
    let size_of = |row| fact.shape.dim(row).and_then(|dim| dim.concretize()).and_then(|dim| dim.to_i64().ok());
    let wanted = [1, 3, shape.height as i64, shape.width as i64];
    let rank_fits = fact.shape.rank().concretize().is_none_or(|rank| rank == 4);
    // A size that is not known is left free by the graph.
    if !rank_fits || (0..4).any(|row| size_of(row).is_some_and(|found| found != wanted[row])) {
        return Err(TractError::msg(format!("the input has shape {:?}, the manifest says {wanted:?}", fact.shape)));
    }
    Ok(())
}

impl Backbone for Tract {
    fn provider(&self) -> Provider {
        Provider::Tract
    }

    fn description(&self) -> String {
        "tract (pure Rust, one thread)".into()
    }

    fn embed(&mut self, crops: &[f32], batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError> {
        self.shape.check(crops, batch, embeddings)?;
        for (crop, embedding) in
            crops.chunks_exact(self.shape.crop_len()).zip(embeddings.chunks_exact_mut(self.shape.dim))
        {
            self.embed_one(crop, embedding).map_err(failed)?;
        }
        Ok(())
    }

    fn feature_shape(&self) -> Option<[usize; 3]> {
        self.features.as_ref().map(|features| features.shape)
    }

    fn embed_with_features(
        &mut self,
        crops: &[f32],
        batch: usize,
        embeddings: &mut [f32],
        features: &mut [f32],
    ) -> Result<(), BackboneError> {
        let features_of = self.features.as_ref().ok_or(BackboneError::NoFeatures)?;
        self.shape.check(crops, batch, embeddings)?;
        let map_len = features_of.shape.iter().product();
        check_length("features", features.len(), batch * map_len)?;
        let crops = crops.chunks_exact(self.shape.crop_len());
        let outputs = embeddings.chunks_exact_mut(self.shape.dim).zip(features.chunks_exact_mut(map_len));
        for (crop, (embedding, features)) in crops.zip(outputs) {
            self.embed_one_with_features(features_of, crop, embedding, features).map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(reason: String) -> BackboneError {
    BackboneError::Run { provider: Provider::Tract, reason }
}
