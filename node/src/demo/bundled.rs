//! Where the bundled sequence is: the first folder in KITTI's layout among the places one would look.

use std::path::{Path, PathBuf};

/// The folder looked for below the current directory and the executable.
const DEFAULT_BELOW: &str = "node/assets/demo";
/// The same, below this crate.
const DEFAULT_IN_CRATE: &str = "assets/demo";

/// No folder with pictures was found, and where one was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no sequence found (image_02 is missing in: {}); run from the source tree, or give --sequence-dir DIR: a folder in the layout of \
     KITTI's tracking set (image_02/{name}, label_02/{name}.txt, calib/{name}.txt)",
    .tried.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct NoSequence {
    /// The folders, in the order they were tried.
    pub tried: Vec<PathBuf>,
    /// The sequence that was looked for.
    pub name: String,
}

/// The folder that holds sequence `name`: the one given, or the bundled one.
///
/// # Errors
/// [`NoSequence`] with every place that was tried.
pub fn find_sequence(explicit: Option<&Path>, name: &str) -> Result<PathBuf, NoSequence> {
    let places = explicit.map_or_else(usual_places, |folder| vec![folder.to_path_buf()]);
    match places.iter().find(|place| has_sequence(place, name)) {
        Some(place) => Ok(place.clone()),
        None => Err(NoSequence { tried: places, name: name.to_owned() }),
    }
}

fn has_sequence(place: &Path, name: &str) -> bool {
    [place.join("training"), place.to_path_buf()].iter().any(|root| root.join("image_02").join(name).is_dir())
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(DEFAULT_BELOW)];
    if let Some(beside) = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_path_buf())) {
        places.extend([beside.join(DEFAULT_BELOW), beside.join(DEFAULT_IN_CRATE)]);
    }
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join(DEFAULT_IN_CRATE));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_data_set_and_its_training_folder_are_taken() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("training/image_02/0003")).unwrap();
        for folder in [root.path().to_path_buf(), root.path().join("training")] {
            assert_eq!(find_sequence(Some(&folder), "0003"), Ok(folder));
        }
    }

    #[test]
    fn a_folder_without_the_sequence_is_an_error_that_names_it_and_the_mend() {
        let root = tempfile::tempdir().unwrap();
        let text = find_sequence(Some(root.path()), "0003").unwrap_err().to_string();
        assert!(text.contains(&root.path().display().to_string()), "{text}");
        assert!(text.contains("--sequence-dir") && text.contains("image_02/0003"), "{text}");
    }
}
