//! What the suite runs on.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

/// One file of `boards/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// The file's stem.
    pub name: String,
    /// Providers allowed to run the network, as `azimuth run --provider` takes them.
    pub providers: Vec<String>,
    /// Threads of the network.
    pub threads: usize,
}

impl Board {
    /// The board named in `AZIMUTH_BOARD`, by default the one that works everywhere.
    ///
    /// # Errors
    /// No such file in `boards/`, or an unknown key in it.
    pub fn chosen() -> anyhow::Result<Self> {
        let name = std::env::var("AZIMUTH_BOARD").unwrap_or_else(|_| "tract_cpu".to_owned());
        Self::load(&boards().join(name).with_extension("toml"))
    }

    fn load(path: &Path) -> anyhow::Result<Self> {
        let place = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(place)?;
        toml::from_str(&text).with_context(place)
    }
}

fn boards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("boards")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_loads_and_is_named_like_its_file() {
        let paths: Vec<PathBuf> = boards().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!paths.is_empty());
        for path in paths {
            let board = Board::load(&path).unwrap();
            assert_eq!(path.file_stem().unwrap().to_str(), Some(board.name.as_str()));
            assert!(!board.providers.is_empty() && board.threads > 0);
        }
    }
}
