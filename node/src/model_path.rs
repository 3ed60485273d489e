//! Where the model is: the first folder with a manifest among the places one would look.

use std::path::{Path, PathBuf};

use models::manifest::MANIFEST_FILE;

/// Name of the environment variable that names the model folder.
pub const MODEL_VARIABLE: &str = "AZIMUTH_MODEL";
/// The folder looked for below the current directory, the executable and the source tree.
const DEFAULT_BELOW: &str = "models/zoo/car";

/// No folder with a manifest was found, and where one was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no model found ({MANIFEST_FILE} is missing in: {}); give --model DIR or set {MODEL_VARIABLE}",
    .tried.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct NoModel {
    /// The folders, in the order they were tried.
    pub tried: Vec<PathBuf>,
}

/// The model folder to use.
///
/// `--model` and [`MODEL_VARIABLE`] are orders: when given, nothing else is tried. Without them the
/// folder `models/zoo/car` is looked for below the current directory, next to the executable, and in the
/// source tree that the executable was built from.
///
/// # Errors
/// [`NoModel`] with every place that was tried.
pub fn find_model(explicit: Option<&Path>) -> Result<PathBuf, NoModel> {
    let ordered = explicit.map(Path::to_path_buf).or_else(|| std::env::var_os(MODEL_VARIABLE).map(PathBuf::from));
    match ordered {
        Some(folder) => first_with_manifest(vec![folder]),
        None => first_with_manifest(usual_places()),
    }
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(DEFAULT_BELOW)];
    if let Some(beside) = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_path_buf())) {
        places.push(beside.join(DEFAULT_BELOW));
    }
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(DEFAULT_BELOW));
    places
}

fn first_with_manifest(places: Vec<PathBuf>) -> Result<PathBuf, NoModel> {
    match places.iter().find(|place| place.join(MANIFEST_FILE).is_file()) {
        Some(place) => Ok(place.clone()),
        None => Err(NoModel { tried: places }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_with_a_manifest_wins() {
        let root = tempfile::tempdir().unwrap();
        let [empty, first, second] = ["empty", "first", "second"].map(|name| {
            let folder = root.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            folder
        });
        for folder in [&first, &second] {
            std::fs::write(folder.join(MANIFEST_FILE), "").unwrap();
        }
        assert_eq!(first_with_manifest(vec![empty, first.clone(), second]), Ok(first));
    }

    #[test]
    fn an_ordered_folder_without_a_manifest_is_an_error_that_names_it() {
        let root = tempfile::tempdir().unwrap();
        let error = find_model(Some(root.path())).unwrap_err();
        assert_eq!(error.tried, [root.path()]);
        let text = error.to_string();
        assert!(text.contains(&root.path().display().to_string()) && text.contains("--model"), "{text}");
    }
}
