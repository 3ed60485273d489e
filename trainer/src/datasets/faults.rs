//! Files that are missing or damaged: named and counted, or an error, as the caller decides.

use std::fmt::Display;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use serde::Serialize;

/// Largest file that is read whole.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What a loader does about a file that is missing or damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnError {
    /// Name it, count it, go on without it
    #[default]
    Skip,
    /// Stop at the first one
    Fail,
}

/// What is the matter with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It is not there.
    Missing,
    /// It cannot be read, or says something impossible.
    Corrupt,
    /// It is sound, but gives an object of the set no pose. Never an error: data sets have such objects.
    Unposed,
}

/// A file that gave less than it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {reason}", .file.display())]
pub struct Fault {
    /// What is the matter.
    pub kind: FaultKind,
    /// The file.
    pub file: PathBuf,
    /// Why, for a person.
    pub reason: String,
}

impl Fault {
    /// A file whose content is wrong.
    pub fn corrupt(file: &Path, reason: impl Display) -> Self {
        Self { kind: FaultKind::Corrupt, file: file.into(), reason: reason.to_string() }
    }

    /// A file without a pose for one of its objects.
    pub fn unposed(file: &Path, reason: impl Display) -> Self {
        Self { kind: FaultKind::Unposed, file: file.into(), reason: reason.to_string() }
    }

    /// A file that could not be read.
    pub fn unread(file: &Path, error: &std::io::Error) -> Self {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let kind = if missing { FaultKind::Missing } else { FaultKind::Corrupt };
        Self { kind, file: file.into(), reason: error.to_string() }
    }

    /// Any error on the way of reading a file.
    pub fn of(file: &Path, error: &anyhow::Error) -> Self {
        let reason = format!("{error:#}");
        // The place is said once.
        let reason = reason.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&reason).to_owned();
        match error.downcast_ref::<std::io::Error>() {
            Some(io) => Self { reason, ..Self::unread(file, io) },
            None => Self::corrupt(file, reason),
        }
    }
}

/// Reads a file of bounded size.
pub fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    let failed = |error: std::io::Error| Fault::unread(file, &error);
    let mut bytes = Vec::new();
    std::fs::File::open(file).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Fault::corrupt(file, format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Collects the faults of a run. Clones share one list; every fault is also logged, so none gets lost.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    on_error: OnError,
    list: Arc<Mutex<Vec<Fault>>>,
}

impl Faults {
    /// An empty list.
    pub fn new(on_error: OnError) -> Self {
        Self { on_error, list: Arc::default() }
    }

    /// The value of `result`, or none and a fault on the list.
    ///
    /// # Errors
    /// The fault itself under [`OnError::Fail`].
    pub fn keep<T>(&self, result: Result<T, Fault>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(fault) if self.on_error == OnError::Fail && fault.kind != FaultKind::Unposed => Err(fault.into()),
            Err(fault) => {
                self.note(fault);
                Ok(None)
            }
        }
    }

    /// Puts a fault on the list whatever the policy.
    pub fn note(&self, fault: Fault) {
        tracing::warn!("left out: {fault}");
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// The faults so far, by file.
    pub fn list(&self) -> Vec<Fault> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner).clone();
        list.sort_by(|a, b| a.file.cmp(&b.file));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_or_an_error_as_asked() {
        let absent = Path::new("/nowhere/a.mat");
        let faults = Faults::new(OnError::Skip);
        assert!(faults.clone().keep(read(absent)).unwrap().is_none());
        let list = faults.list();
        assert_eq!((list.len(), list[0].kind, list[0].file.as_path()), (1, FaultKind::Missing, absent));
        let error = Faults::new(OnError::Fail).keep(read(absent)).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/a.mat: "), "{error}");
    }

    #[test]
    fn an_object_without_a_pose_is_no_error() {
        let faults = Faults::new(OnError::Fail);
        assert!(faults.keep::<()>(Err(Fault::unposed(Path::new("a.mat"), "object 1"))).unwrap().is_none());
        assert_eq!(faults.list().len(), 1);
    }

    #[test]
    fn an_error_of_several_layers_names_its_file_once() {
        let error = anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::NotFound)).context("a/b.png");
        let fault = Fault::of(Path::new("a/b.png"), &error);
        assert_eq!((fault.kind, fault.to_string().as_str()), (FaultKind::Missing, "a/b.png: entity not found"));
    }
}
