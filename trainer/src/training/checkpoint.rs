//! A run's whole state in one file: a run that was killed goes on as if it had not been.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use calibration::{Rotation, so3};
use tch::Tensor;

use crate::networks::module::read_weights;

const STEP: &str = "progress.step";
const MEMORY: &str = "memory";

/// The state after a step.
#[derive(Debug)]
pub struct Checkpoint {
    /// Steps done.
    pub step: usize,
    /// Embeddings of earlier renderings with their poses, the oldest first.
    pub memory: Vec<(Tensor, Vec<Rotation>)>,
    /// Weights, averages and moments by name.
    pub optimizer: Vec<(String, Tensor)>,
}

impl Checkpoint {
    /// The file in a run's folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("checkpoint.safetensors")
    }

    /// Writes the file; one that was there before stays whole until the new one is.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn save(self, folder: &Path) -> Result<()> {
        let path = Self::path(folder);
        let partial = path.with_extension("partial");
        let mut named = self.optimizer;
        named.push((STEP.to_owned(), Tensor::from_slice(&[self.step as i64])));
        for (at, (embeddings, poses)) in self.memory.into_iter().enumerate() {
            let wxyz: Vec<f64> = poses.iter().flat_map(so3::to_wxyz).collect();
            named.push((format!("{MEMORY}.{at:04}.embeddings"), embeddings.contiguous()));
            named.push((format!("{MEMORY}.{at:04}.poses"), Tensor::from_slice(&wxyz).view([-1, 4])));
        }
        let tensors: Vec<(&str, &Tensor)> = named.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        Tensor::write_safetensors(&tensors, &partial).with_context(|| partial.display().to_string())?;
        std::fs::rename(&partial, &path).with_context(|| path.display().to_string())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It is missing, or none of ours; the message names it.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = Self::path(folder);
        ensure!(path.is_file(), "{}: no checkpoint to continue from", path.display());
        let (own, optimizer): (Vec<_>, Vec<_>) =
            read_weights(&path)?.into_iter().partition(|(name, _)| name == STEP || name.starts_with(MEMORY));
        let mut own: std::collections::BTreeMap<String, Tensor> = own.into_iter().collect();
        let step = own.remove(STEP).with_context(|| format!("{}: {STEP} is missing", path.display()))?;
        let step = usize::try_from(step.int64_value(&[0])).with_context(|| path.display().to_string())?;
        // In the order of their names: embeddings and poses of one step after the other.
        let tensors: Vec<Tensor> = own.into_values().collect();
        let memory = tensors.chunks_exact(2).map(|pair| Ok((pair[0].shallow_clone(), rotations(&pair[1])?)));
        Ok(Self { step, memory: memory.collect::<Result<_>>()?, optimizer })
    }
}

fn rotations(poses: &Tensor) -> Result<Vec<Rotation>> {
    let wxyz = Vec::<f64>::try_from(&poses.contiguous().view(-1)).context("poses of the memory")?;
    let rotation = |q: &[f64]| Rotation::new_unchecked(nalgebra::Quaternion::new(q[0], q[1], q[2], q[3]));
    Ok(wxyz.chunks_exact(4).map(rotation).collect())
}

#[cfg(test)]
mod tests {
    use calibration::Viewpoint;

    use super::*;

    #[test]
    fn everything_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let poses = |from: u32| -> Vec<Rotation> {
            (from..from + 3).map(|i| Viewpoint::from_degrees(f64::from(i) * 37.0, 4.0, 1.0).to_rotation()).collect()
        };
        let memory: Vec<(Tensor, Vec<Rotation>)> =
            (0..12).map(|i| (Tensor::from_slice(&[i as f32; 6]).view([3, 2]), poses(i))).collect();
        let kept: Vec<Vec<Rotation>> = memory.iter().map(|(_, poses)| poses.clone()).collect();
        let optimizer = vec![("weight.a".to_owned(), Tensor::from_slice(&[1.5f32, -2.0]))];
        Checkpoint { step: 1234, memory, optimizer }.save(folder.path()).unwrap();

        let back = Checkpoint::load(folder.path()).unwrap();
        assert_eq!((back.step, back.memory.len(), back.optimizer.len()), (1234, 12, 1));
        for (at, ((embeddings, poses), kept)) in back.memory.iter().zip(&kept).enumerate() {
            assert_eq!(f64::try_from(embeddings.mean(tch::Kind::Double)).unwrap(), at as f64, "in order");
            assert!(poses.iter().zip(kept).all(|(a, b)| so3::geodesic_angle(a, b) < 1e-12));
        }
        assert_eq!(back.optimizer[0].0, "weight.a");
    }

    #[test]
    fn a_folder_without_a_checkpoint_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let told = Checkpoint::load(folder.path()).unwrap_err().to_string();
        assert!(told.contains("checkpoint.safetensors"), "{told}");
    }
}
