//! ONNX Runtime, loaded from a shared library at run time; CPU, CUDA or TensorRT.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::ExecutionProviderDispatch;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session, SessionOutputs};
use ort::value::{Tensor, TensorElementType, TensorRef};

use super::library::{INSTALL, find_onnxruntime};
use super::shape::{Outputs, Shape, check_length, feature_shape_of};
use super::{Backbone, BackboneConfig, BackboneError, Provider};

/// The library that this process has loaded, or why it could not. A process holds one ONNX Runtime for good: its environment is
/// global, and a second library beside it would share nothing but trouble.
static LIBRARY: Mutex<Option<(PathBuf, Result<Environment, String>)>> = Mutex::new(None);

/// A session of ONNX Runtime.
pub(super) struct OnnxRuntime {
    session: Session,
    provider: Provider,
    description: String,
    input: String,
    shape: Shape,
    embedding: String,
    /// For each batch size the embedding, with memory that is used again and again.
    options_by_batch: Vec<RunOptions<HasSelectedOutputs>>,
    features: Option<Features>,
}

/// The feature map, which is asked for together with the embedding.
struct Features {
    name: String,
    /// `[D, h, w]`.
    shape: [usize; 3],
    /// Both outputs. Their memory is ONNX Runtime's own: a map for each batch size would be gigabytes at the largest batch.
    options: RunOptions<HasSelectedOutputs>,
}

impl OnnxRuntime {
    /// # Errors
    /// Why the library, the provider or the network cannot be used, as text with the mend.
    pub(super) fn open(
        provider: Provider,
        onnx: &[u8],
        outputs: Outputs<'_>,
        config: &BackboneConfig,
        shape: Shape,
    ) -> Result<Self, String> {
        let execution_providers = execution_providers(provider)?;
        let library = find_onnxruntime(config.library.as_deref()).ok_or_else(|| match &config.library {
            Some(path) => format!("there is no ONNX Runtime library at {}: {INSTALL}", path.display()),
            None => format!("no ONNX Runtime library was found: {INSTALL}"),
        })?;
        let environment = environment(&library)?;
        let session = session(&environment, execution_providers, onnx, config.threads)?;
        let input = check_input(&session, shape)?;
        for output in [Some(outputs.embedding), outputs.features].into_iter().flatten() {
            if !session.outputs().iter().any(|o| o.name() == output) {
                let names: Vec<&str> = session.outputs().iter().map(|o| o.name()).collect();
                return Err(format!("the network has no output `{output}`, only {names:?}"));
            }
        }
        let embedding = outputs.embedding;
        let options_by_batch = (1..=shape.batch_max)
            .map(|batch| {
                let memory = Tensor::<f32>::new(session.allocator(), [batch, shape.dim])?;
                Ok(RunOptions::new()?
                    .with_outputs(OutputSelector::no_default().with(embedding).preallocate(embedding, memory)))
            })
            .collect::<ort::Result<Vec<_>>>()
            .map_err(|e| e.to_string())?;
        let description = describe(provider, &library);
        let embedding = embedding.to_owned();
        let mut opened =
            Self { session, provider, description, input, shape, embedding, options_by_batch, features: None };
        if let Some(name) = outputs.features {
            let selected = OutputSelector::no_default().with(outputs.embedding).with(name);
            let options = RunOptions::new().map_err(|e| e.to_string())?.with_outputs(selected);
            let shape = opened.feature_shape_now(name, &options)?;
            opened.features = Some(Features { name: name.into(), shape, options });
        }
        Ok(opened)
    }

    /// The shape of the feature map, from a crop of zeros: the graph may leave it open.
    fn feature_shape_now(
        &mut self,
        name: &str,
        options: &RunOptions<HasSelectedOutputs>,
    ) -> Result<[usize; 3], String> {
        let crop = vec![0.0; self.shape.crop_len()];
        let outputs = run(&mut self.session, &self.input, self.shape, &crop, 1, options)?;
        let (shape, _) = extract(&outputs, name)?;
        feature_shape_of(&shape)
    }

