//! tract: the network in pure Rust. Needs no library, knows one thread, and runs a batch crop by crop, because a batch of eight
//! costs it more than eight crops.

use std::sync::Arc;

use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModel, InferenceModelExt, IntoRunnable, Tensor, TractError,
    TractResult, TypedRunnableModel, tvec,
};
use tract_onnx::tract_hir::infer::Factoid;

use super::{Backbone, BackboneError, Provider, Shape};

/// The network, planned for a batch of one.
pub(super) struct Tract {
    plan: Arc<TypedRunnableModel>,
    shape: Shape,
}

impl Tract {
    /// # Errors
    /// What tract cannot parse or plan, as text.
    pub(super) fn open(onnx: &[u8], output: &str, shape: Shape) -> Result<Self, String> {
        match plan(onnx, output, shape) {
            Ok(plan) => Ok(Self { plan, shape }),
            Err(error) => Err(format!("tract cannot run the network: {error:#}")),
        }
    }

    fn run(&self, crop: &[f32], embedding: &mut [f32]) -> Result<(), String> {
        let input =
            Tensor::from_shape(&[1, 3, self.shape.height, self.shape.width], crop).map_err(|e| e.to_string())?;
        let outputs = self.plan.run(tvec!(input.into())).map_err(|e| format!("{e:#}"))?;
        let output = outputs.first().ok_or("the network has no output")?;
        if output.shape() != [1, self.shape.dim] {
            return Err(format!(
                "the embedding has shape {:?}, the manifest says [1, {}]",
                output.shape(),
                self.shape.dim
            ));
        }
        let values = output.to_plain_array_view::<f32>().map_err(|e| e.to_string())?;
        embedding.iter_mut().zip(values.iter()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}

fn plan(onnx: &[u8], output: &str, shape: Shape) -> TractResult<Arc<TypedRunnableModel>> {
    let mut bytes = onnx;
    let model = tract_onnx::onnx().model_for_read(&mut bytes)?;
    check_input(&model, shape)?;
    let fact = InferenceFact::dt_shape(DatumType::F32, tvec!(1, 3, shape.height, shape.width));
    model.with_input_fact(0, fact)?.with_outputs_by_name([output])?.into_optimized()?.into_runnable()
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
            self.run(crop, embedding).map_err(|reason| BackboneError::Run { provider: Provider::Tract, reason })?;
        }
        Ok(())
    }
}
