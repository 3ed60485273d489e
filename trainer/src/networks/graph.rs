//! A network as data: one description from which the training module (`torch`) and the ONNX graph are both built,
//! so that the two cannot drift apart.
//!
//! Parameters are named `<node>.weight`, `<node>.bias`, and for batch norms also `<node>.running_mean` and
//! `<node>.running_var`, as in PyTorch state dictionaries.

/// Index of a node in its [`Graph`].
pub type NodeId = usize;

/// Pixels added before (top, left) and after (bottom, right); TensorFlow's `SAME` pads unevenly at stride 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Rows above and columns to the left.
    pub before: usize,
    /// Rows below and columns to the right.
    pub after: usize,
}

/// One operation. Feature maps are `[B, C, H, W]`, vectors `[B, C]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// The network's input, `[B, channels, H, W]`.
    Input {
        /// Number of channels.
        channels: usize,
    },
    /// 2D convolution with a square kernel.
    Conv {
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// Side of the square kernel.
        kernel: usize,
        /// Step in both directions.
        stride: usize,
        /// Zero padding in both directions.
        padding: Padding,
        /// Groups; equal to `inputs` for a depthwise convolution.
        groups: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Batch normalisation over channels.
    BatchNorm {
        /// Number of channels.
        channels: usize,
        /// Added to the variance.
        epsilon: f64,
    },
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// Element-wise sum of two inputs.
    Add,
    /// Concatenation along channels (axis 1).
    Concat,
    /// Max pooling with a square window.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step.
        stride: usize,
        /// Padding with minus infinity on every side.
        padding: usize,
    },
    /// Every cell becomes 2 x 2 alike: `[B, C, H, W]` to `[B, C, 2 H, 2 W]`.
    Upsample,
    /// Mean over H and W: `[B, C, H, W]` to `[B, C]`.
    GlobalAveragePool,
    /// `[B, C, H, W]` to `[B, C * H * W]`, row-major.
    Flatten,
    /// Fully connected layer on `[B, inputs]`.
    Linear {
        /// Input length.
        inputs: usize,
        /// Output length.
        outputs: usize,
    },
    /// Division by the Euclidean norm along axis 1.
    Normalize,
}

impl Op {
    /// Numbers that are learnt; the running statistics of a batch norm are not.
    pub fn parameter_count(self) -> usize {
        match self {
            Self::Conv { inputs, outputs, kernel, groups, bias, .. } => {
                (inputs / groups.max(1) * kernel * kernel + usize::from(bias)) * outputs
            }
            Self::BatchNorm { channels, .. } => 2 * channels,
            Self::Linear { inputs, outputs } => (inputs + 1) * outputs,
            _ => 0,
        }
    }
}

/// A named operation and where its inputs come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Prefix of the node's parameters; unique in the graph.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Inputs, all with smaller indices.
    pub inputs: Vec<NodeId>,
}

/// A network: nodes in topological order and named outputs.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Graph {
    /// The nodes; node 0 is the input.
    pub nodes: Vec<Node>,
    /// Output name and the node that computes it.
    pub outputs: Vec<(String, NodeId)>,
}

impl Graph {
    /// Starts a graph with one image input.
    pub fn new(channels: usize) -> Self {
        let mut graph = Self::default();
        graph.push("input", Op::Input { channels }, &[]);
        graph
    }

    /// Appends a node and returns its index.
    pub fn push(&mut self, name: impl Into<String>, op: Op, inputs: &[NodeId]) -> NodeId {
        self.nodes.push(Node { name: name.into(), op, inputs: inputs.to_vec() });
        self.nodes.len() - 1
    }

    /// Convolution, batch norm and, where given, an activation; returns the last node.
    pub fn conv_norm(&mut self, name: &str, conv: Op, epsilon: f64, activation: Option<Op>, from: NodeId) -> NodeId {
        let Op::Conv { outputs, .. } = conv else { return from };
        let convolved = self.push(format!("{name}.conv"), conv, &[from]);
        let normed = self.push(format!("{name}.norm"), Op::BatchNorm { channels: outputs, epsilon }, &[convolved]);
        match activation {
            Some(op) => self.push(format!("{name}.activation"), op, &[normed]),
            None => normed,
        }
    }

    /// Names a node as an output.
    pub fn output(&mut self, name: &str, node: NodeId) {
        self.outputs.push((name.to_owned(), node));
    }
}
