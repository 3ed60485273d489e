//! A [`Graph`] as a trainable libtorch module.

use anyhow::{Context, Result, bail, ensure};
use tch::{Kind, Tensor, nn};

use super::backbone::BackboneKind;
use super::graph::{Graph, Node, Op};
use super::onnx::{Parameter, Parameters};
use super::weights;

/// Momentum of the running statistics of batch norms.
const NORM_MOMENTUM: f64 = 0.1;
/// Added under the square root of a norm, whose gradient is infinite at zero.
const NORM_EPSILON: f64 = 1e-12;

/// Optimiser group of a parameter: the pretrained trunk learns more slowly than the new layers.
pub const TRUNK_GROUP: usize = 0;
/// Group of the layers on top of the trunk.
pub const HEAD_GROUP: usize = 1;

/// Parameters of one node; empty for operations without any.
#[derive(Debug)]
struct NodeParameters {
    weight: Option<Tensor>,
    bias: Option<Tensor>,
    running: Option<(Tensor, Tensor)>,
}

/// A graph with its parameters in a variable store.
#[derive(Debug)]
pub struct Module {
    graph: Graph,
    parameters: Vec<NodeParameters>,
    frozen_count: usize,
    precision: Kind,
}

impl Module {
    /// Creates the module's parameters under `path`; nodes whose name starts with one of `heads` go to [`HEAD_GROUP`].
    pub fn new(path: &nn::Path<'_>, graph: Graph, heads: &[&str]) -> Self {
        let parameters = graph.nodes.iter().map(|node| create(path, node, heads)).collect();
        Self { graph, parameters, frozen_count: 0, precision: Kind::Float }
    }

    /// Keeps every node before the first one whose name starts with `prefix` as it is: neither weights nor statistics
    /// change, and no gradient is computed there, which is most of a step's time, since early maps are large.
    pub fn freeze_before(&mut self, prefix: &str) -> Result<()> {
        let first = self.graph.nodes.iter().position(|node| node.name.starts_with(prefix));
        self.frozen_count = first.with_context(|| format!("no layer {prefix} to freeze before"))?;
        Ok(())
    }

    /// Computes convolutions and what lies between them in `kind`; parameters, statistics and heads stay in single precision.
    pub fn use_precision(&mut self, kind: Kind) {
        self.precision = kind;
    }

    /// The same network with the same parameters on the CPU, in single precision.
    ///
    /// # Errors
    /// None, unless libtorch fails.
    pub fn on_cpu(&self) -> Result<Self> {
        let store = nn::VarStore::new(tch::Device::Cpu);
        let copy = Self::new(&store.root(), self.graph.clone(), &[]);
        copy.load(&self.named_tensors())?;
        Ok(copy)
    }

    /// The description it was built from.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Outputs of the graph in their order for a batch `[B, C, H, W]`; `train` uses and updates batch statistics.
    pub fn forward(&self, input: &Tensor, train: bool) -> Result<Vec<Tensor>> {
        let mut values: Vec<Tensor> = Vec::with_capacity(self.graph.nodes.len());
        for (index, (node, parameters)) in self.graph.nodes.iter().zip(&self.parameters).enumerate() {
            let inputs: Vec<&Tensor> = node.inputs.iter().map(|&i| &values[i]).collect();
            let value = match node.op {
                Op::Input { .. } => Ok(channels_last(&input.to_kind(self.precision))),
                op if index < self.frozen_count => tch::no_grad(|| apply(op, &inputs, parameters, false)),
                op => apply(op, &inputs, parameters, train),
            };
            values.push(value.with_context(|| format!("layer {}", node.name))?);
        }
        Ok(self.graph.outputs.iter().map(|&(_, id)| values[id].shallow_clone()).collect())
    }

    /// Copies every parameter and statistic to plain arrays, for export.
    pub fn parameters(&self) -> Result<Parameters> {
        let mut all = Parameters::new();
        for (name, tensor) in self.named_tensors() {
            let flat = tensor.to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous().view(-1);
            let data = Vec::<f32>::try_from(&flat).with_context(|| format!("parameter {name}"))?;
            let shape = tensor.size().iter().map(|&s| s as usize).collect();
            all.insert(name, Parameter { shape, data });
        }
        Ok(all)
    }

    /// Overwrites the parameters found in `from` (by name) and returns how many were; a different shape is an error.
    pub fn load(&self, from: &[(String, Tensor)]) -> Result<usize> {
        let named = self.named_tensors();
        let mut count = 0;
        tch::no_grad(|| {
            for (name, source) in from {
                let Some((_, target)) = named.iter().find(|(n, _)| n == name) else { continue };
                if target.size() != source.size() {
                    bail!("parameter {name}: the file has {:?}, the network {:?}", source.size(), target.size());
                }
                target.shallow_clone().copy_(source);
                count += 1;
            }
            Ok(count)
        })
    }