    fn embed_now(&mut self, crops: &[f32], batch: usize, embeddings: &mut [f32]) -> Result<(), String> {
        let Some(options) = batch.checked_sub(1).and_then(|row| self.options_by_batch.get(row)) else {
            return Ok(());
        };
        let outputs = run(&mut self.session, &self.input, self.shape, crops, batch, options)?;
        let (found, values) = extract(&outputs, &self.embedding)?;
        self.shape.check_embedding(&found, batch)?;
        embeddings.copy_from_slice(values);
        Ok(())
    }

    fn embed_with_features_now(
        &mut self,
        crops: &[f32],
        batch: usize,
        embeddings: &mut [f32],
        maps: &mut [f32],
    ) -> Result<(), String> {
        let Some(features) = self.features.as_ref().filter(|_| batch > 0) else {
            return Ok(());
        };
        let outputs = run(&mut self.session, &self.input, self.shape, crops, batch, &features.options)?;
        let (found, values) = extract(&outputs, &self.embedding)?;
        self.shape.check_embedding(&found, batch)?;
        embeddings.copy_from_slice(values);
        let (found, values) = extract(&outputs, &features.name)?;
        let [dim, height, width] = features.shape;
        if found != [batch, dim, height, width] {
            return Err(format!("the feature map has shape {found:?}, wanted: [{batch}, {dim}, {height}, {width}]"));
        }
        maps.copy_from_slice(values);
        Ok(())
    }
}

/// Runs the session on crops whose length was checked.
fn run<'s>(
    session: &'s mut Session,
    input: &str,
    shape: Shape,
    crops: &[f32],
    batch: usize,
    options: &'s RunOptions<HasSelectedOutputs>,
) -> Result<SessionOutputs<'s>, String> {
    let crops =
        TensorRef::from_array_view(([batch, 3, shape.height, shape.width], crops)).map_err(|e| e.to_string())?;
    session.run_with_options(ort::inputs![input => crops], options).map_err(|e| e.to_string())
}

/// Shape and values of an output; there are as many values as the shape says.
fn extract<'o>(outputs: &'o SessionOutputs<'_>, name: &str) -> Result<(Vec<usize>, &'o [f32]), String> {
    let output = outputs.get(name).ok_or_else(|| format!("the network gave no output `{name}`"))?;
    let (shape, values) = output.try_extract_tensor::<f32>().map_err(|e| e.to_string())?;
    // Never negative in a tensor that is there.
    let shape: Vec<usize> = shape.iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
    match shape.iter().product::<usize>() == values.len() {
        true => Ok((shape, values)),
        false => Err(format!("output `{name}` has {} values, its shape says {shape:?}", values.len())),
    }
}

