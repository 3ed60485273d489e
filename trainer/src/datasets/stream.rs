//! Walks through a data set some files at a time, in parallel: no set has to fit into memory.

use anyhow::Result;
use rayon::prelude::*;

use super::benchmark::{BenchmarkObject, BenchmarkObjects};
use super::faults::{Fault, Faults};

/// Files decoded at once.
pub(super) const FILES_AT_ONCE: usize = 32;

/// The objects of every entry, in order; entries that fail go to `faults`.
pub(super) fn stream<E, F>(entries: Vec<E>, faults: &Faults, load: F) -> BenchmarkObjects
where
    E: Send + Sync + 'static,
    F: Fn(&E) -> Result<Vec<BenchmarkObject>, Fault> + Sync + 'static,
{
    let faults = faults.clone();
    let mut rest = entries.into_iter();
    Box::new(std::iter::from_fn(move || {
        let some: Vec<E> = rest.by_ref().take(FILES_AT_ONCE).collect();
        if some.is_empty() {
            return None;
        }
        let loaded: Result<Vec<_>> = some.par_iter().map(|entry| faults.keep(load(entry))).collect();
        Some(loaded.map(|objects| objects.into_iter().flatten().flatten().collect()))
    }))
}
