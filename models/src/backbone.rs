//! The network: crops in, one embedding a crop out, and a feature map where the model refines, by ONNX Runtime or by tract.
//!
//! The provider in use is chosen by [`BackboneConfig::providers`] and reported; every one that was refused is reported with its
//! reason, and none stands in for another unless the configuration lists it. ONNX bytes are verified (size and hash) before
//! they come here.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;

mod library;
#[cfg(test)]
pub(crate) mod onnx_fixture;
#[cfg(feature = "ort")]
mod onnxruntime;
mod prune;
mod shape;
#[cfg(test)]
#[cfg(any(feature = "ort", feature = "tract"))]
mod tests;
#[cfg(feature = "tract")]
mod tract;

pub use library::find_onnxruntime;
use shape::{Outputs, Shape};

/// Largest batch that a backbone may be opened for.
pub const BATCH_MAX: usize = 256;

/// Who computes the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Provider {
    /// TensorRT through ONNX Runtime; engines are built at the first start.
    #[serde(rename = "tensorrt")]
    OnnxRuntimeTensorRt,
    /// CUDA through ONNX Runtime.
    #[serde(rename = "cuda")]
    OnnxRuntimeCuda,
    /// ONNX Runtime on the CPU.
    #[serde(rename = "onnxruntime")]
    OnnxRuntimeCpu,
    /// tract: pure Rust, needs no library, several times slower than ONNX Runtime.
    #[serde(rename = "tract")]
    Tract,
}

impl Provider {
    /// All providers, fastest first.
    pub const ALL: [Self; 4] = [Self::OnnxRuntimeTensorRt, Self::OnnxRuntimeCuda, Self::OnnxRuntimeCpu, Self::Tract];

    /// The name in configuration files and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntimeTensorRt => "tensorrt",
            Self::OnnxRuntimeCuda => "cuda",
            Self::OnnxRuntimeCpu => "onnxruntime",
            Self::Tract => "tract",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == name)
            .ok_or_else(|| format!("`{name}` is not one of tensorrt, cuda, onnxruntime, tract"))
    }
}

/// Why a backbone could not be opened or run.
#[derive(Debug, thiserror::Error)]
pub enum BackboneError {
    /// The configuration makes no sense.
    #[error("backbone: {0}")]
    Config(String),
    /// No provider of the configuration can run the network here.
    #[error("backbone: no provider can run the network here:{}", list(.0))]
    NoProvider(Vec<(Provider, String)>),
    /// A slice that was handed over has the wrong length.
    #[error("backbone: {what}: {found} values, wanted: {wanted}")]
    Length {
        /// `crops`, `embeddings` or `features`.
        what: &'static str,
        /// Values found.
        found: usize,
        /// Values wanted.
        wanted: usize,
    },
    /// More crops than the backbone was opened for.
    #[error("backbone: batch of {batch}, opened for at most {batch_max}")]
    Batch {
        /// Crops handed over.
        batch: usize,
        /// Crops at most.
        batch_max: usize,
    },
    /// Features were asked of a network that was opened without them.
    #[error("backbone: the network has no feature map, or was opened without it")]
    NoFeatures,
    /// The network failed while it ran.
    #[error("backbone: {provider}: {reason}")]
    Run {
        /// Who ran it.
        provider: Provider,
        /// What it said.
        reason: String,
    },
}

fn list(refused: &[(Provider, String)]) -> String {
    refused.iter().map(|(provider, reason)| format!("\n  {provider}: {reason}")).collect()
}

/// A network that is ready to run.
pub trait Backbone: Send {
    /// Who computes it.
    fn provider(&self) -> Provider;

    /// The library with its version and path, for reports.
    fn description(&self) -> String;

    /// Embeds `batch` crops `[B, 3, H, W]` (normalised RGB) into rows `[B, dim]`. Shapes are checked; whether the values are
    /// finite is the caller's to judge.
    ///
    /// # Errors
    /// [`BackboneError`] where a length is wrong or the network fails; `embeddings` is then undefined.
    fn embed(&mut self, crops: &[f32], batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError>;

    /// Shape `[D, h, w]` of one crop's feature map; none where the manifest names no such output, or
    /// [`BackboneConfig::features`] does not want it.
    fn feature_shape(&self) -> Option<[usize; 3]> {
        None
    }

    /// As [`Backbone::embed`], and in the same pass the feature maps into `features` `[B, D, h, w]`.
    ///
    /// # Errors
    /// As [`Backbone::embed`], and [`BackboneError::NoFeatures`]; `embeddings` and `features` are then undefined.
    fn embed_with_features(
        &mut self,
        _crops: &[f32],
        _batch: usize,
        _embeddings: &mut [f32],
        _features: &mut [f32],
    ) -> Result<(), BackboneError> {
        Err(BackboneError::NoFeatures)
    }
}

/// How a backbone is to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct BackboneConfig {
    /// Tried in order; the first that can run the network is used.
    pub providers: Vec<Provider>,
    /// Threads within one operation; 0 leaves it to the runtime. tract uses one.
    pub threads: usize,
    /// Most crops in one call.
    pub batch_max: usize,
    /// The ONNX Runtime library or its folder; without it [`find_onnxruntime`] searches.
    pub library: Option<PathBuf>,
    /// Whether the feature map is wanted, where the manifest names one. If not, the network runs without the nodes that only the
    /// map needs; if so, ONNX Runtime computes it even where only [`Backbone::embed`] is asked for, as it does with every output.
    pub features: bool,
}

impl Default for BackboneConfig {
    fn default() -> Self {
        let providers = vec![Provider::OnnxRuntimeCpu, Provider::Tract];
        Self { providers, threads: 0, batch_max: 8, library: None, features: true }
    }
}

