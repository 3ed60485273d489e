//! One file a command.

pub mod basin;
pub mod calibrate;
pub mod compare;
pub mod data;
pub mod eval;
pub mod export;
pub mod mesh;
pub mod model_folder;
pub mod reference_args;
pub mod render;
pub mod table;
pub mod train;
pub mod votes;

/// What a build without libtorch answers.
pub const TORCH_NEEDED: &str = "this trainer was built without libtorch. Install it and rebuild:
  source scripts/install_libtorch.sh
  cargo build --release --workspace --features trainer/torch";
