//! What can go wrong while the transport is being set up.

use thiserror::Error;

/// A step of the set-up that failed: what was tried, and what Zenoh said.
#[derive(Debug, Error)]
#[error("{what}: {source}")]
pub struct TransportError {
    /// What was tried, with the key or endpoint.
    what: String,
    /// Zenoh's own words.
    source: zenoh::Error,
}

impl TransportError {
    /// An adapter for `map_err`.
    pub(super) fn at<E: Into<zenoh::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self { what, source: source.into() }
    }
}