/// A backbone with the providers that were tried before it.
pub struct OpenedBackbone {
    /// The network, ready to run.
    pub backbone: Box<dyn Backbone>,
    /// Providers that come first in the configuration but cannot be used, with reason and mend.
    pub refused: Vec<(Provider, String)>,
}

impl fmt::Debug for OpenedBackbone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenedBackbone")
            .field("backbone", &self.backbone.description())
            .field("refused", &self.refused)
            .finish()
    }
}

/// Opens the network with the first provider of the configuration that can run it. Crops of zeros are embedded as a proof,
/// which also takes the memory and builds the engines that the first call needs.
///
/// # Errors
/// [`BackboneError::NoProvider`] with every reason, or [`BackboneError::Config`].
pub fn open_backbone(
    onnx: &[u8],
    manifest: &Manifest,
    config: &BackboneConfig,
) -> Result<OpenedBackbone, BackboneError> {
    if config.providers.is_empty() {
        return Err(BackboneError::Config(
            "no provider is configured: name one of tensorrt, cuda, onnxruntime, tract".into(),
        ));
    }
    if config.batch_max == 0 || config.batch_max > BATCH_MAX {
        return Err(BackboneError::Config(format!("batch_max is {}, wanted: 1 to {BATCH_MAX}", config.batch_max)));
    }
    let shape = Shape::of(manifest, config.batch_max);
    let mut refused = Vec::new();
    for &provider in &config.providers {
        match open_one(provider, onnx, manifest, config, shape) {
            Ok(backbone) => return Ok(OpenedBackbone { backbone, refused }),
            Err(reason) => {
                tracing::warn!(%provider, reason, "provider refused");
                refused.push((provider, reason));
            }
        }
    }
    Err(BackboneError::NoProvider(refused))
}

/// Opens one provider and lets it embed crops of zeros.
fn open_one(
    provider: Provider,
    onnx: &[u8],
    manifest: &Manifest,
    config: &BackboneConfig,
    shape: Shape,
) -> Result<Box<dyn Backbone>, String> {
    // Runtimes, tract above all, assert on what they do not expect of a graph. The bytes are the released ones (their hash was
    // verified), so a panic means an operator that this one cannot handle: a reason to refuse it, not to end the process.
    // Nothing of a provider that panicked is used again.
    let proved = catch_unwind(AssertUnwindSafe(|| {
        let features = manifest.outputs.features.as_deref().filter(|_| config.features);
        let outputs = Outputs { embedding: &manifest.outputs.embedding, features };
        let without_features = features.is_none().then(|| prune::pruned(onnx, outputs.embedding)).flatten();
        let onnx = without_features.as_deref().unwrap_or(onnx);
        let mut backbone = match provider {
            Provider::Tract => open_tract(onnx, outputs, shape)?,
            _ => open_onnxruntime(provider, onnx, outputs, config, shape)?,
        };
        for batch in proved_batches(provider, shape.batch_max) {
            prove(&mut *backbone, batch, shape).map_err(|error| match error {
                // The list of refused providers names it already.
                BackboneError::Run { reason, .. } => reason,
                error => error.to_string(),
            })?;
        }
        Ok(backbone)
    }));
    proved.unwrap_or_else(|panic| Err(format!("it panicked over the network: {}", panic_text(&*panic))))
}

/// Embeds crops of zeros, in each way that the backbone offers.
fn prove(backbone: &mut dyn Backbone, batch: usize, shape: Shape) -> Result<(), BackboneError> {
    let (crops, mut embeddings) = (vec![0.0; batch * shape.crop_len()], vec![0.0; batch * shape.dim]);
    backbone.embed(&crops, batch, &mut embeddings)?;
    let Some(shape) = backbone.feature_shape() else {
        return Ok(());
    };
    let mut features = vec![0.0; batch * shape.iter().product::<usize>()];
    backbone.embed_with_features(&crops, batch, &mut embeddings, &mut features)
}

/// Batch sizes that are tried before the provider is trusted. Runtimes on a GPU choose kernels and build engines for each size when
/// they first meet it, which must not be in the middle of a drive; the largest comes first, so that its engine can serve the others.
fn proved_batches(provider: Provider, batch_max: usize) -> std::iter::Rev<std::ops::RangeInclusive<usize>> {
    let most = match provider {
        Provider::OnnxRuntimeTensorRt | Provider::OnnxRuntimeCuda => batch_max,
        Provider::OnnxRuntimeCpu | Provider::Tract => 1,
    };
    (1..=most).rev()
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(feature = "tract")]
fn open_tract(onnx: &[u8], outputs: Outputs<'_>, shape: Shape) -> Result<Box<dyn Backbone>, String> {
    Ok(Box::new(tract::Tract::open(onnx, outputs, shape)?))
}

#[cfg(not(feature = "tract"))]
fn open_tract(_: &[u8], _: Outputs<'_>, _: Shape) -> Result<Box<dyn Backbone>, String> {
    Err("this program was built without the feature `tract`".into())
}

#[cfg(feature = "ort")]
fn open_onnxruntime(
    provider: Provider,
    onnx: &[u8],
    outputs: Outputs<'_>,
    config: &BackboneConfig,
    shape: Shape,
) -> Result<Box<dyn Backbone>, String> {
    Ok(Box::new(onnxruntime::OnnxRuntime::open(provider, onnx, outputs, config, shape)?))
}

#[cfg(not(feature = "ort"))]
fn open_onnxruntime(
    _: Provider,
    _: &[u8],
    _: Outputs<'_>,
    _: &BackboneConfig,
    _: Shape,
) -> Result<Box<dyn Backbone>, String> {
    Err("this program was built without the feature `ort`".into())
}
