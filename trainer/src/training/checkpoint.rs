//! A run's whole state in one file: a run that was killed goes on as if it had not been.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use crate::networks::module::read_weights;

const STEP: &str = "progress.step";
/// Before the names of what the method keeps.
const METHOD: &str = "method.";

/// The state after a step.
#[derive(Debug)]
pub struct Checkpoint {
    /// Steps done.
    pub step: usize,
    /// What the method keeps beside its weights, by name.
    pub method: Vec<(String, Tensor)>,
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
        named.extend(self.method.into_iter().map(|(name, tensor)| (format!("{METHOD}{name}"), tensor.contiguous())));
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
        let (mut step, mut method, mut optimizer) = (None, Vec::new(), Vec::new());
        for (name, tensor) in read_weights(&path)? {
            match name.strip_prefix(METHOD) {
                Some(name) => method.push((name.to_owned(), tensor)),
                None if name == STEP => step = Some(tensor),
                None => optimizer.push((name, tensor)),
            }
        }
        let step = step.with_context(|| format!("{}: {STEP} is missing", path.display()))?;
        let step = usize::try_from(step.int64_value(&[0])).with_context(|| path.display().to_string())?;
        method.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self { step, method, optimizer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let method = (0..12).map(|i| (format!("memory.{i:04}"), Tensor::from_slice(&[f64::from(i); 6]).view([3, 2])));
        let optimizer = vec![("weight.a".to_owned(), Tensor::from_slice(&[1.5f32, -2.0]))];
        Checkpoint { step: 1234, method: method.collect(), optimizer }.save(folder.path()).unwrap();

        let back = Checkpoint::load(folder.path()).unwrap();
        assert_eq!((back.step, back.method.len(), back.optimizer.len()), (1234, 12, 1));
        for (at, (name, tensor)) in back.method.iter().enumerate() {
            assert_eq!(*name, format!("memory.{at:04}"), "in order");
            assert_eq!((tensor.size(), tensor.double_value(&[2, 1])), (vec![3, 2], at as f64));
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
