//! Trained networks as ONNX files, each checked against libtorch by every runtime that is here.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tch::{Device, Kind, Tensor};

use super::config::Canvas;
use crate::encoder::{Encoder, available_providers};
use crate::networks::module::Module;
use crate::networks::onnx;

/// Largest difference allowed between libtorch and the exported network.
const PARITY_MAX: f64 = 1e-4;

/// Writes `module` for crops of `canvas` to `path`, and returns the path.
///
/// # Errors
/// A runtime that disagrees with libtorch by more than 1e-4, or a file that cannot be written.
pub fn write(module: &Module, canvas: &Canvas, path: &Path) -> Result<PathBuf> {
    let parameters = module.parameters()?;
    let spec = onnx::ExportSpec {
        graph: module.graph(),
        parameters: &parameters,
        height: canvas.height as usize,
        width: canvas.width as usize,
        metadata: &[],
        producer_version: env!("CARGO_PKG_VERSION"),
    };
    let bytes = onnx::export(&spec)?;
    check(module, canvas, &bytes)?;
    let partial = path.with_extension("partial");
    std::fs::write(&partial, bytes).with_context(|| partial.display().to_string())?;
    std::fs::rename(&partial, path).with_context(|| path.display().to_string())?;
    Ok(path.to_path_buf())
}

/// On the CPU: a GPU's convolutions round more coarsely than the tolerance.
fn check(module: &Module, canvas: &Canvas, bytes: &[u8]) -> Result<()> {
    const BATCH: usize = 3;
    let dims = [BATCH as i64, 3, i64::from(canvas.height), i64::from(canvas.width)];
    let input = Tensor::randn(dims, (Kind::Float, Device::Cpu));
    let outputs = tch::no_grad(|| module.on_cpu()?.forward(&input, false))?;
    let crops = Vec::<f32>::try_from(&input.view(-1))?;
    let expected: Vec<Vec<f32>> =
        outputs.iter().map(|output| Ok(Vec::<f32>::try_from(&output.contiguous().view(-1))?)).collect::<Result<_>>()?;
    let names: Vec<&str> = module.graph().outputs.iter().map(|(name, _)| name.as_str()).collect();
    for provider in available_providers() {
        let got = match names[..] {
            [name] => {
                let output = (name, expected[0].len() / BATCH);
                vec![Encoder::open(bytes, canvas, output, &[provider], 1)?.embed(&crops, BATCH)?.to_vec()]
            }
            ["embedding", "features"] => {
                let dim = expected[0].len() / BATCH;
                let mut encoder = Encoder::open_with_features(bytes, canvas, dim, provider)?;
                encoder.embed_with_features(&crops, BATCH)?.to_vec()
            }
            _ => bail!("no network of ours has the outputs {names:?}"),
        };
        for ((name, expected), got) in names.iter().zip(&expected).zip(&got) {
            let worst = expected.iter().zip(got).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
            ensure!(worst <= PARITY_MAX, "{provider}: {name} of the exported network differs by {worst:.2e}");
            tracing::info!("{provider}: {name} within {worst:.1e} of libtorch");
        }
    }
    Ok(())
}