impl Backbone for OnnxRuntime {
    fn provider(&self) -> Provider {
        self.provider
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn embed(&mut self, crops: &[f32], batch: usize, embeddings: &mut [f32]) -> Result<(), BackboneError> {
        self.shape.check(crops, batch, embeddings)?;
        let provider = self.provider;
        self.embed_now(crops, batch, embeddings).map_err(|reason| BackboneError::Run { provider, reason })
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
        let map_len = self.feature_shape().ok_or(BackboneError::NoFeatures)?.iter().product::<usize>();
        self.shape.check(crops, batch, embeddings)?;
        check_length("features", features.len(), batch * map_len)?;
        let provider = self.provider;
        self.embed_with_features_now(crops, batch, embeddings, features)
            .map_err(|reason| BackboneError::Run { provider, reason })
    }
}

/// The process's environment, from this library.
fn environment(library: &Path) -> Result<Environment, String> {
    let library = library.canonicalize().map_err(|e| format!("{}: {e}", library.display()))?;
    let mut loaded = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    let (path, result) = loaded.get_or_insert_with(|| (library.clone(), load(&library)));
    if *path != library {
        let state = if result.is_ok() { "has loaded" } else { "has failed to load" };
        return Err(format!(
            "this process {state} {}, a second ONNX Runtime ({}) cannot be loaded: restart with one library",
            path.display(),
            library.display()
        ));
    }
    result.clone()
}

fn load(library: &Path) -> Result<Environment, String> {
    let place = library.display();
    // ort panics where a library has the right name and version but not the interface.
    let loaded = catch_unwind(|| {
        let builder = ort::init_from(library).map_err(|e| e.to_string())?;
        builder.with_name("azimuth").with_telemetry(false).build().map_err(|e| e.to_string())
    });
    match loaded {
        Ok(Ok(environment)) => Ok(environment),
        Ok(Err(reason)) => Err(format!("{place} cannot be loaded: {reason}; {INSTALL}")),
        Err(_) => Err(format!("{place} is no usable ONNX Runtime; {INSTALL}")),
    }
}

fn session(
    environment: &Environment,
    providers: Vec<ExecutionProviderDispatch>,
    onnx: &[u8],
    threads: usize,
) -> Result<Session, String> {
    let builder = Session::builder(environment).map_err(|e| e.to_string())?;
    let builder = builder.with_optimization_level(GraphOptimizationLevel::Level3).map_err(|e| e.to_string())?;
    let builder = builder.with_intra_threads(threads).map_err(|e| e.to_string())?;
    let mut builder = builder.with_execution_providers(providers).map_err(|e| e.to_string())?;
    builder.commit_from_memory(onnx).map_err(|e| format!("ONNX Runtime cannot open the network: {e}"))
}

/// The only input's name, once its type and shape are the manifest's: f32 [batch, 3, height, width] with a free batch.
fn check_input(session: &Session, shape: Shape) -> Result<String, String> {
    let [input] = session.inputs() else {
        return Err(format!("the graph has {} inputs, wanted: one", session.inputs().len()));
    };
    let (name, kind) = (input.name(), input.dtype());
    if kind.tensor_type() != Some(TensorElementType::Float32) {
        return Err(format!("input `{name}` is not a tensor of f32 but {kind:?}"));
    }
    let found: &[i64] = kind.tensor_shape().map_or(&[], |s| s);
    let wanted = [-1, 3, shape.height as i64, shape.width as i64];
    let fits = found.len() == 4 && found[0] == -1 && found.iter().zip(wanted).skip(1).all(|(&f, w)| f == w || f == -1);
    match fits {
        true => Ok(name.to_owned()),
        false => Err(format!("input `{name}` has shape {found:?}, the manifest says {wanted:?} (-1: any batch)")),
    }
}

/// What the session registers before its CPU. A provider that cannot be registered is an error, never a silent step down.
fn execution_providers(provider: Provider) -> Result<Vec<ExecutionProviderDispatch>, String> {
    #[cfg(feature = "cuda")]
    let cuda = || ort::ep::CUDA::default().build().error_on_failure();
    match provider {
        #[cfg(feature = "cuda")]
        Provider::OnnxRuntimeCuda => Ok(vec![cuda()]),
        #[cfg(not(feature = "cuda"))]
        Provider::OnnxRuntimeCuda => {
            Err("this program was built without the feature `cuda`: rebuild with `--features cuda`".into())
        }
        // What TensorRT leaves over runs on CUDA.
        #[cfg(feature = "tensorrt")]
        Provider::OnnxRuntimeTensorRt => {
            Ok(vec![ort::ep::TensorRT::default().with_fp16(true).build().error_on_failure(), cuda()])
        }
        #[cfg(not(feature = "tensorrt"))]
        Provider::OnnxRuntimeTensorRt => {
            Err("this program was built without the feature `tensorrt`: rebuild with `--features tensorrt`".into())
        }
        Provider::OnnxRuntimeCpu | Provider::Tract => Ok(Vec::new()),
    }
}

/// The version is in the name of the file that the link leads to: `libonnxruntime.so.1.31.1`.
fn describe(provider: Provider, library: &Path) -> String {
    let library = library.canonicalize().unwrap_or_else(|_| library.to_path_buf());
    let name = library.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let version = name.split_once(".so.").map_or("of unknown version", |(_, version)| version);
    let device = match provider {
        Provider::OnnxRuntimeTensorRt => "TensorRT",
        Provider::OnnxRuntimeCuda => "CUDA",
        _ => "CPU",
    };
    format!("ONNX Runtime {version}, {device} ({})", library.display())
}