    fn named_tensors(&self) -> Vec<(String, Tensor)> {
        let mut named = Vec::new();
        for (node, parameters) in self.graph.nodes.iter().zip(&self.parameters) {
            let mut add =
                |leaf: &str, tensor: &Tensor| named.push((format!("{}.{leaf}", node.name), tensor.shallow_clone()));
            if let Some(t) = &parameters.weight {
                add("weight", t);
            }
            if let Some(t) = &parameters.bias {
                add("bias", t);
            }
            if let Some((mean, var)) = &parameters.running {
                add("running_mean", mean);
                add("running_var", var);
            }
        }
        named
    }
}

/// The same values with the channel index running fastest in memory.
fn channels_last(maps: &Tensor) -> Tensor {
    maps.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

fn create(path: &nn::Path<'_>, node: &Node, heads: &[&str]) -> NodeParameters {
    let head = heads.iter().any(|h| node.name.starts_with(h));
    let mut path = node.name.split('.').fold(path.clone(), |p, part| p / part);
    path = path.set_group(if head { HEAD_GROUP } else { TRUNK_GROUP });
    let kaiming = nn::init::DEFAULT_KAIMING_UNIFORM;
    let (mut weight, mut bias, mut running) = (None, None, None);
    match node.op {
        Op::Conv { inputs, outputs, kernel, groups, bias: with_bias, .. } => {
            let dims = [outputs, inputs / groups, kernel, kernel].map(|d| d as i64);
            weight = Some(path.var("weight", &dims, kaiming));
            bias = with_bias.then(|| path.zeros("bias", &dims[..1]));
        }
        Op::BatchNorm { channels, .. } => {
            let dims = [channels as i64];
            weight = Some(path.ones("weight", &dims));
            bias = Some(path.zeros("bias", &dims));
            running = Some((path.zeros_no_train("running_mean", &dims), path.ones_no_train("running_var", &dims)));
        }
        Op::Linear { inputs, outputs } => {
            weight = Some(path.var("weight", &[outputs as i64, inputs as i64], kaiming));
            bias = Some(path.zeros("bias", &[outputs as i64]));
        }
        _ => {}
    }
    NodeParameters { weight, bias, running }
}

fn apply(op: Op, inputs: &[&Tensor], parameters: &NodeParameters, train: bool) -> Result<Tensor> {
    let first = *inputs.first().context("has no input")?;
    let (weight, bias) = (parameters.weight.as_ref(), parameters.bias.as_ref());
    Ok(match op {
        Op::Input { .. } => bail!("is not at the start"),
        Op::Conv { stride, padding, groups, .. } => {
            let (stride, groups) = ([stride as i64; 2], groups as i64);
            let (before, after) = (padding.before as i64, padding.after as i64);
            let weight = weight.context("has no weight")?.to_kind(first.kind());
            let bias = bias.map(|bias| bias.to_kind(first.kind()));
            if before == after {
                first.conv2d(&weight, bias, stride, [before; 2], [1, 1], groups)
            } else {
                let padded = first.constant_pad_nd([before, after, before, after]);
                padded.conv2d(&weight, bias, stride, [0, 0], [1, 1], groups)
            }
        }
        Op::BatchNorm { epsilon, .. } => {
            let (mean, var) = parameters.running.as_ref().context("has no statistics")?;
            first.batch_norm(weight, bias, Some(mean), Some(var), train, NORM_MOMENTUM, epsilon, true)
        }
        Op::Relu => first.relu(),
        Op::Relu6 => first.clamp(0.0, 6.0),
        Op::Add => first + *inputs.get(1).context("has one input")?,
        Op::Concat => Tensor::cat(inputs, 1),
        Op::MaxPool { kernel, stride, padding } => {
            first.max_pool2d([kernel as i64; 2], [stride as i64; 2], [padding as i64; 2], [1, 1], false)
        }
        Op::Upsample => {
            let (height, width) = (first.size()[2], first.size()[3]);
            first.upsample_nearest2d([2 * height, 2 * width], None, None)
        }
        Op::GlobalAveragePool => first.mean_dim([2i64, 3].as_slice(), false, Kind::Float),
        Op::Flatten => first.flatten(1, -1).to_kind(Kind::Float),
        Op::Linear { .. } => first.linear(weight.context("has no weight")?, bias),
        Op::Normalize => {
            let squared = first.square().sum_dim_intlist([1i64].as_slice(), true, Kind::Float);
            first / squared.clamp_min(NORM_EPSILON).sqrt()
        }
    })
}

/// Published weights of a backbone (see [`weights`]) under the names used here.
pub fn read_pretrained(path: &std::path::Path, kind: BackboneKind) -> Result<Vec<(String, Tensor)>> {
    let tensor = |Parameter { shape, data }: Parameter| {
        Tensor::from_slice(&data).view(shape.iter().map(|side| *side as i64).collect::<Vec<_>>().as_slice())
    };
    let parameters = weights::renamed(kind, weights::read(path)?);
    Ok(parameters.into_iter().map(|(name, parameter)| (name, tensor(parameter))).collect())
}

/// Reads every tensor of a safetensors file, naming it in errors.
pub fn read_weights(path: &std::path::Path) -> Result<Vec<(String, Tensor)>> {
    ensure!(path.is_file(), "{}: no such file (scripts/fetch_weights.sh fetches it)", path.display());
    Tensor::read_safetensors(path).with_context(|| path.display().to_string())
}
