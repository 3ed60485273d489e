//! An exported encoder, run by the same sessions as the node.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use models::{BackboneConfig, Manifest, Provider};

use crate::training::config::Canvas;

/// An ONNX encoder with its buffers.
pub struct Encoder {
    backbone: Box<dyn models::Backbone>,
    dim: usize,
    embeddings: Vec<f32>,
}

/// Crops embedded at once.
const BATCH_MAX: usize = 32;

/// ONNX Runtime where its library is found, and tract.
pub fn available_providers() -> Vec<Provider> {
    let library = models::find_onnxruntime(None);
    library.map(|_| Provider::OnnxRuntimeCpu).into_iter().chain([Provider::Tract]).collect()
}

impl Encoder {
    /// Opens ONNX bytes with an `output` of so many numbers a crop, for crops of `canvas`; the first provider that works.
    pub fn open(
        onnx: &[u8],
        canvas: &Canvas,
        (output, dim): (&str, usize),
        providers: &[Provider],
        threads: usize,
    ) -> Result<Self> {
        let manifest = manifest(canvas, output, dim);
        let config = BackboneConfig {
            providers: providers.to_vec(),
            threads,
            batch_max: BATCH_MAX,
            ..BackboneConfig::default()
        };
        let opened = models::open_backbone(onnx, &manifest, &config).context("opening an exported encoder")?;
        Ok(Self { backbone: opened.backbone, dim, embeddings: Vec::new() })
    }

    /// Opens a network with the outputs `embedding` of `dim` numbers and `features`.
    ///
    /// # Errors
    /// A provider that cannot run it, with its reason.
    pub fn open_with_features(onnx: &[u8], canvas: &Canvas, dim: usize, provider: Provider) -> Result<Self> {
        let mut manifest = manifest(canvas, "embedding", dim);
        manifest.outputs.features = Some("features".into());
        let config =
            BackboneConfig { providers: vec![provider], threads: 1, batch_max: BATCH_MAX, ..Default::default() };
        let opened = models::open_backbone(onnx, &manifest, &config).context("opening an exported encoder")?;
        Ok(Self { backbone: opened.backbone, dim, embeddings: Vec::new() })
    }

    /// Embeddings `[count, dim]` and features `[count, D, h, w]` of at most 32 crops `[count, 3, H, W]`, in one pass.
    ///
    /// # Errors
    /// A network without features, or one that fails.
    pub fn embed_with_features(&mut self, crops: &[f32], count: usize) -> Result<[Vec<f32>; 2]> {
        let shape = self.backbone.feature_shape().context("the network has no feature map")?;
        let (mut embeddings, mut features) =
            (vec![0.0; count * self.dim], vec![0.0; count * shape.iter().product::<usize>()]);
        self.backbone.embed_with_features(crops, count, &mut embeddings, &mut features)?;
        Ok([embeddings, features])
    }

    /// Outputs `[count, dim]` for crops `[count, 3, H, W]`.
    pub fn embed(&mut self, crops: &[f32], count: usize) -> Result<&[f32]> {
        ensure!(count > 0 && crops.len().is_multiple_of(count), "{} numbers are not {count} crops", crops.len());
        self.embeddings.resize(count * self.dim, 0.0);
        let side = crops.len() / count;
        let chunks = crops.chunks(side * BATCH_MAX).zip(self.embeddings.chunks_mut(self.dim * BATCH_MAX));
        for (crops, embeddings) in chunks {
            self.backbone.embed(crops, embeddings.len() / self.dim, embeddings)?;
        }
        Ok(&self.embeddings)
    }
}

/// What the sessions need to know of an encoder that is not (yet) part of a model.
fn manifest(canvas: &Canvas, output: &str, dim: usize) -> Manifest {
    let spec = canvas.crop_spec();
    Manifest {
        name: "encoder".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        licence: String::new(),
        provenance: String::new(),
        classes: Vec::new(),
        input: spec.into(),
        outputs: models::OutputSpec { embedding: output.into(), dim, features: None },
        retrieval: crate::table::RETRIEVAL_UNFITTED,
        refinement: None,
        artifacts: BTreeMap::new(),
    }
}
